#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Reads services/markers.manifest for the code and the harness.
"""usage: markers.py header FILE    C constants, on stdout
       markers.py lines FILE     NAME<tab>MUTANT<tab>LINE as it must appear in the single-machine run"""
import re
import sys

PARAMETER = re.compile(r"\{(\w+)=([^}]*)\}")


def read(path):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if line.strip() and not line.startswith("#"):
            parts = line.split(None, 2)
            if len(parts) != 3:
                sys.exit(f"{path}:{number}: NAME MUTANT LINE expected")
            yield parts[0], parts[1], parts[2].rstrip("\n")


def header(path):
    texts = {}
    for name, _, line in read(path):
        text = PARAMETER.sub("%s", line.replace("%", "%%"))
        if texts.setdefault(name, text) != text:
            sys.exit(f"{path}: two texts for {name}")
    print("// Generated from services/markers.manifest by scripts/markers.py.\n#pragma once")
    for name, text in texts.items():
        print(f'#define MARKER_{name} "{text}"')


def lines(path):
    for name, mutant, line in read(path):
        print(name, mutant, PARAMETER.sub(r"\2", line), sep="\t")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("header", "lines"):
        sys.exit(__doc__)
    {"header": header, "lines": lines}[sys.argv[1]](sys.argv[2])
