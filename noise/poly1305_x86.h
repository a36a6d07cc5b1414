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

// *to += x and the carry of the sum below; the new carry. With intrinsics for the same reason.
NOISE_X86_INLINE uint8_t poly1305_carry(uint8_t carry, uint64_t *to, uint64_t x)
{
    unsigned long long sum;

    carry = _addcarry_u64(carry, *to, x, &sum);
    *to = sum;
    return carry;
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

    // the product
    uint64_t w0 = (uint64_t)p00, w1 = (uint64_t)(p00 >> 64), w2 = (uint64_t)p11;
    uint64_t w3 = (uint64_t)(p11 >> 64), w4 = a.h2 * b.h2;
    uint8_t carry = poly1305_carry(0, &w1, (uint64_t)p01);
    carry = poly1305_carry(carry, &w2, (uint64_t)(p01 >> 64));
    carry = poly1305_carry(carry, &w3, (uint64_t)p12);
    (void)poly1305_carry(carry, &w4, (uint64_t)(p12 >> 64));
    carry = poly1305_carry(0, &w1, (uint64_t)p10);
    carry = poly1305_carry(carry, &w2, (uint64_t)(p10 >> 64));
    carry = poly1305_carry(carry, &w3, 0);
    (void)poly1305_carry(carry, &w4, 0);
    carry = poly1305_carry(0, &w2, (uint64_t)p02);
    carry = poly1305_carry(carry, &w3, (uint64_t)(p02 >> 64));
    (void)poly1305_carry(carry, &w4, 0);

    // below 2^130, and q 2^130 = 4 q + q
    struct poly1305_sum h = {w0, w1, w2 & 3};
    carry = poly1305_carry(0, &h.h0, w2 & ~(uint64_t)3);
    carry = poly1305_carry(carry, &h.h1, w3);
    (void)poly1305_carry(carry, &h.h2, w4);
    carry = poly1305_carry(0, &h.h0, w2 >> 2 | w3 << 62);
    carry = poly1305_carry(carry, &h.h1, w3 >> 2 | w4 << 62);
    (void)poly1305_carry(carry, &h.h2, w4 >> 2);
    carry = poly1305_carry(0, &h.h0, c.h0);
    carry = poly1305_carry(carry, &h.h1, c.h1);
    (void)poly1305_carry(carry, &h.h2, c.h2);

    uint64_t fold = (h.h2 & ~(uint64_t)3) + (h.h2 >> 2);
    h.h2 &= 3;
    carry = poly1305_carry(0, &h.h0, fold);
    carry = poly1305_carry(carry, &h.h1, 0);
    (void)poly1305_carry(carry, &h.h2, 0);
    return h;
}

// r^16, for poly1305_join.
NOISE_X86_INLINE struct poly1305_sum poly1305_power(const struct poly1305_key *key)
{
    struct poly1305_sum power = {key->r0, key->r1, 0};
    const struct poly1305_sum zero = {0, 0, 0};

    for (int n = 1; n < POLY1305_CHAIN_BLOCKS; n *= 2) {
        power = poly1305_multiply_add(power, power, zero);
    }
    return power;
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

// POLY1305_HALVES_LEN bytes in two chains.
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
