// SPDX-License-Identifier: Apache-2.0
// ChaCha20, Poly1305 and the AEAD against RFC 8439; forgeries; in place. Wycheproof: tests/vectors.
#include "tests/unit/noise_fixture.h"

#include "noise/chacha20.h"
#include "noise/chacha20poly1305.h"
#include "noise/poly1305.h"

// RFC 8439 2.8.2
static const char key_hex[] = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
static const char nonce_hex[] = "070000004041424344454647";
static const char ad_hex[] = "50515253c0c1c2c3c4c5c6c7";
static const char text[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
    "the future, sunscreen would be it.";
static const char ciphertext_hex[] = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee6"
                                     "2d63dbea45e8ca9671282fafb69da92728b"
                                     "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091"
                                     "b58fab324e4fad675945585808b4831d7bc"
                                     "3ff4def08e4b7a9de576d26586cec64b6116";
static const char tag_hex[] = "1ae10b594f09e26a7e902ecbd0600691";

enum {
    TEXT_LEN = sizeof text - 1,
};

static uint8_t key[32];
static uint8_t nonce[12];
static uint8_t ad[12];
static uint8_t sealed[TEXT_LEN];
static uint8_t tag[16];

static int setup(void **state)
{
    (void)state;
    hex_decode(key, sizeof key, key_hex);
    hex_decode(nonce, sizeof nonce, nonce_hex);
    hex_decode(ad, sizeof ad, ad_hex);
    hex_decode(sealed, sizeof sealed, ciphertext_hex);
    hex_decode(tag, sizeof tag, tag_hex);
    return 0;
}

static void test_chacha20_block(void **state)
{
    (void)state;
    uint8_t block_key[32];
    uint8_t block_nonce[12];
    uint8_t block[64];
    // RFC 8439 2.3.2
    hex_decode(block_key, 32, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    hex_decode(block_nonce, 12, "000000090000004a00000000");
    chacha20_block(block, block_key, block_nonce, 1);
    assert_hex(block, 64,
               "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
               "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
}

// RFC 8439 A.1: a byte of the key or the nonce, and the counter.
static void test_chacha20_more_blocks(void **state)
{
    (void)state;
    static const struct {
        size_t key_byte;
        uint8_t key_value;
        uint8_t last_nonce_byte;
        uint32_t counter;
        const char *block;
    } rows[] = {
        {0, 0, 0, 0,
         "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
         "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"},
        {0, 0, 0, 1,
         "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
         "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
        {31, 1, 0, 1,
         "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
         "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"},
        {1, 0xff, 0, 2,
         "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
         "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"},
        {0, 0, 2, 0,
         "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
         "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t block_key[32] = {0};
        uint8_t block_nonce[12] = {0};
        uint8_t block[64];
        block_key[rows[i].key_byte] = rows[i].key_value;
        block_nonce[11] = rows[i].last_nonce_byte;
        chacha20_block(block, block_key, block_nonce, rows[i].counter);
        assert_hex(block, 64, rows[i].block);
    }
}

// RFC 8439 2.4.2
static void test_rfc8439_encryption(void **state)
{
    (void)state;
    uint8_t stream_key[32], stream_nonce[12], out[TEXT_LEN];
    hex_decode(stream_key, 32, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    hex_decode(stream_nonce, 12, "000000000000004a00000000");
    chacha20_xor(out, stream_key, stream_nonce, 1, (const uint8_t *)text, TEXT_LEN);
    assert_hex(out, TEXT_LEN,
               "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
               "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
               "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
               "5af90bbf74a35be6b40b8eedf2785e42874d");
}

// The stream is the blocks one after the other, at any length and alignment.
static void test_chacha20_stream_is_its_blocks(void **state)
{
    (void)state;
    uint8_t blocks[320];
    uint8_t zero[330] = {0};
    uint8_t out[330];
    for (uint32_t i = 0; i < 5; i++) {
        chacha20_block(blocks + (size_t)64 * i, key, nonce, 7 + i);
    }
    for (size_t shift = 0; shift < 5; shift++) {
        for (size_t len = 0; len <= sizeof blocks; len++) {
            memset(out, 0, sizeof out);
            chacha20_xor(out + shift, key, nonce, 7, zero + shift, len);
            assert_memory_equal(out + shift, blocks, len);
            assert_int_equal(out[shift + len], 0);
        }
    }
}

// RFC 8439 A.3, the cases of whole blocks: they hit every carry of the final reduction.
static void test_poly1305_edges(void **state)
{
    (void)state;
    static const struct {
        const char *r, *s, *in, *tag;
    } rows[] = {
        {"00000000000000000000000000000000", "00000000000000000000000000000000",
         "00000000000000000000000000000000", "00000000000000000000000000000000"},
        // 2^130 - 5 and just above
        {"02000000000000000000000000000000", "00000000000000000000000000000000",
         "ffffffffffffffffffffffffffffffff", "03000000000000000000000000000000"},
        {"02000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
         "02000000000000000000000000000000", "03000000000000000000000000000000"},
        {"01000000000000000000000000000000", "00000000000000000000000000000000",
         "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
         "11000000000000000000000000000000",
         "05000000000000000000000000000000"},
        {"01000000000000000000000000000000", "00000000000000000000000000000000",
         "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
         "01010101010101010101010101010101",
         "00000000000000000000000000000000"},
        {"02000000000000000000000000000000", "00000000000000000000000000000000",
         "fdffffffffffffffffffffffffffffff", "faffffffffffffffffffffffffffffff"},
        {"01000000000000000400000000000000", "00000000000000000000000000000000",
         "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000"
         "0000000000000000000000000000000001000000000000000000000000000000",
         "14000000000000005500000000000000"},
        {"01000000000000000400000000000000", "00000000000000000000000000000000",
         "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000"
         "00000000000000000000000000000000",
         "13000000000000000000000000000000"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t mac_key[32];
        uint8_t in[64];
        uint8_t out[16];
        struct poly1305 ctx;
        hex_decode(mac_key, 16, rows[i].r);
        hex_decode(mac_key + 16, 16, rows[i].s);
        size_t len = hex_decode(in, sizeof in, rows[i].in);
        poly1305_init(&ctx, mac_key);
        poly1305_update_padded(&ctx, in, len);
        poly1305_final(&ctx, out);
        assert_hex(out, 16, rows[i].tag);
        assert_zero(&ctx, sizeof ctx);
    }
}

static void test_rfc8439_seal_and_open(void **state)
{
    (void)state;
    uint8_t out[TEXT_LEN];
    uint8_t out_tag[16];
    chacha20poly1305_seal(out, out_tag, key, nonce, ad, sizeof ad, (const uint8_t *)text, TEXT_LEN);
    assert_memory_equal(out, sealed, TEXT_LEN);
    assert_memory_equal(out_tag, tag, 16);
    assert_int_equal(chacha20poly1305_open(out, key, nonce, ad, sizeof ad, sealed, TEXT_LEN, tag),
                     NOISE_OK);
    assert_memory_equal(out, text, TEXT_LEN);
}

static void test_in_place(void **state)
{
    (void)state;
    uint8_t buffer[TEXT_LEN];
    uint8_t out_tag[16];
    memcpy(buffer, text, TEXT_LEN);
    chacha20poly1305_seal(buffer, out_tag, key, nonce, ad, sizeof ad, buffer, TEXT_LEN);
    assert_memory_equal(buffer, sealed, TEXT_LEN);
    assert_int_equal(
        chacha20poly1305_open(buffer, key, nonce, ad, sizeof ad, buffer, TEXT_LEN, out_tag),
        NOISE_OK);
    assert_memory_equal(buffer, text, TEXT_LEN);
}

static void assert_refused(const uint8_t *ciphertext, size_t len, const uint8_t *with_tag,
                           const uint8_t *with_ad, size_t ad_len)
{
    uint8_t out[TEXT_LEN];
    memset(out, 0xaa, sizeof out);
    assert_int_equal(
        chacha20poly1305_open(out, key, nonce, with_ad, ad_len, ciphertext, len, with_tag),
        NOISE_ERR_AUTH);
    assert_zero(out, len);
}

// Every bit of tag, ciphertext and associated data, and every shorter length.
static void test_forgeries(void **state)
{
    (void)state;
    uint8_t bad_tag[16];
    uint8_t bad_text[TEXT_LEN];
    uint8_t bad_ad[12];
    for (size_t bit = 0; bit < 8 * sizeof bad_tag; bit++) {
        memcpy(bad_tag, tag, sizeof bad_tag);
        bad_tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_refused(sealed, TEXT_LEN, bad_tag, ad, sizeof ad);
    }
    for (size_t bit = 0; bit < 8 * sizeof bad_text; bit++) {
        memcpy(bad_text, sealed, sizeof bad_text);
        bad_text[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_refused(bad_text, TEXT_LEN, tag, ad, sizeof ad);
    }
    for (size_t bit = 0; bit < 8 * sizeof bad_ad; bit++) {
        memcpy(bad_ad, ad, sizeof bad_ad);
        bad_ad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_refused(sealed, TEXT_LEN, tag, bad_ad, sizeof bad_ad);
    }
    for (size_t len = 0; len < TEXT_LEN; len++) {
        assert_refused(sealed, len, tag, ad, sizeof ad);
    }
    for (size_t len = 0; len < sizeof ad; len++) {
        assert_refused(sealed, TEXT_LEN, tag, ad, len);
    }
}

static void test_forgery_in_place_is_wiped(void **state)
{
    (void)state;
    uint8_t buffer[TEXT_LEN];
    uint8_t bad_tag[16] = {0};
    memcpy(buffer, sealed, sizeof buffer);
    assert_int_equal(
        chacha20poly1305_open(buffer, key, nonce, ad, sizeof ad, buffer, TEXT_LEN, bad_tag),
        NOISE_ERR_AUTH);
    assert_zero(buffer, sizeof buffer);
}

static void test_null_with_length_0(void **state)
{
    (void)state;
    uint8_t out_tag[16];
    chacha20poly1305_seal(NULL, out_tag, key, nonce, NULL, 0, NULL, 0);
    assert_int_equal(chacha20poly1305_open(NULL, key, nonce, NULL, 0, NULL, 0, out_tag), NOISE_OK);
    out_tag[0] ^= 1;
    assert_int_equal(chacha20poly1305_open(NULL, key, nonce, NULL, 0, NULL, 0, out_tag),
                     NOISE_ERR_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chacha20_block),
        cmocka_unit_test(test_chacha20_more_blocks),
        cmocka_unit_test(test_rfc8439_encryption),
        cmocka_unit_test(test_chacha20_stream_is_its_blocks),
        cmocka_unit_test(test_poly1305_edges),
        cmocka_unit_test(test_rfc8439_seal_and_open),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_forgeries),
        cmocka_unit_test(test_forgery_in_place_is_wiped),
        cmocka_unit_test(test_null_with_length_0),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
