// SPDX-License-Identifier: Apache-2.0
// X25519 for as many points as there are lanes, the same ladder in each. Written once for the vectors of lanes_avx2.h
// and lanes_ifma.h; whoever includes this has included one of them.
#ifndef NOISE_X25519_LANES_H
#define NOISE_X25519_LANES_H

#include "noise/bytes.h"
#include "noise/ct.h"
#include "noise/x25519_paths.h"

// The two points p and q of the ladder, as in x25519_ladder.c, but what is kept of them is a = xp + zp, b = xp - zp,
// c = xq + zq and d = xq - zq, which are summed before carries are taken.
struct lanes_ladder {
    struct lanes a, b, c, d, x1;
    struct fe elements[LANES];
    uint64_t swapped[LANES]; // whether q doubles next, the bit before last
    uint8_t scalars[LANES][X25519_KEY_LEN];
};

// Masks for bit i of the scalars: ~0 where q is to be doubled.
static void lanes_ladder_bits(uint64_t double_q[static LANES], struct lanes_ladder *l, int i)
{
    for (int lane = 0; lane < LANES; lane++) {
        uint64_t bit = (uint64_t)(l->scalars[lane][i / 8] >> (i % 8) & 1);
        double_q[lane] = ct_mask_u64(l->swapped[lane] ^ bit);
        l->swapped[lane] = bit;
    }
}

// CT: secret = everything in l, double_q.
static LANES_TARGET void lanes_ladder_step(struct lanes_ladder *l,
                                           const uint64_t double_q[static LANES])
{
    static const int32_t a24[8] = {121665, 121665, 121665, 121665, 121665, 121665, 121665, 121665};
    struct lanes_sums x, z;
    struct lanes f, g, e;

    lanes_mul(&x, &l->d, &l->a);
    lanes_mul(&z, &l->c, &l->b);
    lanes_select(&l->a, double_q, &l->c, &l->a);
    lanes_select(&l->b, double_q, &l->d, &l->b);
    lanes_reduce_both(&f, &g, &x, &z);

    lanes_square(&x, &f);
    lanes_square(&z, &g);
    lanes_reduce(&g, &z, 1);
    lanes_mul(&z, &g, &l->x1);
    lanes_reduce_both(&l->c, &l->d, &x, &z);

    lanes_square(&x, &l->a); // aa
    lanes_square(&z, &l->b); // bb
    lanes_reduce(&f, &x, 1);
    lanes_reduce(&g, &z, 1);
    lanes_sums_sub(&x, &x, &z);
    lanes_reduce(&e, &x, 0);
    lanes_mul(&x, &f, &g);
    lanes_mul_small_add(&g, &e, a24, &f);
    lanes_mul(&z, &e, &g);
    lanes_reduce_both(&l->a, &l->b, &x, &z);
}

static __attribute__((noinline)) LANES_TARGET void lanes_ladder_run(struct lanes_ladder *l)
{
    uint64_t double_q[LANES];
    struct fe *u = l->elements;

    lanes_from_elements(&l->x1, u);
    for (int lane = 0; lane < LANES; lane++) {
        u[lane].v[0] += 1;
    }
    lanes_from_elements(&l->c, u);
    for (int lane = 0; lane < LANES; lane++) {
        u[lane].v[0] -= 2;
    }
    lanes_from_elements(&l->d, u);
    for (int lane = 0; lane < LANES; lane++) {
        u[lane] = fe_one;
    }
    lanes_from_elements(&l->a, u); // p is the point at infinity, (1 : 0)
    l->b = l->a;
    for (int i = X25519_TOP_BIT; i >= 0; i--) {
        lanes_ladder_bits(double_q, l, i);
        lanes_ladder_step(l, double_q);
    }
    ct_wipe(double_q, sizeof double_q);
}

// out[l] = scalars[l] points[l] for each lane l: the body of the functions that x25519_paths.h names.
static LANES_TARGET void lanes_ladder(struct x25519_ratio out[static LANES],
                                      const uint8_t *const scalars[static LANES],
                                      const uint8_t *const points[static LANES])
{
    struct lanes_ladder l = {0};
    struct fe b[LANES];

    for (int lane = 0; lane < LANES; lane++) {
        fe_from_bytes(&l.elements[lane], points[lane]);
        bytes_copy(l.scalars[lane], scalars[lane], X25519_KEY_LEN);
        l.swapped[lane] = 0;
    }
    uint32_t saved = lanes_begin();
    lanes_ladder_run(&l);
    // The last bit of a clamped scalar is 0: p is the result.
    lanes_to_elements(l.elements, &l.a);
    lanes_to_elements(b, &l.b);
    lanes_end(saved);
    for (int lane = 0; lane < LANES; lane++) {
        fe_add(&out[lane].numerator, &l.elements[lane], &b[lane]);
        fe_sub(&out[lane].denominator, &l.elements[lane], &b[lane]);
    }
    ct_wipe(b, sizeof b);
    ct_wipe(&l, sizeof l);
}

#endif
