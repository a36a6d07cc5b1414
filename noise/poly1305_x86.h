// SPDX-License-Identifier: Apache-2.0
// Poly1305 (RFC 8439 2.5) with the 64-bit multiplier of BMI2, for files that are compiled for x86-64 only. Internal to
// noise/.
//
// One chain of blocks waits for its own products. A long text is therefore cut in halves that are absorbed side by
// side: with n blocks in each, h(first | second) = h(first) r^n + h(second), where the second chain starts at 0. Both
// chains multiply by r itself, whose clamped bits keep a step as short as the portable one (noise/poly1305.c).
//
// The includer defines NOISE_X86_TARGET, the instructions that its functions may use.
#ifndef NOISE_POLY1305_X86_H
#define NOISE_POLY1305_X86_H

#include "noise/bytes.h"
#include "noise/poly1305.h"
#include "noise/x86.h"

#define NOISE_X86_INLINE static inline __attribute__((always_inline)) NOISE_TARGET(NOISE_X86_TARGET)

__extension__ typedef unsigned __int128 poly1305_u128;

// Half a block, wherever it lies.
typedef uint64_t poly1305_word __attribute__((aligned(1), may_alias));

enum {
    POLY1305_CHAIN_BLOCKS = 16, // in each half
    POLY1305_CHAIN_LEN = POLY1305_CHAIN_BLOCKS * POLY1305_BLOCK_LEN,
    POLY1305_HALVES_LEN = 2 * POLY1305_CHAIN_LEN,
};

// r as a step wants it; s1 = 5 r1 / 4, exact.
struct poly1305_key {
    uint64_t r0, r1, s1;
};

// An accumulator: h0 + 2^64 h1 + 2^128 h2.
struct poly1305_sum {
    uint64_t h0, h1, h2;
};

NOISE_X86_INLINE struct poly1305_key poly1305_key_of(const struct poly1305 *ctx)
{
    return (struct poly1305_key){ctx->r[0], ctx->r[1], ctx->r[1] + (ctx->r[1] >> 2)};
}

// h = (h + block + 2^128) * r, partly reduced modulo 2^130 - 5: poly1305.c's absorb, with its bounds. Before: h2 <= 4.
// After: h2 <= 4. In assembly because gcc 12 keeps no carry in the flags across 128-bit sums: the AEAD of a long
// message takes 17 % longer with its code.
//
// CT: secret = everything.
NOISE_X86_INLINE void poly1305_step(struct poly1305_sum *h, const struct poly1305_key *key,
                                    const uint8_t *block)
{
    uint64_t h0 = h->h0, h1 = h->h1, h2 = h->h2;
    uint64_t d0, d0_high, d1, d1_high;
    const poly1305_word *m = (const poly1305_word *)block;

    __asm__(
        "addq %[m0], %[h0]\n\t"
        "adcq %[m1], %[h1]\n\t"
        "adcq $1, %[h2]\n\t"
        "movq %[h0], %%rdx\n\t"
        "mulxq %[r0], %[d0], %[d0h]\n\t" // h0 r0
        "mulxq %[r1], %[d1], %[d1h]\n\t" // h0 r1
        "movq %[h1], %%rdx\n\t"
        "mulxq %[r0], %[h0], %[h1]\n\t" // h1 r0
        "mulxq %[s1], %%rdx, %%rax\n\t" // h1 s1
        "addq %[h0], %[d1]\n\t"
        "adcq %[h1], %[d1h]\n\t"
        "movq %[h2], %[h0]\n\t"
        "imulq %[s1], %[h0]\n\t" // h2 s1
        "imulq %[r0], %[h2]\n\t" // h2 r0
        "addq %%rdx, %[d0]\n\t"
        "adcq %%rax, %[d0h]\n\t"
        "addq %[h0], %[d1]\n\t"
        "adcq %[h2], %[d1h]\n\t"
        "addq %[d0h], %[d1]\n\t"
        "adcq $0, %[d1h]\n\t"
        // what is above 2^130, times 5
        "movl %k[d1h], %k[h2]\n\t"
        "movq %[d1h], %%rdx\n\t"
        "shrq $2, %%rdx\n\t"
        "andq $-4, %[d1h]\n\t"
        "andl $3, %k[h2]\n\t"
        "addq %%rdx, %[d1h]\n\t"
        "addq %[d1h], %[d0]\n\t"
        "adcq $0, %[d1]\n\t"
        "adcq $0, %[h2]\n\t"
        : [h0] "+&r"(h0), [h1] "+&r"(h1), [h2] "+&r"(h2), [d0] "=&r"(d0), [d0h] "=&r"(d0_high),
          [d1] "=&r"(d1), [d1h] "=&r"(d1_high)
        : [m0] "m"(m[0]), [m1] "m"(m[1]), [r0] "r"(key->r0), [r1] "m"(key->r1), [s1] "m"(key->s1)
        : "rax", "rdx", "cc");
    h->h0 = d0;
    h->h1 = d1;
    h->h2 = h2;
}

// h += x, three words. In assembly for the same reason.
NOISE_X86_INLINE void poly1305_add(struct poly1305_sum *h, uint64_t x0, uint64_t x1, uint64_t x2)
{
    __asm__("addq %[x0], %[h0]\n\tadcq %[x1], %[h1]\n\tadcq %[x2], %[h2]"
            : [h0] "+&r"(h->h0), [h1] "+&r"(h->h1), [h2] "+&r"(h->h2)
            : [x0] "r"(x0), [x1] "r"(x1), [x2] "r"(x2)
            : "cc");
}

// The same number, what is above 2^130 folded in. Before: h2 < 2^62. After: h2 <= 4.
NOISE_X86_INLINE struct poly1305_sum poly1305_fold(struct poly1305_sum h)
{
    uint64_t fold = (h.h2 & ~(uint64_t)3) + (h.h2 >> 2);

    h.h2 &= 3;
    poly1305_add(&h, fold, 0, 0);
    return h;
}

// Words 1 to 4 of a product.
struct poly1305_product {
    uint64_t w1, w2, w3, w4;
};

NOISE_X86_INLINE void poly1305_product_add(struct poly1305_product *w, uint64_t x1, uint64_t x2,
                                           uint64_t x3, uint64_t x4)
{
    __asm__("addq %[x1], %[w1]\n\tadcq %[x2], %[w2]\n\tadcq %[x3], %[w3]\n\tadcq %[x4], %[w4]"
            : [w1] "+&r"(w->w1), [w2] "+&r"(w->w2), [w3] "+&r"(w->w3), [w4] "+&r"(w->w4)
            : [x1] "r"(x1), [x2] "r"(x2), [x3] "r"(x3), [x4] "r"(x4)
            : "cc");
}

// a * b + c, partly reduced modulo 2^130 - 5. Before: the h2 of all three <= 4. After: h2 <= 4.
//
// Bounds. a, b < 5 2^128, so the product is below 25 2^256 and w4 < 25. What is above 2^130 is below 25 2^126, five
// times that below 125 2^126, and with the rest of the product and c the sum is below 2^134: h2 < 2^6 before the last
// folding, which leaves 3 and a carry.
//
// CT: secret = everything.
NOISE_X86_INLINE struct poly1305_sum poly1305_multiply_add(struct poly1305_sum a,
                                                           struct poly1305_sum b,
                                                           struct poly1305_sum c)
{
    poly1305_u128 p00 = (poly1305_u128)a.h0 * b.h0, p11 = (poly1305_u128)a.h1 * b.h1;
    poly1305_u128 p01 = (poly1305_u128)a.h0 * b.h1, p10 = (poly1305_u128)a.h1 * b.h0;
    poly1305_u128 p02 = (poly1305_u128)a.h0 * b.h2 + (poly1305_u128)a.h2 * b.h0; // < 2^67
    poly1305_u128 p12 = (poly1305_u128)a.h1 * b.h2 + (poly1305_u128)a.h2 * b.h1; // < 2^67

    struct poly1305_product w = {(uint64_t)(p00 >> 64), (uint64_t)p11, (uint64_t)(p11 >> 64),
                                 a.h2 * b.h2};
    poly1305_product_add(&w, (uint64_t)p01, (uint64_t)(p01 >> 64), (uint64_t)p12,
                         (uint64_t)(p12 >> 64));
    poly1305_product_add(&w, (uint64_t)p10, (uint64_t)(p10 >> 64), 0, 0);
    poly1305_product_add(&w, 0, (uint64_t)p02, (uint64_t)(p02 >> 64), 0);

    // below 2^130, and q 2^130 = 4 q + q
    struct poly1305_sum h = {(uint64_t)p00, w.w1, w.w2 & 3};
    poly1305_add(&h, w.w2 & ~(uint64_t)3, w.w3, w.w4);
    poly1305_add(&h, w.w2 >> 2 | w.w3 << 62, w.w3 >> 2 | w.w4 << 62, w.w4 >> 2);
    poly1305_add(&h, c.h0, c.h1, c.h2);
    return poly1305_fold(h);
}

NOISE_X86_INLINE void poly1305_square(struct poly1305_sum *a)
{
    const struct poly1305_sum zero = {0, 0, 0};

    *a = poly1305_multiply_add(*a, *a, zero);
}

NOISE_X86_INLINE struct poly1305_sum poly1305_sum_of(const struct poly1305 *ctx)
{
    return (struct poly1305_sum){ctx->h[0], ctx->h[1], ctx->h[2]};
}

NOISE_X86_INLINE void poly1305_set_sum(struct poly1305 *ctx, struct poly1305_sum h)
{
    ctx->h[0] = h.h0;
    ctx->h[1] = h.h1;
    ctx->h[2] = h.h2;
}

// Whole blocks in one chain.
NOISE_X86_INLINE void poly1305_absorb_blocks(struct poly1305 *ctx, const uint8_t *in, size_t count)
{
    struct poly1305_key key = poly1305_key_of(ctx);
    struct poly1305_sum h = poly1305_sum_of(ctx);

    for (; count > 0; count--) {
        poly1305_step(&h, &key, in);
        in += POLY1305_BLOCK_LEN;
    }
    poly1305_set_sum(ctx, h);
}

// POLY1305_HALVES_LEN bytes in two chains; `power` is r^16.
NOISE_X86_INLINE void poly1305_absorb_halves(struct poly1305 *ctx, struct poly1305_sum power,
                                             const uint8_t *in)
{
    struct poly1305_key key = poly1305_key_of(ctx);
    struct poly1305_sum first = poly1305_sum_of(ctx);
    struct poly1305_sum second = {0, 0, 0};

    for (int i = 0; i < POLY1305_CHAIN_BLOCKS; i++) {
        poly1305_step(&first, &key, in);
        poly1305_step(&second, &key, in + POLY1305_CHAIN_LEN);
        in += POLY1305_BLOCK_LEN;
    }
    poly1305_set_sum(ctx, poly1305_multiply_add(first, power, second));
}

#endif
