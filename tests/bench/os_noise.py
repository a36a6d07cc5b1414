#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots the benchmark of noise/ on the bare machine, twice: the figures must be the same and within their limits.
"""usage: os_noise.py ELF JSON"""
import json
import subprocess
import sys

QEMU = ["qemu-system-riscv64", "-M", "virt", "-m", "16M", "-bios", "none", "-icount", "shift=0", "-display", "none",
        "-monitor", "none", "-serial", "stdio", "-cpu",
        "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off"]
LIMITS = {
    "x25519": 400_000,
    "x25519_base": 180_000,
    "aead_seal_4096": 140_000,
    "blake2s_block": 2_200,
    "initiator": 1_550_000,
    "responder": 1_550_000,
}


def boot(elf):
    """What the program prints, or the reason why there is nothing."""
    run = subprocess.run([*QEMU, "-kernel", elf], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != 0:
        sys.exit(f"bench-os-noise: FAIL the machine ended with status {run.returncode}: {run.stdout}{run.stderr}")
    return run.stdout


def missed(figures):
    """The names of figures that are above their limit, or missing."""
    return [name for name, limit in LIMITS.items() if figures.get(name, limit + 1) > limit]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    elf, output = sys.argv[1:]
    printed = boot(elf)
    if boot(elf) != printed:
        sys.exit("bench-os-noise: FAIL two runs differ")
    figures = json.loads(printed)
    for name, value in figures.items():
        print(f"{name:28} {value:>12,}" + (f"   (limit {LIMITS[name]:,})" if name in LIMITS else ""))
    if missed(figures):
        sys.exit(f"bench-os-noise: FAIL above the limit, or missing: {' '.join(missed(figures))}")
    with open(output, "w", encoding="ascii") as f:
        f.write(printed)
    print(f"bench-os-noise: {len(figures)} figures in {output}")


if __name__ == "__main__":
    main()
