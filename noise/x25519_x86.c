// SPDX-License-Identifier: Apache-2.0
// X25519 on the vectors that the machine has: which path for which jobs, and one inversion for all of them.

#include "noise/x25519_paths.h"

#include "noise/bytes.h"
#include "noise/ct.h"

#ifdef NOISE_X86

// What a kind of vectors offers.
struct path {
    size_t lanes; // how many points `several` takes
    size_t pays;  // from how many on that is faster than one by one
    void (*one)(struct x25519_ratio *out, const uint8_t scalar[static X25519_KEY_LEN],
                const uint8_t point[static X25519_KEY_LEN]);
    void (*several)(struct x25519_ratio *out, const uint8_t *const *scalars,
                    const uint8_t *const *points);
    void (*base)(struct x25519_ratio *out, const uint8_t scalar[static X25519_KEY_LEN]);
};

// Four points with AVX2 take as long as 2.3 one by one. Eight points with IFMA take as long as 2.4 to 3.8.
static const struct path avx2 = {4, 3, x25519_ladder_avx2, x25519_ladder_4_avx2, x25519_comb_avx2};
static const struct path ifma = {8, 4, x25519_ladder_ifma, x25519_ladder_8_ifma, x25519_comb_ifma};

// Everything that lives through up to X25519_TOGETHER jobs, in one place to be wiped.
struct together {
    struct x25519_ratio ratios[X25519_TOGETHER];
    struct fe products[X25519_TOGETHER]; // of the denominators before this one
    struct x25519_ratio several[X25519_TOGETHER];
    uint8_t scalars[X25519_TOGETHER][X25519_KEY_LEN];
};

// Multiplies points, jobs[which[i]] for i < count, side by side. Lanes that nobody needs repeat the first point.
static void multiply_several(struct together *t, const struct path *path,
                             const struct x25519_job *jobs, const size_t *which, size_t count)
{
    const uint8_t *scalars[X25519_TOGETHER];
    const uint8_t *points[X25519_TOGETHER];

    for (size_t lane = 0; lane < path->lanes; lane++) {
        size_t i = which[lane < count ? lane : 0];
        scalars[lane] = t->scalars[i];
        points[lane] = jobs[i].public_key;
    }
    path->several(t->several, scalars, points);
    for (size_t lane = 0; lane < count; lane++) {
        t->ratios[which[lane]] = t->several[lane];
    }
}

static void multiply(struct together *t, const struct path *path, const struct x25519_job *jobs,
                     size_t count)
{
    size_t points[X25519_TOGETHER];
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        x25519_clamp(t->scalars[i], jobs[i].private_key);
        if (jobs[i].public_key == NULL) {
            path->base(&t->ratios[i], t->scalars[i]);
        } else {
            points[left++] = i;
        }
    }
    const size_t *next = points;
    while (left >= path->pays) {
        size_t some = left < path->lanes ? left : path->lanes;
        multiply_several(t, path, jobs, next, some);
        next += some;
        left -= some;
    }
    for (; left > 0; left--, next++) {
        path->one(&t->ratios[*next], t->scalars[*next], jobs[*next].public_key);
    }
}

// x / 0 becomes 0 / 1.
static void fix_zero(struct x25519_ratio *r)
{
    static const struct fe zero = {{0, 0, 0, 0, 0}};
    uint8_t bytes[X25519_KEY_LEN];

    fe_to_bytes(bytes, &r->denominator);
    uint64_t mask = ct_mask_u64(ct_is_zero(bytes, sizeof bytes));
    fe_select(&r->denominator, mask, &fe_one, &r->denominator);
    fe_select(&r->numerator, mask, &zero, &r->numerator);
    ct_wipe(bytes, sizeof bytes);
}

// Montgomery's trick: 1 / (a b c) by one inversion, then 1 / c = a b / (a b c), and so on towards the first.
static void divide(struct together *t, const struct x25519_job *jobs, size_t count)
{
    struct fe all = fe_one;
    struct fe quotient;

    for (size_t i = 0; i < count; i++) {
        fix_zero(&t->ratios[i]);
        t->products[i] = all;
        fe_mul_call(&all, &all, &t->ratios[i].denominator);
    }
    fe_invert(&all, &all);
    for (size_t i = count; i-- > 0;) {
        fe_mul_call(&quotient, &all, &t->products[i]);
        fe_mul_call(&quotient, &quotient, &t->ratios[i].numerator);
        fe_to_bytes(jobs[i].shared, &quotient);
        fe_mul_call(&all, &all, &t->ratios[i].denominator);
    }
    ct_wipe(&all, sizeof all);
    ct_wipe(&quotient, sizeof quotient);
}

void x25519_x86(const struct x25519_job *jobs, size_t count)
{
    struct together t = {0};

    multiply(&t, noise_cpu_has(NOISE_CPU_AVX512 | NOISE_CPU_IFMA) ? &ifma : &avx2, jobs, count);
    divide(&t, jobs, count);
    ct_wipe(&t, sizeof t);
}

#endif
