#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes multiples of the base point of edwards25519 (RFC 7748 4.1, RFC 8032 5.1) for the fixed-base combs of
# noise/x25519_comb.c and noise/x25519_comb_lanes.h. The files are kept in the tree, so that building needs no Python; a
# test compares them with what this prints, and checks each entry by other means.
"""usage: comb_table.py >noise/x25519_comb_table.h
       comb_table.py lanes >noise/x25519_lanes_table.c"""
import sys

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960)

BLOCKS = 4  # a word of the scalar each
BLOCK_BITS = 64
TEETH = 4
SPACING = 16
ENTRIES = 2**(TEETH - 1)  # the sign of the top tooth is that of the entry

# The table for vectors: a word of the scalar is a lane, and its blocks are 8 bits.
LANES = 4
LANE_BLOCKS = 8
LANE_BLOCK_BITS = 8
LANE_SPACING = 2

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

LANES_HEAD = """\
// SPDX-License-Identifier: Apache-2.0
// Made by scripts/comb_table.py. Entry m of block j is, in lane l, the point
//
//     2^(64 l + 8 j) (2^6 + s_2 2^4 + s_1 2^2 + s_0) B,   s_t = +1 where bit t of m is set, else -1
//
// as y + x, y - x and 2 d x y, each a number below 2^255 - 19 in words, the lowest first; a row is a word in all lanes.

#include "noise/x25519_lanes_table.h"

#ifdef NOISE_X86

// clang-format off
const uint64_t x25519_lanes_table[X25519_TABLE_BLOCKS][X25519_TABLE_ENTRIES][3][4][4] = {
"""
LANES_TAIL = """\
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


def multiple(entry, spacing):
    """The factor of the base point in an entry of the first block."""
    n = 2**(spacing * (TEETH - 1))
    for tooth in range(TEETH - 1):
        n += 2**(spacing * tooth) if entry >> tooth & 1 else -(2**(spacing * tooth))
    return n


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
            rows = [f"{{{words(n)}}}" for n in coordinates(times(multiple(entry, SPACING) << BLOCK_BITS * block, BASE))]
            yield "        {" + ",\n         ".join(rows) + "},\n"
        yield "    },\n"
    yield TAIL


def lanes_table():
    yield LANES_HEAD
    for block in range(LANE_BLOCKS):
        yield "    {\n"
        for entry in range(ENTRIES):
            factors = [multiple(entry, LANE_SPACING) << BLOCK_BITS * lane + LANE_BLOCK_BITS * block for lane in range(LANES)]
            points = [coordinates(times(factor, BASE)) for factor in factors]
            numbers = [[point[i] for point in points] for i in range(3)]
            rows = [", ".join(f"{{{row}}}" for row in lane_words(number)) for number in numbers]
            yield "        {{" + "},\n         {".join(row.replace("}, {", "},\n          {") for row in rows) + "}},\n"
        yield "    },\n"
    yield LANES_TAIL


def lane_words(numbers):
    """The words of one number in each lane, word by word."""
    return [", ".join(f"0x{n >> 64 * i & 2**64 - 1:016x}" for n in numbers) for i in range(4)]


if __name__ == "__main__":
    print("".join(lanes_table() if sys.argv[1:] == ["lanes"] else table()), end="")
