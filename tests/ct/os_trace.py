#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Constant time of the rv64 binary: under QEMU, program counters and data addresses of each operation must be the same for
# every secret, and different for the controls. TAP.
"""usage: os_trace.py ELF PLUGIN      (make check-ct-os)"""
import os
import subprocess
import sys

NM = os.environ.get("RV_PREFIX", "riscv64-unknown-elf-") + "nm"
QEMU = ["qemu-system-riscv64", "-M", "virt", "-m", "16M", "-bios", "none", "-display", "none", "-monitor", "none", "-serial", "stdio",
        "-cpu", "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off"]
CONTROL = "control: "
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


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    printed, traces = boot(*sys.argv[1:])
    rows = [(int(line.split()[0]), line.split(" ", 1)[1]) for line in printed]
    if sum(count for count, _ in rows) != len(traces) or not rows or min(count for count, _ in rows) < 16:
        sys.exit(f"Bail out! {len(traces)} traces, and the program says {rows}")
    failed, at = 0, 0
    for number, (count, name) in enumerate(rows, 1):
        mine = traces[at:at + count]
        at += count
        wrong = verdict(name, mine)
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}: {count} secrets, {int(mine[-1][1]):,} instructions")
        if wrong:
            print(f"# {wrong}")
    print(f"1..{len(rows)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
