#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots the bench image on the deterministic machine, prints its figures, and writes them as one flat JSON object.
"""usage: bench_os.py IMAGE PROVISION LOG JSON"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine

TIMEOUT_S = 300
FIGURE = re.compile(r"SELFTEST: bench (\w+) (\d+)")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    image, provision, log, output = sys.argv[1:]
    with machine.Machine(machine.command(image, provision, f"file:{log}"), log) as m:
        in_time = m.watch(lambda _: None, lambda: False, TIMEOUT_S)
        status = m.exit_status
    with open(log, encoding="ascii", errors="backslashreplace") as f:
        lines = f.read().splitlines()
    figures = {m[1]: int(m[2]) for m in map(FIGURE.fullmatch, lines) if m}
    for name, value in figures.items():
        print(f"{name:28} {value:>12,}")
    failed = [line for line in lines if line.endswith("FAIL")]
    if not in_time or status != 0 or failed:
        print("\n".join(failed))
        sys.exit(f"bench-os: FAIL the machine {'ended with status ' + str(status) if in_time else 'did not end'}; see {log}")
    with open(output, "w", encoding="ascii") as f:
        json.dump(figures, f, indent=2)
        f.write("\n")
    print(f"bench-os: {len(figures)} figures in {output}")


if __name__ == "__main__":
    main()
