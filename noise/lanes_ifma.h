// SPDX-License-Identifier: Apache-2.0
// Arithmetic modulo p = 2^255 - 19 on LANES elements at once, one in each lane, for AVX-512 IFMA. Internal to noise/.
// Whoever includes this has defined LANES_IFMA as 4 (vectors of 256 bits) or 8 (512 bits).
//
// A lane of a struct lanes stands for v[0] + 2^51 v[1] + 2^102 v[2] + 2^153 v[3] + 2^204 v[4]. The instructions multiply
// the low 52 bits of two numbers and add the low or the high 52 bits of the product to a third; so high halves count
// 2^52, twice what the next limb counts.
//
// A product of two elements is first a struct lanes_sums: its five columns as 64-bit integers, before carries. Sums and
// differences of products are taken there, modulo 2^64, and then reduced. Bounds:
//
//     tight   0 <= v[i] < 2^51 + 2^17            what reducing gives
//     what is multiplied: v[i] < 2^52
//     sums    0 <= column <= 267 2^52            a product; three of them can be reduced: 801 2^52
//     small   0 <= column <= 126 2^52            a product or square of tight factors; six of them can be reduced
//
// CT: secret = every limb.
#ifndef NOISE_LANES_IFMA_H
#define NOISE_LANES_IFMA_H

#include "noise/fe25519.h"
#include "noise/x86.h"

#ifdef NOISE_X86

enum {
    LANES = LANES_IFMA,
};

#define LANES_TARGET NOISE_TARGET("avx2,avx512f,avx512vl,avx512dq,avx512bw,avx512ifma")
#define LANES_INLINE static inline __attribute__((always_inline)) LANES_TARGET

typedef uint64_t lanes_vector __attribute__((vector_size(8 * LANES_IFMA)));

struct lanes {
    lanes_vector v[5];
};

struct lanes_sums {
    lanes_vector v[5];
};

#ifdef LANES_MADD_LOW // tests/ifma_model.h has its own
#elif LANES_IFMA == 8
#define LANES_MADD_LOW(sum, a, b)  _mm512_madd52lo_epu64((__m512i)(sum), (__m512i)(a), (__m512i)(b))
#define LANES_MADD_HIGH(sum, a, b) _mm512_madd52hi_epu64((__m512i)(sum), (__m512i)(a), (__m512i)(b))
#else
#define LANES_MADD_LOW(sum, a, b)  _mm256_madd52lo_epu64((__m256i)(sum), (__m256i)(a), (__m256i)(b))
#define LANES_MADD_HIGH(sum, a, b) _mm256_madd52hi_epu64((__m256i)(sum), (__m256i)(a), (__m256i)(b))
#endif

// Adds the halves of a b to two columns.
#define LANES_PRODUCT(low, high, a, b)                                                             \
    ((low) = (lanes_vector)LANES_MADD_LOW(low, a, b),                                              \
     (high) = (lanes_vector)LANES_MADD_HIGH(high, a, b))

static const uint64_t lanes_limb_mask = ((uint64_t)1 << 51) - 1;

// Loops over limbs are written out: gcc would not at -O2.
#define LANES_EACH_LIMB _Pragma("GCC unroll 5") for (int i = 0; i < 5; i++)

// There is nothing to prepare; the end clears the vector registers, which hold pieces of secrets.
LANES_INLINE uint32_t lanes_begin(void)
{
    return 0;
}

LANES_INLINE void lanes_end(uint32_t saved)
{
    (void)saved;
    _mm256_zeroall();
}

// Multiplying

LANES_INLINE void lanes_19_times(lanes_vector *r, const lanes_vector *a)
{
    *r = (*a << 4) + (*a << 1) + *a;
}

// r = f g from its halves. A low half is below 2^52, and a high half too; column 5, the largest that comes back
// nineteen-fold, has 4 low halves and twice 5 high ones, which with the low half in column 0 makes 267 2^52.
LANES_INLINE void lanes_gather(struct lanes_sums *r, const lanes_vector low[static 9],
                               const lanes_vector high[static 9])
{
    LANES_EACH_LIMB
    {
        lanes_vector upper = high[i + 4] + high[i + 4];
        if (i < 4) {
            upper += low[i + 5];
        }
        lanes_19_times(&upper, &upper);
        r->v[i] = low[i] + upper;
        if (i > 0) {
            r->v[i] += high[i - 1] + high[i - 1];
        }
    }
}

// r = f g. Before: f[i], g[i] < 2^52. After: sums.
LANES_INLINE void lanes_mul(struct lanes_sums *r, const struct lanes *f, const struct lanes *g)
{
    lanes_vector low[9] = {{0}};
    lanes_vector high[9] = {{0}};

    LANES_EACH_LIMB
    {
        LANES_PRODUCT(low[i + 0], high[i + 0], f->v[i], g->v[0]);
        LANES_PRODUCT(low[i + 1], high[i + 1], f->v[i], g->v[1]);
        LANES_PRODUCT(low[i + 2], high[i + 2], f->v[i], g->v[2]);
        LANES_PRODUCT(low[i + 3], high[i + 3], f->v[i], g->v[3]);
        LANES_PRODUCT(low[i + 4], high[i + 4], f->v[i], g->v[4]);
    }
    lanes_gather(r, low, high);
}

// r = a^2. Before: a tight. After: small. What occurs twice is added up once and doubled.
LANES_INLINE void lanes_square(struct lanes_sums *r, const struct lanes *a)
{
    lanes_vector low[9] = {{0}};
    lanes_vector high[9] = {{0}};

    LANES_PRODUCT(low[1], high[1], a->v[0], a->v[1]);
    LANES_PRODUCT(low[2], high[2], a->v[0], a->v[2]);
    LANES_PRODUCT(low[3], high[3], a->v[0], a->v[3]);
    LANES_PRODUCT(low[3], high[3], a->v[1], a->v[2]);
    LANES_PRODUCT(low[4], high[4], a->v[0], a->v[4]);
    LANES_PRODUCT(low[4], high[4], a->v[1], a->v[3]);
    LANES_PRODUCT(low[5], high[5], a->v[1], a->v[4]);
    LANES_PRODUCT(low[5], high[5], a->v[2], a->v[3]);
    LANES_PRODUCT(low[6], high[6], a->v[2], a->v[4]);
    LANES_PRODUCT(low[7], high[7], a->v[3], a->v[4]);
    _Pragma("GCC unroll 7") for (int i = 1; i < 8; i++)
    {
        low[i] += low[i];
        high[i] += high[i];
    }
    LANES_EACH_LIMB
    {
        LANES_PRODUCT(low[2 * i], high[2 * i], a->v[i], a->v[i]);
    }
    lanes_gather(r, low, high);
}

// r = b + n a with a factor n for each lane. Before: a[i] < 2^52, b tight, 0 <= n < 2^17. After: r[i] < 2^51 + 2^23.
//
// A low half and b are below 2^53, a high half below 2^17: what is carried is at most 3 + 2^18.
LANES_INLINE void lanes_mul_small_add(struct lanes *r, const struct lanes *a,
                                      const int32_t factors[static LANES], const struct lanes *b)
{
    lanes_vector n = {0};
    lanes_vector carry[5], limb[5];

    for (int lane = 0; lane < LANES; lane++) {
        n[lane] = (uint64_t)factors[lane];
    }
    LANES_EACH_LIMB
    {
        lanes_vector low = b->v[i];
        lanes_vector high = {0};
        LANES_PRODUCT(low, high, a->v[i], n);
        limb[i] = low & lanes_limb_mask;
        carry[i] = (low >> 51) + (high + high);
    }
    lanes_19_times(&carry[4], &carry[4]);
    LANES_EACH_LIMB
    {
        r->v[i] = limb[i] + carry[(i + 4) % 5];
    }
}

// Reducing

// 1800 p, limb by limb: no difference of what can be reduced is as much below 0.
#define LANES_OFFSET(k) (1800 * (((uint64_t)1 << 51) - ((k) == 0 ? 19 : 1)))

// r = the element whose columns, plus LANES_OFFSET each, are given: below 2^63. After: tight, because a carry is below
// 2^12.
LANES_INLINE void lanes_carry(struct lanes *r, const struct lanes_sums *a)
{
    lanes_vector carry[5], limb[5];

    LANES_EACH_LIMB
    {
        carry[i] = a->v[i] >> 51;
        limb[i] = a->v[i] & lanes_limb_mask;
    }
    lanes_19_times(&carry[4], &carry[4]);
    LANES_EACH_LIMB
    {
        r->v[i] = limb[i] + carry[(i + 4) % 5];
    }
}

// r = a, a sum or difference of products. Before: -801 2^52 <= column <= 801 2^52, modulo 2^64. After: tight. `terms` is
// for lanes_avx2.h.
LANES_INLINE void lanes_reduce(struct lanes *r, const struct lanes_sums *a, uint64_t terms)
{
    struct lanes_sums b;

    (void)terms;
    LANES_EACH_LIMB
    {
        b.v[i] = a->v[i] + LANES_OFFSET(i);
    }
    lanes_carry(r, &b);
}

// Sums and differences of products, not reduced.
LANES_INLINE void lanes_sums_add(struct lanes_sums *r, const struct lanes_sums *a,
                                 const struct lanes_sums *b)
{
    LANES_EACH_LIMB
    {
        r->v[i] = a->v[i] + b->v[i];
    }
}

LANES_INLINE void lanes_sums_sub(struct lanes_sums *r, const struct lanes_sums *a,
                                 const struct lanes_sums *b)
{
    LANES_EACH_LIMB
    {
        r->v[i] = a->v[i] - b->v[i];
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

// In and out

// Lane l of r = in[l]. Before: |in[l].v[i]| < 2^61. After: tight.
LANES_INLINE void lanes_from_elements(struct lanes *r, const struct fe in[static LANES])
{
    struct lanes_sums columns;

    for (int i = 0; i < 5; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            columns.v[i][lane] = (uint64_t)in[lane].v[i];
        }
    }
    lanes_reduce(r, &columns, 0);
}

// out[l] = lane l of a.
LANES_INLINE void lanes_to_elements(struct fe out[static LANES], const struct lanes *a)
{
    for (int i = 0; i < 5; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            out[lane].v[i] = (int64_t)a->v[i][lane];
        }
    }
}

// Selecting, by a mask for each lane

// r = a where the mask is ~0, b where it is 0.
LANES_INLINE void lanes_select(struct lanes *r, const uint64_t masks[static LANES],
                               const struct lanes *a, const struct lanes *b)
{
    lanes_vector mask = {0};

    for (int lane = 0; lane < LANES; lane++) {
        mask[lane] = masks[lane];
    }
    LANES_EACH_LIMB
    {
        r->v[i] = b->v[i] ^ (mask & (a->v[i] ^ b->v[i]));
    }
}

#if LANES_IFMA == 4
// For the comb

LANES_INLINE __m256i lanes_load(const uint64_t from[static LANES])
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

// Lane l of r = words[0][l] + 2^64 words[1][l] + 2^128 words[2][l] + 2^192 words[3][l]. Before: below 2^255. After:
// limbs below 2^51.
LANES_INLINE void lanes_from_words(struct lanes *r, const __m256i words[static 4])
{
    lanes_vector w0 = (lanes_vector)words[0], w1 = (lanes_vector)words[1];
    lanes_vector w2 = (lanes_vector)words[2], w3 = (lanes_vector)words[3];

    r->v[0] = w0 & lanes_limb_mask;
    r->v[1] = (w0 >> 51 | w1 << 13) & lanes_limb_mask;
    r->v[2] = (w1 >> 38 | w2 << 26) & lanes_limb_mask;
    r->v[3] = (w2 >> 25 | w3 << 39) & lanes_limb_mask;
    r->v[4] = w3 >> 12 & lanes_limb_mask;
}

// r = -r where the mask is ~0. Before: limbs below 2^51. After: limbs below 2^52.
LANES_INLINE void lanes_negate_if(struct lanes *r, __m256i mask)
{
    LANES_EACH_LIMB
    {
        lanes_vector negative = ((uint64_t)1 << 52) - (i == 0 ? 38 : 2) - r->v[i];
        r->v[i] ^= (lanes_vector)mask & (r->v[i] ^ negative);
    }
}
#endif

#endif
#endif
