// SPDX-License-Identifier: Apache-2.0
// X25519 against RFC 7748; low-order points; in place. Wycheproof: tests/vectors.
#include "tests/unit/noise_fixture.h"

#include "noise/x25519.h"
#include "tests/unit/bringup.h"

static void check(const char *scalar_hex, const char *u_hex, const char *expected_hex)
{
    uint8_t scalar[32];
    uint8_t u[32];
    uint8_t out[32];
    hex_decode(scalar, 32, scalar_hex);
    hex_decode(u, 32, u_hex);
    assert_int_equal(x25519(out, scalar, u), NOISE_OK);
    assert_hex(out, 32, expected_hex);
}

static void test_rfc7748_vectors(void **state)
{
    (void)state;
    // RFC 7748 5.2
    check("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
          "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    check("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
          "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
          "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

// RFC 7748 5.2: k = u = 9, then (k, u) = (X25519(k, u), k), again and again.
static void test_rfc7748_iterated(void **state)
{
    (void)state;
    uint8_t k[32] = {9};
    uint8_t u[32] = {9};
    uint8_t next[32];
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(x25519(next, k, u), NOISE_OK);
        memcpy(u, k, 32);
        memcpy(k, next, 32);
        if (i == 1) {
            assert_hex(k, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
        }
    }
    assert_hex(k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

// RFC 7748 6.1
static void test_rfc7748_diffie_hellman(void **state)
{
    (void)state;
    uint8_t a[32];
    uint8_t b[32];
    uint8_t public_key[32];
    const char *shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    hex_decode(a, 32, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    hex_decode(b, 32, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    x25519_base(public_key, a);
    assert_hex(public_key, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_int_equal(x25519(public_key, b, public_key), NOISE_OK);
    assert_hex(public_key, 32, shared);
    x25519_base(public_key, b);
    assert_hex(public_key, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert_int_equal(x25519(public_key, a, public_key), NOISE_OK);
    assert_hex(public_key, 32, shared);
}

// The fixed base has a path of its own: it gives what the general one gives for 9. Scalars: single bits, runs of
// ones, and enough random ones that each entry of a table is used hundreds of times.
static void test_base_is_nine(void **state)
{
    (void)state;
    static const uint8_t nine[32] = {9};
    uint64_t seed = 9;
    for (int n = 0; n < 2 * 256 + 300; n++) {
        uint8_t scalar[32] = {0};
        uint8_t expected[32];
        if (n < 512) {
            memset(scalar, n < 256 ? 0 : 0xff, n < 256 ? 0 : (size_t)n % 256 / 8);
            scalar[n % 256 / 8] |= (uint8_t)(1 << n % 8);
        } else {
            test_random_bytes(&seed, scalar, sizeof scalar);
        }
        assert_int_equal(x25519(expected, scalar, nine), NOISE_OK);
        x25519_base(scalar, scalar);
        assert_memory_equal(scalar, expected, 32);
    }
}

static void test_bring_up_public_keys(void **state)
{
    (void)state;
    // SECURITY: bring-up test keys, NOT production custody
    static const struct {
        uint8_t tag;
        uint16_t port;
        const char *public_key;
    } rows[] = {
        {0xa0, 34567, "a7307a497a2229df9f68633e0dc4db960c3562fd9bfcc4f90af11b7f90955a2d"},
        {0xb0, 34567, "c4fdc18609856d72ccc9c4c2144aefa8294393b0d41ad3c4c87951feea73d17d"},
        {0xc0, 34567, "14296d8f135885ebb59c11c0ab4189862fb7c1f865bdb332f9ff44fa8aeeda5d"},
        {0xd0, 34567, "24260eb6eddf8284e4cb6e9169ce2e0ba1b21c5c3bed796e41a8853b82abaa4d"},
        {0xd1, 34568, "ba9f625f38c5663d272ae4ad91849d9fd075b2c95bbb7dee6b3d799db77e4526"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t secret[32];
        uint8_t public_key[32];
        derive_test_secret(secret, rows[i].tag, rows[i].port);
        x25519_base(public_key, secret);
        assert_hex(public_key, 32, rows[i].public_key);
    }
}

// Every point of small order, its non-canonical forms, and both with the top bit set.
static void test_low_order_points_are_errors(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p - 1
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1
    };
    for (size_t i = 0; i < COUNT(points); i++) {
        for (int top = 0; top < 2; top++) {
            uint8_t point[32];
            uint8_t scalar[32];
            uint8_t out[32];
            hex_decode(point, 32, points[i]);
            memset(scalar, (int)i + 0x51, sizeof scalar);
            memset(out, 0xaa, sizeof out);
            point[31] = (uint8_t)(point[31] | top << 7);
            assert_int_equal(x25519(out, scalar, point), NOISE_ERR_LOW_ORDER);
            assert_zero(out, sizeof out);
        }
    }
}

// 2^255 - 19 + k is k, for every k that fits; and the top bit is ignored.
static void test_non_canonical_points(void **state)
{
    (void)state;
    uint8_t scalar[32];
    memset(scalar, 0x33, sizeof scalar);
    for (uint8_t k = 2; k < 19; k++) {
        uint8_t reduced[32] = {k};
        uint8_t not_reduced[32];
        uint8_t a[32];
        uint8_t b[32];
        memset(not_reduced, 0xff, sizeof not_reduced);
        not_reduced[0] = (uint8_t)(0xed + k);
        assert_int_equal(x25519(a, scalar, reduced), NOISE_OK);
        assert_int_equal(x25519(b, scalar, not_reduced), NOISE_OK);
        assert_memory_equal(a, b, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc7748_vectors),
        cmocka_unit_test(test_rfc7748_iterated),
        cmocka_unit_test(test_rfc7748_diffie_hellman),
        cmocka_unit_test(test_base_is_nine),
        cmocka_unit_test(test_bring_up_public_keys),
        cmocka_unit_test(test_low_order_points_are_errors),
        cmocka_unit_test(test_non_canonical_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
