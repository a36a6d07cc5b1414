// SPDX-License-Identifier: Apache-2.0
// String functions; the copies move eight bytes at a time when both sides are aligned alike.
#include "services/lib/string.h"

#include <stdint.h>

// The compiler must not turn these loops into calls of themselves.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint64_t __attribute__((may_alias)) word;

static int same_alignment(const void *a, const void *b)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & 7) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (len >= 16 && same_alignment(t, f)) {
        for (; ((uintptr_t)t & 7) != 0; len--) {
            *t++ = *f++;
        }
        for (; len >= 32; len -= 32, t += 32, f += 32) {
            word a = ((const word *)f)[0], b = ((const word *)f)[1];
            word c = ((const word *)f)[2], d = ((const word *)f)[3];
            ((word *)t)[0] = a;
            ((word *)t)[1] = b;
            ((word *)t)[2] = c;
            ((word *)t)[3] = d;
        }
        for (; len >= 8; len -= 8, t += 8, f += 8) {
            *(word *)t = *(const word *)f;
        }
    } else if (len >= 32) {
        // Align the stores; put each word together from two aligned loads.
        for (; ((uintptr_t)t & 7) != 0; len--) {
            *t++ = *f++;
        }
        unsigned shift = ((unsigned)(uintptr_t)f & 7) * 8;
        const word *source = (const word *)((uintptr_t)f & ~(uintptr_t)7);
        word low = *source++;
        for (; len >= 16; len -= 8, t += 8, f += 8) {
            word high = *source++;
            *(word *)t = low >> shift | high << (64 - shift);
            low = high;
        }
    }
    while (len-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f || t >= f + len) {
        if (t + len <= f || t >= f + len) {
            return memcpy(to, from, len);
        }
        while (len-- > 0) {
            *t++ = *f++;
        }
    } else {
        while (len-- > 0) {
            t[len] = f[len];
        }
    }
    return to;
}

void *memset(void *to, int value, size_t len)
{
    uint8_t *t = to;
    word pattern = (uint8_t)value * UINT64_C(0x0101010101010101);
    for (; len > 0 && ((uintptr_t)t & 7) != 0; len--) {
        *t++ = (uint8_t)value;
    }
    for (; len >= 8; len -= 8, t += 8) {
        *(word *)t = pattern;
    }
    while (len-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    for (; len > 0; len--, x++, y++) {
        if (*x != *y) {
            return *x < *y ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != '\0') {
        n++;
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t len)
{
    for (; len > 0; len--, a++, b++) {
        uint8_t x = (uint8_t)*a, y = (uint8_t)*b;
        if (x != y || x == 0) {
            return x < y ? -1 : x > y;
        }
    }
    return 0;
}
