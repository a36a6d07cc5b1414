// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748) by a Montgomery ladder, portable.

#include "noise/ct.h"
#include "noise/fe25519.h"
#include "noise/x25519_paths.h"

enum {
    A24 = 121665, // (486662 - 2) / 4, RFC 7748 5
    SCALAR_TOP_BIT = 254,
    COFACTOR_BITS = 3, // a clamped scalar is a multiple of 8
};

// A point in projective form, only its x coordinate: x / z.
struct point {
    struct fe x;
    struct fe z;
};

// Everything that lives through the ladder, in one place to be wiped. With the top bits of the scalar read as k, p
// and q are k P and (k + 1) P, in an order that ladder_run knows; x1 is the coordinate of P.
struct ladder {
    struct point p, q;
    struct fe x1;
    uint8_t scalar[X25519_KEY_LEN];
};

// One step: q = p + q, whose difference has the coordinate x1, and p = twice whichever of p and q the mask says
// (~0: q). For adding it does not matter which is which, up to a sign that a square removes: so only what is
// doubled has to be selected, and nothing is swapped. p and q tight before and after.
//
// Doubling, RFC 7748 5: AA = a^2, BB = b^2, E = AA - BB, x = AA BB, z = E (AA + a24 E).
//
// CT: secret = the points, double_q.
static inline __attribute__((always_inline)) void ladder_step(struct ladder *l, uint64_t double_q)
{
    struct fe a, b, c, d, da, cb;

    fe_add(&a, &l->p.x, &l->p.z);
    fe_sub(&d, &l->q.x, &l->q.z);
    fe_mul_hot(&da, &d, &a);
    fe_sub(&b, &l->p.x, &l->p.z);
    fe_add(&c, &l->q.x, &l->q.z);
    fe_mul_hot(&cb, &c, &b);

    fe_select(&c, double_q, &l->q.x, &l->p.x);
    fe_select(&d, double_q, &l->q.z, &l->p.z);
    fe_add(&a, &c, &d);
    fe_sub(&b, &c, &d);
    fe_square_hot(&a, &a);
    fe_square_hot(&b, &b);
    fe_mul_hot(&l->p.x, &a, &b);
    fe_sub(&c, &a, &b);
    fe_mul_small_add(&d, &c, A24, &a);
    fe_mul_hot(&l->p.z, &c, &d);

    fe_add(&c, &da, &cb);
    fe_sub(&d, &da, &cb);
    fe_square_hot(&l->q.x, &c);
    fe_square_hot(&d, &d);
    fe_mul_hot(&l->q.z, &l->x1, &d);
}

// p = 2 p, by the same formulas.
static __attribute__((noinline)) void ladder_double(struct ladder *l)
{
    struct fe a, b;

    fe_add(&a, &l->p.x, &l->p.z);
    fe_sub(&b, &l->p.x, &l->p.z);
    fe_square_call(&a, &a);
    fe_square_call(&b, &b);
    fe_mul_call(&l->p.x, &a, &b);
    fe_sub(&b, &a, &b);
    fe_mul_small_add(&a, &b, A24, &a);
    fe_mul_call(&l->p.z, &a, &b);
}

static uint64_t scalar_bit(const uint8_t scalar[static X25519_KEY_LEN], int i)
{
    return (uint64_t)(scalar[i / 8] >> (i % 8) & 1);
}

// p = scalar P. The top bit of a clamped scalar is 1 and its low three are 0: the first step is a doubling and
// so are the last three.
static __attribute__((noinline)) void ladder_run(struct ladder *l)
{
    l->p.x = l->x1;
    l->p.z = fe_one;
    l->q.x = l->x1;
    l->q.z = fe_one;
    ladder_double(l);
    uint64_t swapped = 1;
    for (int i = SCALAR_TOP_BIT - 1; i >= COFACTOR_BITS; i--) {
        FE_KEEP_IN_MEMORY();
        uint64_t bit = scalar_bit(l->scalar, i);
        ladder_step(l, ct_mask_u64(swapped ^ bit));
        swapped = bit;
    }
    uint64_t mask = ct_mask_u64(swapped);
    fe_select(&l->p.x, mask, &l->q.x, &l->p.x);
    fe_select(&l->p.z, mask, &l->q.z, &l->p.z);
    for (int i = 0; i < COFACTOR_BITS; i++) {
        ladder_double(l);
    }
}

void x25519_ladder(uint8_t out[static X25519_KEY_LEN],
                   const uint8_t private_key[static X25519_KEY_LEN],
                   const uint8_t point[static X25519_KEY_LEN])
{
    struct ladder l;

    x25519_clamp(l.scalar, private_key);
    fe_from_bytes(&l.x1, point);
    ladder_run(&l);
    fe_invert(&l.q.x, &l.p.z);
    fe_mul_call(&l.q.z, &l.p.x, &l.q.x);
    fe_to_bytes(out, &l.q.z);
    ct_wipe(&l, sizeof l);
}
