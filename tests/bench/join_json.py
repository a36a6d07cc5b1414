#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Joins flat JSON objects of figures into one. No name may come twice.
"""usage: join_json.py OUTPUT PART..."""
import json
import sys


def join(parts):
    """The union of some objects."""
    joined = {}
    for part in parts:
        twice = sorted(joined.keys() & part.keys())
        if twice:
            raise ValueError(f"in two parts: {' '.join(twice)}")
        joined |= part
    return joined


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    output, *paths = sys.argv[1:]
    parts = []
    for path in paths:
        with open(path, encoding="ascii") as f:
            parts.append(json.load(f))
    try:
        joined = join(parts)
    except ValueError as e:
        sys.exit(f"join_json: {e}")
    with open(output, "w", encoding="ascii") as f:
        json.dump(joined, f, indent=2)
        f.write("\n")
    print(f"{len(joined)} figures in {output}")


if __name__ == "__main__":
    main()
