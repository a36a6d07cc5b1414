#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots the kernel's own test image and passes its TAP on; the plan comes last, and only after a clean end.
"""usage: kernel_test.py IMAGE LOG"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine

LAST = "kernel: all tests ran to the end"
TIMEOUT_S = 60


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    image, log = sys.argv[1:]
    with machine.Machine(machine.command(image, None, f"file:{log}"), log) as m:
        in_time = m.watch(lambda _: None, lambda: False, TIMEOUT_S)
        status = m.exit_status
    with open(log, encoding="ascii", errors="backslashreplace") as f:
        lines = f.read().splitlines()
    tests = [line for line in lines if re.match(r"(not )?ok \d", line)]
    for line in lines:
        print(line if line in tests else f"# {line}")
    if in_time and status == 0 and tests and tests[-1].endswith(LAST):
        print(f"1..{len(tests)}")
    else:
        print(f"Bail out! The machine {'ended with status ' + str(status) if in_time else 'did not end in time'}")
        sys.exit(1)


if __name__ == "__main__":
    main()
