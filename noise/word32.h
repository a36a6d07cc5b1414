// SPDX-License-Identifier: Apache-2.0
// 32-bit words that are added, xored and rotated, for ChaCha20 and BLAKE2s. Internal to noise/.
//
// On a 64-bit RISC-V a 32-bit value lives in a register with its sign extended, and the 32-bit instructions keep it so.
// gcc does not see that an `or` or `xor` of two such values is one too, and extends it again: a third more
// instructions in ChaCha20. There a word is therefore a 64-bit number that equals its own low half, sign-extended. clang
// sees it, and is better off with plain words.
#ifndef NOISE_WORD32_H
#define NOISE_WORD32_H

#include <stdint.h>

#if (defined(__riscv) && __riscv_xlen == 64 && !defined(__clang__)) ||                             \
    defined(NOISE_WORD_SIGN_EXTENDED)
typedef int64_t word32;

static inline word32 word32_from(uint32_t x)
{
    return (int32_t)x;
}

// The assembly statement keeps gcc from truncating already where x was computed, in a loop before this.
static inline uint32_t word32_to(word32 x)
{
    __asm__("" : "+r"(x));
    return (uint32_t)x;
}

// 0 < n < 32. The empty assembly statement keeps gcc from making a 32-bit rotation of it, which there is none.
static inline word32 word32_rotate_left(word32 x, unsigned n)
{
    word32 high = word32_from((uint32_t)x << n);
    __asm__("" : "+r"(high));
    return high | word32_from((uint32_t)x >> (32 - n));
}
#else
typedef uint32_t word32;

static inline word32 word32_from(uint32_t x)
{
    return x;
}

static inline uint32_t word32_to(word32 x)
{
    return x;
}

static inline word32 word32_rotate_left(word32 x, unsigned n)
{
    return x << n | x >> (32 - n);
}
#endif

static inline word32 word32_add(word32 a, word32 b)
{
    return word32_from((uint32_t)a + (uint32_t)b);
}

static inline word32 word32_rotate_right(word32 x, unsigned n)
{
    return word32_rotate_left(x, 32 - n);
}

#endif
