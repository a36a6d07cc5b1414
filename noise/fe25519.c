// SPDX-License-Identifier: Apache-2.0
// The parts of the field arithmetic that exist once, and inversion.

#include "noise/fe25519.h"

void fe_mul_call(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_mul(r, a, b);
}

void fe_square_call(struct fe *r, const struct fe *a)
{
    fe_square(r, a);
}

// r = a^(2^n), n > 0.
static void square_times(struct fe *r, const struct fe *a, int n)
{
    fe_square_call(r, a);
    while (--n > 0) {
        fe_square_call(r, r);
    }
}

// a^(p-2), p - 2 = 2^255 - 21 = 2^5 (2^250 - 1) + 11. Names say the exponent: t_m is a^(2^m - 1).
void fe_invert(struct fe *r, const struct fe *a)
{
    struct fe a2, a9, a11, t, u, w;

    fe_square_call(&a2, a);
    square_times(&t, &a2, 2);
    fe_mul_call(&a9, &t, a);
    fe_mul_call(&a11, &a9, &a2);
    fe_square_call(&t, &a11);
    fe_mul_call(&u, &t, &a9); // u = t_5
    square_times(&t, &u, 5);
    fe_mul_call(&u, &t, &u); // t_10
    square_times(&t, &u, 10);
    fe_mul_call(&w, &t, &u); // t_20
    square_times(&t, &w, 20);
    fe_mul_call(&t, &t, &w); // t_40
    square_times(&t, &t, 10);
    fe_mul_call(&u, &t, &u); // t_50
    square_times(&t, &u, 50);
    fe_mul_call(&w, &t, &u); // t_100
    square_times(&t, &w, 100);
    fe_mul_call(&t, &t, &w); // t_200
    square_times(&t, &t, 50);
    fe_mul_call(&t, &t, &u); // t_250
    square_times(&t, &t, 5);
    fe_mul_call(r, &t, &a11);
}
