#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Constant time and wiping of the rv64 binary: under QEMU, program counters and data addresses of each operation must be the same
# for every secret, and different for the controls; and so must be what it leaves in its dead stack and in registers. TAP.
"""usage: os_trace.py ELF PLUGIN      (make check-ct-os)"""
import os
import subprocess
import sys

NM = os.environ.get("RV_PREFIX", "riscv64-unknown-elf-") + "nm"
QEMU = ["qemu-system-riscv64", "-M", "virt", "-m", "16M", "-bios", "none", "-display", "none", "-monitor", "none", "-serial", "stdio",
        "-cpu", "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off"]
CONTROL = "control: "
LEAK = "leak: "
LEAST = 100  # instructions: a trace of fewer is no operation


def symbols(elf):
    text = subprocess.run([NM, elf], check=True, capture_output=True, text=True).stdout
    return {fields[2]: fields[0] for fields in (line.split() for line in text.splitlines()) if len(fields) == 3}


def boot(elf, plugin):
    """(what the program printed, the lines of the plugin)."""
    marks = symbols(elf)
    out = f"{elf}.trace"
    options = f"file={os.path.abspath(plugin)},begin={marks['trace_begin_mark']},end={marks['trace_end_mark']},out={out}"
    run = subprocess.run([*QEMU, "-plugin", options, "-kernel", elf], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                         check=False)
    if run.returncode != 0:
        sys.exit(f"Bail out! the machine ended with status {run.returncode}: {run.stdout}{run.stderr}")
    with open(out, encoding="ascii") as f:
        return run.stdout.splitlines(), [tuple(line.split()) for line in f]


def verdict(name, traces):
    """What is wrong with the traces of an operation, or None."""
    kinds = len(set(traces))
    if name.startswith(CONTROL):
        return None if kinds > 1 else "all traces of the control are the same"
    if any(int(instructions) < LEAST or int(accesses) < 1 for _, instructions, accesses in traces):
        return "a trace is empty"
    return None if kinds == 1 else f"{kinds} different traces"


def rows(printed, traces, least=16):
    """(name, secrets that left something else than the first, traces) for each operation, from what the program printed and what was seen of it."""
    counts = [(int(count), int(differ), name) for count, differ, name in (line.split(" ", 2) for line in printed)]
    if sum(count for count, _, _ in counts) != len(traces) or not counts or min(count for count, _, _ in counts) < least:
        sys.exit(f"Bail out! {len(traces)} traces, and the program says {counts}")
    at = 0
    for count, differ, name in counts:
        yield name, differ, traces[at:at + count]
        at += count


def left_behind(name, differ):
    """What is wrong with what the calls left in the dead stack and in registers, or None."""
    if name.startswith(CONTROL):
        return None
    if name.startswith(LEAK):
        return None if differ else "the leak is not found"
    return f"what is left depends on the secret for {differ} of them" if differ else None


def print_row(number, title, name, traces):
    wrong = verdict(name, traces)
    print(f"{'not ok' if wrong else 'ok'} {number} - {title}: {len(traces)} secrets, {int(traces[-1][1]):,} instructions")
    if wrong:
        print(f"# {wrong}")
    return wrong is not None


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    seen = list(rows(*boot(*sys.argv[1:])))
    failed = sum([print_row(number, name, name, traces) for number, (name, _, traces) in enumerate(seen, 1)])
    for number, (name, differ, _) in enumerate(seen, len(seen) + 1):
        wrong = left_behind(name, differ)
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}: dead stack and registers" + (f"\n# {wrong}" if wrong else ""))
    print(f"1..{2 * len(seen)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
