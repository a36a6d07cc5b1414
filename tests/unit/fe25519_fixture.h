// SPDX-License-Identifier: Apache-2.0
// Field elements as OpenSSL's integers, and elements at the extremes of a bound.
#ifndef TESTS_UNIT_FE25519_FIXTURE_H
#define TESTS_UNIT_FE25519_FIXTURE_H

#include "tests/unit/noise_fixture.h"

#include <stdbool.h>

#include <openssl/bn.h>

#include "noise/fe25519.h"

#define TIGHT_MIN (-((int64_t)1 << 11))
#define TIGHT_MAX (((int64_t)1 << 51) + ((int64_t)1 << 11))
#define LOOSE_MAX ((int64_t)1 << 53)

enum {
    RANDOM_CASES = 20000,
};

static BN_CTX *bn;
static BIGNUM *prime;
static uint64_t seed = 1;

// The value of an element, reduced.
FIXTURE BIGNUM *value(const struct fe *a)
{
    BIGNUM *sum = BN_new();
    BIGNUM *limb = BN_new();
    assert_non_null(sum);
    assert_non_null(limb);
    BN_zero(sum);
    for (int i = 4; i >= 0; i--) {
        uint64_t magnitude = a->v[i] < 0 ? 0 - (uint64_t)a->v[i] : (uint64_t)a->v[i];
        assert_int_equal(BN_lshift(sum, sum, FE_LIMB_BITS), 1);
        assert_int_equal(BN_set_word(limb, magnitude), 1);
        assert_int_equal(a->v[i] < 0 ? BN_sub(sum, sum, limb) : BN_add(sum, sum, limb), 1);
    }
    assert_int_equal(BN_nnmod(sum, sum, prime, bn), 1);
    BN_free(limb);
    return sum;
}

FIXTURE void assert_value(const struct fe *a, BIGNUM *expected)
{
    BIGNUM *got = value(a);
    assert_int_equal(BN_nnmod(expected, expected, prime, bn), 1);
    assert_int_equal(BN_cmp(got, expected), 0);
    BN_free(got);
    BN_free(expected);
}

FIXTURE bool is_tight(const struct fe *a)
{
    bool tight = true;
    for (int i = 0; i < 5; i++) {
        tight &= a->v[i] >= TIGHT_MIN && a->v[i] <= TIGHT_MAX;
    }
    return tight;
}

FIXTURE void assert_tight(const struct fe *a)
{
    assert_true(is_tight(a));
}

FIXTURE void assert_within(const struct fe *a, int64_t bound)
{
    for (int i = 0; i < 5; i++) {
        assert_true(a->v[i] >= -bound && a->v[i] <= bound);
    }
}

// Case n of each: first every combination of the two extremes and zero in the limbs (3^5), then random ones.
enum {
    CORNERS = 243,
};

FIXTURE struct fe make(int n, int64_t low, int64_t high)
{
    struct fe a;
    for (int i = 0, rest = n; i < 5; i++, rest /= 3) {
        int64_t width = high - low;
        int64_t random = low + (int64_t)(test_random(&seed) % (uint64_t)(width + 1));
        int64_t near = test_random(&seed) % 2 ? high - (int64_t)(test_random(&seed) % 64)
                                              : low + (int64_t)(test_random(&seed) % 64);
        a.v[i] = n >= CORNERS    ? (n % 2 ? random : near)
                 : rest % 3 == 0 ? low
                 : rest % 3 == 1 ? high
                                 : 0;
    }
    return a;
}

FIXTURE int fe_setup(void **state)
{
    (void)state;
    bn = BN_CTX_new();
    prime = NULL;
    return bn != NULL && BN_hex2bn(&prime, "7fffffffffffffffffffffffffffffff"
                                           "ffffffffffffffffffffffffffffffed") > 0
               ? 0
               : -1;
}

FIXTURE int fe_teardown(void **state)
{
    (void)state;
    BN_free(prime);
    BN_CTX_free(bn);
    return 0;
}

#endif
