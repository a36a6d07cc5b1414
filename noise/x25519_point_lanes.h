// SPDX-License-Identifier: Apache-2.0
// X25519 of one point, the ladder step spread over four lanes. Written once for the vectors of lanes_avx2.h and
// lanes_ifma.h; whoever includes this has included one of them, and has the four functions that move lanes.
//
// A step of the Montgomery ladder (RFC 7748 5) has nine multiplications, of which four and then four and then one can
// go side by side. t is where a step begins and ends, in lanes
//
//     b = xp - zp    a = xp + zp    d = xq - zq    c = xq + zq
//
// of the two points p and q, whose difference has the coordinate x1. From lane 0 on, a step is
//
//     arrange        b' b'            a' a'     d a          c b          a', b' are c, d instead, if q doubles
//     combine        e = aa - bb      aa        g = cb - da  f = da + cb
//     times_a24      e (aa + a24 e)   aa bb     g g          f f          bb = aa - e
//                    = zp             = xp                   = xq
//     times x1       zp 1             xp 1      g g x1       xq 1
//                                               = zq
//     spread         xp - zp          xp + zp   xq - zq      xq + zq
//
// where the squares and products in a line are one lanes_mul.
#ifndef NOISE_X25519_POINT_LANES_H
#define NOISE_X25519_POINT_LANES_H

#include "noise/bytes.h"
#include "noise/ct.h"
#include "noise/x25519_paths.h"

struct ladder {
    struct lanes t;
    struct lanes x1;
    struct fe elements[LANES];
    uint8_t scalar[X25519_KEY_LEN];
};

// p is the point at infinity, (1 : 0), and q the given one, (x : 1).
static LANES_TARGET void ladder_start(struct ladder *l, const struct fe *x)
{
    struct fe *e = l->elements;

    e[0] = fe_one;
    e[1] = fe_one;
    e[2] = *x;
    e[3] = fe_one;
    lanes_from_elements(&l->x1, e);
    fe_sub(&e[2], x, &fe_one);
    fe_add(&e[3], x, &fe_one);
    lanes_from_elements(&l->t, e);
}

// CT: secret = everything in l.
static __attribute__((noinline)) LANES_TARGET void ladder_run(struct ladder *l, const struct fe *x)
{
    uint64_t swapped = 0;

    ladder_start(l, x);
    struct lanes t = l->t;
    for (int i = X25519_TOP_BIT; i >= 0; i--) {
        uint64_t bit = (uint64_t)(l->scalar[i / 8] >> (i % 8) & 1);
        struct lanes_sums sums;
        struct lanes f, g;

        arrange(&f, &g, &t, ct_mask_u64(swapped ^ bit));
        swapped = bit;
        lanes_mul(&sums, &f, &g);
        combine(&f, &sums);
        times_a24(&g, &f);
        lanes_mul(&sums, &f, &g);
        lanes_reduce(&f, &sums, 1);
        lanes_mul(&sums, &f, &l->x1);
        spread(&t, &sums);
    }
    l->t = t;
    lanes_to_elements(l->elements, &l->t);
}

// out = scalar point: the body of the functions that x25519_paths.h names.
static LANES_TARGET void ladder_lanes(struct x25519_ratio *out,
                                      const uint8_t scalar[static X25519_KEY_LEN],
                                      const uint8_t point[static X25519_KEY_LEN])
{
    struct ladder l = {0};
    struct fe x;

    bytes_copy(l.scalar, scalar, X25519_KEY_LEN);
    fe_from_bytes(&x, point);
    uint32_t saved = lanes_begin();
    ladder_run(&l, &x);
    lanes_end(saved);
    // The last bit of a clamped scalar is 0: p is the result.
    fe_add(&out->numerator, &l.elements[1], &l.elements[0]);
    fe_sub(&out->denominator, &l.elements[1], &l.elements[0]);
    ct_wipe(&x, sizeof x);
    ct_wipe(&l, sizeof l);
}

#endif
