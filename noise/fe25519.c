// SPDX-License-Identifier: Apache-2.0
// The parts of the field arithmetic that exist once.

#include "noise/fe25519.h"

void fe_mul_call(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_mul(r, a, b);
}

void fe_square_call(struct fe *r, const struct fe *a)
{
    fe_square(r, a);
}
