// SPDX-License-Identifier: Apache-2.0
// Big-endian integers, copies and comparisons of public bytes, and the assertion. Internal to dsoftbus/.
#ifndef DSOFTBUS_BYTES_H
#define DSOFTBUS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Our own mistakes only, never outside data; stays on in release builds.
#define DSB_ASSERT(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

static inline uint16_t load_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)load_be16(p) << 16 | load_be16(p + 2);
}

static inline uint64_t load_be64(const uint8_t *p)
{
    return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline void store_be16(uint8_t *p, uint16_t x)
{
    p[0] = (uint8_t)(x >> 8);
    p[1] = (uint8_t)x;
}

static inline void store_be32(uint8_t *p, uint32_t x)
{
    store_be16(p, (uint16_t)(x >> 16));
    store_be16(p + 2, (uint16_t)x);
}

static inline void store_be64(uint8_t *p, uint64_t x)
{
    store_be32(p, (uint32_t)(x >> 32));
    store_be32(p + 4, (uint32_t)x);
}

// The compiler turns these into calls of memcpy and memset, which every freestanding environment has to provide.
static inline void bytes_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 0) {
        __builtin_memcpy(to, from, len);
    }
}

static inline void bytes_zero(void *memory, size_t len)
{
    if (len > 0) {
        __builtin_memset(memory, 0, len);
    }
}

// For plaintext that nobody needs any more; never removed as a dead store. Keys are wiped by ct_wipe (noise/ct.h).
static inline void bytes_wipe(void *memory, size_t len)
{
    bytes_zero(memory, len);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

// For public bytes: it stops at the first difference.
static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline uint64_t time_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t time_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

// now + delay, TIME_NEVER if that is beyond the range.
static inline uint64_t time_after(uint64_t now_ms, uint64_t delay_ms)
{
    return now_ms > UINT64_MAX - delay_ms ? UINT64_MAX : now_ms + delay_ms;
}

#endif
