// SPDX-License-Identifier: Apache-2.0
// BLAKE2s, HMAC and HKDF against RFC 7693 and facts computed with Python's hashlib. The published keyed cases:
// tests/vectors.
#include "tests/unit/noise_fixture.h"

#include "noise/blake2s.h"

static void counting_bytes(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)i;
    }
}

static void test_known_digests(void **state)
{
    (void)state;
    uint8_t hash[32];
    blake2s(hash, NULL, 0);
    assert_hex(hash, 32, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");
    // RFC 7693 appendix B
    blake2s(hash, (const uint8_t *)"abc", 3);
    assert_hex(hash, 32, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

// RFC 7693 appendix E: the digest of the digests of all combinations of these lengths.
static void selftest_sequence(uint8_t *out, size_t len, uint32_t seed)
{
    uint32_t a = 0xDEAD4BAD * seed;
    uint32_t b = 1;
    for (size_t i = 0; i < len; i++) {
        uint32_t t = a + b;
        a = b;
        b = t;
        out[i] = (uint8_t)(t >> 24);
    }
}

static void test_rfc7693_selftest(void **state)
{
    (void)state;
    static const size_t hash_lens[] = {16, 20, 28, 32};
    static const size_t in_lens[] = {0, 3, 64, 65, 255, 1024};
    uint8_t in[1024];
    uint8_t hash[32];
    uint8_t key[32];
    struct blake2s all;
    struct blake2s one;

    blake2s_init(&all, 32, NULL, 0);
    for (size_t i = 0; i < COUNT(hash_lens); i++) {
        size_t hash_len = hash_lens[i];
        for (size_t j = 0; j < COUNT(in_lens); j++) {
            selftest_sequence(in, in_lens[j], (uint32_t)in_lens[j]);
            blake2s_init(&one, hash_len, NULL, 0);
            blake2s_update(&one, in, in_lens[j]);
            blake2s_final(&one, hash);
            blake2s_update(&all, hash, hash_len);

            selftest_sequence(key, hash_len, (uint32_t)hash_len);
            blake2s_init(&one, hash_len, key, hash_len);
            blake2s_update(&one, in, in_lens[j]);
            blake2s_final(&one, hash);
            blake2s_update(&all, hash, hash_len);
        }
    }
    blake2s_final(&all, hash);
    assert_hex(hash, 32, "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe");
}

// Every length to 260, cut in two at every place, aligned and not.
static void test_pieces_equal_whole(void **state)
{
    (void)state;
    uint8_t in[264];
    uint8_t whole[32];
    uint8_t hash[32];
    struct blake2s ctx;
    counting_bytes(in, sizeof in);
    for (size_t len = 0; len <= 260; len++) {
        blake2s(whole, in + 1, len);
        for (size_t cut = 0; cut <= len; cut++) {
            blake2s_init(&ctx, 32, NULL, 0);
            blake2s_update(&ctx, in + 1, cut);
            blake2s_update(&ctx, in + 1 + cut, len - cut);
            blake2s_final(&ctx, hash);
            assert_memory_equal(hash, whole, 32);
        }
    }
}

static void test_hash_may_lie_in_its_input(void **state)
{
    (void)state;
    uint8_t memory[100];
    uint8_t expected[32];
    counting_bytes(memory, sizeof memory);
    blake2s(expected, memory, sizeof memory);
    blake2s(memory + 10, memory, sizeof memory);
    assert_memory_equal(memory + 10, expected, 32);
}

static void test_final_wipes(void **state)
{
    (void)state;
    struct blake2s ctx;
    uint8_t key[32];
    uint8_t hash[32];
    counting_bytes(key, sizeof key);
    blake2s_init(&ctx, 32, key, sizeof key);
    blake2s_update(&ctx, key, sizeof key);
    blake2s_final(&ctx, hash);
    assert_zero(&ctx, sizeof ctx);
}

static void test_lengths_are_clamped(void **state)
{
    (void)state;
    uint8_t key[40] = {7};
    uint8_t clamped[32];
    uint8_t expected[32];
    struct blake2s ctx;
    blake2s_init(&ctx, 33, key, 40);
    blake2s_final(&ctx, clamped);
    blake2s_init(&ctx, 32, key, 32);
    blake2s_final(&ctx, expected);
    assert_memory_equal(clamped, expected, 32);
}

static void test_hmac(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *mac;
    } rows[] = {
        {0, "e2641d24dfa8dd89e8cb77f1cdc77d8c006e5bebdfc4d6a3a3a6f8d5b7586fb0"},
        {1, "3c657ea8362eeb115466cc90a81a36d2994b7153729c01f50a19be2ca3cce643"},
        {32, "8d2cc42fc1055ea43277dfd5d35d3863b228f9cc0c02007dc2afb20907bd7312"},
        {64, "3b35e945d05ac982850451ac8b6cdfffb98e56f50b95272fab665de081691056"},
        {65, "e0bf9ad5f46ae7cb59268a338f24391ad8cc125148746599da55803c3d80c2e2"},
        {200, "543eec9b22646365ef782d72dae137cc761d018005f8d33d0f20bfbd01e62974"},
    };
    uint8_t key[32];
    uint8_t in[200];
    uint8_t mac[32];
    counting_bytes(key, sizeof key);
    counting_bytes(in, sizeof in);
    for (size_t i = 0; i < COUNT(rows); i++) {
        hmac_blake2s(mac, key, in, rows[i].len);
        assert_hex(mac, 32, rows[i].mac);
    }
}

static void test_hkdf(void **state)
{
    (void)state;
    uint8_t key[32];
    uint8_t in[32];
    uint8_t out1[32];
    uint8_t out2[32];
    counting_bytes(key, sizeof key);
    memset(in, 0xff, sizeof in);
    hkdf_blake2s(out1, out2, key, NULL, 0);
    assert_hex(out1, 32, "7a38c34bf2b8738d7374ca77c44ecb309a11d2b2528304fa86052c365e722624");
    assert_hex(out2, 32, "1a17621f346abdc520746a9fb64d8eb03231d674fc15687537b0780fd9c060fd");
    hkdf_blake2s(key, in, key, in, sizeof in); // outputs where the inputs were
    assert_hex(key, 32, "b0a13ebd1183ecb1d3f5ba3040cbb6b5162cb1c6be7fe1f0a3df3e6d0ba891b9");
    assert_hex(in, 32, "19a3b3e8e9ca1677e2e9ad4108f9665ad344bcd13a928e6cdf2d2b87032b8b37");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_digests),
        cmocka_unit_test(test_rfc7693_selftest),
        cmocka_unit_test(test_pieces_equal_whole),
        cmocka_unit_test(test_hash_may_lie_in_its_input),
        cmocka_unit_test(test_final_wipes),
        cmocka_unit_test(test_lengths_are_clamped),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_hkdf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
