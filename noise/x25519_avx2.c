// SPDX-License-Identifier: Apache-2.0
// X25519 for AVX2 with FMA.

#include "noise/x25519_paths.h"

#include "noise/lanes_avx2.h"

#ifdef NOISE_X86

#include "noise/x25519_comb_lanes.h"
#include "noise/x25519_lanes.h"

enum {
    A24 = 121665, // (486662 - 2) / 4
};

// What combine and spread add to each column of each lane. x - y is computed as x + ~y, which needs 1 more.
#define DIFFERENCE      (LANES_OFFSET + 1)
#define ONE(k)          (LANES_OFFSET + LANES_CORRECTION(k))
#define SUM(k)          (LANES_OFFSET + 2 * LANES_CORRECTION(k))
#define SPREAD_BIAS(k)  DIFFERENCE, SUM(k), DIFFERENCE, SUM(k)
#define COMBINE_BIAS(k) DIFFERENCE, ONE(k), DIFFERENCE, SUM(k)

static const uint64_t spread_bias[5][LANES] = {
    {SPREAD_BIAS(0)}, {SPREAD_BIAS(1)}, {SPREAD_BIAS(2)}, {SPREAD_BIAS(3)}, {SPREAD_BIAS(4)},
};
static const uint64_t combine_bias[5][LANES] = {
    {COMBINE_BIAS(0)}, {COMBINE_BIAS(1)}, {COMBINE_BIAS(2)}, {COMBINE_BIAS(3)}, {COMBINE_BIAS(4)},
};

// r = [b' a' d c] and s = [b' a' a b] from t = [b a d c]; a' and b' are c and d where the mask is ~0.
LANES_INLINE void arrange(struct lanes *r, struct lanes *s, const struct lanes *t,
                          uint64_t double_q)
{
    const __m256d mask = lanes_double(lanes_constant(double_q));

    LANES_EACH_LIMB
    {
        __m256d t_i = t->v[i];
        __m256d dcba = _mm256_permute2f128_pd(t_i, t_i, 1);
        __m256d doubled = _mm256_blendv_pd(t_i, dcba, mask);
        r->v[i] = _mm256_blend_pd(doubled, t_i, 0xc);
        s->v[i] = _mm256_blend_pd(doubled, _mm256_permute_pd(dcba, 5), 0xc);
    }
}

// [x0 x1 x2 x3] to [x1 - x0, x1 + x0, x3 - x2, x3 + x2]
LANES_INLINE void spread(struct lanes *r, const struct lanes_sums *a)
{
    const __m256i even = _mm256_setr_epi64x(-1, 0, -1, 0);
    struct lanes_sums b;

    LANES_EACH_LIMB
    {
        __m256i pair = _mm256_shuffle_epi32(a->v[i], 0x4e);
        __m256i sum = _mm256_add_epi64(_mm256_xor_si256(a->v[i], even), pair);
        b.v[i] = _mm256_add_epi64(sum, lanes_load(spread_bias[i]));
    }
    lanes_carry(r, &b);
}

// [bb aa da cb] to [e aa g f]: [x1 - x0, x1, x3 - x2, x3 + x2]
LANES_INLINE void combine(struct lanes *r, const struct lanes_sums *a)
{
    const __m256i even = _mm256_setr_epi64x(-1, 0, -1, 0);
    const __m256i pair_but_lane_1 =
        _mm256_setr_epi64x(0x0f0e0d0c0b0a0908, -1, 0x0f0e0d0c0b0a0908, 0x0706050403020100);
    struct lanes_sums b;

    LANES_EACH_LIMB
    {
        __m256i pair = _mm256_shuffle_epi8(a->v[i], pair_but_lane_1);
        __m256i sum = _mm256_add_epi64(_mm256_xor_si256(a->v[i], even), pair);
        b.v[i] = _mm256_add_epi64(sum, lanes_load(combine_bias[i]));
    }
    lanes_carry(r, &b);
}

// r = [aa + a24 e, aa - e, g, f] from [e aa g f]. Before: tight. After: |r[i]| < 2^51 + 2^23.
LANES_INLINE void times_a24(struct lanes *r, const struct lanes *a)
{
    static const int32_t factors[LANES] = {A24, -1, 1, 1};
    const __m256d lanes_01 = lanes_double(_mm256_setr_epi64x(-1, -1, 0, 0));
    struct lanes e, aa;

    LANES_EACH_LIMB
    {
        __m256d x = a->v[i];
        e.v[i] = _mm256_blend_pd(_mm256_movedup_pd(x), x, 0xc); // e e g f
        aa.v[i] = _mm256_and_pd(_mm256_permute_pd(x, 0xf), lanes_01);
    }
    lanes_mul_small_add(r, &e, factors, &aa);
}

#include "noise/x25519_point_lanes.h"

LANES_TARGET void x25519_ladder_avx2(struct x25519_ratio *out,
                                     const uint8_t scalar[static X25519_KEY_LEN],
                                     const uint8_t point[static X25519_KEY_LEN])
{
    ladder_lanes(out, scalar, point);
}

LANES_TARGET void x25519_ladder_4_avx2(struct x25519_ratio out[static 4],
                                       const uint8_t *const scalars[static 4],
                                       const uint8_t *const points[static 4])
{
    lanes_ladder(out, scalars, points);
}

LANES_TARGET void x25519_comb_avx2(struct x25519_ratio *out,
                                   const uint8_t scalar[static X25519_KEY_LEN])
{
    comb_lanes(out, scalar);
}

#endif
