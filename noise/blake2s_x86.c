// SPDX-License-Identifier: Apache-2.0
// BLAKE2s for AVX2, and for AVX-512VL, where words rotate in one instruction.

#include "noise/blake2s_x86.h"

#ifdef NOISE_X86

#include "noise/x86.h"

typedef uint32_t blake2s_row __attribute__((vector_size(16)));
typedef blake2s_row blake2s_unaligned __attribute__((aligned(1), may_alias));

#define BLAKE2S_ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))
// Word i + n of a row becomes word i.
#define BLAKE2S_TURN_1          0x39
#define BLAKE2S_TURN_2          0x4e
#define BLAKE2S_TURN_3          0x93
#define BLAKE2S_TURN(row, turn) (row) = (blake2s_row)_mm_shuffle_epi32((__m128i)(row), turn)

// Words i, j, k, l of the block.
#define BLAKE2S_PAIR(i, j)                                                                         \
    __builtin_shufflevector(m[(i) / 4], m[(j) / 4], (i) % 4, 4 + (j) % 4, -1, -1)
#define BLAKE2S_WORDS(i, j, k, l)                                                                  \
    __builtin_shufflevector(BLAKE2S_PAIR(i, j), BLAKE2S_PAIR(k, l), 0, 1, 4, 5)

// RFC 7693 3.1, the function G, four times. The words of the block go to a first: they do not wait for b.
#define BLAKE2S_MIX(x, y)                                                                          \
    do {                                                                                           \
        a = a + (x) + b;                                                                           \
        d ^= a;                                                                                    \
        d = BLAKE2S_ROTATE_16(d);                                                                  \
        c += d;                                                                                    \
        b ^= c;                                                                                    \
        b = BLAKE2S_ROTATE(b, 12);                                                                 \
        a = a + (y) + b;                                                                           \
        d ^= a;                                                                                    \
        d = BLAKE2S_ROTATE_8(d);                                                                   \
        c += d;                                                                                    \
        b ^= c;                                                                                    \
        b = BLAKE2S_ROTATE(b, 7);                                                                  \
    } while (0)

// Columns, then diagonals.
#define BLAKE2S_ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15)        \
    do {                                                                                           \
        BLAKE2S_MIX(BLAKE2S_WORDS(s0, s2, s4, s6), BLAKE2S_WORDS(s1, s3, s5, s7));                 \
        BLAKE2S_TURN(a, BLAKE2S_TURN_3);                                                           \
        BLAKE2S_TURN(d, BLAKE2S_TURN_2);                                                           \
        BLAKE2S_TURN(c, BLAKE2S_TURN_1);                                                           \
        BLAKE2S_MIX(BLAKE2S_WORDS(s14, s8, s10, s12), BLAKE2S_WORDS(s15, s9, s11, s13));           \
        BLAKE2S_TURN(a, BLAKE2S_TURN_1);                                                           \
        BLAKE2S_TURN(d, BLAKE2S_TURN_2);                                                           \
        BLAKE2S_TURN(c, BLAKE2S_TURN_3);                                                           \
    } while (0)

#define NOISE_X86_TARGET "avx2"
#define BLAKE2S_COMPRESS blake2s_compress_avx2
#include "noise/blake2s_x86_body.h"

#define NOISE_X86_TARGET "avx512f,avx512vl"
#define NOISE_X86_ROTATES
#define BLAKE2S_COMPRESS blake2s_compress_avx512
#include "noise/blake2s_x86_body.h"

#endif
