// SPDX-License-Identifier: Apache-2.0
// Numbers modulo 2^130 - 5 as OpenSSL's integers, for the tests of Poly1305's arithmetic. Includes cmocka.
#ifndef TESTS_UNIT_POLY1305_CASES_H
#define TESTS_UNIT_POLY1305_CASES_H

#include "tests/unit/noise_fixture.h"

#include <openssl/bn.h>

static BN_CTX *bn;
static BIGNUM *prime;

FIXTURE int bn_setup(void **state)
{
    (void)state;
    bn = BN_CTX_new();
    prime = BN_new();
    assert_non_null(bn);
    assert_non_null(prime);
    assert_int_equal(BN_set_bit(prime, 130), 1);
    assert_int_equal(BN_sub_word(prime, 5), 1);
    return 0;
}

FIXTURE int bn_teardown(void **state)
{
    (void)state;
    BN_free(prime);
    BN_CTX_free(bn);
    return 0;
}

// x0 + 2^bits x1 + 2^(2 bits) x2. To be freed.
FIXTURE BIGNUM *bn_of_limbs(uint64_t x0, uint64_t x1, uint64_t x2, int bits)
{
    const uint64_t limbs[] = {x0, x1, x2};
    BIGNUM *sum = BN_new();
    BIGNUM *limb = BN_new();
    assert_non_null(sum);
    assert_non_null(limb);
    BN_zero(sum);
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(BN_lshift(sum, sum, bits), 1);
        assert_int_equal(BN_set_word(limb, limbs[i]), 1);
        assert_int_equal(BN_add(sum, sum, limb), 1);
    }
    BN_free(limb);
    return sum;
}

// Frees both.
FIXTURE void assert_same_residue(BIGNUM *a, BIGNUM *b)
{
    assert_int_equal(BN_nnmod(a, a, prime, bn), 1);
    assert_int_equal(BN_nnmod(b, b, prime, bn), 1);
    assert_int_equal(BN_cmp(a, b), 0);
    BN_free(a);
    BN_free(b);
}

#endif
