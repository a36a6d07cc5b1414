// SPDX-License-Identifier: Apache-2.0
// X25519 of the base point 9 (RFC 7748 4.1) by a signed comb on the birationally equivalent Edwards curve
// -x^2 + y^2 = 1 + d x^2 y^2, whose formulas have no exceptions. Portable.
//
// A scalar k is written with digits s_i = +-1 alone, k = s_0 + 2 s_1 + ... + 2^255 s_255 (modulo the order of B, so
// that every k can be). Word j of the digits, read as columns of four teeth 16 bits apart, then asks for entries of block
// j of the table: 16 columns, 4 additions each, one doubling between columns. The look-up reads the whole block.
//
// The formulas are those of Hisil, Wong, Carter and Dawson, "Twisted Edwards Curves Revisited" (2008), 3.1 and 3.3.

#ifndef NOISE_NO_COMB

#include "noise/ct.h"
#include "noise/fe25519.h"
#include "noise/x25519_paths.h"

#include <stdbool.h>

__extension__ typedef unsigned __int128 u128;

enum {
    COMB_BLOCKS = 4,
    COMB_ENTRIES = 8,
    COLUMNS = 16,
};

#include "noise/x25519_comb_table.h"

// x = X / Z, y = Y / Z, T = X Y / Z. All tight.
struct point {
    struct fe x, y, z, t;
};

// An entry of the table, or its negative.
struct entry {
    struct fe sum, difference, product; // y + x, y - x, 2 d x y
};

// Everything that lives through the comb, in one place to be wiped.
struct comb {
    struct point p;
    struct entry e;
    uint64_t digits[COMB_BLOCKS]; // bit i is 1 for s_i = 1
};

// k = sum of s_i 2^i = 2 digits - (2^256 - 1), so digits = (k - 1) / 2 + 2^255; with the odd order L added to the even k
// that is k / 2 + (L - 1) / 2 + 2^255. No carry leaves the top: k / 2 < 2^254 and L < 2^253.
void x25519_comb_recode(uint64_t digits[static COMB_BLOCKS],
                        const uint8_t private_key[static X25519_KEY_LEN])
{
    static const uint64_t offset[COMB_BLOCKS] = {0x2c09318d2e7ae9f6, 0x0a6f7cef517bce6b, 0,
                                                 0x8800000000000000};
    uint64_t k[COMB_BLOCKS + 1] = {0};
    u128 sum = 0;

    load_words64(k, private_key, COMB_BLOCKS);
    k[0] &= ~(uint64_t)7; // as x25519_clamp
    k[3] = (k[3] & (UINT64_MAX >> 1)) | (uint64_t)1 << 62;
    for (size_t i = 0; i < COMB_BLOCKS; i++) {
        sum = (sum >> 64) + (k[i] >> 1 | k[i + 1] << 63) + offset[i];
        digits[i] = (uint64_t)sum;
    }
    ct_wipe(k, sizeof k);
}

struct words {
    uint64_t w[FE_WORDS];
};

static inline void add_masked(struct words *sum, const uint64_t from[static 4], uint64_t mask)
{
    sum->w[0] |= from[0] & mask;
    sum->w[1] |= from[1] & mask;
    sum->w[2] |= from[2] & mask;
    sum->w[3] |= from[3] & mask;
}

// e = the entry that four digits stand for: bits 0, 16, 32 and 48 of `digits`.
//
// CT: secret = digits.
static inline __attribute__((always_inline)) void look_up(
    struct entry *e, const uint64_t block[static COMB_ENTRIES][3][4], uint64_t digits)
{
    struct words sum = {0}, difference = {0}, product = {0};
    uint64_t negative = ct_mask_u64(~(digits >> 48) & 1);
    uint64_t index = (digits & 1) | (digits >> 15 & 2) | (digits >> 30 & 4);

    index ^= negative & 7; // with the top tooth's sign turned, so are the others
    for (size_t i = 0; i < COMB_ENTRIES; i++) {
        uint64_t mask = ct_mask_equal_u64(i, index);
        add_masked(&sum, block[i][0], mask);
        add_masked(&difference, block[i][1], mask);
        add_masked(&product, block[i][2], mask);
    }
    // -(x, y) = (-x, y): the first two change places, the third its sign.
    for (size_t i = 0; i < 4; i++) {
        ct_swap_u64(negative, &sum.w[i], &difference.w[i]);
    }
    fe_from_words(&e->sum, sum.w);
    fe_from_words(&e->difference, difference.w);
    fe_from_words(&e->product, product.w);
    fe_negate_if(&e->product, negative);
}

// p = p + e, "madd" of the paper for a = -1: 7 multiplications, one less where T is not wanted, as before a doubling.
// Sums of two elements below are at most 2^52 + 2^12, of three 2^53: loose.
//
// CT: secret = p, e; public = product_too.
static inline __attribute__((always_inline)) void add(struct point *p, const struct entry *e,
                                                      bool product_too)
{
    struct fe a, b, c, d;

    fe_sub(&a, &p->y, &p->x);
    fe_mul_hot(&a, &a, &e->difference);
    fe_add(&b, &p->y, &p->x);
    fe_mul_hot(&b, &b, &e->sum);
    fe_mul_hot(&c, &p->t, &e->product);
    fe_add(&d, &p->z, &p->z);
    struct fe f, g, h;
    fe_sub(&f, &d, &c);
    fe_add(&g, &d, &c);
    fe_add(&h, &b, &a);
    fe_sub(&b, &b, &a);
    fe_mul_hot(&p->x, &b, &f);
    fe_mul_hot(&p->y, &g, &h);
    fe_mul_hot(&p->z, &f, &g);
    if (product_too) {
        fe_mul_hot(&p->t, &b, &h);
    }
}

// p = 2 p: 4 squarings, 4 multiplications. Bounds as above. T is not used and the entry is spent, so their places serve for
// intermediate values.
//
// CT: secret = p.
static void twice(struct comb *c)
{
    struct point *p = &c->p;
    struct fe *e = &c->e.sum, *f = &c->e.difference, *g = &c->e.product, *h = &p->t;

    fe_add(e, &p->x, &p->y);
    fe_square_call(e, e);
    fe_square_call(&p->x, &p->x);
    fe_square_call(&p->y, &p->y);
    fe_square_call(&p->z, &p->z);
    fe_add(f, &p->z, &p->z);
    fe_add(h, &p->x, &p->y);
    fe_sub(e, h, e);
    fe_sub(g, &p->x, &p->y);
    fe_add(f, f, g);
    fe_mul_call(&p->x, e, f);
    fe_mul_call(&p->y, g, h);
    fe_mul_call(&p->z, f, g);
    fe_mul_call(&p->t, e, h);
}

static __attribute__((noinline)) void run(struct comb *c)
{
    c->p = (struct point){.y = fe_one, .z = fe_one};
    for (int column = COLUMNS - 1;; column--) {
        for (size_t j = 0; j < COMB_BLOCKS; j++) {
            FE_KEEP_IN_MEMORY();
            look_up(&c->e, comb_table[j], c->digits[j] >> column);
            add(&c->p, &c->e, j + 1 < COMB_BLOCKS);
        }
        if (column == 0) {
            return;
        }
        twice(c);
    }
}

// u = (1 + y) / (1 - y), RFC 7748 4.1. Y is not Z: no clamped scalar takes B, of prime order, to the neutral element.
void x25519_comb(uint8_t out[static X25519_KEY_LEN],
                 const uint8_t private_key[static X25519_KEY_LEN])
{
    struct comb c;

    x25519_comb_recode(c.digits, private_key);
    run(&c);
    fe_add(&c.e.sum, &c.p.z, &c.p.y);
    fe_sub(&c.e.difference, &c.p.z, &c.p.y);
    fe_invert(&c.e.difference, &c.e.difference);
    fe_mul_call(&c.p.x, &c.e.sum, &c.e.difference);
    fe_to_bytes(out, &c.p.x);
    ct_wipe(&c, sizeof c);
}

#else
typedef int x25519_comb_is_left_out;
#endif
