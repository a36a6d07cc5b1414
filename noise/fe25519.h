// SPDX-License-Identifier: Apache-2.0
// Arithmetic modulo p = 2^255 - 19 in five signed limbs of 51 bits. Internal to noise/.
//
// A struct fe stands for v[0] + 2^51 v[1] + 2^102 v[2] + 2^153 v[3] + 2^204 v[4]. Limbs are signed, so that
// subtracting needs neither bias nor carry. Two bounds are used below:
//
//     tight   -2^11 <= v[i] <= 2^51 + 2^11     what multiplications give
//     loose   |v[i]| <= 2^53                   what they take
//
// The sum or difference of two tight elements is loose, and so is that of three.
//
// CT: secret = every limb; public = nothing is needed. Nothing here wipes: callers wipe the elements that they own,
// and what was left in frames (ct.h).
#ifndef NOISE_FE25519_H
#define NOISE_FE25519_H

#include "noise/bytes.h"
#include "noise/ct.h"

#include <stdint.h>

__extension__ typedef __int128 fe_i128;

struct fe {
    int64_t v[5];
};

enum {
    FE_LIMB_BITS = 51,
    FE_LEN = 32,
    FE_WORDS = 4,
};

static const struct fe fe_one = {{1, 0, 0, 0, 0}};

static const int64_t fe_limb_mask = ((int64_t)1 << FE_LIMB_BITS) - 1;

// A sum of products.
//
// Where there is a carry flag it is simply a 128-bit number. Where there is none (RISC-V), adding 128-bit
// numbers costs a comparison per product. There a product p = a b is split as p = 2^60 hi + lo,
// hi = floor(p / 2^60) = mulh(16 a, b), 0 <= lo < 2^60, and the sum is kept as
//
//     hi    the sum of the hi parts: exact, 64 bits
//     low   the sum of the products modulo 2^64
//
// The sum of the lo parts is low - 2^60 hi modulo 2^64. Five of them are less than 5 * 2^60 < 2^63, so the
// 64-bit result is exact, and no carry was ever looked at.
#if defined(__riscv) || defined(NOISE_FE_NO_CARRY_FLAG)
struct fe_sum {
    int64_t hi;
    uint64_t low;
};

// Precondition: |a| < 2^59.
static inline __attribute__((always_inline)) struct fe_sum fe_product(int64_t a, int64_t b)
{
    return (struct fe_sum){
        .hi = (int64_t)((fe_i128)(a * 16) * b >> 64),
        .low = (uint64_t)a * (uint64_t)b,
    };
}

static inline __attribute__((always_inline)) struct fe_sum fe_sum_add(struct fe_sum a,
                                                                      struct fe_sum b)
{
    return (struct fe_sum){.hi = a.hi + b.hi, .low = a.low + b.low};
}

// Adds `carry` to the sum, gives its low 51 bits in *limb and returns what is above them, rounded down.
// Preconditions: at most 5 products; |carry| <= 2^61.5 (the lo parts and the carry stay below 2^63);
// |sum| <= 2^113 (the result stays below 2^62).
static inline __attribute__((always_inline)) int64_t fe_sum_split(int64_t *limb, struct fe_sum sum,
                                                                  int64_t carry)
{
    int64_t lo = (int64_t)(sum.low - ((uint64_t)sum.hi << 60) + (uint64_t)carry);

    *limb = lo & fe_limb_mask;
    return sum.hi * (1 << (60 - FE_LIMB_BITS)) + (lo >> FE_LIMB_BITS);
}
#else
struct fe_sum {
    fe_i128 all;
};

static inline __attribute__((always_inline)) struct fe_sum fe_product(int64_t a, int64_t b)
{
    return (struct fe_sum){.all = (fe_i128)a * b};
}

static inline __attribute__((always_inline)) struct fe_sum fe_sum_add(struct fe_sum a,
                                                                      struct fe_sum b)
{
    return (struct fe_sum){.all = a.all + b.all};
}

// gcc makes more of a shift by halves; clang has the better code for the whole.
#if !defined(__clang__) && !defined(NOISE_FE_SHIFT_BY_HALVES)
#define NOISE_FE_SHIFT_BY_HALVES
#endif

// As above. Precondition: |sum| <= 2^113, |carry| <= 2^62.
static inline __attribute__((always_inline)) int64_t fe_sum_split(int64_t *limb, struct fe_sum sum,
                                                                  int64_t carry)
{
    fe_i128 all = sum.all + carry;

    *limb = (int64_t)all & fe_limb_mask;
#ifdef NOISE_FE_SHIFT_BY_HALVES
    uint64_t high = (uint64_t)(all >> 64) << (64 - FE_LIMB_BITS);
    return (int64_t)(high | (uint64_t)all >> FE_LIMB_BITS);
#else
    return (int64_t)(all >> FE_LIMB_BITS);
#endif
}
#endif

static inline __attribute__((always_inline)) struct fe_sum fe_products_3(int64_t a0, int64_t b0,
                                                                         int64_t a1, int64_t b1,
                                                                         int64_t a2, int64_t b2)
{
    return fe_sum_add(fe_sum_add(fe_product(a0, b0), fe_product(a1, b1)), fe_product(a2, b2));
}

static inline __attribute__((always_inline)) struct fe_sum fe_products_5(int64_t a0, int64_t b0,
                                                                         int64_t a1, int64_t b1,
                                                                         int64_t a2, int64_t b2,
                                                                         int64_t a3, int64_t b3,
                                                                         int64_t a4, int64_t b4)
{
    return fe_sum_add(fe_products_3(a0, b0, a1, b1, a2, b2),
                      fe_sum_add(fe_product(a3, b3), fe_product(a4, b4)));
}

// The end of a multiplication: limbs 0 and 1, with 19 times the carry of the top added to the first.
//
// That carry was below 2^57.4, so `fold` is below 2^61.7 and what passes from limb 0 to limb 1 at most 2^10.7: limb 1 ends
// within [-2^11, 2^51 + 2^11], the others in [0, 2^51).
static inline __attribute__((always_inline)) void fe_close(struct fe *r, int64_t r0, int64_t r1,
                                                           int64_t fold)
{
    r0 += fold;
    r->v[0] = r0 & fe_limb_mask;
    r->v[1] = r1 + (r0 >> FE_LIMB_BITS);
}

// 19, in a register: where multiplying takes one instruction, compilers would still rather take four to shift
// and add.
static inline int64_t fe_nineteen(void)
{
    return (int64_t)ct_barrier_u64(19);
}

// r = a b. Before: a, b loose. After: r tight. r may be a or b.
//
// The columns are closed one after the other, so that few values live at a time.
//
// Bounds. A product is at most 2^106. Column 0 is the largest: 1 product and 4 of weight 19, 77 * 2^106; its carry is at
// most 77 * 2^55 < 2^61.3. Column 4 has 5 products: its carry is at most 5 * 2^55 + 2^11 < 2^57.4.
static inline __attribute__((always_inline)) void fe_mul(struct fe *r, const struct fe *a,
                                                         const struct fe *b)
{
    int64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    int64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
    // 2^255 = 19: what passes the top comes back 19-fold. 19 * 2^53 < 2^57.3.
    int64_t n = fe_nineteen();
    int64_t c1 = n * b1, c2 = n * b2, c3 = n * b3, c4 = n * b4;
    int64_t r0, r1;

    int64_t carry = fe_sum_split(&r0, fe_products_5(a0, b0, a1, c4, a2, c3, a3, c2, a4, c1), 0);
    carry = fe_sum_split(&r1, fe_products_5(a0, b1, a1, b0, a2, c4, a3, c3, a4, c2), carry);
    carry = fe_sum_split(&r->v[2], fe_products_5(a0, b2, a1, b1, a2, b0, a3, c4, a4, c3), carry);
    carry = fe_sum_split(&r->v[3], fe_products_5(a0, b3, a1, b2, a2, b1, a3, b0, a4, c4), carry);
    carry = fe_sum_split(&r->v[4], fe_products_5(a0, b4, a1, b3, a2, b2, a3, b1, a4, b0), carry);
    fe_close(r, r0, r1, n * carry);
}

// r = a^2. Before: a loose. After: r tight. r may be a.
//
// As above, with each product of two different limbs taken twice. The factor that comes first is the one that fe_product
// shifts: there are five of them.
static inline __attribute__((always_inline)) void fe_square(struct fe *r, const struct fe *a)
{
    int64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    int64_t d1 = 2 * a1, d2 = 2 * a2, d3 = 2 * a3, d4 = 2 * a4; // < 2^54
    int64_t n = fe_nineteen();
    int64_t c3 = n * a3, c4 = n * a4; // < 2^57.3
    int64_t r0, r1;

    int64_t carry = fe_sum_split(&r0, fe_products_3(a0, a0, c4, d1, c3, d2), 0);
    carry = fe_sum_split(&r1, fe_products_3(a0, d1, c4, d2, c3, a3), carry);
    carry = fe_sum_split(&r->v[2], fe_products_3(a0, d2, a1, a1, c4, d3), carry);
    carry = fe_sum_split(&r->v[3], fe_products_3(a0, d3, a1, d2, c4, a4), carry);
    carry = fe_sum_split(&r->v[4], fe_products_3(a0, d4, a1, d3, a2, a2), carry);
    fe_close(r, r0, r1, n * carry);
}

// The same as calls: one copy of the code, for where they are few.
void fe_mul_call(struct fe *r, const struct fe *a, const struct fe *b);
void fe_square_call(struct fe *r, const struct fe *a);

// Additions and what is like them: inlined, unless the build is for size (NOISE_SMALL).
#ifdef NOISE_SMALL
#define FE_INLINE static __attribute__((noinline, unused))
#else
#define FE_INLINE static inline
#endif

// Multiplications in the inner loops: inlined where that is faster. On x86-64 gcc's loop of 2,000 instructions is slower than
// one with calls: 53 us instead of 44 us for a ladder on Zen 3.
#if defined(NOISE_SMALL) || (defined(__x86_64__) && !defined(__clang__))
#define fe_mul_hot    fe_mul_call
#define fe_square_hot fe_square_call
#else
#define fe_mul_hot    fe_mul
#define fe_square_hot fe_square
#endif

// At the beginning of a loop over points: nothing passes from one turn to the next but in memory. A compiler that tries to
// do better runs out of registers.
#define FE_KEEP_IN_MEMORY() __asm__ volatile("" : : : "memory")

// r = 1 / a, and 0 for 0. Before: a loose. After: r or -r tight. r may be a.
void fe_invert(struct fe *r, const struct fe *a);

// r = a + b and r = a - b, limb by limb. Before: |a[i]| + |b[i]| <= 2^53, as for tight a and b and for sums
// of such. After: r loose.
FE_INLINE void fe_add(struct fe *r, const struct fe *a, const struct fe *b)
{
    r->v[0] = a->v[0] + b->v[0];
    r->v[1] = a->v[1] + b->v[1];
    r->v[2] = a->v[2] + b->v[2];
    r->v[3] = a->v[3] + b->v[3];
    r->v[4] = a->v[4] + b->v[4];
}

FE_INLINE void fe_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
    r->v[0] = a->v[0] - b->v[0];
    r->v[1] = a->v[1] - b->v[1];
    r->v[2] = a->v[2] - b->v[2];
    r->v[3] = a->v[3] - b->v[3];
    r->v[4] = a->v[4] - b->v[4];
}

// n a = 2^51 carry + limb, 0 <= limb < 2^51: floor(n a / 2^51) = floor(2^13 n a / 2^64).
static inline int64_t fe_small_carry(int64_t a, int32_t n)
{
    return (int64_t)((fe_i128)a * ((int64_t)n << 13) >> 64);
}

static inline int64_t fe_small_limb(int64_t a, int32_t n)
{
    return (int64_t)((uint64_t)a * (uint64_t)n) & fe_limb_mask;
}

// r = b + n a. Before: |a[i]| <= 2^52 + 2^12, b tight, 0 < n < 2^17. After: r loose. r may be a or b.
//
// n a[i] < 2^69.1, so a carry is below 2^18.1 and 19 times it below 2^22.4; a limb, a carry and b add up to less
// than 2^52 + 2^23.
FE_INLINE void fe_mul_small_add(struct fe *r, const struct fe *a, int32_t n, const struct fe *b)
{
    int64_t carry_0 = fe_small_carry(a->v[0], n);
    int64_t carry_1 = fe_small_carry(a->v[1], n);
    int64_t carry_2 = fe_small_carry(a->v[2], n);
    int64_t carry_3 = fe_small_carry(a->v[3], n);
    int64_t carry_4 = fe_small_carry(a->v[4], n);

    r->v[0] = fe_small_limb(a->v[0], n) + b->v[0] + 19 * carry_4;
    r->v[1] = fe_small_limb(a->v[1], n) + b->v[1] + carry_0;
    r->v[2] = fe_small_limb(a->v[2], n) + b->v[2] + carry_1;
    r->v[3] = fe_small_limb(a->v[3], n) + b->v[3] + carry_2;
    r->v[4] = fe_small_limb(a->v[4], n) + b->v[4] + carry_3;
}

// r = a where the mask is ~0, b where it is 0.
FE_INLINE void fe_select(struct fe *r, uint64_t mask, const struct fe *a, const struct fe *b)
{
    r->v[0] = (int64_t)ct_select_u64(mask, (uint64_t)a->v[0], (uint64_t)b->v[0]);
    r->v[1] = (int64_t)ct_select_u64(mask, (uint64_t)a->v[1], (uint64_t)b->v[1]);
    r->v[2] = (int64_t)ct_select_u64(mask, (uint64_t)a->v[2], (uint64_t)b->v[2]);
    r->v[3] = (int64_t)ct_select_u64(mask, (uint64_t)a->v[3], (uint64_t)b->v[3]);
    r->v[4] = (int64_t)ct_select_u64(mask, (uint64_t)a->v[4], (uint64_t)b->v[4]);
}

// r = -r where the mask is ~0, r where it is 0. Before and after: r tight or loose, limb by limb.
FE_INLINE void fe_negate_if(struct fe *r, uint64_t mask)
{
    for (int i = 0; i < 5; i++) {
        r->v[i] = (int64_t)(((uint64_t)r->v[i] ^ mask) - mask);
    }
}

// r = the number in four words, the lowest first, the top bit ignored. Any value below 2^255 is taken, reduced or not.
// After: r in [0, 2^51) in every limb.
FE_INLINE void fe_from_words(struct fe *r, const uint64_t w[static FE_WORDS])
{
    uint64_t mask = (uint64_t)fe_limb_mask;

    r->v[0] = (int64_t)(w[0] & mask);
    r->v[1] = (int64_t)((w[0] >> 51 | w[1] << 13) & mask);
    r->v[2] = (int64_t)((w[1] >> 38 | w[2] << 26) & mask);
    r->v[3] = (int64_t)((w[2] >> 25 | w[3] << 39) & mask);
    r->v[4] = (int64_t)(w[3] >> 12 & mask);
}

// w = the one representative in [0, p), in words. Before: a loose.
void fe_to_words(uint64_t w[static FE_WORDS], const struct fe *a);

// The same in bytes, RFC 7748 5: little-endian.
void fe_from_bytes(struct fe *r, const uint8_t in[static FE_LEN]);
void fe_to_bytes(uint8_t out[static FE_LEN], const struct fe *a);

#endif
