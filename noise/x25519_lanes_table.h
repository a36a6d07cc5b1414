// SPDX-License-Identifier: Apache-2.0
// The table of the comb in lanes: 24 KB, read as a whole. Internal to noise/.
#ifndef NOISE_X25519_LANES_TABLE_H
#define NOISE_X25519_LANES_TABLE_H

#include "noise/cpu.h"

enum {
    X25519_TABLE_BLOCKS = 8,
    X25519_TABLE_ENTRIES = 8,
    X25519_TABLE_COLUMNS = 2,
};

// [block][entry][coordinate][word][lane]; what they are is said beside the numbers.
extern const uint64_t __attribute__((visibility("hidden")))
x25519_lanes_table[X25519_TABLE_BLOCKS][X25519_TABLE_ENTRIES][3][4][4];

#endif
