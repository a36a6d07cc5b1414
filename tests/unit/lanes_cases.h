// SPDX-License-Identifier: Apache-2.0
// Field arithmetic in lanes against that of fe25519.h, at the extremes of each precondition and within its postcondition.
//
// Included by a program for each kind of vectors, which has included the arithmetic and says
//
//     FACTOR_MIN, FACTOR_MAX    limbs that may be multiplied with each other
//     TIGHT_LOW, TIGHT_HIGH     limbs that come from reducing
//     SUM_MIN, SUM_MAX          columns of a product
//     SMALL_MIN, SMALL_MAX      columns of a square of tight limbs
//     REDUCIBLE                 columns that can be reduced, in size
//     SMALL_FACTOR_MIN, SMALL_FACTOR_MAX    limbs of a in b + n a, SIGNED_FACTORS whether n may be negative
//     SMALL_ADD_LOW, SMALL_ADD_HIGH         limbs of b + n a
//     set_limb, limb            one limb of one lane
//     column_correction         what a column of a product still lacks
//     FEATURES                  what the machine needs
//     LANES_COMB                if there is what the comb uses
#ifndef TESTS_UNIT_LANES_CASES_H
#define TESTS_UNIT_LANES_CASES_H

#include "tests/unit/noise_fixture.h"

#include "noise/cpu.h"

enum {
    RANDOM_CASES = 20000,
    CORNERS = 243, // every combination of two extremes and 0 in five limbs
};

static uint64_t seed = 1;

// Limb i of case n: first the corners, then random ones, every other one near an extreme.
static int64_t pick(int n, int i, int64_t low, int64_t high)
{
    static const int power[5] = {1, 3, 9, 27, 81};
    int64_t zero = low > 0 ? low : 0;
    int64_t off = (int64_t)(test_random(&seed) % (n % 2 ? (uint64_t)(high - low) + 1 : 64));

    if (n < CORNERS) {
        int corner = n / power[i] % 3;
        return corner == 0 ? low : corner == 1 ? high : zero;
    }
    return test_random(&seed) % 2 ? low + off : high - off;
}

// Cases n and on, one in each lane.
LANES_TARGET static void make(struct lanes *r, int n, int64_t low, int64_t high)
{
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < 5; i++) {
            set_limb(r, lane, i, pick(n + lane, i, low, high));
        }
    }
}

LANES_TARGET static struct fe element(const struct lanes *a, int lane)
{
    struct fe r;
    for (int i = 0; i < 5; i++) {
        r.v[i] = limb(a, lane, i);
    }
    return r;
}

// A column that was added up `terms` times more than subtracted.
LANES_TARGET static int64_t column(const struct lanes_sums *a, int lane, int i, uint64_t terms)
{
    union {
        struct lanes_sums sums;
        uint64_t words[5][LANES];
    } u = {.sums = *a};
    return (int64_t)(u.words[i][lane] + terms * column_correction(i));
}

// The value of columns.
LANES_TARGET static struct fe columns_element(const struct lanes_sums *a, int lane, uint64_t terms)
{
    struct fe r = {{0}};
    for (int i = 0; i < 5; i++) {
        int64_t x = column(a, lane, i, terms);
        r.v[i] += x & fe_limb_mask;
        r.v[(i + 1) % 5] += (i == 4 ? 19 : 1) * (x >> 51);
    }
    return r;
}

static void assert_same(const struct fe *a, const struct fe *b)
{
    uint8_t x[32], y[32];
    fe_to_bytes(x, a);
    fe_to_bytes(y, b);
    assert_memory_equal(x, y, 32);
}

LANES_TARGET static void assert_limbs(const struct lanes *a, int64_t low, int64_t high)
{
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < 5; i++) {
            assert_true(limb(a, lane, i) >= low && limb(a, lane, i) <= high);
        }
    }
}

LANES_TARGET static void assert_columns(const struct lanes_sums *a, int64_t low, int64_t high)
{
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < 5; i++) {
            assert_true(column(a, lane, i, 1) >= low && column(a, lane, i, 1) <= high);
        }
    }
}

// The product is right as columns and when reduced.
LANES_TARGET static void check_product(const struct lanes_sums *sums, const struct lanes *f,
                                       const struct lanes *g)
{
    struct lanes reduced;
    lanes_reduce(&reduced, sums, 1);
    assert_limbs(&reduced, TIGHT_LOW, TIGHT_HIGH);
    for (int lane = 0; lane < LANES; lane++) {
        struct fe a = element(f, lane);
        struct fe b = element(g, lane);
        struct fe expected, got = columns_element(sums, lane, 1);
        fe_mul(&expected, &a, &b);
        assert_same(&got, &expected);
        got = element(&reduced, lane);
        assert_same(&got, &expected);
    }
}

LANES_TARGET static void test_mul(void **state)
{
    (void)state;
    struct lanes f, g;
    struct lanes_sums sums;
    for (int i = 0; i < CORNERS; i++) {
        for (int j = 0; j < CORNERS; j += LANES) {
            make(&f, i, FACTOR_MIN, FACTOR_MAX);
            for (int lane = 1; lane < LANES; lane++) {
                for (int k = 0; k < 5; k++) {
                    set_limb(&f, lane, k, limb(&f, 0, k));
                }
            }
            make(&g, j, FACTOR_MIN, FACTOR_MAX);
            lanes_mul(&sums, &f, &g);
            assert_columns(&sums, SUM_MIN, SUM_MAX);
            check_product(&sums, &f, &g);
        }
    }
    for (int i = 0; i < RANDOM_CASES; i++) {
        make(&f, CORNERS + i, FACTOR_MIN, FACTOR_MAX);
        make(&g, CORNERS + i, FACTOR_MIN, FACTOR_MAX);
        lanes_mul(&sums, &f, &g);
        assert_columns(&sums, SUM_MIN, SUM_MAX);
        check_product(&sums, &f, &g);
    }
}

LANES_TARGET static void test_square(void **state)
{
    (void)state;
    struct lanes a;
    struct lanes_sums sums, product;
    for (int n = 0; n < RANDOM_CASES; n++) {
        make(&a, n, TIGHT_LOW, TIGHT_HIGH);
        lanes_square(&sums, &a);
        lanes_mul(&product, &a, &a);
        assert_columns(&sums, SMALL_MIN, SMALL_MAX);
        assert_columns(&product, SMALL_MIN, SMALL_MAX);
        check_product(&sums, &a, &a);
    }
}

LANES_TARGET static void test_reduce(void **state)
{
    (void)state;
    union {
        struct lanes_sums sums;
        uint64_t words[5][LANES];
    } a;
    struct lanes r;
    for (int n = 0; n < RANDOM_CASES; n++) {
        uint64_t terms = (uint64_t)n % 4;
        for (int lane = 0; lane < LANES; lane++) {
            for (int i = 0; i < 5; i++) {
                int64_t x = pick(n + lane, i, -REDUCIBLE, REDUCIBLE);
                a.words[i][lane] = (uint64_t)x - terms * column_correction(i);
            }
        }
        lanes_reduce(&r, &a.sums, terms);
        assert_limbs(&r, TIGHT_LOW, TIGHT_HIGH);
        for (int lane = 0; lane < LANES; lane++) {
            struct fe got = element(&r, lane);
            struct fe expected = columns_element(&a.sums, lane, terms);
            assert_same(&got, &expected);
        }
    }
}

LANES_TARGET static void test_reduce_both(void **state)
{
    (void)state;
    struct lanes f, g, sum, difference;
    struct lanes_sums a, b;
    for (int n = 0; n < RANDOM_CASES; n++) {
        make(&f, n, FACTOR_MIN, FACTOR_MAX);
        make(&g, n / 5, FACTOR_MIN, FACTOR_MAX);
        lanes_mul(&a, &f, &g);
        lanes_mul(&b, &g, &g);
        lanes_reduce_both(&sum, &difference, &a, &b);
        assert_limbs(&sum, TIGHT_LOW, TIGHT_HIGH);
        assert_limbs(&difference, TIGHT_LOW, TIGHT_HIGH);
        for (int lane = 0; lane < LANES; lane++) {
            struct fe x = columns_element(&a, lane, 1), y = columns_element(&b, lane, 1);
            struct fe expected, got = element(&sum, lane);
            fe_add(&expected, &x, &y);
            assert_same(&got, &expected);
            got = element(&difference, lane);
            fe_sub(&expected, &x, &y);
            assert_same(&got, &expected);
        }
    }
}

LANES_TARGET static void test_mul_small_add(void **state)
{
    (void)state;
    static const int32_t some[] = {121665, 1, (1 << 17) - 1, 2, 0, 9, 65536, 3};
    struct lanes a, b, r;
    int32_t factors[LANES];
    for (int n = 0; n < RANDOM_CASES; n++) {
        make(&a, n, SMALL_FACTOR_MIN, SMALL_FACTOR_MAX);
        make(&b, n / 3, TIGHT_LOW, TIGHT_HIGH);
        for (int lane = 0; lane < LANES; lane++) {
            factors[lane] = some[(n + lane) % 8] * (SIGNED_FACTORS && n % 16 < 8 ? -1 : 1);
        }
        lanes_mul_small_add(&r, &a, factors, &b);
        assert_limbs(&r, SMALL_ADD_LOW, SMALL_ADD_HIGH);
        for (int lane = 0; lane < LANES; lane++) {
            struct fe got = element(&r, lane), expected = element(&a, lane),
                      add = element(&b, lane);
            struct fe factor = {{factors[lane], 0, 0, 0, 0}};
            fe_mul(&expected, &expected, &factor);
            fe_add(&expected, &expected, &add);
            assert_same(&got, &expected);
        }
    }
}

LANES_TARGET static void test_in_and_out(void **state)
{
    (void)state;
    struct fe in[LANES], out[LANES];
    struct lanes a;
    for (int n = 0; n < RANDOM_CASES; n++) {
        for (int lane = 0; lane < LANES; lane++) {
            for (int i = 0; i < 5; i++) {
                in[lane].v[i] = pick(n + lane, i, -((int64_t)1 << 53), (int64_t)1 << 53);
            }
        }
        lanes_from_elements(&a, in);
        assert_limbs(&a, TIGHT_LOW, TIGHT_HIGH);
        lanes_to_elements(out, &a);
        for (int lane = 0; lane < LANES; lane++) {
            struct fe got = element(&a, lane);
            assert_same(&got, &in[lane]);
            assert_memory_equal(&got, &out[lane], sizeof got);
        }
    }
}

LANES_TARGET static void test_select(void **state)
{
    (void)state;
    struct lanes a, b, r;
    for (int n = 0; n < CORNERS; n++) {
        uint64_t masks[LANES];
        make(&a, n, FACTOR_MIN, FACTOR_MAX);
        make(&b, CORNERS - 1 - n, FACTOR_MIN, FACTOR_MAX);
        for (int lane = 0; lane < LANES; lane++) {
            masks[lane] = ct_mask_u64((uint64_t)(n >> lane & 1));
        }
        lanes_select(&r, masks, &a, &b);
        for (int lane = 0; lane < LANES; lane++) {
            struct fe got = element(&r, lane), expected = element(masks[lane] ? &a : &b, lane);
            assert_memory_equal(&got, &expected, sizeof got);
        }
    }
}

#if defined(LANES_COMB)
LANES_TARGET static void test_words(void **state)
{
    (void)state;
    struct lanes r;
    for (int n = 0; n < RANDOM_CASES; n++) {
        union {
            __m256i vectors[4];
            uint64_t words[4][4];
        } w;
        struct fe expected[4];
        for (int lane = 0; lane < 4; lane++) {
            for (int i = 0; i < 4; i++) {
                w.words[i][lane] = n % 4 ? test_random(&seed) : (uint64_t)(n / 4 + i) % 2 - 1;
            }
            w.words[3][lane] &= ~(uint64_t)0 >> 1;
            const uint64_t words[4] = {w.words[0][lane], w.words[1][lane], w.words[2][lane],
                                       w.words[3][lane]};
            fe_from_words(&expected[lane], words);
        }
        lanes_from_words(&r, w.vectors);
        assert_limbs(&r, 0, ((int64_t)1 << 51) - 1);
        lanes_negate_if(&r, _mm256_setr_epi64x(-(n & 1), -(n >> 1 & 1), -(n >> 2 & 1), 0));
        assert_limbs(&r, FACTOR_MIN, FACTOR_MAX);
        for (int lane = 0; lane < 4; lane++) {
            struct fe got = element(&r, lane);
            fe_negate_if(&expected[lane], ct_mask_u64(lane < 3 ? (uint64_t)(n >> lane & 1) : 0));
            assert_same(&got, &expected[lane]);
        }
    }
}
#endif

FIXTURE int run_lanes_cases(void)
{
    if (!noise_cpu_has(FEATURES)) {
        (void)puts("ok 1 - lanes # SKIP this processor lacks a feature of the vectors\n1..1");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mul),
        cmocka_unit_test(test_square),
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_reduce_both),
        cmocka_unit_test(test_mul_small_add),
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_select),
#if defined(LANES_COMB)
        cmocka_unit_test(test_words),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
