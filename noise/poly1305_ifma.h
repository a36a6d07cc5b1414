// SPDX-License-Identifier: Apache-2.0
// Poly1305 (RFC 8439 2.5), eight blocks at a time with the 52-bit multiplier of AVX512IFMA. Internal to noise/. The
// includer defines NOISE_X86_TARGET.
//
// A lane absorbs every eighth block, h = h r^8 + block; at the end the lane of block k of the last eight is multiplied by
// r^(8 - k), and the sum of the lanes is what one chain would have come to. A number is h0 + 2^44 h1 + 2^88 h2.
#ifndef NOISE_POLY1305_IFMA_H
#define NOISE_POLY1305_IFMA_H

#include "noise/poly1305_x86.h"
#include "noise/x86.h"

enum {
    POLY1305_LANES = 8,
    POLY1305_LANES_LEN = POLY1305_LANES * POLY1305_BLOCK_LEN,
    POLY1305_LIMB_BITS = 44,
    POLY1305_TOP_LIMB_BITS = 42,
};

struct poly1305_lanes {
    __m512i h0, h1, h2;
};

// What lanes are multiplied by: r0, r1, r2 and what is above 2^130 folded in, s = 20 r (2^132 = 20).
struct poly1305_lanes_key {
    __m512i r0, r1, r2, s1, s2;
};

// A text under way.
struct poly1305_wide {
    struct poly1305_lanes h;
    struct poly1305_lanes_key r8;   // r^8 in every lane
    struct poly1305_lanes_key last; // r^(8 - k) in the lane of block k
};

NOISE_X86_INLINE __m512i poly1305_mask(int bits)
{
    return _mm512_set1_epi64((long long)(((uint64_t)1 << bits) - 1));
}

// a * key in each lane, carried.
//
// Before: a0, a1 < 2^46, a2 < 2^44; r0, r1 < 2^44, r2 < 2^43, so s1, s2 < 2^49.
// After: h0 < 2^44, h1 < 2^44 + 2^8, h2 < 2^42.
//
// Bounds. A product's low half has 52 bits, so each low < 3 2^52. High halves: those of d0's products are below 2^38,
// 2^43 and 2^41, their sum below 2^44; of d1's below 2^38, 2^38 and 2^41, 2^42; of d2's below 2^37, 2^38 and 2^36, 2^39.
// So high_0 << 8 < 2^52 and high_1 << 8 < 2^50, and what is carried on is below 4 2^52 = 2^54, its carries below 2^10
// and 2^12. The last carry is below 2^12 + 2^49, so h0 + 5 carry < 2^44 + 2^52, which leaves a carry of at most 2^8.
//
// CT: secret = everything.
NOISE_X86_INLINE struct poly1305_lanes poly1305_lanes_multiply(struct poly1305_lanes a,
                                                               struct poly1305_lanes_key key)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i limb = poly1305_mask(POLY1305_LIMB_BITS);
    struct poly1305_lanes h;

    __m512i low_0 = _mm512_madd52lo_epu64(zero, a.h0, key.r0);
    __m512i high_0 = _mm512_madd52hi_epu64(zero, a.h0, key.r0);
    __m512i low_1 = _mm512_madd52lo_epu64(zero, a.h0, key.r1);
    __m512i high_1 = _mm512_madd52hi_epu64(zero, a.h0, key.r1);
    __m512i low_2 = _mm512_madd52lo_epu64(zero, a.h0, key.r2);
    __m512i high_2 = _mm512_madd52hi_epu64(zero, a.h0, key.r2);
    low_0 = _mm512_madd52lo_epu64(low_0, a.h1, key.s2);
    high_0 = _mm512_madd52hi_epu64(high_0, a.h1, key.s2);
    low_1 = _mm512_madd52lo_epu64(low_1, a.h1, key.r0);
    high_1 = _mm512_madd52hi_epu64(high_1, a.h1, key.r0);
    low_2 = _mm512_madd52lo_epu64(low_2, a.h1, key.r1);
    high_2 = _mm512_madd52hi_epu64(high_2, a.h1, key.r1);
    low_0 = _mm512_madd52lo_epu64(low_0, a.h2, key.s1);
    high_0 = _mm512_madd52hi_epu64(high_0, a.h2, key.s1);
    low_1 = _mm512_madd52lo_epu64(low_1, a.h2, key.s2);
    high_1 = _mm512_madd52hi_epu64(high_1, a.h2, key.s2);
    low_2 = _mm512_madd52lo_epu64(low_2, a.h2, key.r0);
    high_2 = _mm512_madd52hi_epu64(high_2, a.h2, key.r0);

    low_1 = _mm512_add_epi64(low_1, _mm512_slli_epi64(high_0, 52 - POLY1305_LIMB_BITS));
    low_2 = _mm512_add_epi64(low_2, _mm512_slli_epi64(high_1, 52 - POLY1305_LIMB_BITS));
    low_1 = _mm512_add_epi64(low_1, _mm512_srli_epi64(low_0, POLY1305_LIMB_BITS));
    low_2 = _mm512_add_epi64(low_2, _mm512_srli_epi64(low_1, POLY1305_LIMB_BITS));
    // what is above 2^130, times 5
    __m512i carry = _mm512_add_epi64(_mm512_srli_epi64(low_2, POLY1305_TOP_LIMB_BITS),
                                     _mm512_slli_epi64(high_2, 52 - POLY1305_TOP_LIMB_BITS));
    h.h0 = _mm512_and_si512(low_0, limb);
    h.h1 = _mm512_and_si512(low_1, limb);
    h.h2 = _mm512_and_si512(low_2, poly1305_mask(POLY1305_TOP_LIMB_BITS));
    h.h0 = _mm512_add_epi64(h.h0, _mm512_add_epi64(carry, _mm512_slli_epi64(carry, 2)));
    h.h1 = _mm512_add_epi64(h.h1, _mm512_srli_epi64(h.h0, POLY1305_LIMB_BITS));
    h.h0 = _mm512_and_si512(h.h0, limb);
    return h;
}

// h + block + 2^128 in each lane. The lanes hold blocks 0, 4, 1, 5, 2, 6, 3, 7. Adds less than 2^44, 2^44 and 2^41 to
// the limbs.
NOISE_X86_INLINE struct poly1305_lanes poly1305_lanes_add(
    struct poly1305_lanes h, const uint8_t in[static POLY1305_LANES_LEN])
{
    const __m512i limb = poly1305_mask(POLY1305_LIMB_BITS);
    __m512i first = _mm512_loadu_si512(in), second = _mm512_loadu_si512(in + 64);
    __m512i low = _mm512_unpacklo_epi64(first, second), high = _mm512_unpackhi_epi64(first, second);
    __m512i middle = _mm512_or_si512(_mm512_srli_epi64(low, POLY1305_LIMB_BITS),
                                     _mm512_slli_epi64(high, 64 - POLY1305_LIMB_BITS));
    __m512i top = _mm512_or_si512(_mm512_srli_epi64(high, 2 * POLY1305_LIMB_BITS - 64),
                                  _mm512_set1_epi64(1LL << (128 - 2 * POLY1305_LIMB_BITS)));

    h.h0 = _mm512_add_epi64(h.h0, _mm512_and_si512(low, limb));
    h.h1 = _mm512_add_epi64(h.h1, _mm512_and_si512(middle, limb));
    h.h2 = _mm512_add_epi64(h.h2, top);
    return h;
}

// Which block of eight a lane holds.
static inline int poly1305_lane_block(int lane)
{
    return lane / 2 + lane % 2 * (POLY1305_LANES / 2);
}

// The limbs of numbers, one in each lane. Before: their h2 <= 4. After: h0, h1 < 2^44, h2 < 2^43.
NOISE_X86_INLINE struct poly1305_lanes poly1305_lanes_of(
    const struct poly1305_sum numbers[static POLY1305_LANES])
{
    const uint64_t limb = ((uint64_t)1 << POLY1305_LIMB_BITS) - 1;
    uint64_t limbs[3][POLY1305_LANES];

    for (int i = 0; i < POLY1305_LANES; i++) {
        limbs[0][i] = numbers[i].h0 & limb;
        limbs[1][i] = (numbers[i].h0 >> 44 | numbers[i].h1 << 20) & limb;
        limbs[2][i] = numbers[i].h1 >> 24 | numbers[i].h2 << 40;
    }
    return (struct poly1305_lanes){_mm512_loadu_si512(limbs[0]), _mm512_loadu_si512(limbs[1]),
                                   _mm512_loadu_si512(limbs[2])};
}

NOISE_X86_INLINE struct poly1305_lanes_key poly1305_lanes_key_of(struct poly1305_lanes r)
{
    struct poly1305_lanes_key key = {r.h0, r.h1, r.h2, r.h1, r.h2};

    key.s1 = _mm512_add_epi64(_mm512_slli_epi64(r.h1, 4), _mm512_slli_epi64(r.h1, 2));
    key.s2 = _mm512_add_epi64(_mm512_slli_epi64(r.h2, 4), _mm512_slli_epi64(r.h2, 2));
    return key;
}

// Begins with what the chain has come to, and the first eight blocks.
NOISE_X86_INLINE void poly1305_wide_begin(struct poly1305_wide *w, const struct poly1305 *ctx,
                                          const uint8_t in[static POLY1305_LANES_LEN])
{
    const struct poly1305_sum zero = {0, 0, 0};
    struct poly1305_sum power[POLY1305_LANES + 1] = {{1, 0, 0}, {ctx->r[0], ctx->r[1], 0}};
    struct poly1305_sum lanes[POLY1305_LANES];

    for (int i = 2; i <= POLY1305_LANES; i++) {
        int half = i >> 1; // i / 2 would be a division at -Os
        power[i] = poly1305_multiply_add(power[half], power[i - half], zero);
    }
    for (int i = 0; i < POLY1305_LANES; i++) {
        lanes[i] = power[POLY1305_LANES];
    }
    w->r8 = poly1305_lanes_key_of(poly1305_lanes_of(lanes));
    for (int i = 0; i < POLY1305_LANES; i++) {
        lanes[i] = power[POLY1305_LANES - poly1305_lane_block(i)];
    }
    w->last = poly1305_lanes_key_of(poly1305_lanes_of(lanes));
    for (int i = 0; i < POLY1305_LANES; i++) {
        lanes[i] = i == 0 ? poly1305_sum_of(ctx) : zero;
    }
    w->h = poly1305_lanes_add(poly1305_lanes_of(lanes), in);
}

// Eight blocks a time.
NOISE_X86_INLINE void poly1305_wide_absorb(struct poly1305_wide *w, const uint8_t *in, size_t times)
{
    struct poly1305_lanes h = w->h;
    struct poly1305_lanes_key r8 = w->r8;

    for (; times > 0; times--) {
        h = poly1305_lanes_add(poly1305_lanes_multiply(h, r8), in);
        in += POLY1305_LANES_LEN;
    }
    w->h = h;
}

// Gives the chain back what all blocks have come to. The sums of eight lanes are below 2^47, 2^48 and 2^45, so the whole
// is below 2^134: h2 < 2^6 before the last folding, which leaves 3 and a carry.
NOISE_X86_INLINE void poly1305_wide_end(struct poly1305_wide *w, struct poly1305 *ctx)
{
    struct poly1305_lanes h = poly1305_lanes_multiply(w->h, w->last);
    uint64_t limbs[3][POLY1305_LANES];
    uint64_t sum[3] = {0, 0, 0};

    _mm512_storeu_si512(limbs[0], h.h0);
    _mm512_storeu_si512(limbs[1], h.h1);
    _mm512_storeu_si512(limbs[2], h.h2);
    for (int i = 0; i < POLY1305_LANES; i++) {
        sum[0] += limbs[0][i];
        sum[1] += limbs[1][i];
        sum[2] += limbs[2][i];
    }
    struct poly1305_sum total = {sum[0], sum[1] >> 20, sum[2] >> 40};
    poly1305_add(&total, sum[1] << 44, sum[2] << 24, 0);
    poly1305_set_sum(ctx, poly1305_fold(total));
}

#endif
