// SPDX-License-Identifier: Apache-2.0
// The parts of the field arithmetic that exist once.

#include "noise/fe25519.h"

void fe_mul_call(struct fe *r, const struct fe *a, const struct fe *b)
{
    fe_mul(r, a, b);
}

void fe_square_call(struct fe *r, const struct fe *a)
{
#ifdef NOISE_SMALL
    fe_mul_call(r, a, a);
#else
    fe_square(r, a);
#endif
}

// One pass of carries around the ring.
static void carry_limbs(int64_t v[static 5])
{
    for (int i = 0; i < 4; i++) {
        v[i + 1] += v[i] >> FE_LIMB_BITS;
        v[i] &= fe_limb_mask;
    }
    v[0] += 19 * (v[4] >> FE_LIMB_BITS);
    v[4] &= fe_limb_mask;
}

// After the first pass the carry out of the top was at most 4 in size, so v[0] is in [-76, 2^51 + 76) and the
// others in [0, 2^51). In the second pass a borrow or carry can run to the top only if v[1..4] are all 0 or all
// ones; then v[0] ends near the far side of its range and the +-19 leaves it in [0, 2^51). So the value is in
// [0, 2^255), less than 2p, and at most one p must go: exactly when value + 19 reaches 2^255 (q).
void fe_to_words(uint64_t w[static FE_WORDS], const struct fe *a)
{
    int64_t v[5] = {a->v[0], a->v[1], a->v[2], a->v[3], a->v[4]};

    carry_limbs(v);
    carry_limbs(v);
    int64_t q = 19;
    for (int i = 0; i < 5; i++) {
        q = (v[i] + q) >> FE_LIMB_BITS;
    }
    v[0] += 19 * q;
    v[4] -= q << FE_LIMB_BITS;
    carry_limbs(v);

    uint64_t u0 = (uint64_t)v[0], u1 = (uint64_t)v[1], u2 = (uint64_t)v[2];
    uint64_t u3 = (uint64_t)v[3], u4 = (uint64_t)v[4];
    w[0] = u0 | u1 << 51;
    w[1] = u1 >> 13 | u2 << 38;
    w[2] = u2 >> 26 | u3 << 25;
    w[3] = u3 >> 39 | u4 << 12;
}

void fe_from_bytes(struct fe *r, const uint8_t in[static FE_LEN])
{
    uint64_t w[FE_WORDS];

    load_words64(w, in, FE_WORDS);
    fe_from_words(r, w);
}

void fe_to_bytes(uint8_t out[static FE_LEN], const struct fe *a)
{
    uint64_t w[FE_WORDS];

    fe_to_words(w, a);
    store_words64(out, w, FE_WORDS);
}
