// SPDX-License-Identifier: Apache-2.0
// X25519 of the IFMA paths, as compiled with the model of their instructions, against the portable path. They are called
// by their names: no choice of a path comes between.
#include "tests/unit/noise_fixture.h"

#include "noise/cpu.h"
#include "noise/x25519_paths.h"

#ifdef NOISE_X86

enum {
    ROUNDS = 300,
    POINTS = 8,
};

static uint64_t seed = 1;

static uint8_t scalars[POINTS][32], points[POINTS][32];
static const uint8_t *scalar_pointers[POINTS], *point_pointers[POINTS];
static struct x25519_ratio ratios[POINTS];

// Random points, and in rounds of their own: small ones, those around 2^255, of few bits.
static void make(int round)
{
    for (size_t i = 0; i < POINTS; i++) {
        test_random_bytes(&seed, scalars[i], 32);
        x25519_clamp(scalars[i], scalars[i]);
        test_random_bytes(&seed, points[i], 32);
        if (round < 3) {
            memset(points[i], round == 0 ? 0 : 0xff, 32);
            points[i][0] = (uint8_t)(round * 0xe0 + (int)i);
        } else if (round < 8) {
            memset(points[i], round % 2 ? 0xff : 0, 32);
            points[i][test_random(&seed) % 32] ^= (uint8_t)(1 << test_random(&seed) % 8);
        }
        scalar_pointers[i] = scalars[i];
        point_pointers[i] = points[i];
    }
}

static void assert_ratio(const struct x25519_ratio *ratio, const uint8_t *scalar,
                         const uint8_t *point)
{
    struct fe inverse;
    uint8_t got[32], expected[32];
    fe_invert(&inverse, &ratio->denominator);
    fe_mul_call(&inverse, &inverse, &ratio->numerator);
    fe_to_bytes(got, &inverse);
    if (point == NULL) {
        x25519_comb(expected, scalar);
    } else {
        x25519_ladder(expected, scalar, point);
    }
    assert_memory_equal(got, expected, 32);
}

static void test_one_point(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        make(round);
        for (size_t i = 0; i < POINTS; i++) {
            x25519_ladder_ifma(&ratios[i], scalars[i], points[i]);
            assert_ratio(&ratios[i], scalars[i], points[i]);
        }
    }
}

static void test_eight_points(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        make(round);
        x25519_ladder_8_ifma(ratios, scalar_pointers, point_pointers);
        for (size_t i = 0; i < POINTS; i++) {
            assert_ratio(&ratios[i], scalars[i], points[i]);
        }
    }
}

static void test_base(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        make(round);
        if (round == 0) { // all digits the same
            memset(scalars[0], 0, 32);
            memset(scalars[1], 0xff, 32);
            x25519_clamp(scalars[0], scalars[0]);
            x25519_clamp(scalars[1], scalars[1]);
        }
        for (size_t i = 0; i < POINTS; i++) {
            x25519_comb_ifma(&ratios[i], scalars[i]);
            assert_ratio(&ratios[i], scalars[i], NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_point),
        cmocka_unit_test(test_eight_points),
        cmocka_unit_test(test_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
