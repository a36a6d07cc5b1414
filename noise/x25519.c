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

// Everything that lives through the ladder, in one place to be wiped. With the top bits of the scalar read as k, p
// and q are k P and (k + 1) P, in an order that ladder_run knows; x1 is the coordinate of P.
struct ladder {
    struct point p, q;
    struct fe x1;
    uint8_t scalar[X25519_KEY_LEN];
};

// Multiplications as calls, where they are few.
static __attribute__((noinline)) void mul(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_mul(r, a, b);
}

static __attribute__((noinline)) void square(struct fe *r, const struct fe *a)
{
    fe_square(r, a);
}

// The nine of a ladder step are inlined, unless the build is for size (NOISE_SMALL).
#ifdef NOISE_SMALL
#define STEP_MUL    mul
#define STEP_SQUARE square
#else
#define STEP_MUL    fe_mul
#define STEP_SQUARE fe_square
#endif

// One step: q = p + q, whose difference has the coordinate x1, and p = twice whichever of p and q the mask says
// (~0: q). For adding it does not matter which is which, up to a sign that a square removes: so only what is
// doubled has to be selected, and nothing is swapped. p and q tight before and after.
//
// Doubling, RFC 7748 5: AA = a^2, BB = b^2, E = AA - BB, x = AA BB, z = E (AA + a24 E).
//
// CT: secret = the points, double_q.
static __attribute__((noinline)) void ladder_step(struct ladder *l, uint64_t double_q)
{
    struct fe a, b, c, d, da, cb;

    fe_add(&a, &l->p.x, &l->p.z);
    fe_sub(&d, &l->q.x, &l->q.z);
    STEP_MUL(&da, &d, &a);
    fe_sub(&b, &l->p.x, &l->p.z);
    fe_add(&c, &l->q.x, &l->q.z);
    STEP_MUL(&cb, &c, &b);
    fe_select(&a, double_q, &c, &a);
    fe_select(&b, double_q, &d, &b);

    fe_add(&c, &da, &cb);
    fe_sub(&d, &da, &cb);
    STEP_SQUARE(&l->q.x, &c);
    STEP_SQUARE(&d, &d);
    STEP_MUL(&l->q.z, &l->x1, &d);

    STEP_SQUARE(&a, &a);
    STEP_SQUARE(&b, &b);
    STEP_MUL(&l->p.x, &a, &b);
    fe_sub(&c, &a, &b);
    fe_mul_small_add(&d, &c, A24, &a);
    STEP_MUL(&l->p.z, &c, &d);
}

// p = 2 p, by the same formulas.
static __attribute__((noinline)) void ladder_double(struct ladder *l)
{
    struct fe a, b, c, d;

    fe_add(&a, &l->p.x, &l->p.z);
    fe_sub(&b, &l->p.x, &l->p.z);
    square(&a, &a);
    square(&b, &b);
    mul(&l->p.x, &a, &b);
    fe_sub(&c, &a, &b);
    fe_mul_small_add(&d, &c, A24, &a);
    mul(&l->p.z, &c, &d);
}

// r = a^(2^n), n > 0.
static __attribute__((noinline)) void square_times(struct fe *r, const struct fe *a, int n)
{
    square(r, a);
    while (--n > 0) {
        square(r, r);
    }
}

// r = 1 / a, and 0 for 0: a^(p-2), p - 2 = 2^255 - 21 = 2^5 (2^250 - 1) + 11. Before: a loose. After: r tight.
// Names say the exponent: t_m is a^(2^m - 1).
static __attribute__((noinline)) void invert(struct fe *r, const struct fe *a)
{
    struct fe a2, a9, a11, t, u, w;

    square(&a2, a);
    square_times(&t, &a2, 2);
    mul(&a9, &t, a);
    mul(&a11, &a9, &a2);
    square(&t, &a11);
    mul(&u, &t, &a9); // u = t_5
    square_times(&t, &u, 5);
    mul(&u, &t, &u); // t_10
    square_times(&t, &u, 10);
    mul(&w, &t, &u); // t_20
    square_times(&t, &w, 20);
    mul(&t, &t, &w); // t_40
    square_times(&t, &t, 10);
    mul(&u, &t, &u); // t_50
    square_times(&t, &u, 50);
    mul(&w, &t, &u); // t_100
    square_times(&t, &w, 100);
    mul(&t, &t, &w); // t_200
    square_times(&t, &t, 50);
    mul(&t, &t, &u); // t_250
    square_times(&t, &t, 5);
    mul(r, &t, &a11);
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
    invert(&l.q.x, &l.p.z);
    mul(&l.q.z, &l.p.x, &l.q.x);
    fe_to_bytes(shared, &l.q.z);
    ct_wipe(&l, sizeof l);
    ct_wipe_stack(); // what the functions above left in their frames
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
