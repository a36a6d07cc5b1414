#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Runs one unit test program on a bare rv64 machine and passes on its TAP; the machine's exit status has to agree with it.
# The control, a program whose second test does not hold, has to be found out.
"""usage: run.py IMAGE"""
import os
import re
import subprocess
import sys

QEMU = ["qemu-system-riscv64", "-M", "virt", "-m", "64M", "-bios", "none", "-display", "none", "-monitor", "none", "-serial",
        "stdio", "-cpu", "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off", "-kernel"]
TIMEOUT_S = 120


def boot(image):
    done = subprocess.run(QEMU + [image], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    return done.returncode, done.stdout


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    status, out = boot(sys.argv[1])
    if os.path.basename(sys.argv[1]) == "control.elf":
        caught = status == 1 and re.search(r"^ok 1 - test_holds\nnot ok 2 - test_does_not_hold\n# .*control\.c:[0-9]+$", out, re.M)
        print(f"1..1\n{'ok' if caught else 'not ok'} 1 - a test that does not hold ends the machine with status 1")
        sys.exit(not caught)
    print(out, end="")
    passed, plan = len(re.findall(r"^ok ", out, re.M)), re.search(r"^1\.\.([0-9]+)$", out, re.M)
    if status != 0 or not plan or passed != int(plan[1]) or "not ok" in out:
        sys.exit(f"# {sys.argv[1]}: the machine ended with status {status}")


if __name__ == "__main__":
    main()
