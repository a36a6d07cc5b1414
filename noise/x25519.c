// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748) by a Montgomery ladder, portable.

#include "noise/x25519.h"

#include "noise/ct.h"
#include "noise/fe25519.h"

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

// Everything that the ladder holds, in one place to be wiped. With the top bits of the scalar read as k, p and q
// are k P and (k + 1) P, in an order that ladder_run knows; x1 is the coordinate of P.
struct ladder {
    struct point p, q;
    struct fe x1;
    struct fe a, b, c, d, e, f;
    uint8_t scalar[X25519_KEY_LEN];
};

// p = twice the point whose sum and difference of coordinates are in a and b. RFC 7748 5: AA = a^2, BB = b^2,
// E = AA - BB, x = AA BB, z = E (AA + a24 E). Before: a, b loose. After: p tight.
static inline void finish_double(struct ladder *l)
{
    fe_square(&l->a, &l->a);
    fe_square(&l->b, &l->b);
    fe_sub(&l->e, &l->a, &l->b);
    fe_mul_small_add(&l->f, &l->e, A24, &l->a);
    fe_mul(&l->p.x, &l->a, &l->b);
    fe_mul(&l->p.z, &l->e, &l->f);
}

// p = 2 p
static void ladder_double(struct ladder *l)
{
    fe_add(&l->a, &l->p.x, &l->p.z);
    fe_sub(&l->b, &l->p.x, &l->p.z);
    finish_double(l);
}

// One step: q = p + q, whose difference has the coordinate x1, and p = twice whichever of p and q the mask says
// (~0: q). For adding it does not matter which is which, up to a sign that a square removes: so only what is
// doubled has to be selected, and nothing is swapped. p and q tight before and after.
//
// CT: secret = the points, double_q.
static void ladder_step(struct ladder *l, uint64_t double_q)
{
    fe_add(&l->a, &l->p.x, &l->p.z);
    fe_sub(&l->b, &l->p.x, &l->p.z);
    fe_add(&l->c, &l->q.x, &l->q.z);
    fe_sub(&l->d, &l->q.x, &l->q.z);
    fe_mul(&l->e, &l->d, &l->a);
    fe_mul(&l->f, &l->c, &l->b);
    fe_select(&l->a, double_q, &l->c, &l->a);
    fe_select(&l->b, double_q, &l->d, &l->b);
    fe_add(&l->c, &l->e, &l->f);
    fe_sub(&l->d, &l->e, &l->f);
    fe_square(&l->q.x, &l->c);
    fe_square(&l->d, &l->d);
    fe_mul(&l->q.z, &l->x1, &l->d);
    finish_double(l);
}

// r = a^(2^n), n > 0.
static void fe_square_times(struct fe *r, const struct fe *a, int n)
{
    fe_square(r, a);
    while (--n > 0) {
        fe_square(r, r);
    }
}

// r = 1 / a, and 0 for 0: a^(p-2), p - 2 = 2^255 - 21 = 2^5 (2^250 - 1) + 11. Before: a loose. After: r tight.
// Names say the exponent: t_m is a^(2^m - 1).
static void fe_invert(struct fe *r, const struct fe *a)
{
    struct fe a2, a9, a11, t, u, w;

    fe_square(&a2, a);
    fe_square_times(&t, &a2, 2);
    fe_mul(&a9, &t, a);
    fe_mul(&a11, &a9, &a2);
    fe_square(&t, &a11);
    fe_mul(&u, &t, &a9); // u = t_5
    fe_square_times(&t, &u, 5);
    fe_mul(&u, &t, &u); // t_10
    fe_square_times(&t, &u, 10);
    fe_mul(&w, &t, &u); // t_20
    fe_square_times(&t, &w, 20);
    fe_mul(&t, &t, &w); // t_40
    fe_square_times(&t, &t, 10);
    fe_mul(&u, &t, &u); // t_50
    fe_square_times(&t, &u, 50);
    fe_mul(&w, &t, &u); // t_100
    fe_square_times(&t, &w, 100);
    fe_mul(&t, &t, &w); // t_200
    fe_square_times(&t, &t, 50);
    fe_mul(&t, &t, &u); // t_250
    fe_square_times(&t, &t, 5);
    fe_mul(r, &t, &a11);

    ct_wipe(&a2, sizeof a2);
    ct_wipe(&a9, sizeof a9);
    ct_wipe(&a11, sizeof a11);
    ct_wipe(&t, sizeof t);
    ct_wipe(&u, sizeof u);
    ct_wipe(&w, sizeof w);
}

static uint64_t scalar_bit(const uint8_t scalar[static X25519_KEY_LEN], int i)
{
    return (uint64_t)(scalar[i / 8] >> (i % 8) & 1);
}

// p = scalar P. The top bit of a clamped scalar is 1 and its low three are 0: the first step is a doubling and
// so are the last three.
static void ladder_run(struct ladder *l)
{
    static const struct fe one = {{1, 0, 0, 0, 0}};

    l->p.x = l->x1;
    l->p.z = one;
    l->q.x = l->x1;
    l->q.z = one;
    ladder_double(l);
    uint64_t swapped = 1;
    for (int i = SCALAR_TOP_BIT - 1; i >= COFACTOR_BITS; i--) {
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

enum noise_error x25519(uint8_t shared[static X25519_KEY_LEN],
                        const uint8_t private_key[static X25519_KEY_LEN],
                        const uint8_t public_key[static X25519_KEY_LEN])
{
    struct ladder l;

    bytes_copy(l.scalar, private_key, X25519_KEY_LEN);
    l.scalar[0] &= 248; // RFC 7748 5: decodeScalar25519
    l.scalar[31] &= 127;
    l.scalar[31] |= 64;
    fe_from_bytes(&l.x1, public_key);
    ladder_run(&l);
    fe_invert(&l.a, &l.p.z);
    fe_mul(&l.b, &l.p.x, &l.a);
    fe_to_bytes(shared, &l.b);
    ct_wipe(&l, sizeof l);
    // Public: an all-zero product ends the handshake visibly (RFC 7748 6.1).
    return ct_declassify(ct_is_zero(shared, X25519_KEY_LEN)) ? NOISE_ERR_LOW_ORDER : NOISE_OK;
}

void x25519_base(uint8_t public_key[static X25519_KEY_LEN],
                 const uint8_t private_key[static X25519_KEY_LEN])
{
    static const uint8_t nine[X25519_KEY_LEN] = {9};

    // 9 generates the group of prime order: no clamped scalar takes it to zero.
    enum noise_error error = x25519(public_key, private_key, nine);
    (void)error;
}
