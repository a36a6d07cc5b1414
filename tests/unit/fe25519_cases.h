// SPDX-License-Identifier: Apache-2.0
// Field arithmetic against OpenSSL's integers, at the extremes of each precondition, and within its postcondition.
//
// Included by two programs: test_fe25519 has it as this machine uses it, test_fe25519_split as machines without a
// carry flag do.
#ifndef TESTS_UNIT_FE25519_CASES_H
#define TESTS_UNIT_FE25519_CASES_H

#include "tests/unit/fe25519_fixture.h"

static BIGNUM *product(const struct fe *a, const struct fe *b)
{
    BIGNUM *x = value(a);
    BIGNUM *y = value(b);
    assert_int_equal(BN_mul(x, x, y, bn), 1);
    BN_free(y);
    return x;
}

static void check_mul(const struct fe *a, const struct fe *b)
{
    struct fe r;
    fe_mul(&r, a, b);
    assert_tight(&r);
    assert_value(&r, product(a, b));
}

static void test_mul(void **state)
{
    (void)state;
    for (int i = 0; i < CORNERS; i++) {
        for (int j = 0; j < CORNERS; j++) {
            struct fe a = make(i, -LOOSE_MAX, LOOSE_MAX);
            struct fe b = make(j, -LOOSE_MAX, LOOSE_MAX);
            check_mul(&a, &b);
        }
    }
    for (int i = 0; i < RANDOM_CASES; i++) {
        struct fe a = make(CORNERS + i, -LOOSE_MAX, LOOSE_MAX);
        struct fe b = make(CORNERS + i, -LOOSE_MAX, LOOSE_MAX);
        check_mul(&a, &b);
        struct fe in_place = a;
        fe_mul(&in_place, &in_place, &b);
        assert_value(&in_place, product(&a, &b));
        in_place = b;
        fe_mul(&in_place, &a, &in_place);
        assert_value(&in_place, product(&a, &b));
    }
}

static void test_square(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_CASES; i++) {
        struct fe a = make(i, -LOOSE_MAX, LOOSE_MAX);
        struct fe r = a;
        fe_square(&r, &r);
        assert_tight(&r);
        assert_value(&r, product(&a, &a));
    }
}

// A chain of additions stays loose; the value is the sum.
static void test_add_and_sub(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_CASES; i++) {
        struct fe a = make(i, TIGHT_MIN, TIGHT_MAX);
        struct fe b = make(i / 3, TIGHT_MIN, TIGHT_MAX);
        struct fe sum, difference, both;
        fe_add(&sum, &a, &b);
        fe_sub(&difference, &a, &b);
        assert_within(&sum, ((int64_t)1 << 52) + ((int64_t)1 << 12));
        assert_within(&difference, ((int64_t)1 << 52) + ((int64_t)1 << 12));
        BIGNUM *x = value(&a);
        BIGNUM *y = value(&b);
        assert_int_equal(BN_add(x, x, y), 1);
        assert_value(&sum, BN_dup(x));
        assert_int_equal(BN_sub(x, x, y), 1);
        assert_int_equal(BN_sub(x, x, y), 1);
        assert_value(&difference, x);
        BN_free(y);
        fe_add(&both, &sum, &a);
        assert_within(&both, LOOSE_MAX);
        fe_sub(&both, &difference, &sum);
        fe_add(&both, &both, &b); // a - b - (a + b) + b = -b
        assert_within(&both, LOOSE_MAX);
        assert_true(both.v[0] == -b.v[0] && both.v[4] == -b.v[4]);
        fe_sub(&both, &a, &b);
        fe_add(&both, &both, &b);
        assert_memory_equal(&both, &a, sizeof a);
    }
}

static void test_mul_small_add(void **state)
{
    (void)state;
    static const int32_t factors[] = {1, 2, 9, 121665, 121666, (1 << 17) - 1};
    int64_t bound = ((int64_t)1 << 52) + ((int64_t)1 << 12);
    for (int i = 0; i < RANDOM_CASES; i++) {
        int32_t n = factors[(size_t)i % COUNT(factors)];
        struct fe a = make(i, -bound, bound);
        struct fe b = make(i / 5, TIGHT_MIN, TIGHT_MAX);
        struct fe r;
        fe_mul_small_add(&r, &a, n, &b);
        assert_within(&r, ((int64_t)1 << 52) + ((int64_t)1 << 23));
        BIGNUM *x = value(&a);
        BIGNUM *y = value(&b);
        assert_int_equal(BN_mul_word(x, (BN_ULONG)n), 1);
        assert_int_equal(BN_add(x, x, y), 1);
        BN_free(y);
        assert_value(&r, x);
    }
}

static void assert_bytes(const struct fe *a)
{
    uint8_t bytes[32], expected[32];
    BIGNUM *x = value(a);
    fe_to_bytes(bytes, a);
    assert_int_equal(BN_bn2lebinpad(x, expected, 32), 32);
    assert_memory_equal(bytes, expected, 32);
    BN_free(x);
}

// Everything around 0, p, 2p and 2^255, and all extremes.
static void test_to_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_CASES; i++) {
        struct fe a = make(i, -LOOSE_MAX, LOOSE_MAX);
        assert_bytes(&a);
        a = make(i, TIGHT_MIN, TIGHT_MAX);
        assert_bytes(&a);
    }
    for (int64_t k = -50; k <= 50; k++) {
        struct fe near_0 = {{k, 0, 0, 0, 0}};
        struct fe near_2_255 = {{k, 0, 0, 0, (int64_t)1 << FE_LIMB_BITS}};
        struct fe near_2_256 = {{k, 0, 0, 0, (int64_t)1 << (FE_LIMB_BITS + 1)}};
        struct fe minus = {{k, 0, 0, 0, -((int64_t)1 << FE_LIMB_BITS)}};
        struct fe ones = {
            {fe_limb_mask + k, fe_limb_mask, fe_limb_mask, fe_limb_mask, fe_limb_mask}};
        assert_bytes(&near_0);
        assert_bytes(&near_2_255);
        assert_bytes(&near_2_256);
        assert_bytes(&minus);
        assert_bytes(&ones);
    }
}

static void test_from_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_CASES; i++) {
        uint8_t in[32];
        struct fe a;
        test_random_bytes(&seed, in, sizeof in);
        if (i % 4 == 0) {
            memset(in, i % 8 ? 0xff : 0, sizeof in);
            in[test_random(&seed) % 32] ^= (uint8_t)(1 << test_random(&seed) % 8);
        }
        fe_from_bytes(&a, in);
        for (int k = 0; k < 5; k++) {
            assert_true(a.v[k] >= 0 && a.v[k] <= fe_limb_mask);
        }
        in[31] &= 0x7f;
        assert_value(&a, BN_lebin2bn(in, 32, NULL));
    }
}

static void test_select(void **state)
{
    (void)state;
    for (int i = 0; i < CORNERS; i++) {
        struct fe a = make(i, -LOOSE_MAX, LOOSE_MAX);
        struct fe b = make(CORNERS - 1 - i, -LOOSE_MAX, LOOSE_MAX);
        struct fe r;
        fe_select(&r, ct_mask_u64(1), &a, &b);
        assert_memory_equal(&r, &a, sizeof r);
        fe_select(&r, ct_mask_u64(0), &a, &b);
        assert_memory_equal(&r, &b, sizeof r);
    }
}

static void test_negate_if(void **state)
{
    (void)state;
    for (int i = 0; i < CORNERS; i++) {
        struct fe a = make(i, -LOOSE_MAX, LOOSE_MAX);
        struct fe kept = a, negated = a;
        fe_negate_if(&kept, ct_mask_u64(0));
        assert_memory_equal(&kept, &a, sizeof a);
        fe_negate_if(&negated, ct_mask_u64(1));
        for (int k = 0; k < 5; k++) {
            assert_true(negated.v[k] == -a.v[k]);
        }
    }
}

FIXTURE int run_fe25519_cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mul),         cmocka_unit_test(test_square),
        cmocka_unit_test(test_add_and_sub), cmocka_unit_test(test_mul_small_add),
        cmocka_unit_test(test_to_bytes),    cmocka_unit_test(test_from_bytes),
        cmocka_unit_test(test_select),      cmocka_unit_test(test_negate_if),
    };
    return cmocka_run_group_tests(tests, fe_setup, fe_teardown);
}

#endif
