#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# What the system takes up: text of noise/ built for size, its stack and its objects, the kernel, the images. Prints a table, writes
# a flat JSON object, and fails when a limit is passed.
"""usage: report.py BUILD JSON IMAGE..."""
import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import callgraph

PREFIX = os.environ.get("RV_PREFIX", "riscv64-unknown-elf-")
EXPORTS = "noise/package/exports.map"
# The random function that noise/ comes with; a caller's own takes what it takes.
INDIRECT = "rng_random"

LIMITS = {
    "noise_text": 18 * 1024,
    "noise_text_small": 12800,
    "stack_max": 2048,
    "handshake_state": 512,
    "transport_state": 96,
}
WHAT = {
    "noise_text": "noise/, -Os, text with the fixed-base table",
    "noise_text_small": "noise/, -Os, text without fixed base",
    "stack_max": "noise/, deepest stack of any public call",
    "stack_max_small": "the same, -Os",
    "handshake_state": "struct xk_handshake",
    "transport_state": "struct xk_sender and struct xk_receiver",
    "replay_window": "struct xk_window",
    "kernel_lines": "kernel, lines of code",
    "kernel_text": "kernel, text",
}


def tool(name, *arguments):
    return subprocess.run([PREFIX + name, *arguments], check=True, capture_output=True, text=True).stdout


def text_bytes(elf):
    """Code and constants, as linked."""
    return int(tool("size", elf).splitlines()[1].split()[0])


def section_bytes(elf, names):
    rows = [line.split() for line in tool("size", "-A", elf).splitlines()]
    return sum(int(row[1]) for row in rows if len(row) == 3 and row[0] in names)


def object_sizes(path):
    """Name and size of each object of a file."""
    rows = [line.split() for line in tool("nm", "-S", path).splitlines()]
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4}


def public_functions(path=EXPORTS):
    with open(path, encoding="ascii") as f:
        return re.findall(r"^ +(\w+);$", f.read(), re.M)


def graph(directory):
    """The call graph of all that was compiled there."""
    texts = []
    for path in sorted(glob.glob(os.path.join(directory, "**", "*.ci"), recursive=True)):
        with open(path, encoding="utf-8") as f:
            texts.append(f.read())
    return callgraph.CallGraph(texts, INDIRECT)


def stacks(directory, functions):
    """The deepest stack of each function."""
    g = graph(directory)
    return {name: g.depth(name) for name in functions}


def wiped_lengths(directory):
    """How much each function that wipes the stack wipes."""
    sizes = object_sizes(os.path.join(directory, "tests/size/states.o"))
    return {name.removesuffix("_wipes"): size for name, size in sizes.items() if name.endswith("_wipes")}


def wiped_too_little(directory, wiped):
    """What a function that calls one of the wipers (name: bytes) has left on the stack beyond what that reaches, or None."""
    g = graph(directory)
    for wiper, reach in wiped.items():
        callers = sorted(name for name, callees in g.calls.items() if wiper in callees)
        if not callers:
            return f"nobody calls {wiper}"
        for name in callers:
            for callee in sorted(g.calls[name] - set(wiped)):
                depth, path = g.depth(callee)
                if depth > reach:
                    return f"{name} leaves {depth} bytes of stack, {wiper} wipes {reach}: " + " > ".join(path)
    return None


def kernel_lines():
    out = subprocess.run([sys.executable, "scripts/check-kernel-size"], capture_output=True, text=True).stdout
    return int(re.search(r": (\d+) lines", out)[1])


def over_limits(figures):
    """A line for each limit that is passed, or that nobody measured."""
    for name, limit in LIMITS.items():
        if name not in figures:
            yield f"{name} was not measured"
        elif figures[name] > limit:
            yield f"{name} is {figures[name]}, {limit} are allowed"


def measure(build, images):
    at = os.path.join(build, "size")
    functions = public_functions()
    speed, small = stacks(os.path.join(at, "speed"), functions), stacks(os.path.join(at, "small"), functions)
    sizes = object_sizes(os.path.join(at, "speed/tests/size/states.o"))
    figures = {
        "noise_text": text_bytes(os.path.join(at, "small/noise.elf")),
        "noise_text_small": text_bytes(os.path.join(at, "smallest/noise.elf")),
        "stack_max": max(depth for depth, _ in speed.values()),
        "stack_max_small": max(depth for depth, _ in small.values()),
        "handshake_state": sizes["handshake_state"],
        "transport_state": sizes["transport_state"],
        "replay_window": sizes["replay_window"],
        "kernel_lines": kernel_lines(),
        "kernel_text": section_bytes(os.path.join(build, "os", images[0], "neuron.elf"), (".text",)),
    }
    for image in images:
        elf = os.path.join(build, "os", image, "neuron.elf")
        figures[f"image_{image}"] = section_bytes(elf, (".text", ".rodata", ".data"))
    directories = [os.path.join(at, variant) for variant in ("speed", "small", "smallest")]
    too_little = [wiped_too_little(directory, wiped_lengths(directory)) for directory in directories]
    return figures, speed, small, [error for error in too_little if error]


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    build, output, *images = sys.argv[1:]
    try:
        figures, speed, small, errors = measure(build, images)
    except callgraph.Unbounded as e:
        sys.exit(f"size: {e}")
    print(f"{'stack of each public function of noise/, bytes':48} {'-O2':>8} {'-Os':>8}")
    for name in speed:
        print(f"  {name:46} {speed[name][0]:>8} {small[name][0]:>8}")
    deepest = max(speed.values())
    print("  deepest: " + " > ".join(name.split(":")[-1] for name in deepest[1]) + "\n")
    for name, value in figures.items():
        limit = f"  of {LIMITS[name]:,}" if name in LIMITS else ""
        print(f"{WHAT.get(name, name.replace('_', ' ', 1)):48} {value:>10,}{limit}")
    with open(output, "w", encoding="ascii") as f:
        json.dump(figures, f, indent=2)
        f.write("\n")
    errors += over_limits(figures)
    print("\n".join(f"size: {error}" for error in errors) or f"size: within its limits; {output}")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
