#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes noise/x25519_comb_table.h: multiples of the base point of edwards25519 (RFC 7748 4.1, RFC 8032 5.1) for the
# fixed-base comb of noise/x25519_comb.c. The file is kept in the tree, so that building needs no Python; a test
# compares it with what this prints, and checks each entry by other means.
"""usage: comb_table.py >noise/x25519_comb_table.h"""
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960)

BLOCKS = 4  # a word of the scalar each
BLOCK_BITS = 64
TEETH = 4
SPACING = 16
ENTRIES = 2**(TEETH - 1)  # the sign of the top tooth is that of the entry

HEAD = """\
// SPDX-License-Identifier: Apache-2.0
// Made by scripts/comb_table.py. Entry m of block j is the point
//
//     2^(64 j) (2^48 + s_2 2^32 + s_1 2^16 + s_0) B,   s_t = +1 where bit t of m is set, else -1
//
// as y + x, y - x and 2 d x y, each a number below 2^255 - 19 in words, the lowest first.
#ifndef NOISE_X25519_COMB_TABLE_H
#define NOISE_X25519_COMB_TABLE_H

#include <stdint.h>

// clang-format off
static const uint64_t comb_table[COMB_BLOCKS][COMB_ENTRIES][3][4] = {
"""
TAIL = """\
};
// clang-format on

#endif
"""


def add(a, b):
    """The sum of two points of -x^2 + y^2 = 1 + d x^2 y^2."""
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P)


def times(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def multiple(block, entry):
    """The factor of the base point in an entry."""
    n = 2**(SPACING * (TEETH - 1))
    for tooth in range(TEETH - 1):
        n += 2**(SPACING * tooth) if entry >> tooth & 1 else -(2**(SPACING * tooth))
    return n * 2**(BLOCK_BITS * block)


def coordinates(point):
    x, y = point
    return [(y + x) % P, (y - x) % P, 2 * D * x * y % P]


def words(n):
    return ", ".join(f"0x{n >> 64 * i & 2**64 - 1:016x}" for i in range(4))


def table():
    yield HEAD
    for block in range(BLOCKS):
        yield "    {\n"
        for entry in range(ENTRIES):
            rows = [f"{{{words(n)}}}" for n in coordinates(times(multiple(block, entry), BASE))]
            yield "        {" + ",\n         ".join(rows) + "},\n"
        yield "    },\n"
    yield TAIL


if __name__ == "__main__":
    print("".join(table()), end="")
