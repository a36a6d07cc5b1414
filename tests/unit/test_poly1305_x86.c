// SPDX-License-Identifier: Apache-2.0
// The arithmetic of Poly1305 for x86-64 against OpenSSL's integers: every limb at the extremes of its precondition, the
// result right modulo 2^130 - 5 and within its postcondition; r as large as the clamp allows. The steps of the AEAD keep
// within these bounds, because each postcondition is the next precondition.
#include "tests/unit/poly1305_cases.h"

#include "noise/cpu.h"

#ifdef NOISE_X86

#define NOISE_X86_TARGET "avx2,bmi2"
#include "noise/poly1305_x86.h"

enum {
    H2_MAX = 4, // precondition and postcondition
    RANDOM_CASES = 20000,
};

// Extremes of a limb.
static const uint64_t limbs[] = {
    0, 1, 3, 4, (uint64_t)1 << 63, UINT64_MAX - 4, UINT64_MAX - 1, UINT64_MAX};
static const uint64_t clamped_0[] = {0, 1, 0x0ffffffc0fffffff};
static const uint64_t clamped_1[] = {0, 4, 0x0ffffffc0ffffffc};

static uint64_t seed = 3;

static BIGNUM *value(struct poly1305_sum a)
{
    return bn_of_limbs(a.h0, a.h1, a.h2, 64);
}

// Frees the expected number.
static void assert_sum(struct poly1305_sum got, BIGNUM *expected)
{
    assert_true(got.h2 <= H2_MAX);
    assert_same_residue(value(got), expected);
}

NOISE_TARGET(NOISE_X86_TARGET)
static void check_step(struct poly1305_sum h, uint64_t r0, uint64_t r1, const uint8_t *block)
{
    const struct poly1305_key key = {r0, r1, r1 + (r1 >> 2)};
    BIGNUM *expected = value(h);
    BIGNUM *r = value((struct poly1305_sum){r0, r1, 0});
    BIGNUM *m = value((struct poly1305_sum){load_le64(block), load_le64(block + 8), 1});
    assert_int_equal(BN_add(expected, expected, m), 1);
    assert_int_equal(BN_mul(expected, expected, r, bn), 1);
    poly1305_step(&h, &key, block);
    assert_sum(h, expected);
    BN_free(m);
    BN_free(r);
}

NOISE_TARGET(NOISE_X86_TARGET)
static void check_multiply_add(struct poly1305_sum a, struct poly1305_sum b, struct poly1305_sum c)
{
    BIGNUM *expected = value(a);
    BIGNUM *y = value(b);
    BIGNUM *z = value(c);
    assert_int_equal(BN_mul(expected, expected, y, bn), 1);
    assert_int_equal(BN_add(expected, expected, z), 1);
    assert_sum(poly1305_multiply_add(a, b, c), expected);
    BN_free(z);
    BN_free(y);
}

static void need_bmi2(void)
{
    if (!noise_cpu_has(NOISE_CPU_BMI2)) {
        skip();
    }
}

// A limb of the table, or a random one.
static uint64_t any_limb(void)
{
    uint64_t n = test_random(&seed);
    return n % 4 == 0 ? limbs[n / 4 % COUNT(limbs)] : test_random(&seed);
}

static struct poly1305_sum any_sum(void)
{
    return (struct poly1305_sum){any_limb(), any_limb(), test_random(&seed) % (H2_MAX + 1)};
}

static void test_step_at_extremes(void **state)
{
    (void)state;
    uint8_t blocks[3][16] = {{0}};
    need_bmi2();
    memset(blocks[1], 0xff, 16);
    for (size_t n = 0; n < COUNT(limbs) * COUNT(limbs) * (H2_MAX + 1); n++) {
        struct poly1305_sum h = {limbs[n % COUNT(limbs)], limbs[n / COUNT(limbs) % COUNT(limbs)],
                                 n / COUNT(limbs) / COUNT(limbs)};
        test_random_bytes(&seed, blocks[2], 16);
        for (size_t k = 0; k < COUNT(clamped_0) * COUNT(clamped_1) * COUNT(blocks); k++) {
            check_step(h, clamped_0[k % 3], clamped_1[k / 3 % 3], blocks[k / 9]);
        }
    }
}

static void test_step_random(void **state)
{
    (void)state;
    uint8_t block[16];
    need_bmi2();
    for (int i = 0; i < RANDOM_CASES; i++) {
        test_random_bytes(&seed, block, sizeof block);
        check_step(any_sum(), test_random(&seed) & 0x0ffffffc0fffffff,
                   test_random(&seed) & 0x0ffffffc0ffffffc, block);
    }
}

static void test_multiply_add_at_extremes(void **state)
{
    (void)state;
    const struct poly1305_sum most = {UINT64_MAX, UINT64_MAX, H2_MAX};
    const struct poly1305_sum zero = {0, 0, 0};
    need_bmi2();
    for (size_t n = 0; n < COUNT(limbs) * COUNT(limbs) * (H2_MAX + 1); n++) {
        struct poly1305_sum a = {limbs[n % COUNT(limbs)], limbs[n / COUNT(limbs) % COUNT(limbs)],
                                 n / COUNT(limbs) / COUNT(limbs)};
        check_multiply_add(a, most, most);
        check_multiply_add(most, a, zero);
        check_multiply_add(a, a, a);
        check_multiply_add(a, any_sum(), any_sum());
    }
}

static void test_multiply_add_random(void **state)
{
    (void)state;
    need_bmi2();
    for (int i = 0; i < RANDOM_CASES; i++) {
        check_multiply_add(any_sum(), any_sum(), any_sum());
    }
}

NOISE_TARGET(NOISE_X86_TARGET)
static void test_power(void **state)
{
    (void)state;
    need_bmi2();
    for (size_t k = 0; k < COUNT(clamped_0) * COUNT(clamped_1); k++) {
        struct poly1305_sum power = {clamped_0[k % 3], clamped_1[k / 3], 0};
        BIGNUM *expected = value(power);
        for (int n = 1; n < POLY1305_CHAIN_BLOCKS; n *= 2) {
            assert_int_equal(BN_mod_sqr(expected, expected, prime, bn), 1);
            poly1305_square(&power);
        }
        assert_sum(power, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_at_extremes),
        cmocka_unit_test(test_step_random),
        cmocka_unit_test(test_multiply_add_at_extremes),
        cmocka_unit_test(test_multiply_add_random),
        cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, bn_setup, bn_teardown);
}

#else

static void test_no_x86(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_x86)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
