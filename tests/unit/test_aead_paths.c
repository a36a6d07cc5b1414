// SPDX-License-Identifier: Apache-2.0
// What the AEAD does on the path that the library takes is what it does on the portable one, for every length and
// alignment and in place; nothing is written beside the output, and a forgery leaves zeroes. The portable path is
// compared with other libraries elsewhere. NOISE_CPU in the environment chooses the path.
#include "tests/unit/noise_fixture.h"

#include "noise/chacha20.h"
#include "noise/chacha20poly1305.h"
#include "noise/cpu.h"

enum {
    TAG_LEN = CHACHA20POLY1305_TAG_LEN,
    EVERY_LEN = 1100, // more than two chunks
    LONG_LEN = 70000,
    SHIFTS = 64,
    GUARD_LEN = 64,
    LONG_CASES = 40,
    FRAME_LEN = GUARD_LEN + SHIFTS + LONG_LEN + GUARD_LEN,
};

static uint64_t seed = 20;
static uint32_t features; // of the path
static uint8_t key[32], nonce[12], tag[TAG_LEN], expected_tag[TAG_LEN];
static uint8_t plain[LONG_LEN + SHIFTS], expected[LONG_LEN], frame[FRAME_LEN];

static int setup(void **state)
{
    (void)state;
    features = noise_cpu_features();
    test_random_bytes(&seed, plain, sizeof plain);
    return 0;
}

static size_t below(size_t n)
{
    return (size_t)(test_random(&seed) % n);
}

// An output of len bytes in the middle of guard bytes.
static uint8_t *guarded(size_t shift)
{
    memset(frame, 0xa5, sizeof frame);
    return frame + GUARD_LEN + shift;
}

static void assert_guards(const uint8_t *out, size_t len)
{
    for (const uint8_t *p = frame; p < out; p++) {
        assert_int_equal(*p, 0xa5);
    }
    for (const uint8_t *p = out + len; p < out + len + GUARD_LEN; p++) {
        assert_int_equal(*p, 0xa5);
    }
}

static void check_good(const uint8_t *in, size_t in_shift, const uint8_t *ad, size_t ad_len,
                       size_t len)
{
    uint8_t *out = guarded(in_shift);

    chacha20poly1305_seal(out, tag, key, nonce, ad, ad_len, in, len);
    assert_memory_equal(out, expected, len);
    assert_memory_equal(tag, expected_tag, TAG_LEN);
    assert_guards(out, len);
    assert_int_equal(chacha20poly1305_verify(key, nonce, ad, ad_len, out, len, tag), NOISE_OK);
    assert_int_equal(chacha20poly1305_open(out, key, nonce, ad, ad_len, out, len, tag), NOISE_OK);
    assert_memory_equal(out, in, len);
    chacha20poly1305_seal(out, tag, key, nonce, ad, ad_len, out, len); // in place
    assert_memory_equal(out, expected, len);
    assert_memory_equal(tag, expected_tag, TAG_LEN);
    chacha20poly1305_decrypt(out, key, nonce, out, len);
    assert_memory_equal(out, in, len);
    chacha20_xor(out, key, nonce, 1, in, len);
    assert_memory_equal(out, expected, len);
    assert_guards(out, len);
}

// One bit wrong somewhere, in place and not.
static void check_forged(size_t out_shift, const uint8_t *ad, size_t ad_len, size_t len)
{
    uint8_t *out = guarded(out_shift);
    size_t bit = below(8 * (len + TAG_LEN));

    memcpy(tag, expected_tag, TAG_LEN);
    if (bit >= 8 * len) {
        tag[bit / 8 - len] ^= (uint8_t)(1 << bit % 8);
    } else {
        expected[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(chacha20poly1305_verify(key, nonce, ad, ad_len, expected, len, tag),
                     NOISE_ERR_AUTH);
    assert_int_equal(chacha20poly1305_open(out, key, nonce, ad, ad_len, expected, len, tag),
                     NOISE_ERR_AUTH);
    assert_zero(out, len);
    assert_guards(out, len);
    memcpy(out, expected, len);
    assert_int_equal(chacha20poly1305_open(out, key, nonce, ad, ad_len, out, len, tag),
                     NOISE_ERR_AUTH);
    assert_zero(out, len);
    assert_guards(out, len);
}

static void check(size_t len, size_t ad_len, size_t in_shift, size_t out_shift)
{
    const uint8_t *in = plain + in_shift;
    const uint8_t *ad = plain + out_shift;

    test_random_bytes(&seed, key, sizeof key);
    test_random_bytes(&seed, nonce, sizeof nonce);
    noise_cpu_limit(NOISE_CPU_PORTABLE);
    chacha20poly1305_seal(expected, expected_tag, key, nonce, ad, ad_len, in, len);
    noise_cpu_limit(features);
    check_good(in, out_shift, ad, ad_len, len);
    check_forged(out_shift, ad, ad_len, len);
}

static void test_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= EVERY_LEN; len++) {
        check(len, len % 37, 0, 0);
        check(len, 0, below(SHIFTS), below(SHIFTS));
        check(len % 130, len, below(SHIFTS), below(SHIFTS)); // associated data
    }
}

static void test_every_alignment(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < SHIFTS; shift++) {
        check(64 + below(EVERY_LEN), below(40), shift, 0);
        check(64 + below(EVERY_LEN), below(40), 0, shift);
        check(64 + below(EVERY_LEN), below(40), shift, shift);
    }
}

static void test_long_messages(void **state)
{
    (void)state;
    static const size_t lens[] = {4096, 8191, 16384, 65519, 65535, LONG_LEN};
    for (size_t i = 0; i < COUNT(lens); i++) {
        check(lens[i], i, i, 2 * i);
    }
    for (int i = 0; i < LONG_CASES; i++) {
        check(below(LONG_LEN), below(50), below(SHIFTS), below(SHIFTS));
    }
}

// The counter of the last blocks is 2^32 - 1 at most, and a text may begin anywhere below.
static void test_high_counters(void **state)
{
    (void)state;
    for (uint32_t blocks = 1; blocks < 40; blocks++) {
        size_t len = (size_t)blocks * 64 - below(64);
        uint32_t counter = 0 - blocks;
        test_random_bytes(&seed, key, sizeof key);
        noise_cpu_limit(NOISE_CPU_PORTABLE);
        chacha20_xor(expected, key, nonce, counter, plain, len);
        noise_cpu_limit(features);
        uint8_t *out = guarded(0);
        chacha20_xor(out, key, nonce, counter, plain, len);
        assert_memory_equal(out, expected, len);
        assert_guards(out, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_every_alignment),
        cmocka_unit_test(test_long_messages),
        cmocka_unit_test(test_high_counters),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
