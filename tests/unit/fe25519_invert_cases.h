// SPDX-License-Identifier: Apache-2.0
// Inversion: against OpenSSL's, and its parts at the extremes of their preconditions against plain arithmetic.
//
// Included by three programs: test_fe25519_invert has it as this machine uses it, _split as machines without a carry
// flag do, and _small has the one for size.
#ifndef TESTS_UNIT_FE25519_INVERT_CASES_H
#define TESTS_UNIT_FE25519_INVERT_CASES_H

#include "tests/unit/fe25519_fixture.h"

// The parts are static.
#include "noise/fe25519_invert.c" // NOLINT(bugprone-suspicious-include)

enum {
    INVERSIONS = 2000,
};

static void check_inverse(const struct fe *a)
{
    struct fe r;
    fe_invert(&r, a);
    struct fe minus_r = r;
    fe_negate_if(&minus_r, ct_mask_u64(1));
    assert_true(is_tight(&r) || is_tight(&minus_r));
    BIGNUM *x = value(a);
    if (BN_is_zero(x)) {
        assert_value(&r, x);
    } else {
        BIGNUM *inverse = BN_mod_inverse(NULL, x, prime, bn);
        assert_non_null(inverse);
        assert_value(&r, inverse);
        BN_free(x);
    }
    struct fe in_place = *a;
    fe_invert(&in_place, &in_place);
    assert_memory_equal(&in_place, &r, sizeof r);
}

static void test_invert(void **state)
{
    (void)state;
    for (int i = 0; i < INVERSIONS; i++) {
        struct fe a = make(i, -LOOSE_MAX, LOOSE_MAX);
        check_inverse(&a);
    }
    for (int bit = 0; bit < 255; bit++) { // powers of two, and what lies beside them
        for (int64_t k = -2; k <= 2; k++) {
            struct fe a = {{k, 0, 0, 0, 0}};
            a.v[bit / FE_LIMB_BITS] += (int64_t)1 << bit % FE_LIMB_BITS;
            check_inverse(&a);
        }
    }
    for (int64_t k = -40; k <= 40; k++) { // around 0 and around p
        struct fe small = {{k, 0, 0, 0, 0}};
        struct fe large = {
            {fe_limb_mask - 18 + k, fe_limb_mask, fe_limb_mask, fe_limb_mask, fe_limb_mask}};
        check_inverse(&small);
        check_inverse(&large);
    }
}

#ifndef NOISE_SMALL

// Division steps as Bernstein and Yang write them, with 2 delta for delta.
struct plain {
    int64_t delta_2, f, g;
    int64_t u, v, q, r;
};

static void plain_step(struct plain *p)
{
    struct plain old = *p;
    int64_t odd = old.g & 1;
    if (old.delta_2 > 0 && odd) {
        p->delta_2 = 2 - old.delta_2;
        p->f = old.g;
        p->g = (old.g - old.f) / 2;
        p->u = 2 * old.q;
        p->v = 2 * old.r;
        p->q = old.q - old.u;
        p->r = old.r - old.v;
    } else {
        p->delta_2 = 2 + old.delta_2;
        p->g = (old.g + odd * old.f) / 2;
        p->u = 2 * old.u;
        p->v = 2 * old.v;
        p->q = old.q + odd * old.u;
        p->r = old.r + odd * old.v;
    }
}

static void check_steps(int64_t minus_d, int64_t f, int64_t g)
{
    struct matrix m;
    int64_t after = minus_d;
    struct plain p = {.delta_2 = -2 * minus_d - 1, .f = f, .g = g, .u = 1, .r = 1};
    for (int i = 0; i < STEPS; i++) {
        plain_step(&p);
    }
    steps(&m, &after, f, g);
    assert_true(after == -(p.delta_2 + 1) / 2);
    assert_true(m.u == -p.u && m.v == -p.v && m.q == -p.q && m.r == -p.r);
}

// All low bits that make long runs of one kind, and random ones, from every delta that 600 steps can reach.
static void test_steps(void **state)
{
    (void)state;
    static const int64_t patterns[] = {0,       1,       2,       0xfffff, 0xffffe, 0x80000,
                                       0x80001, 0x7ffff, 0x55555, 0xaaaaa, 0xfffed, 0x33333};
    for (int64_t minus_d = -601; minus_d <= 601; minus_d++) {
        for (size_t i = 0; i < COUNT(patterns); i++) {
            for (size_t j = 0; j < COUNT(patterns); j++) {
                check_steps(minus_d, patterns[i] | 1, patterns[j]);
            }
        }
        for (int i = 0; i < 50; i++) {
            int64_t f = (int64_t)(test_random(&seed) >> 3) | 1;
            int64_t g = (int64_t)(test_random(&seed) >> 3);
            check_steps(i % 2 ? minus_d : minus_d % 8, i % 3 ? f : -f, i % 5 ? g : -g);
        }
    }
}

// Row n of a matrix: |u| + |v| <= 2^60, at the corners first.
static void make_row(int64_t *u, int64_t *v, int n)
{
    int64_t one = (int64_t)1 << WIDE_BITS;
    int64_t part = n % 5 == 0   ? one
                   : n % 5 == 1 ? 0
                   : n % 5 == 2 ? one / 2
                   : n % 5 == 3 ? one - 1
                                : (int64_t)(test_random(&seed) % (uint64_t)one);
    *u = n / 5 % 2 ? -part : part;
    *v = n / 10 % 2 ? part - one : one - part;
}

static void test_field_update(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_CASES; i++) {
        struct fe d = make(i, TIGHT_MIN, TIGHT_MAX);
        struct fe e = make(i % 3 ? i : (7 * i + 5) % CORNERS, TIGHT_MIN, TIGHT_MAX);
        struct fe r;
        int64_t u, v;
        make_row(&u, &v, i / 3);
        field_update(&r, u, &d, v, &e);
        assert_tight(&r);
        struct fe factor_u = {{u & fe_limb_mask, u >> FE_LIMB_BITS, 0, 0, 0}};
        struct fe factor_v = {{v & fe_limb_mask, v >> FE_LIMB_BITS, 0, 0, 0}};
        BIGNUM *sum = value(&factor_u), *x = value(&d), *y = value(&factor_v), *z = value(&e);
        assert_int_equal(BN_mul(sum, sum, x, bn), 1);
        assert_int_equal(BN_mul(y, y, z, bn), 1);
        assert_int_equal(BN_add(sum, sum, y), 1);
        assert_value(&r, sum);
        field_update(&e, u, &d, v, &e); // in place, as it is used
        assert_memory_equal(&e, &r, sizeof r);
        BN_free(x);
        BN_free(y);
        BN_free(z);
    }
}

// A number of at most 2^256: at the limits first.
static struct wide make_wide(int n)
{
    struct wide w;
    for (int i = 0; i < WIDE_LIMBS; i++) {
        w.v[i] = n % 3 == 0   ? 0
                 : n % 3 == 1 ? wide_mask
                              : (int64_t)(test_random(&seed) & (uint64_t)wide_mask);
    }
    w.v[WIDE_LIMBS - 1] = n / 3 % 3 == 0   ? 65535
                          : n / 3 % 3 == 1 ? -65536
                                           : (int64_t)(test_random(&seed) % 131072) - 65536;
    return w;
}

static BIGNUM *signed_word(int64_t n)
{
    BIGNUM *a = BN_new();
    assert_non_null(a);
    assert_int_equal(BN_set_word(a, n < 0 ? 0 - (uint64_t)n : (uint64_t)n), 1);
    BN_set_negative(a, n < 0);
    return a;
}

static BIGNUM *wide_value(const struct wide *w)
{
    BIGNUM *sum = signed_word(w->v[WIDE_LIMBS - 1]);
    for (int i = WIDE_LIMBS - 2; i >= 0; i--) {
        BIGNUM *limb = signed_word(w->v[i]);
        assert_int_equal(BN_lshift(sum, sum, WIDE_BITS), 1);
        assert_int_equal(BN_add(sum, sum, limb), 1);
        BN_free(limb);
    }
    return sum;
}

// What is dropped is the remainder modulo 2^60, which is zero where it is used.
static void test_wide_update(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_CASES; i++) {
        struct wide f = make_wide(i), g = make_wide(i / 9), r;
        int64_t u, v;
        make_row(&u, &v, i / 81);
        wide_update(&r, u, &f, v, &g);
        for (int k = 0; k < WIDE_LIMBS - 1; k++) {
            assert_true(r.v[k] >= 0 && r.v[k] <= wide_mask);
        }
        assert_true(r.v[WIDE_LIMBS - 1] >= -65536 && r.v[WIDE_LIMBS - 1] <= 65536);
        BIGNUM *sum = signed_word(u), *x = wide_value(&f), *y = signed_word(v), *z = wide_value(&g);
        BIGNUM *got = wide_value(&r);
        assert_int_equal(BN_mul(sum, sum, x, bn), 1);
        assert_int_equal(BN_mul(y, y, z, bn), 1);
        assert_int_equal(BN_add(sum, sum, y), 1);
        assert_int_equal(BN_lshift(got, got, WIDE_BITS), 1);
        assert_int_equal(BN_sub(sum, sum, got), 1); // 0 <= remainder < 2^60
        assert_true(!BN_is_negative(sum) && BN_num_bits(sum) <= WIDE_BITS);
        BN_free(sum);
        BN_free(x);
        BN_free(y);
        BN_free(z);
        BN_free(got);
    }
}

#endif

FIXTURE int run_invert_cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invert),
#ifndef NOISE_SMALL
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_field_update),
        cmocka_unit_test(test_wide_update),
#endif
    };
    return cmocka_run_group_tests(tests, fe_setup, fe_teardown);
}

#endif
