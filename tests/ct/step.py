#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Constant time on this processor: every path that it has, stepped through with many secrets. Program counters, stack pointers and data
# addresses must be the same for all, and different for the controls. This is for the paths that valgrind cannot execute,
# AVX-512 and IFMA. TAP.
"""usage: step.py PROGRAM [PATH...]      (make check-ct-step; without a path, all of tests/cpu_paths.c)"""
import concurrent.futures
import os
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import every_path
import os_trace

REGISTERS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()
NONE = len(REGISTERS)  # steps.h: one that is always 0
OPERAND_FORM = "<BBBxi"
LINE = re.compile(r"^ *([0-9a-f]+):\t(.*)$")
OPERAND = re.compile(r"(-?0x[0-9a-f]+)?\((%\w+)?(?:,(%\w+)(?:,(\d))?)?\)")
STRING_COPY = re.compile(r"\bmovs[bwlq] +%ds:\(%rsi\),%es:\(%rdi\)")
NO_ACCESS = re.compile(r"(data16 |cs )*(lea|nop)")
AT_ONCE = 2


def operands(program):
    """(address, (base, index, scale, displacement)) for each instruction that has an operand in memory whose address is not fixed."""
    text = subprocess.run(["objdump", "-d", "-j", ".text", "--no-show-raw-insn", program], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        match = LINE.match(line)
        operand = match and OPERAND.search(match[2])
        if not operand or NO_ACCESS.match(match[2]) or operand[2] in ("%rip", "%eip"):
            continue
        if STRING_COPY.search(match[2]):
            yield int(match[1], 16), (REGISTERS.index("rsi"), REGISTERS.index("rdi"), 1, 0)  # the sum of both addresses
            continue
        numbers = [REGISTERS.index(r[1:]) if r and r[1:] in REGISTERS else NONE for r in (operand[2], operand[3])]
        if any(r and r[1:] not in REGISTERS + ["riz"] for r in (operand[2], operand[3])):
            continue  # a gather or scatter, which instructions.py refuses in noise/, or a 32-bit address, which C does not make
        yield int(match[1], 16), (*numbers, int(operand[4] or 1), int(operand[1] or "0", 16))


def table(program):
    """The operands as steps.h has them: the first address, how many, and one for each address from there on."""
    found = dict(operands(program))
    start = min(found)
    packed = bytearray(struct.calcsize(OPERAND_FORM) * (max(found) - start + 1))
    for address, operand in found.items():
        struct.pack_into(OPERAND_FORM, packed, (address - start) * struct.calcsize(OPERAND_FORM), *operand)
    return struct.pack("<QQ", start, max(found) - start + 1) + packed


def watch(program, path):
    """What os_trace.rows gives, or None when the machine does not have the path."""
    out = f"{program}.{path}.trace"
    done = every_path.run_on(path, program, f"{program}.table", out)
    if done is None:
        return None
    if done.returncode != 0:
        sys.exit(f"Bail out! {path}: exit status {done.returncode}: {done.stdout}{done.stderr}")
    with open(out, encoding="ascii") as f:
        return list(os_trace.rows(done.stdout.splitlines(), [tuple(line.split()) for line in f]))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, *paths = sys.argv[1:]
    paths = paths or every_path.paths()
    with open(f"{program}.table", "wb") as f:
        f.write(table(program))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda path: watch(program, path), paths))
    number, failed = 0, 0
    for path, rows in zip(paths, results):
        if rows is None:
            number += 1
            print(f"ok {number} - {path} # SKIP this processor lacks a feature of {path}")
        for name, _, traces in rows or ():
            number += 1
            failed += os_trace.print_row(number, f"{path}: {name}", name, traces)
    print(f"1..{number}")
    sys.exit(1 if failed or all(rows is None for rows in results) else 0)


if __name__ == "__main__":
    main()
