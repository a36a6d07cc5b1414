#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots the bench image and the kernel's test image on the deterministic machine, prints their figures, and writes them as
# one flat JSON object. A figure above its limit is a failure.
"""usage: bench_os.py IMAGE KERNEL_TEST_IMAGE PROVISION LOG JSON"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine

TIMEOUT_S = 300
FIGURES = (re.compile(r"SELFTEST: bench (\w+) (\d+)"), re.compile(r"ok \d+ - kernel: (\w+): (\d+) instructions"))
LIMITS = {"ipc_call": 1000, "stream_per_byte": 160, "boot_to_auth": 60_000_000}


def measure(image, provision, log):
    """The figures on the console, or the reason why there are none."""
    with machine.Machine(machine.command(image, provision, f"file:{log}"), log) as m:
        in_time = m.watch(lambda _: None, lambda: False, TIMEOUT_S)
        status = m.exit_status
    with open(log, encoding="ascii", errors="backslashreplace") as f:
        lines = f.read().splitlines()
    failed = [line for line in lines if line.endswith("FAIL") or line.startswith("not ok")]
    if not in_time or status != 0 or failed:
        print("\n".join(failed))
        sys.exit(f"bench-os: FAIL the machine {'ended with status ' + str(status) if in_time else 'did not end'}; see {log}")
    return {m[1]: int(m[2]) for line in lines for m in (form.fullmatch(line) for form in FIGURES) if m}


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    image, kernel_image, provision, log, output = sys.argv[1:]
    figures = measure(kernel_image, None, f"{log}.kernel") | measure(image, provision, log)
    for name, value in figures.items():
        print(f"{name:28} {value:>12,}" + (f"   (limit {LIMITS[name]:,})" if name in LIMITS else ""))
    missed = [name for name, limit in LIMITS.items() if figures.get(name, limit) >= limit]
    if missed:
        sys.exit(f"bench-os: FAIL not below its limit, or missing: {' '.join(missed)}")
    with open(output, "w", encoding="ascii") as f:
        json.dump(figures, f, indent=2)
        f.write("\n")
    print(f"bench-os: {len(figures)} figures in {output}")


if __name__ == "__main__":
    main()
