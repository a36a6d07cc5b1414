// SPDX-License-Identifier: Apache-2.0
// ChaCha20 (RFC 8439 2.3), sixteen blocks at a time in the 512-bit vectors of AVX-512: a vector holds one word of all of
// them. Internal to noise/. The includer defines NOISE_X86_TARGET.
#ifndef NOISE_CHACHA20_X512_H
#define NOISE_CHACHA20_X512_H

#include "noise/chacha20.h"
#include "noise/poly1305_x86.h"
#include "noise/x86.h"

enum {
    CHACHA20_WIDE_LANES = 16,
    CHACHA20_WIDE_LEN = CHACHA20_WIDE_LANES * CHACHA20_BLOCK_LEN,
    CHACHA20_WIDE_DOUBLE_ROUNDS = 10,
};

// RFC 8439 2.1: one of the four steps of a quarter round.
#define CHACHA20_WIDE_STEP(a, b, d, n)                                                             \
    do {                                                                                           \
        (a) = _mm512_add_epi32(a, b);                                                              \
        (d) = _mm512_rol_epi32(_mm512_xor_si512(d, a), n);                                         \
    } while (0)

// The same step of four quarter rounds.
#define CHACHA20_WIDE_STEPS(a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3, n)                     \
    do {                                                                                           \
        CHACHA20_WIDE_STEP(a0, b0, d0, n);                                                         \
        CHACHA20_WIDE_STEP(a1, b1, d1, n);                                                         \
        CHACHA20_WIDE_STEP(a2, b2, d2, n);                                                         \
        CHACHA20_WIDE_STEP(a3, b3, d3, n);                                                         \
    } while (0)

#define CHACHA20_WIDE_ROUND(a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3)        \
    do {                                                                                           \
        CHACHA20_WIDE_STEPS(a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3, 16);                   \
        CHACHA20_WIDE_STEPS(c0, c1, c2, c3, d0, d1, d2, d3, b0, b1, b2, b3, 12);                   \
        CHACHA20_WIDE_STEPS(a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3, 8);                    \
        CHACHA20_WIDE_STEPS(c0, c1, c2, c3, d0, d1, d2, d3, b0, b1, b2, b3, 7);                    \
    } while (0)

// Four words of all lanes, turned: lane l of t[i], 128 bits, holds those of block 4 l + i.
NOISE_X86_INLINE void chacha20_wide_turn(__m512i t[static 4], __m512i w0, __m512i w1, __m512i w2,
                                         __m512i w3)
{
    __m512i low_01 = _mm512_unpacklo_epi32(w0, w1), high_01 = _mm512_unpackhi_epi32(w0, w1);
    __m512i low_23 = _mm512_unpacklo_epi32(w2, w3), high_23 = _mm512_unpackhi_epi32(w2, w3);

    t[0] = _mm512_unpacklo_epi64(low_01, low_23);
    t[1] = _mm512_unpackhi_epi64(low_01, low_23);
    t[2] = _mm512_unpacklo_epi64(high_01, high_23);
    t[3] = _mm512_unpackhi_epi64(high_01, high_23);
}

NOISE_X86_INLINE void chacha20_wide_xor_block(uint8_t *out, const uint8_t *in, __m512i stream)
{
    _mm512_storeu_si512(out, _mm512_xor_si512(_mm512_loadu_si512(in), stream));
}

// Blocks 0, 4, 8 and 12 of those at `in`, whose words lie turned in the lanes of a, b, c and d.
NOISE_X86_INLINE void chacha20_wide_xor(uint8_t *out, const uint8_t *in, __m512i a, __m512i b,
                                        __m512i c, __m512i d)
{
    __m512i low_ab = _mm512_shuffle_i32x4(a, b, 0x44), high_ab = _mm512_shuffle_i32x4(a, b, 0xee);
    __m512i low_cd = _mm512_shuffle_i32x4(c, d, 0x44), high_cd = _mm512_shuffle_i32x4(c, d, 0xee);

    chacha20_wide_xor_block(out, in, _mm512_shuffle_i32x4(low_ab, low_cd, 0x88));
    chacha20_wide_xor_block(out + 256, in + 256, _mm512_shuffle_i32x4(low_ab, low_cd, 0xdd));
    chacha20_wide_xor_block(out + 512, in + 512, _mm512_shuffle_i32x4(high_ab, high_cd, 0x88));
    chacha20_wide_xor_block(out + 768, in + 768, _mm512_shuffle_i32x4(high_ab, high_cd, 0xdd));
}

// out = in ^ key stream of sixteen blocks, from the state's counter on.
//
// CT: secret = everything but the counter.
NOISE_X86_INLINE void chacha20_sixteen_blocks(uint8_t *out, const uint8_t *in,
                                              const uint32_t s[static 16])
{
#define ALL(i)    _mm512_set1_epi32((int)s[i])
#define SUM(x, i) _mm512_add_epi32(x, ALL(i))
    __m512i counter = _mm512_add_epi32(
        ALL(12), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    __m512i x0 = ALL(0), x1 = ALL(1), x2 = ALL(2), x3 = ALL(3);
    __m512i x4 = ALL(4), x5 = ALL(5), x6 = ALL(6), x7 = ALL(7);
    __m512i x8 = ALL(8), x9 = ALL(9), x10 = ALL(10), x11 = ALL(11);
    __m512i x12 = counter, x13 = ALL(13), x14 = ALL(14), x15 = ALL(15);
    __m512i a[4], b[4], c[4], d[4];

    for (int i = 0; i < CHACHA20_WIDE_DOUBLE_ROUNDS; i++) {
        CHACHA20_WIDE_ROUND(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
        CHACHA20_WIDE_ROUND(x0, x1, x2, x3, x5, x6, x7, x4, x10, x11, x8, x9, x15, x12, x13, x14);
    }
    __asm__("" : "+r"(s)); // the words are broadcast again, not kept
    chacha20_wide_turn(a, SUM(x0, 0), SUM(x1, 1), SUM(x2, 2), SUM(x3, 3));
    chacha20_wide_turn(b, SUM(x4, 4), SUM(x5, 5), SUM(x6, 6), SUM(x7, 7));
    chacha20_wide_turn(c, SUM(x8, 8), SUM(x9, 9), SUM(x10, 10), SUM(x11, 11));
    chacha20_wide_turn(d, _mm512_add_epi32(x12, counter), SUM(x13, 13), SUM(x14, 14), SUM(x15, 15));
    chacha20_wide_xor(out, in, a[0], b[0], c[0], d[0]);
    chacha20_wide_xor(out + 64, in + 64, a[1], b[1], c[1], d[1]);
    chacha20_wide_xor(out + 128, in + 128, a[2], b[2], c[2], d[2]);
    chacha20_wide_xor(out + 192, in + 192, a[3], b[3], c[3], d[3]);
#undef ALL
#undef SUM
}

#endif
