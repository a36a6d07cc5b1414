// SPDX-License-Identifier: Apache-2.0
// The arithmetic of Poly1305 for AVX512IFMA, its intrinsics in plain C: every limb at the extremes of its precondition,
// the result right modulo 2^130 - 5 and within its postcondition; and that lanes come to what one chain comes to.
#include "tests/unit/poly1305_cases.h"

#include "noise/cpu.h"

#ifdef NOISE_X86

#define NOISE_X86_TARGET "avx2,bmi2"
#include "noise/poly1305_ifma.h"

enum {
    LANES = POLY1305_LANES,
    RANDOM_CASES = 2000,
    TIMES_MAX = 20,
};

#define MAX_A0 (((uint64_t)1 << 46) - 1)
#define MAX_A2 (((uint64_t)1 << 44) - 1)
#define MAX_R0 (((uint64_t)1 << 44) - 1)
#define MAX_R2 (((uint64_t)1 << 43) - 1)

static uint64_t seed = 7;

// 0, 1, the middle or the maximum, as `choice` says, or a random number up to it.
static uint64_t extreme(uint64_t max, unsigned choice)
{
    const uint64_t all[] = {0, 1, max / 2 + 1, max - 1, max, test_random(&seed) & max};
    return all[choice % COUNT(all)];
}

static struct poly1305_lanes lanes_of(uint64_t limbs[3][LANES])
{
    return (struct poly1305_lanes){_mm512_loadu_si512(limbs[0]), _mm512_loadu_si512(limbs[1]),
                                   _mm512_loadu_si512(limbs[2])};
}

static void limbs_of(uint64_t limbs[3][LANES], struct poly1305_lanes a)
{
    _mm512_storeu_si512(limbs[0], a.h0);
    _mm512_storeu_si512(limbs[1], a.h1);
    _mm512_storeu_si512(limbs[2], a.h2);
}

NOISE_TARGET(NOISE_X86_TARGET)
static void check_multiply(uint64_t a[3][LANES], uint64_t r[3][LANES])
{
    uint64_t h[3][LANES];
    struct poly1305_lanes_key key = poly1305_lanes_key_of(lanes_of(r));
    limbs_of(h, poly1305_lanes_multiply(lanes_of(a), key));
    for (int i = 0; i < LANES; i++) {
        BIGNUM *expected = bn_of_limbs(a[0][i], a[1][i], a[2][i], 44);
        BIGNUM *factor = bn_of_limbs(r[0][i], r[1][i], r[2][i], 44);
        assert_int_equal(BN_mul(expected, expected, factor, bn), 1);
        assert_true(h[0][i] < (uint64_t)1 << 44);
        assert_true(h[1][i] < ((uint64_t)1 << 44) + (1 << 8));
        assert_true(h[2][i] < (uint64_t)1 << 42);
        assert_same_residue(bn_of_limbs(h[0][i], h[1][i], h[2][i], 44), expected);
        BN_free(factor);
    }
}

static void test_multiply_at_extremes(void **state)
{
    (void)state;
    uint64_t a[3][LANES], r[3][LANES];
    unsigned n = 0;
    while (n < 6 * 6 * 6 * 6 * 6 * 6) { // all combinations, eight at once
        for (int i = 0; i < LANES; i++, n++) {
            a[0][i] = extreme(MAX_A0, n);
            a[1][i] = extreme(MAX_A0, n / 6);
            a[2][i] = extreme(MAX_A2, n / 36);
            r[0][i] = extreme(MAX_R0, n / 216);
            r[1][i] = extreme(MAX_R0, n / 1296);
            r[2][i] = extreme(MAX_R2, n / 7776);
        }
        check_multiply(a, r);
    }
}

static void test_multiply_random(void **state)
{
    (void)state;
    uint64_t a[3][LANES], r[3][LANES];
    for (int n = 0; n < RANDOM_CASES; n++) {
        for (int i = 0; i < LANES; i++) {
            a[0][i] = test_random(&seed) & MAX_A0;
            a[1][i] = test_random(&seed) & MAX_A0;
            a[2][i] = test_random(&seed) & MAX_A2;
            r[0][i] = test_random(&seed) & MAX_R0;
            r[1][i] = test_random(&seed) & MAX_R0;
            r[2][i] = test_random(&seed) & MAX_R2;
        }
        check_multiply(a, r);
    }
}

NOISE_TARGET(NOISE_X86_TARGET)
static void test_blocks_are_added_to_their_lanes(void **state)
{
    (void)state;
    uint64_t before[3][LANES], after[3][LANES];
    uint8_t in[POLY1305_LANES_LEN];
    for (int n = 0; n < RANDOM_CASES; n++) {
        test_random_bytes(&seed, in, sizeof in);
        memset(in + 16 * (size_t)(n % LANES), 0xff, 16);
        for (int i = 0; i < LANES; i++) {
            before[0][i] = extreme(((uint64_t)1 << 44) - 1, (unsigned)(n + i));
            before[1][i] = extreme(((uint64_t)1 << 44) + (1 << 8) - 1, (unsigned)(n + 2 * i));
            before[2][i] = extreme(((uint64_t)1 << 42) - 1, (unsigned)(n + 3 * i));
        }
        limbs_of(after, poly1305_lanes_add(lanes_of(before), in));
        for (int i = 0; i < LANES; i++) {
            const uint8_t *block = in + 16 * (size_t)poly1305_lane_block(i);
            BIGNUM *expected = bn_of_limbs(before[0][i], before[1][i], before[2][i], 44);
            BIGNUM *added = bn_of_limbs(load_le64(block), load_le64(block + 8), 1, 64);
            assert_int_equal(BN_add(expected, expected, added), 1);
            assert_true(after[0][i] <= MAX_A0 && after[1][i] <= MAX_A0 && after[2][i] <= MAX_A2);
            assert_same_residue(bn_of_limbs(after[0][i], after[1][i], after[2][i], 44), expected);
            BN_free(added);
        }
    }
}

// A text of `times` groups of eight blocks, after a chain that has come to h.
NOISE_TARGET(NOISE_X86_TARGET)
static void check_text(uint64_t r0, uint64_t r1, struct poly1305_sum h, const uint8_t *in,
                       size_t times)
{
    struct poly1305 chain = {{r0, r1}, {h.h0, h.h1, h.h2}, {0, 0}};
    struct poly1305 lanes = chain;
    struct poly1305_wide w;
    poly1305_wide_begin(&w, &lanes, in);
    poly1305_wide_absorb(&w, in + POLY1305_LANES_LEN, times - 1);
    poly1305_wide_end(&w, &lanes);
    poly1305_absorb_blocks(&chain, in, times * LANES);
    assert_true(lanes.h[2] <= 4);
    assert_same_residue(bn_of_limbs(lanes.h[0], lanes.h[1], lanes.h[2], 64),
                        bn_of_limbs(chain.h[0], chain.h[1], chain.h[2], 64));
}

static void test_lanes_are_one_chain(void **state)
{
    (void)state;
    static uint8_t in[TIMES_MAX * POLY1305_LANES_LEN];
    const struct poly1305_sum most = {UINT64_MAX, UINT64_MAX, 4}, zero = {0, 0, 0};
    if (!noise_cpu_has(NOISE_CPU_BMI2)) {
        skip();
    }
    for (size_t times = 1; times <= TIMES_MAX; times++) {
        memset(in, 0xff, sizeof in);
        check_text(0x0ffffffc0fffffff, 0x0ffffffc0ffffffc, most, in, times);
        check_text(0x0ffffffc0fffffff, 0, zero, in, times);
        check_text(0, 0x0ffffffc0ffffffc, most, in, times);
        memset(in, 0, sizeof in);
        check_text(0x0ffffffc0fffffff, 0x0ffffffc0ffffffc, most, in, times);
        for (int n = 0; n < 20; n++) {
            const struct poly1305_sum h = {test_random(&seed), test_random(&seed),
                                           test_random(&seed) % 5};
            test_random_bytes(&seed, in, sizeof in);
            check_text(test_random(&seed) & 0x0ffffffc0fffffff,
                       test_random(&seed) & 0x0ffffffc0ffffffc, h, in, times);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiply_at_extremes),
        cmocka_unit_test(test_multiply_random),
        cmocka_unit_test(test_blocks_are_added_to_their_lanes),
        cmocka_unit_test(test_lanes_are_one_chain),
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
