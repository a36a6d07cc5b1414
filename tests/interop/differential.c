// SPDX-License-Identifier: Apache-2.0
// The three primitives against OpenSSL and libsodium (which has no BLAKE2s): random cases, edges, and all short lengths,
// each on every path through the library that the machine has.
//
// CASES in the environment is the number of random cases for each primitive, SEED the start of their sequence.
#include "tests/unit/noise_fixture.h"

#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include "noise/blake2s.h"
#include "noise/chacha20poly1305.h"
#include "noise/x25519.h"
#include "tests/cpu_paths.h"

enum {
    EDGE_LEN = 1024,
    LONG_LEN = 65600,
    BATCH_MAX = 40,
    CLASSIFY = 16, // of so many points one is looked at: on the curve or on its twist
};

static unsigned long cases = 100000;
static uint64_t seed = 1;

static uint8_t text[LONG_LEN + 16], ours[LONG_LEN + 16], theirs[LONG_LEN + 16], ad[EDGE_LEN + 1];

static uint64_t below(uint64_t limit)
{
    return (test_random(&seed) >> 16) % limit;
}

// X25519

// false: OpenSSL refuses, which it does for an all-zero product.
static bool openssl_x25519(uint8_t out[static 32], const uint8_t scalar[static 32],
                           const uint8_t point[static 32])
{
    size_t out_len = 32;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, 32);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, 32);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    assert_non_null(ctx);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
    bool done = EVP_PKEY_derive(ctx, out, &out_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return done;
}

// How many of each kind there were.
static struct {
    unsigned long points, refused, not_reduced, top_bit, on_curve, on_twist;
} seen;

static void compare_x25519(const uint8_t scalar[static 32], const uint8_t point[static 32])
{
    uint8_t ours_out[32], openssl_out[32], sodium_out[32];
    bool good = openssl_x25519(openssl_out, scalar, point);
    assert_int_equal(crypto_scalarmult(sodium_out, scalar, point) == 0, good);
    if (good) {
        assert_memory_equal(openssl_out, sodium_out, 32);
    }
    for (size_t i = 0; i < cpu_paths_len; i++) {
        if (!cpu_path_take(&cpu_paths[i])) {
            continue;
        }
        assert_int_equal(x25519(ours_out, scalar, point), good ? NOISE_OK : NOISE_ERR_LOW_ORDER);
        if (good) {
            assert_memory_equal(ours_out, openssl_out, 32);
        } else {
            assert_zero(ours_out, 32);
        }
    }
    seen.refused += !good;
}

// A value of u: u^3 + 486662 u^2 + u is a square on the curve, and none on its twist (RFC 7748 4.1).
static void classify(const uint8_t point[static 32])
{
    static BN_CTX *bn;
    static BIGNUM *p, *a;
    uint8_t reduced[32];
    if (bn == NULL) {
        bn = BN_CTX_new();
        assert_true(BN_hex2bn(&p, "7fffffffffffffffffffffffffffffff"
                                  "ffffffffffffffffffffffffffffffed") > 0);
        assert_true(BN_dec2bn(&a, "486662") > 0);
    }
    memcpy(reduced, point, 32);
    seen.top_bit += reduced[31] >> 7;
    reduced[31] &= 0x7f;
    BIGNUM *u = BN_lebin2bn(reduced, 32, NULL);
    BIGNUM *x = BN_new();
    seen.not_reduced += BN_cmp(u, p) >= 0;
    // (u + A) u + 1, times u
    assert_true(BN_mod_add(x, u, a, p, bn) == 1 && BN_mod_mul(x, x, u, p, bn) == 1 &&
                BN_add_word(x, 1) == 1 && BN_mod_mul(x, x, u, p, bn) == 1);
    int square = BN_kronecker(x, p, bn);
    assert_true(square >= -1);
    seen.on_curve += square >= 0;
    seen.on_twist += square < 0;
    BN_free(u);
    BN_free(x);
}

// Points: mostly random (half of them on the twist), also near 0, near p and 2^255, of low order, of few bits.
static void make_point(uint8_t point[static 32], unsigned long n)
{
    static const uint8_t order_8[2][32] = {
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
        {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
         0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
         0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    };
    test_random_bytes(&seed, point, 32);
    switch (n % 16) {
    case 0:
        memset(point, 0, 32);
        point[0] = (uint8_t)below(256);
        break;
    case 1:
        memset(point, 0xff, 32);
        point[0] = (uint8_t)below(256);
        point[31] = (uint8_t)(0x7f | below(2) << 7);
        break;
    case 2:
        memcpy(point, order_8[below(2)], 32);
        point[31] |= (uint8_t)(below(2) << 7);
        break;
    case 3:
        memset(point, below(2) ? 0xff : 0, 32);
        point[below(32)] ^= (uint8_t)(1 << below(8));
        break;
    default:
        break;
    }
}

// Scalars: mostly random; also all zeroes, all ones, and one bit that differs from the others.
static void make_scalar(uint8_t scalar[static 32], unsigned long n)
{
    test_random_bytes(&seed, scalar, 32);
    if (n % 10 == 0) {
        memset(scalar, below(2) ? 0xff : 0, 32);
        scalar[below(32)] ^= (uint8_t)(below(4) ? 1 << below(8) : 0);
    }
}

static void test_x25519(void **state)
{
    (void)state;
    uint8_t scalar[32], point[32];
    for (unsigned long n = 0; n < cases; n++) {
        make_scalar(scalar, n);
        make_point(point, n);
        compare_x25519(scalar, point);
        seen.points++;
        if (below(CLASSIFY) == 0) {
            classify(point);
        }
    }
    assert_true(seen.refused > 0 && seen.on_curve > 0 && seen.on_twist > 0 && seen.top_bit > 0);
    assert_true(seen.not_reduced > 0 || cases < 10000);
    (void)printf(
        "# %lu points, %lu refused; of every %dth: %lu on the curve, %lu on the twist, %lu not "
        "reduced, %lu with the top bit set\n",
        seen.points, seen.refused, CLASSIFY, seen.on_curve, seen.on_twist, seen.not_reduced,
        seen.top_bit);
}

static void test_x25519_base(void **state)
{
    (void)state;
    uint8_t scalar[32], ours_out[32], expected[32];
    for (unsigned long n = 0; n < cases / 10; n++) {
        make_scalar(scalar, n);
        assert_int_equal(crypto_scalarmult_base(expected, scalar), 0);
        for (size_t i = 0; i < cpu_paths_len; i++) {
            if (cpu_path_take(&cpu_paths[i])) {
                x25519_base(ours_out, scalar);
                assert_memory_equal(ours_out, expected, 32);
            }
        }
    }
}

// A batch of random size and mixture, each job against libsodium alone.
static void compare_batch(size_t count)
{
    static uint8_t scalars[BATCH_MAX][32], points[BATCH_MAX][32], expected[BATCH_MAX][32];
    static uint8_t out[BATCH_MAX][32];
    struct x25519_job jobs[BATCH_MAX];
    bool good[BATCH_MAX], base[BATCH_MAX];
    for (size_t j = 0; j < count; j++) {
        base[j] = below(3) == 0;
        make_scalar(scalars[j], below(1000));
        make_point(points[j], below(1000));
        if (j > 0 && below(4) == 0) {
            memcpy(scalars[j], scalars[j - 1], 32); // what keygen and es have in common
        }
        good[j] = (base[j] ? crypto_scalarmult_base(expected[j], scalars[j])
                           : crypto_scalarmult(expected[j], scalars[j], points[j])) == 0;
    }
    for (size_t i = 0; i < cpu_paths_len; i++) {
        if (!cpu_path_take(&cpu_paths[i])) {
            continue;
        }
        for (size_t j = 0; j < count; j++) {
            jobs[j] = (struct x25519_job){out[j], scalars[j], base[j] ? NULL : points[j],
                                          NOISE_ERR_STATE};
        }
        x25519_batch(jobs, count);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(jobs[j].error, good[j] ? NOISE_OK : NOISE_ERR_LOW_ORDER);
            if (good[j]) {
                assert_memory_equal(out[j], expected[j], 32);
            } else {
                assert_zero(out[j], 32);
            }
        }
    }
}

static void test_x25519_batch(void **state)
{
    (void)state;
    for (unsigned long n = 0; n < cases / 10;) {
        size_t count = below(BATCH_MAX + 1);
        compare_batch(count);
        n += count + 1;
    }
}

// ChaCha20-Poly1305

static void openssl_seal(uint8_t *out, const uint8_t *key, const uint8_t *nonce, size_t ad_len,
                         const uint8_t *in, size_t len)
{
    int n;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_non_null(ctx);
    assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_chacha20_poly1305(), NULL, key, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, ad, (int)ad_len), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, in, (int)len), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, out + len, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + len), 1);
    EVP_CIPHER_CTX_free(ctx);
}

// What the library makes of one message on the path that is taken: it seals as `theirs` is, opens that, and refuses it
// with a bit flipped.
static void compare_aead_on_path(const uint8_t key[static 32], const uint8_t nonce[static 12],
                                 size_t len, size_t ad_len, size_t shift)
{
    const uint8_t *in = text + shift;
    uint8_t *out = ours + shift;
    chacha20poly1305_seal(out, out + len, key, nonce, ad, ad_len, in, len);
    assert_memory_equal(out, theirs, len + 16);
    assert_int_equal(chacha20poly1305_open(out, key, nonce, ad, ad_len, out, len, out + len),
                     NOISE_OK);
    assert_memory_equal(out, in, len);
    size_t at = below(len + 16);
    uint8_t bit = (uint8_t)(1 << below(8));
    theirs[at] ^= bit;
    assert_int_equal(chacha20poly1305_open(out, key, nonce, ad, ad_len, theirs, len, theirs + len),
                     NOISE_ERR_AUTH);
    theirs[at] ^= bit;
}

// `shift` moves input and output off their alignment.
static void compare_aead(size_t len, size_t ad_len, size_t shift)
{
    uint8_t key[32], nonce[12];
    const uint8_t *in = text + shift;
    uint8_t *out = ours + shift;
    test_random_bytes(&seed, key, sizeof key);
    test_random_bytes(&seed, nonce, sizeof nonce);
    openssl_seal(out, key, nonce, ad_len, in, len);
    assert_int_equal(crypto_aead_chacha20poly1305_ietf_encrypt(theirs, NULL, in, len, ad, ad_len,
                                                               NULL, nonce, key),
                     0);
    assert_memory_equal(out, theirs, len + 16);
    for (size_t i = 0; i < cpu_paths_len; i++) {
        if (cpu_path_take(&cpu_paths[i])) {
            compare_aead_on_path(key, nonce, len, ad_len, shift);
        }
    }
}

static void test_aead(void **state)
{
    (void)state;
    test_random_bytes(&seed, text, sizeof text);
    test_random_bytes(&seed, ad, sizeof ad);
    for (size_t len = 0; len <= EDGE_LEN; len++) {
        for (size_t shift = 0; shift < 3; shift++) {
            compare_aead(len, len % 19, shift);
            compare_aead(len % 37, len, shift);
        }
    }
    for (unsigned long n = 0; n < cases; n++) {
        compare_aead(below(n % 1000 == 0 ? LONG_LEN
                           : n % 4 == 0  ? EDGE_LEN
                                         : 200),
                     below(100), below(9));
    }
}

// BLAKE2s

static void openssl_blake2s(uint8_t *out, const uint8_t *in, size_t len)
{
    unsigned out_len = 32;
    assert_int_equal(EVP_Digest(in, len, out, &out_len, EVP_blake2s256(), NULL), 1);
}

static void openssl_blake2s_keyed(EVP_MAC_CTX *ctx, uint8_t *out, const uint8_t *key,
                                  size_t key_len, const uint8_t *in, size_t len)
{
    size_t out_len;
    assert_int_equal(EVP_MAC_init(ctx, key, key_len, NULL), 1);
    assert_int_equal(EVP_MAC_update(ctx, in, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, out, &out_len, 32), 1);
}

static void compare_blake2s(EVP_MAC_CTX *mac, size_t len, size_t shift)
{
    uint8_t key[32], ours_out[32], plain[32], keyed[32];
    size_t key_len = 1 + below(32), cut = below(len + 1);
    const uint8_t *in = text + shift;
    test_random_bytes(&seed, key, key_len);
    openssl_blake2s(plain, in, len);
    openssl_blake2s_keyed(mac, keyed, key, key_len, in, len);
    for (size_t i = 0; i < cpu_paths_len; i++) {
        struct blake2s ctx;
        if (!cpu_path_take(&cpu_paths[i])) {
            continue;
        }
        blake2s(ours_out, in, len);
        assert_memory_equal(ours_out, plain, 32);
        blake2s_init(&ctx, 32, key, key_len);
        blake2s_update(&ctx, in, cut);
        blake2s_update(&ctx, in + cut, len - cut);
        blake2s_final(&ctx, ours_out);
        assert_memory_equal(ours_out, keyed, 32);
    }
}

static void test_blake2s(void **state)
{
    (void)state;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    if (ctx == NULL) {
        fail();
    }
    test_random_bytes(&seed, text, sizeof text);
    for (size_t len = 0; len <= EDGE_LEN; len++) {
        for (size_t shift = 0; shift < 5; shift++) {
            compare_blake2s(ctx, len, shift);
        }
    }
    for (unsigned long n = 0; n < cases; n++) {
        text[below(EDGE_LEN)] ^= (uint8_t)(1 + below(255));
        compare_blake2s(ctx, below(n % 1000 == 0 ? LONG_LEN : EDGE_LEN), below(9));
    }
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

// HKDF of Noise is HKDF of RFC 5869 with empty info: the same bytes by another road.
static void test_hkdf(void **state)
{
    (void)state;
    uint8_t key[32], in[32], out[64], expected[64];
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    char digest[] = "BLAKE2s256";
    if (ctx == NULL) {
        fail();
    }
    for (unsigned long n = 0; n < cases / 10; n++) {
        test_random_bytes(&seed, key, sizeof key);
        test_random_bytes(&seed, in, sizeof in);
        size_t in_len = 1 + below(sizeof in); // OpenSSL takes no empty input here
        (void)cpu_path_take(&cpu_paths[n % cpu_paths_len]);
        hkdf_blake2s(out, out + 32, key, in, in_len);
        OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_utf8_string("digest", digest, 0),
            OSSL_PARAM_construct_octet_string("salt", key, sizeof key),
            OSSL_PARAM_construct_octet_string("key", in, in_len),
            OSSL_PARAM_construct_end(),
        };
        assert_int_equal(EVP_KDF_derive(ctx, expected, sizeof expected, parameters), 1);
        assert_memory_equal(out, expected, sizeof out);
    }
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x25519),       cmocka_unit_test(test_x25519_base),
        cmocka_unit_test(test_x25519_batch), cmocka_unit_test(test_aead),
        cmocka_unit_test(test_blake2s),      cmocka_unit_test(test_hkdf),
    };
    const char *cases_text = getenv("CASES");
    const char *seed_text = getenv("SEED");
    if (cases_text != NULL) {
        cases = strtoul(cases_text, NULL, 10);
    }
    if (seed_text != NULL) {
        seed = strtoull(seed_text, NULL, 10) | 1;
    }
    if (sodium_init() < 0 || cases < 10) {
        return 2;
    }
    (void)printf("# CASES=%lu SEED=%llu\n", cases, (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
