// SPDX-License-Identifier: Apache-2.0
// The routines that prove.py looks at, each under a name that it finds. Multiplications in the ladder are calls here, whose
// contract prove.py proves first.
#include "noise/fe25519.h"

#undef fe_mul_hot
#undef fe_square_hot
#define fe_mul_hot    fe_mul_call
#define fe_square_hot fe_square_call

// Not to be taken into the ladder.
// NOLINTBEGIN(readability-redundant-declaration): the attribute
__attribute__((noinline)) void fe_mul_call(struct fe *r, const struct fe *a, const struct fe *b);
__attribute__((noinline)) void fe_square_call(struct fe *r, const struct fe *a);
// NOLINTEND(readability-redundant-declaration)

#include "noise/fe25519.c"        // NOLINT(bugprone-suspicious-include)
#include "noise/fe25519_invert.c" // NOLINT(bugprone-suspicious-include)
#include "noise/poly1305.c"       // NOLINT(bugprone-suspicious-include)
#include "noise/x25519_ladder.c"  // NOLINT(bugprone-suspicious-include)
#define point comb_point
#include "noise/x25519_comb.c" // NOLINT(bugprone-suspicious-include)
#undef point

void prove_mul(struct fe *r, const struct fe *a, const struct fe *b);
void prove_square(struct fe *r, const struct fe *a);
void prove_add(struct fe *r, const struct fe *a, const struct fe *b);
void prove_sub(struct fe *r, const struct fe *a, const struct fe *b);
void prove_mul_small_add(struct fe *r, const struct fe *a, const int32_t *n, const struct fe *b);
void prove_from_bytes(struct fe *r, const uint8_t in[static FE_LEN]);
void prove_to_bytes(uint8_t out[static FE_LEN], const struct fe *a);
void prove_step(struct ladder *l, uint64_t double_q);
void prove_double(struct ladder *l);
void prove_absorb(uint64_t h[static 3], const uint64_t key[static 3], const uint64_t m[static 2]);
void prove_comb_add(struct comb *c);
void prove_comb_twice(struct comb *c);
void prove_field_update(struct fe *r, const int64_t u[static 2], const struct fe *d,
                        const struct fe *e);
void prove_wide_update(struct wide *r, const int64_t u[static 2], const struct wide *f,
                       const struct wide *g);

void prove_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_mul(r, a, b);
}

void prove_square(struct fe *r, const struct fe *a)
{
    fe_square(r, a);
}

void prove_add(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_add(r, a, b);
}

void prove_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_sub(r, a, b);
}

void prove_mul_small_add(struct fe *r, const struct fe *a, const int32_t *n, const struct fe *b)
{
    fe_mul_small_add(r, a, *n, b);
}

void prove_from_bytes(struct fe *r, const uint8_t in[static FE_LEN])
{
    fe_from_bytes(r, in);
}

void prove_to_bytes(uint8_t out[static FE_LEN], const struct fe *a)
{
    fe_to_bytes(out, a);
}

void prove_step(struct ladder *l, uint64_t double_q)
{
    ladder_step(l, double_q);
}

void prove_double(struct ladder *l)
{
    ladder_double(l);
}

// key: r0, r1 and r1 + r1 / 4.
void prove_absorb(uint64_t h[static 3], const uint64_t key[static 3], const uint64_t m[static 2])
{
    absorb(h, key[0], key[1], key[2], m[0], m[1]);
}

void prove_comb_add(struct comb *c)
{
    add(&c->p, &c->e, true);
}

void prove_comb_twice(struct comb *c)
{
    twice(c);
}

// u: a row of a matrix.
void prove_field_update(struct fe *r, const int64_t u[static 2], const struct fe *d,
                        const struct fe *e)
{
    field_update(r, u[0], d, u[1], e);
}

void prove_wide_update(struct wide *r, const int64_t u[static 2], const struct wide *f,
                       const struct wide *g)
{
    wide_update(r, u[0], f, u[1], g);
}
