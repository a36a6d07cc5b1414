// SPDX-License-Identifier: Apache-2.0
// Arithmetic modulo p = 2^255 - 19 on four elements at once, one in each lane, for AVX2 with FMA. Internal to noise/.
//
// A lane of a struct lanes stands for v[0] + 2^51 v[1] + 2^102 v[2] + 2^153 v[3] + 2^204 v[4]. Limbs are whole numbers
// kept as doubles, because the widest multiplier that AVX2 has is the one for doubles: a fused multiply-add rounds
// once, so two of them give both halves of a product of 102 bits (the idea is Emmart's, "Faster modular exponentiation
// using double precision floating point arithmetic on the GPU", 2018):
//
//     h = f g + 3 2^102 rounded, in [2^103, 2^104], where doubles are multiples of 2^51: so f g to the nearest of them
//     l = f g - (h - 3 2^102) + 3 2^51, exact, in [2^52, 2^53], where doubles are whole numbers
//
// Taken as integers, the bit patterns of h and l count up by one per multiple: they are high(f g) and low(f g) plus
// constants, f g = 2^51 high + low, and are added up as integers. Nothing is ever rounded but h, so results do not
// depend on the order of anything; they do need rounding to nearest (lanes_begin sees to it).
//
// A product of two elements is first a struct lanes_sums: its five columns as 64-bit integers, before carries. Sums and
// differences of products are taken there, where they cost least and have room, and then reduced. Bounds:
//
//     tight   |v[i]| <= 2^50 + 2^13              what reducing gives
//     what is multiplied: |f[i] g[j]| < 2^102    tight by 2^51.9, say; the sum of two tight ones by a tight one
//     sums    |column| <= 267 2^50               a product; three of them can be reduced: 801 2^50 < 2^60
//     small   |column| <= 125 2^50               a product or square of tight factors; eight of them can be reduced
//
// CT: secret = every limb; no instruction here takes a time that depends on its data, since no operand is ever a
// subnormal number, an infinity or a NaN.
#ifndef NOISE_LANES_AVX2_H
#define NOISE_LANES_AVX2_H

#include "noise/fe25519.h"
#include "noise/x86.h"

#ifdef NOISE_X86

#define LANES_TARGET NOISE_TARGET("avx2,fma")
#define LANES_INLINE static inline __attribute__((always_inline)) LANES_TARGET

enum {
    LANES = 4,
};

struct lanes {
    __m256d v[5];
};

struct lanes_sums {
    __m256i v[5];
};

// The control word of vector arithmetic: rounding to nearest, no trap. Returns what the caller had, for lanes_end. The
// arithmetic stands in functions that are called in between and not inlined: compilers do not know that it depends
// on this word.
LANES_INLINE uint32_t lanes_begin(void)
{
    uint32_t saved;
    const uint32_t nearest = 0x1f80;

    __asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(saved) : "m"(nearest) : "memory");
    return saved;
}

// Also clears the vector registers, which hold pieces of secrets.
LANES_INLINE void lanes_end(uint32_t saved)
{
    _mm256_zeroall();
    __asm__ volatile("ldmxcsr %0" : : "m"(saved) : "memory");
}

// Loops over limbs are written out: gcc would not at -O2.
#define LANES_EACH_LIMB _Pragma("GCC unroll 5") for (int i = 0; i < 5; i++)

LANES_INLINE __m256i lanes_integer(__m256d a)
{
    return _mm256_castpd_si256(a);
}

LANES_INLINE __m256d lanes_double(__m256i a)
{
    return _mm256_castsi256_pd(a);
}

LANES_INLINE __m256i lanes_constant(uint64_t a)
{
    return _mm256_set1_epi64x((long long)a);
}

LANES_INLINE __m256i lanes_load(const uint64_t from[static LANES])
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

// Multiplying

// Adds high(f g) and low(f g), each with its constant, to two columns.
LANES_INLINE void lanes_product(__m256i *low, __m256i *high, __m256d f, __m256d g)
{
    __m256d h = _mm256_fmadd_pd(f, g, _mm256_set1_pd(0x3p102));
    __m256d rest = _mm256_sub_pd(_mm256_set1_pd(0x3p102 + 0x3p51), h);

    *low = _mm256_add_epi64(*low, lanes_integer(_mm256_fmadd_pd(f, g, rest)));
    *high = _mm256_add_epi64(*high, lanes_integer(h));
}

// The constants leave this out of column k of a product: the bit pattern of 3 2^51 once for each low half in it and of
// 3 2^102 for each high half, those of column k + 5 nineteen times; negated, modulo 2^64.
#define LANES_LOW_BITS    0x4338000000000000u
#define LANES_HIGH_BITS   0x4668000000000000u
#define LANES_PRODUCTS(k) ((uint64_t)((k) < 0 || (k) > 8 ? 0 : (k) < 5 ? (k) + 1 : 9 - (k)))
#define LANES_COLUMN(k)                                                                            \
    (LANES_PRODUCTS(k) * LANES_LOW_BITS + LANES_PRODUCTS((k)-1) * LANES_HIGH_BITS)
#define LANES_CORRECTION(k) (0 - LANES_COLUMN(k) - 19 * LANES_COLUMN((k) + 5))

LANES_INLINE __m256i lanes_19_times(__m256i a)
{
    __m256i a16 = _mm256_slli_epi64(a, 4);
    __m256i a2 = _mm256_slli_epi64(a, 1);

    return _mm256_add_epi64(_mm256_add_epi64(a16, a2), a);
}

// r = f g. Before: |f[i] g[j]| < 2^102. After: sums; column k still lacks LANES_CORRECTION(k), which lanes_reduce adds.
//
// A low half is at most 2^50 in size and a high half 2^51. Column 5, the largest that comes back nineteen-fold, has
// 4 low and 5 high halves: 14 2^50. With column 0, of one low half, that makes 267 2^50.
LANES_INLINE void lanes_mul(struct lanes_sums *r, const struct lanes *f, const struct lanes *g)
{
    __m256d f0 = f->v[0], f1 = f->v[1], f2 = f->v[2], f3 = f->v[3], f4 = f->v[4];
    __m256d g0 = g->v[0], g1 = g->v[1], g2 = g->v[2], g3 = g->v[3], g4 = g->v[4];
    const __m256i zero = _mm256_setzero_si256();
    __m256i c0, c1, c2, c3, c4 = zero, c5 = zero, c6 = zero, c7 = zero, c8 = zero, c9 = zero;

    lanes_product(&c4, &c5, f2, g2);
    lanes_product(&c4, &c5, f1, g3);
    lanes_product(&c4, &c5, f3, g1);
    lanes_product(&c4, &c5, f4, g0);
    lanes_product(&c4, &c5, f0, g4);
    lanes_product(&c5, &c6, f2, g3);
    lanes_product(&c5, &c6, f3, g2);
    lanes_product(&c5, &c6, f1, g4);
    lanes_product(&c5, &c6, f4, g1);
    c0 = lanes_19_times(c5);
    lanes_product(&c6, &c7, f3, g3);
    lanes_product(&c6, &c7, f2, g4);
    lanes_product(&c6, &c7, f4, g2);
    c1 = lanes_19_times(c6);
    lanes_product(&c7, &c8, f3, g4);
    lanes_product(&c7, &c8, f4, g3);
    c2 = lanes_19_times(c7);
    lanes_product(&c8, &c9, f4, g4);
    c3 = lanes_19_times(c8);
    c4 = _mm256_add_epi64(c4, lanes_19_times(c9));
    lanes_product(&c0, &c1, f0, g0);
    r->v[0] = c0;
    lanes_product(&c1, &c2, f0, g1);
    lanes_product(&c1, &c2, f1, g0);
    r->v[1] = c1;
    lanes_product(&c2, &c3, f0, g2);
    lanes_product(&c2, &c3, f1, g1);
    lanes_product(&c2, &c3, f2, g0);
    r->v[2] = c2;
    lanes_product(&c3, &c4, f0, g3);
    lanes_product(&c3, &c4, f1, g2);
    lanes_product(&c3, &c4, f2, g1);
    lanes_product(&c3, &c4, f3, g0);
    r->v[3] = c3;
    r->v[4] = c4;
}

// Reducing

// A column has 2^60 added before carries are taken, so that it is positive, and 2^50, so that a limb comes out between
// -2^50 and 2^50.
#define LANES_OFFSET (((uint64_t)1 << 60) + ((uint64_t)1 << 50))

// r = the element whose columns, plus LANES_OFFSET each, are given; they are below 2^61. After: r tight, because a
// carry, less the 2^9 that the offset makes of it, is at most 401 in size.
LANES_INLINE void lanes_carry(struct lanes *r, const struct lanes_sums *a)
{
    const __m256i mask = lanes_constant(((uint64_t)1 << 51) - 1);
    const __m256i exponent =
        lanes_constant(0x4330000000000000); // x in [0, 2^52) with it is 2^52 + x
    const double undo = 0x1p52 + 0x1p50 + 0x1p9;
    const double undo_0 = 0x1p52 + 0x1p50 + 19 * 0x1p9;
    __m256i carry[5], limb[5];

    LANES_EACH_LIMB
    {
        carry[i] = _mm256_srli_epi64(a->v[i], 51);
        limb[i] = _mm256_and_si256(a->v[i], mask);
    }
    carry[4] = _mm256_mul_epu32(carry[4], lanes_constant(19));
    LANES_EACH_LIMB
    {
        limb[i] = _mm256_add_epi64(limb[i], _mm256_add_epi64(carry[(i + 4) % 5], exponent));
        r->v[i] = _mm256_sub_pd(lanes_double(limb[i]), _mm256_set1_pd(i == 0 ? undo_0 : undo));
    }
}

// r = a, a sum of products of which `terms` more were added than subtracted. Before: |column| < 2^60. After: tight.
LANES_INLINE void lanes_reduce(struct lanes *r, const struct lanes_sums *a, uint64_t terms)
{
    const uint64_t correction[5] = {LANES_CORRECTION(0), LANES_CORRECTION(1), LANES_CORRECTION(2),
                                    LANES_CORRECTION(3), LANES_CORRECTION(4)};
    struct lanes_sums b;

    LANES_EACH_LIMB
    {
        b.v[i] = _mm256_add_epi64(a->v[i], lanes_constant(terms * correction[i] + LANES_OFFSET));
    }
    lanes_carry(r, &b);
}

// Sums and differences of products, not reduced.
LANES_INLINE void lanes_sums_add(struct lanes_sums *r, const struct lanes_sums *a,
                                 const struct lanes_sums *b)
{
    LANES_EACH_LIMB
    {
        r->v[i] = _mm256_add_epi64(a->v[i], b->v[i]);
    }
}

LANES_INLINE void lanes_sums_sub(struct lanes_sums *r, const struct lanes_sums *a,
                                 const struct lanes_sums *b)
{
    LANES_EACH_LIMB
    {
        r->v[i] = _mm256_sub_epi64(a->v[i], b->v[i]);
    }
}

// sum = a + b, difference = a - b, of products.
LANES_INLINE void lanes_reduce_both(struct lanes *sum, struct lanes *difference,
                                    const struct lanes_sums *a, const struct lanes_sums *b)
{
    struct lanes_sums s;

    lanes_sums_add(&s, a, b);
    lanes_reduce(sum, &s, 2);
    lanes_sums_sub(&s, a, b);
    lanes_reduce(difference, &s, 0);
}

// Other products

// Column k of a square has one product for each two equal ones of lanes_mul, and the constants of fewer: this adds
// those of the others.
#define LANES_SAVED(k)                                                                             \
    ((uint64_t)((k) < 1 || (k) > 7 ? 0 : (k) < 5 ? ((k) + 1) / 2 : (9 - (k)) / 2))
#define LANES_FEWER(k)   (LANES_SAVED(k) * LANES_LOW_BITS + LANES_SAVED((k)-1) * LANES_HIGH_BITS)
#define LANES_MISSING(k) (LANES_FEWER(k) + 19 * LANES_FEWER((k) + 5))

// r = a^2, with the constants of lanes_mul. Before: a tight. After: sums, smaller than those of a product.
LANES_INLINE void lanes_square(struct lanes_sums *r, const struct lanes *a)
{
    __m256d f0 = a->v[0], f1 = a->v[1], f2 = a->v[2], f3 = a->v[3], f4 = a->v[4];
    __m256d d0 = _mm256_add_pd(f0, f0), d1 = _mm256_add_pd(f1, f1);
    __m256d d2 = _mm256_add_pd(f2, f2), d3 = _mm256_add_pd(f3, f3);
    const __m256i zero = _mm256_setzero_si256();
    __m256i c0, c1, c2, c3, c4 = zero, c5 = zero, c6 = zero, c7 = zero, c8 = zero, c9 = zero;

    lanes_product(&c4, &c5, f2, f2);
    lanes_product(&c4, &c5, d1, f3);
    lanes_product(&c4, &c5, d0, f4);
    lanes_product(&c5, &c6, d2, f3);
    lanes_product(&c5, &c6, d1, f4);
    c0 = lanes_19_times(c5);
    lanes_product(&c6, &c7, f3, f3);
    lanes_product(&c6, &c7, d2, f4);
    c1 = lanes_19_times(c6);
    lanes_product(&c7, &c8, d3, f4);
    c2 = lanes_19_times(c7);
    lanes_product(&c8, &c9, f4, f4);
    c3 = lanes_19_times(c8);
    c4 = _mm256_add_epi64(c4, lanes_19_times(c9));
    lanes_product(&c0, &c1, f0, f0);
    lanes_product(&c1, &c2, d0, f1);
    lanes_product(&c2, &c3, d0, f2);
    lanes_product(&c2, &c3, f1, f1);
    lanes_product(&c3, &c4, d0, f3);
    lanes_product(&c3, &c4, d1, f2);
    r->v[0] = _mm256_add_epi64(c0, lanes_constant(LANES_MISSING(0)));
    r->v[1] = _mm256_add_epi64(c1, lanes_constant(LANES_MISSING(1)));
    r->v[2] = _mm256_add_epi64(c2, lanes_constant(LANES_MISSING(2)));
    r->v[3] = _mm256_add_epi64(c3, lanes_constant(LANES_MISSING(3)));
    r->v[4] = _mm256_add_epi64(c4, lanes_constant(LANES_MISSING(4)));
}

// r = b + n a with a factor n for each lane, not reduced. Before: a, b tight, |n| < 2^17. After: |r[i]| < 2^51 + 2^23.
//
// n a is split as in lanes_product, at 2^51: the low half is at most 2^50, a high half below 2^17, 19 of them below 2^22.
LANES_INLINE void lanes_mul_small_add(struct lanes *r, const struct lanes *a,
                                      const int32_t factors[static LANES], const struct lanes *b)
{
    const __m256d n = _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)(const void *)factors));
    const __m256d round = _mm256_set1_pd(0x3p102);
    __m256d low[5], high[5];

    LANES_EACH_LIMB
    {
        high[i] = _mm256_sub_pd(_mm256_fmadd_pd(a->v[i], n, round), round);
        low[i] = _mm256_fmsub_pd(a->v[i], n, high[i]);
    }
    LANES_EACH_LIMB
    {
        __m256d down = _mm256_set1_pd(i == 0 ? 19 * 0x1p-51 : 0x1p-51);
        r->v[i] = _mm256_add_pd(_mm256_fmadd_pd(high[(i + 4) % 5], down, b->v[i]), low[i]);
    }
}

// In and out

// Lane l of r = in[l]. Before: |in[l].v[i]| < 2^59. After: tight.
LANES_INLINE void lanes_from_elements(struct lanes *r, const struct fe in[static LANES])
{
    struct lanes_sums columns;

    LANES_EACH_LIMB
    {
        columns.v[i] =
            _mm256_add_epi64(_mm256_setr_epi64x(in[0].v[i], in[1].v[i], in[2].v[i], in[3].v[i]),
                             lanes_constant(LANES_OFFSET));
    }
    lanes_carry(r, &columns);
}

// out[l] = lane l of a. Before: |a[i]| < 2^53. After: the same numbers.
LANES_INLINE void lanes_to_elements(struct fe out[static LANES], const struct lanes *a)
{
    LANES_EACH_LIMB
    {
        _Alignas(32) double lane[LANES];
        _mm256_store_pd(lane, a->v[i]);
        for (int l = 0; l < LANES; l++) {
            out[l].v[i] = (int64_t)lane[l];
        }
    }
}

// Lane l of r = words[0][l] + 2^64 words[1][l] + 2^128 words[2][l] + 2^192 words[3][l]. Before: below 2^255. After:
// limbs in [0, 2^51); to be multiplied by what is tight.
LANES_INLINE void lanes_from_words(struct lanes *r, const __m256i words[static 4])
{
    const __m256i mask = lanes_constant(((uint64_t)1 << 51) - 1);
    const __m256i exponent = lanes_constant(0x4330000000000000);
    __m256i limb[5] = {
        words[0],
        _mm256_or_si256(_mm256_srli_epi64(words[0], 51), _mm256_slli_epi64(words[1], 13)),
        _mm256_or_si256(_mm256_srli_epi64(words[1], 38), _mm256_slli_epi64(words[2], 26)),
        _mm256_or_si256(_mm256_srli_epi64(words[2], 25), _mm256_slli_epi64(words[3], 39)),
        _mm256_srli_epi64(words[3], 12),
    };

    LANES_EACH_LIMB
    {
        __m256i bits = _mm256_or_si256(_mm256_and_si256(limb[i], mask), exponent);
        r->v[i] = _mm256_sub_pd(lanes_double(bits), _mm256_set1_pd(0x1p52));
    }
}

// Selecting, by a mask for each lane

// r = a where the mask is ~0, b where it is 0.
LANES_INLINE void lanes_select(struct lanes *r, const uint64_t masks[static LANES],
                               const struct lanes *a, const struct lanes *b)
{
    const __m256d mask = lanes_double(lanes_load(masks));

    LANES_EACH_LIMB
    {
        r->v[i] = _mm256_blendv_pd(b->v[i], a->v[i], mask);
    }
}

// r = -r where the mask is ~0.
LANES_INLINE void lanes_negate_if(struct lanes *r, __m256i mask)
{
    const __m256d sign = _mm256_and_pd(lanes_double(mask), _mm256_set1_pd(-0.0));

    LANES_EACH_LIMB
    {
        r->v[i] = _mm256_xor_pd(r->v[i], sign);
    }
}

#endif
#endif
