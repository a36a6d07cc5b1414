#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Constant time on an emulated processor that has every path: each operation stepped through with many secrets. Program counters,
# stack pointers and data addresses must be the same for all, and different for the controls. TAP.
"""usage: trace.py IMAGE SECRETS [PATH...]      (make check-ct-emulator; without a path, all of tests/cpu_paths.c)

IMAGE.elf, IMAGE.boot and IMAGE.program; at least so many SECRETS for each operation."""
import concurrent.futures
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "ct")]
import every_path
import os_trace
import run_emulator
import step

AT_ONCE = 2
TIMEOUT_S = 7200


def watch(image, least, path):
    """What os_trace.rows gives."""
    directory = f"{image}." + path.replace(",", "+")  # the emulator's configuration ends a name at a comma
    data = f"{directory}.data"
    with open(data, "wb") as f:
        f.write(struct.pack("<Q", every_path.paths().index(path)) + step.table(f"{image}.elf"))
    ended, output, log = run_emulator.run(f"{image}.boot", f"{image}.program", directory, data, TIMEOUT_S)
    lines = output.splitlines()
    if not ended or lines[:1] != [f"path {path}"] or lines[-1:] != ["end"]:
        sys.exit(f"Bail out! {path}: see {log}; the program said: {output}")
    traces = [tuple(line.split()[1:]) for line in lines if line.startswith("trace ")]
    return list(os_trace.rows([line for line in lines[1:-1] if not line.startswith("trace ")], traces, least))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    image, least, *paths = sys.argv[1:]
    paths = paths or every_path.paths()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda path: watch(image, int(least), path), paths))
    number, failed = 0, 0
    for path, rows in zip(paths, results):
        for name, _, traces in rows:
            number += 1
            failed += os_trace.print_row(number, f"{path}: {name}", name, traces)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
