// SPDX-License-Identifier: Apache-2.0
// X25519 for AVX-512 IFMA, in vectors of 256 bits.

#include "noise/x25519_paths.h"

#define LANES_IFMA 4
#include "noise/lanes_ifma.h"

#ifdef NOISE_X86

#include "noise/x25519_comb_lanes.h"

enum {
    A24 = 121665, // (486662 - 2) / 4
};

// Lanes 0 and 2 of a sum are subtracted, as their complement plus 1.
static const lanes_vector even = {~(uint64_t)0, 0, ~(uint64_t)0, 0};
#define BIAS(k)                                                                                    \
    ((lanes_vector){LANES_OFFSET(k) + 1, LANES_OFFSET(k), LANES_OFFSET(k) + 1, LANES_OFFSET(k)})

// r = [b' a' d c] and s = [b' a' a b] from t = [b a d c]; a' and b' are c and d where the mask is ~0.
LANES_INLINE void arrange(struct lanes *r, struct lanes *s, const struct lanes *t,
                          uint64_t double_q)
{
    LANES_EACH_LIMB
    {
        lanes_vector t_i = t->v[i];
        lanes_vector dcba = __builtin_shufflevector(t_i, t_i, 2, 3, 0, 1);
        lanes_vector doubled = t_i ^ ((t_i ^ dcba) & double_q);
        r->v[i] = __builtin_shufflevector(doubled, t_i, 0, 1, 6, 7);
        s->v[i] = __builtin_shufflevector(doubled, t_i, 0, 1, 5, 4);
    }
}

// [x0 x1 x2 x3] to [x1 - x0, x1 + x0, x3 - x2, x3 + x2]
LANES_INLINE void spread(struct lanes *r, const struct lanes_sums *a)
{
    struct lanes_sums b;

    LANES_EACH_LIMB
    {
        lanes_vector pair = __builtin_shufflevector(a->v[i], a->v[i], 1, 0, 3, 2);
        b.v[i] = (a->v[i] ^ even) + pair + BIAS(i);
    }
    lanes_carry(r, &b);
}

// [bb aa da cb] to [e aa g f]: [x1 - x0, x1, x3 - x2, x3 + x2]
LANES_INLINE void combine(struct lanes *r, const struct lanes_sums *a)
{
    const lanes_vector zero = {0};
    struct lanes_sums b;

    LANES_EACH_LIMB
    {
        lanes_vector pair = __builtin_shufflevector(a->v[i], zero, 1, 4, 3, 2);
        b.v[i] = (a->v[i] ^ even) + pair + BIAS(i);
    }
    lanes_carry(r, &b);
}

// r = [aa + a24 e, aa - e, g, f] from [e aa g f]. Before: tight. After: r[i] < 2^51 + 2^23. -e is 2 p - e, limb by limb
// below 2^52.
LANES_INLINE void times_a24(struct lanes *r, const struct lanes *a)
{
    static const int32_t factors[LANES] = {A24, 1, 1, 1};
    const lanes_vector zero = {0};
    struct lanes e, aa;

    LANES_EACH_LIMB
    {
        lanes_vector x = a->v[i];
        lanes_vector minus = ((uint64_t)1 << 52) - (i == 0 ? 38 : 2) - x;
        lanes_vector both = __builtin_shufflevector(x, minus, 0, 4, 2, 3);
        e.v[i] = both;
        aa.v[i] = __builtin_shufflevector(x, zero, 1, 1, 4, 4);
    }
    lanes_mul_small_add(r, &e, factors, &aa);
}

#include "noise/x25519_point_lanes.h"

LANES_TARGET void x25519_ladder_ifma(struct x25519_ratio *out,
                                     const uint8_t scalar[static X25519_KEY_LEN],
                                     const uint8_t point[static X25519_KEY_LEN])
{
    ladder_lanes(out, scalar, point);
}

LANES_TARGET void x25519_comb_ifma(struct x25519_ratio *out,
                                   const uint8_t scalar[static X25519_KEY_LEN])
{
    comb_lanes(out, scalar);
}

#endif
