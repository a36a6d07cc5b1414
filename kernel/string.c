// SPDX-License-Identifier: Apache-2.0
// Copies and fills go by words where both sides are aligned: they load process images.
#include "kernel/string.h"

#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint64_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, uint64_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((((uint64_t)t | (uint64_t)f) & 7) == 0) {
        for (; len >= 8; len -= 8, t += 8, f += 8) {
            *(word *)(void *)t = *(const word *)(const void *)f;
        }
    }
    while (len-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memset(void *to, int value, uint64_t len)
{
    uint8_t *t = to;
    for (; len > 0 && ((uint64_t)t & 7) != 0; len--) {
        *t++ = (uint8_t)value;
    }
    uint64_t pattern = (uint8_t)value * UINT64_C(0x0101010101010101);
    word *w = (word *)(void *)t;
    for (; len >= 64; len -= 64, w += 8) {
        w[0] = w[1] = w[2] = w[3] = w[4] = w[5] = w[6] = w[7] = pattern;
    }
    t = (uint8_t *)w;
    while (len-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}
