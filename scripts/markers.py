#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Reads services/markers.manifest and services/two-machine.manifest for the code and the harness.
"""usage: markers.py header FILE...       C constants of both kinds of manifest, on stdout
       markers.py lines FILE           NAME<tab>MUTANT<tab>LINE as it must appear in the single-machine run
       markers.py phases FILE          PHASE<tab>STATUS<tab>NODES<tab>NAME<tab>MUTANT<tab>LINE of the two-machine run"""
import re
import sys

PARAMETER = re.compile(r"\{(\w+)(?:=([^}]*))?\}")


def entries(path):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if line.strip() and not line.startswith("#"):
            yield f"{path}:{number}", line.rstrip("\n")


def read(path):
    for where, line in entries(path):
        parts = line.split(None, 2)
        if len(parts) != 3:
            sys.exit(f"{where}: NAME MUTANT LINE expected")
        yield tuple(parts)


def read_phases(path):
    phase = None
    for where, line in entries(path):
        parts = line.split(None, 3)
        if parts[0] == "phase" and len(parts) == 3 and parts[2].isdigit():
            phase = parts[1], int(parts[2])
        elif len(parts) == 4 and phase is not None and parts[2] in ("a", "b", "ab"):
            yield *phase, parts[2], parts[0], parts[1], parts[3]
        else:
            sys.exit(f"{where}: 'phase NAME STATUS', or below it NAME MUTANT NODES LINE expected")


def is_phased(path):
    return next(entries(path))[1].startswith("phase ")


def header(paths):
    texts = {}
    for path in paths:
        rows = [(row[3], row[5]) for row in read_phases(path)] if is_phased(path) else [(n, t) for n, _, t in read(path)]
        for name, line in rows:
            text = PARAMETER.sub("%s", line.replace("%", "%%"))
            if texts.setdefault(name, text) != text:
                sys.exit(f"{path}: two texts for {name}")
    print("// Generated from the markers' manifests by scripts/markers.py.\n#pragma once")
    for name, text in texts.items():
        print(f'#define MARKER_{name} "{text}"')


def lines(path):
    for name, mutant, line in read(path):
        print(name, mutant, PARAMETER.sub(r"\2", line), sep="\t")


def phases(path):
    for *rest, line in read_phases(path):
        print(*rest, PARAMETER.sub(lambda m: m[2] if m[2] is not None else m[0], line), sep="\t")


if __name__ == "__main__":
    if len(sys.argv) >= 3 and sys.argv[1] == "header":
        header(sys.argv[2:])
    elif len(sys.argv) == 3 and sys.argv[1] in ("lines", "phases"):
        {"lines": lines, "phases": phases}[sys.argv[1]](sys.argv[2])
    else:
        sys.exit(__doc__)
