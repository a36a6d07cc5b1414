// SPDX-License-Identifier: Apache-2.0
// Little-endian words and plain copies, for code without a libc.
#ifndef NOISE_BYTES_H
#define NOISE_BYTES_H

#include <stddef.h>
#include <stdint.h>

// Before a loop of up to 16 turns: written out, so that an array in it stays in registers, unless the build is for size
// (NOISE_SMALL).
#ifdef NOISE_SMALL
#define NOISE_UNROLL
#else
#define NOISE_UNROLL _Pragma("GCC unroll 16")
#endif

// The compiler may turn these into calls of memcpy, which every freestanding environment has to provide.
static inline void bytes_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 0) {
        __builtin_memcpy(to, from, len);
    }
}

static inline void bytes_zero(uint8_t *to, size_t len)
{
    if (len > 0) {
        __builtin_memset(to, 0, len);
    }
}

static inline uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t load_le64(const uint8_t *p)
{
    return (uint64_t)load_le32(p) | (uint64_t)load_le32(p + 4) << 32;
}

static inline void store_le32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
    p[2] = (uint8_t)(x >> 16);
    p[3] = (uint8_t)(x >> 24);
}

static inline void store_le64(uint8_t *p, uint64_t x)
{
    store_le32(p, (uint32_t)x);
    store_le32(p + 4, (uint32_t)(x >> 32));
}

// `count` little-endian words, one after the other, from and to memory of any alignment.
static inline void load_words32(uint32_t *to, const uint8_t *from, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bytes_copy((uint8_t *)to, from, count * sizeof *to);
#else
    for (size_t i = 0; i < count; i++) {
        to[i] = load_le32(from + i * sizeof *to);
    }
#endif
}

static inline void load_words64(uint64_t *to, const uint8_t *from, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bytes_copy((uint8_t *)to, from, count * sizeof *to);
#else
    for (size_t i = 0; i < count; i++) {
        to[i] = load_le64(from + i * sizeof *to);
    }
#endif
}

static inline void store_words32(uint8_t *to, const uint32_t *from, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bytes_copy(to, (const uint8_t *)from, count * sizeof *from);
#else
    for (size_t i = 0; i < count; i++) {
        store_le32(to + i * sizeof *from, from[i]);
    }
#endif
}

static inline void store_words64(uint8_t *to, const uint64_t *from, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bytes_copy(to, (const uint8_t *)from, count * sizeof *from);
#else
    for (size_t i = 0; i < count; i++) {
        store_le64(to + i * sizeof *from, from[i]);
    }
#endif
}

// Cores that trap on an unaligned word make compilers load byte by byte. Where a loop is hot, it asks once
// whether its pointer is aligned and then uses these. Precondition: p is a multiple of the word's size.
static inline int is_aligned(const void *p, size_t to)
{
    return ((uintptr_t)p & (to - 1)) == 0;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static inline uint32_t load_le32_aligned(const uint8_t *p)
{
    uint32_t x;
    __builtin_memcpy(&x, __builtin_assume_aligned(p, sizeof x), sizeof x);
    return x;
}

static inline uint64_t load_le64_aligned(const uint8_t *p)
{
    uint64_t x;
    __builtin_memcpy(&x, __builtin_assume_aligned(p, sizeof x), sizeof x);
    return x;
}

static inline void store_le32_aligned(uint8_t *p, uint32_t x)
{
    __builtin_memcpy(__builtin_assume_aligned(p, sizeof x), &x, sizeof x);
}
#else
#define load_le32_aligned  load_le32
#define load_le64_aligned  load_le64
#define store_le32_aligned store_le32
#endif

#endif
