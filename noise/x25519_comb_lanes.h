// SPDX-License-Identifier: Apache-2.0
// X25519 of the base point by the comb of x25519_comb.c, with a larger table and a word of the scalar's digits in each of
// four lanes. Written once for the vectors of lanes_avx2.h and lanes_ifma.h; whoever includes this has included one of them.
//
// The 64 digits +-1 of a word are read as 8 blocks of 2 columns of four teeth, 2 bits apart: 8 additions, one doubling and 8
// additions go on in all lanes. Then the four points are added up.
//
// Points are on -x^2 + y^2 = 1 + d x^2 y^2; formulas as there, Hisil, Wong, Carter and Dawson 2008, 3.1 and 3.3.
#ifndef NOISE_X25519_COMB_LANES_H
#define NOISE_X25519_COMB_LANES_H

#include "noise/ct.h"
#include "noise/x25519_lanes_table.h"
#include "noise/x25519_paths.h"

// A point in each lane. What is kept are y - x, y + x and t, ready to be multiplied, and z before its carries.
struct comb_point {
    struct lanes difference, sum, t;
    struct lanes_sums z;
};

// An entry of the table in each lane: y + x, y - x, 2 d x y.
struct comb_entry {
    struct lanes sum, difference, product;
};

// One point.
struct comb_single {
    struct fe x, y, z, t;
};

// Everything that lives through the comb, in one place to be wiped.
struct comb_lanes {
    struct comb_point p;
    struct comb_entry e;
    uint64_t digits[LANES];
    struct comb_single singles[LANES];
    struct fe elements[4][LANES];
};

// x = e f, y = g h, t = e h, z = f g: the end of adding and of doubling.
static LANES_TARGET void comb_multiply_out(struct comb_point *p, const struct lanes *e,
                                           const struct lanes *f, const struct lanes *g,
                                           const struct lanes *h)
{
    struct lanes_sums x, y;

    lanes_mul(&x, e, f);
    lanes_mul(&y, g, h);
    lanes_reduce_both(&p->sum, &p->difference, &y, &x);
    lanes_mul(&x, e, h);
    lanes_reduce(&p->t, &x, 1);
    lanes_mul(&p->z, f, g);
}

// p = p + e. CT: secret = p, e.
static LANES_TARGET void comb_add(struct comb_point *p, const struct comb_entry *entry)
{
    struct lanes_sums a, b;
    struct lanes e, f, g, h;

    lanes_mul(&a, &entry->difference, &p->difference);
    lanes_mul(&b, &entry->sum, &p->sum);
    lanes_reduce_both(&h, &e, &b, &a);
    lanes_mul(&a, &entry->product, &p->t);
    lanes_sums_add(&b, &p->z, &p->z);
    lanes_sums_sub(&p->z, &b, &a);
    lanes_reduce(&f, &p->z, 1);
    lanes_sums_add(&b, &b, &a);
    lanes_reduce(&g, &b, 3);
    comb_multiply_out(p, &e, &f, &g, &h);
}

// p = 2 p. With a = (y + x)^2, b = (y - x)^2 and m = (y + x) (y - x) the factors of the paper, times 2 or -2, are
// e = a - b, h = a + b, g = 2 m and f = 4 z^2 - 2 m. CT: secret = p.
static LANES_TARGET void comb_double(struct comb_point *p)
{
    struct lanes_sums a, b;
    struct lanes e, f, g, h;

    lanes_square(&a, &p->sum);
    lanes_square(&b, &p->difference);
    lanes_reduce_both(&h, &e, &a, &b);
    lanes_mul(&a, &p->sum, &p->difference);
    lanes_sums_add(&a, &a, &a);
    lanes_reduce(&g, &a, 2);
    lanes_reduce(&f, &p->z, 1);
    lanes_square(&b, &f);
    lanes_sums_add(&b, &b, &b);
    lanes_sums_add(&b, &b, &b);
    lanes_sums_sub(&b, &b, &a);
    lanes_reduce(&f, &b, 2);
    comb_multiply_out(p, &e, &f, &g, &h);
}

// The entry that four digits stand for, in each lane: bits 0, 2, 4 and 6 of a word of digits. The whole block is read.
// With the top tooth's sign turned, so are the others; and -(x, y) = (-x, y).
//
// CT: secret = digits.
static LANES_TARGET void comb_look_up(
    struct comb_entry *e, const uint64_t block[static X25519_TABLE_ENTRIES][3][4][LANES],
    __m256i digits)
{
    const __m256i one = _mm256_set1_epi64x(1);
    __m256i negative = _mm256_sub_epi64(_mm256_and_si256(_mm256_srli_epi64(digits, 6), one), one);
    __m256i index = _mm256_and_si256(digits, one);
    __m256i words[3][4];

    index = _mm256_or_si256(index,
                            _mm256_and_si256(_mm256_srli_epi64(digits, 1), _mm256_set1_epi64x(2)));
    index = _mm256_or_si256(index,
                            _mm256_and_si256(_mm256_srli_epi64(digits, 2), _mm256_set1_epi64x(4)));
    index = _mm256_xor_si256(index, _mm256_and_si256(negative, _mm256_set1_epi64x(7)));
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++)
    {
        words[i / 4][i % 4] = _mm256_setzero_si256();
    }
    for (long long m = 0; m < X25519_TABLE_ENTRIES; m++) {
        __m256i mask = _mm256_cmpeq_epi64(index, _mm256_set1_epi64x(m));
        _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++)
        {
            __m256i word = lanes_load(block[m][i / 4][i % 4]);
            words[i / 4][i % 4] =
                _mm256_or_si256(words[i / 4][i % 4], _mm256_and_si256(word, mask));
        }
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
    {
        __m256i both = _mm256_and_si256(_mm256_xor_si256(words[0][i], words[1][i]), negative);
        words[0][i] = _mm256_xor_si256(words[0][i], both);
        words[1][i] = _mm256_xor_si256(words[1][i], both);
    }
    lanes_from_words(&e->sum, words[0]);
    lanes_from_words(&e->difference, words[1]);
    lanes_from_words(&e->product, words[2]);
    lanes_negate_if(&e->product, negative);
}

// From the neutral element, (0, 1), on. CT: secret = everything in c.
static __attribute__((noinline)) LANES_TARGET void comb_run(struct comb_lanes *c)
{
    struct lanes one;

    for (int lane = 0; lane < LANES; lane++) {
        c->elements[0][lane] = fe_one;
        c->elements[1][lane] = (struct fe){{0}};
    }
    lanes_from_elements(&one, c->elements[0]);
    c->p.sum = one;
    c->p.difference = one;
    lanes_from_elements(&c->p.t, c->elements[1]);
    lanes_mul(&c->p.z, &one, &one);
    for (int column = X25519_TABLE_COLUMNS - 1; column >= 0; column--) {
        for (int block = 0; block < X25519_TABLE_BLOCKS; block++) {
            __m256i digits =
                _mm256_srl_epi64(lanes_load(c->digits), _mm_cvtsi32_si128(8 * block + column));
            comb_look_up(&c->e, x25519_lanes_table[block], digits);
            comb_add(&c->p, &c->e);
        }
        if (column > 0) {
            comb_double(&c->p);
        }
    }
    lanes_to_elements(c->elements[0], &c->p.sum);
    lanes_to_elements(c->elements[1], &c->p.difference);
    lanes_reduce(&one, &c->p.z, 1);
    lanes_to_elements(c->elements[2], &one);
    lanes_to_elements(c->elements[3], &c->p.t);
}

// The four points, each coordinate twice what it was.
static void comb_split(struct comb_lanes *c)
{
    for (int lane = 0; lane < LANES; lane++) {
        struct comb_single *p = &c->singles[lane];
        fe_sub(&p->x, &c->elements[0][lane], &c->elements[1][lane]);
        fe_add(&p->y, &c->elements[0][lane], &c->elements[1][lane]);
        fe_add(&p->z, &c->elements[2][lane], &c->elements[2][lane]);
        fe_add(&p->t, &c->elements[3][lane], &c->elements[3][lane]);
    }
}

// p = p + q, 9 multiplications. Before: coordinates at most 2^52. After: tight.
//
// CT: secret = p, q.
static void comb_add_single(struct comb_single *p, const struct comb_single *q)
{
    static const struct fe two_d = {
        {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}};
    struct fe a, b, c, d, e, f;

    fe_sub(&a, &p->y, &p->x);
    fe_sub(&b, &q->y, &q->x);
    fe_mul_call(&a, &a, &b);
    fe_add(&b, &p->y, &p->x);
    fe_add(&c, &q->y, &q->x);
    fe_mul_call(&b, &b, &c);
    fe_mul_call(&c, &p->t, &q->t);
    fe_mul_call(&c, &c, &two_d);
    fe_mul_call(&d, &p->z, &q->z);
    fe_add(&d, &d, &d);
    fe_sub(&e, &b, &a);
    fe_add(&b, &b, &a); // h
    fe_sub(&f, &d, &c);
    fe_add(&d, &d, &c); // g
    fe_mul_call(&p->x, &e, &f);
    fe_mul_call(&p->y, &d, &b);
    fe_mul_call(&p->z, &f, &d);
    fe_mul_call(&p->t, &e, &b);
}

// out = scalar 9: the body of the functions that x25519_paths.h names. u = (z + y) / (z - y), RFC 7748 4.1.
static LANES_TARGET void comb_lanes(struct x25519_ratio *out,
                                    const uint8_t scalar[static X25519_KEY_LEN])
{
    struct comb_lanes c;

    x25519_comb_recode(c.digits, scalar);
    uint32_t saved = lanes_begin();
    comb_run(&c);
    lanes_end(saved);
    comb_split(&c);
    comb_add_single(&c.singles[0], &c.singles[1]);
    comb_add_single(&c.singles[2], &c.singles[3]);
    comb_add_single(&c.singles[0], &c.singles[2]);
    fe_add(&out->numerator, &c.singles[0].z, &c.singles[0].y);
    fe_sub(&out->denominator, &c.singles[0].z, &c.singles[0].y);
    ct_wipe(&c, sizeof c);
}

#endif
