// SPDX-License-Identifier: Apache-2.0
// The key scan's reconstruction: the known answers of WIRE section 3 from either side's keys, and what does not fit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"
#include "tests/qemu/keyscan/party.h"
#include "tests/qemu/keyscan/replay.h"
#include "tests/qemu/keyscan/text.h"
#include "tests/unit/bringup.h"

// WIRE section 3, first known answer: statics B0 -> A0, ephemerals D0, C0, empty prologue and payloads.
#define M1                                                                                         \
    "24260eb6eddf8284e4cb6e9169ce2e0ba1b21c5c3bed796e41a8853b82abaa4d2f113dad0414b9ac6ea68c090166" \
    "29b4"
#define M2                                                                                         \
    "14296d8f135885ebb59c11c0ab4189862fb7c1f865bdb332f9ff44fa8aeeda5d1574dba9f767fdb9637ce36767db" \
    "ae75"
#define M3                                                                                         \
    "fad84d0b69877a2ea959516c793a4a3617ebe67ee9b23f2b6da88613625b74794c704d9ab7b492bf6684ce28d6e1" \
    "206d048f1515244c7a6e64f29c3c8c37f308"
#define HASH  "5c6a5b93e940438fe788b91d66321f977c4b96ca214808a3c634244d2821de0e"
#define K_I2R "0a5f0c9b723b1a35323ed667a7f270226d9747fb231ea52d2dabc1c047a8e6ec"
#define K_R2I "a7dc8cc525df6a0b27fafa1b3f3e167891452780a69e9e1b1762dee609ff2950"

static struct key_pair initiator, responder, initiator_e, responder_e;
static uint8_t messages[3][HANDSHAKE_MESSAGE_BYTES_MAX];
static struct transcript transcript;
static struct handshake_texts texts;
static struct replay result;

static size_t decode(uint8_t *out, size_t cap, const char *hex)
{
    size_t len;
    assert_true(text_decode_hex(out, cap, &len, (struct text){hex, strlen(hex)}));
    return len;
}

static struct key_pair derive(uint8_t tag)
{
    struct key_pair pair = {0};
    // SECURITY: bring-up test keys, NOT production custody
    derive_test_secret(pair.secret, tag, 34567);
    x25519_base(pair.public_key, pair.secret);
    return pair;
}

static int setup(void **state)
{
    (void)state;
    static const char *const hex[3] = {M1, M2, M3};
    initiator = derive(0xB0);
    responder = derive(0xA0);
    initiator_e = derive(0xD0);
    responder_e = derive(0xC0);
    for (unsigned i = 0; i < 3; i++) {
        transcript.lens[i] = decode(messages[i], sizeof messages[i], hex[i]);
        transcript.messages[i] = messages[i];
    }
    texts = (struct handshake_texts){
        .responder_static = responder.public_key,
        .initiator_static = initiator.public_key,
        .initiator_ephemeral = initiator_e.public_key,
        .responder_ephemeral = responder_e.public_key,
    };
    return 0;
}

// Whose secrets are known: bits 0..3 are initiator static, initiator ephemeral, responder static, responder ephemeral.
static enum replay_result replay(unsigned known)
{
    struct known_end i = {(known & 1) != 0 ? initiator.secret : NULL,
                          (known & 2) != 0 ? initiator_e.secret : NULL};
    struct known_end r = {(known & 4) != 0 ? responder.secret : NULL,
                          (known & 8) != 0 ? responder_e.secret : NULL};
    return replay_open(&result, &transcript, &texts, &i, &r);
}

static void expect_keys(const struct handshake_keys *keys)
{
    struct transport_keys transport = {0};
    uint8_t wanted[32];
    handshake_keys_split(&transport, keys);
    decode(wanted, sizeof wanted, K_I2R);
    assert_memory_equal(transport.i2r[0], wanted, 32);
    decode(wanted, sizeof wanted, K_R2I);
    assert_memory_equal(transport.r2i[0], wanted, 32);
}

static void test_every_set_of_keys(void **state)
{
    (void)state;
    uint8_t hash[32];
    decode(hash, sizeof hash, HASH);
    for (unsigned known = 0; known < 16; known++) {
        bool es = (known & (2 | 4)) != 0, ee = (known & (2 | 8)) != 0, se = (known & (1 | 8)) != 0;
        unsigned read = !es ? 0 : !ee ? 1 : !se ? 2 : 3;
        assert_int_equal(replay(known), read == 3 ? REPLAY_DONE : REPLAY_NO_KEY);
        assert_int_equal(result.messages_read, read);
        assert_int_equal(result.complete, read == 3);
        if (result.complete) {
            assert_memory_equal(result.hash, hash, 32);
            assert_memory_equal(result.initiator_static, initiator.public_key, 32);
            assert_int_equal(result.payload_3_len, 0);
            expect_keys(&result.keys);
        }
    }
}

static void test_a_handshake_that_was_broken_off(void **state)
{
    (void)state;
    for (unsigned count = 0; count < 3; count++) {
        transcript.messages[count] = NULL;
        assert_int_equal(replay(15), REPLAY_DONE);
        assert_int_equal(result.messages_read, count);
        assert_int_equal(result.keys.tokens, count);
        assert_false(result.complete);
        transcript.messages[count] = messages[count];
    }
}

static void test_every_flipped_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (size_t at = 0; at < transcript.lens[i]; at++) {
            messages[i][at] ^= 4;
            assert_int_equal(replay(15), REPLAY_BAD_MESSAGE);
            assert_int_equal(result.messages_read, i);
            messages[i][at] ^= 4;
        }
    }
    texts.prologue = (const uint8_t *)"x";
    texts.prologue_len = 1;
    assert_int_equal(replay(15), REPLAY_BAD_MESSAGE);
    assert_int_equal(result.messages_read, 0);
}

static void mix(struct handshake_keys *keys, const struct key_pair *secret,
                const struct key_pair *with)
{
    uint8_t dh[32];
    assert_int_equal(x25519(dh, secret->secret, with->public_key), NOISE_OK);
    handshake_keys_mix(keys, dh);
}

static void test_keys_and_hash_without_messages(void **state)
{
    (void)state;
    struct handshake_keys keys = {0};
    uint8_t hash[32], wanted[32];
    mix(&keys, &initiator_e, &responder);
    mix(&keys, &initiator_e, &responder_e);
    mix(&keys, &initiator, &responder_e);
    expect_keys(&keys);
    transcript_hash(hash, &keys, &texts);
    decode(wanted, sizeof wanted, HASH);
    assert_memory_equal(hash, wanted, 32);
}

// Every key of it, and none of them twice.
static void test_all_keys_become_needles(void **state)
{
    (void)state;
    struct needles needles = {0};
    assert_int_equal(replay(15), REPLAY_DONE);
    handshake_keys_add_needles(&result.keys, &needles, "i", "r");
    assert_int_equal(needles.count, 3 * TOKENS + 2 * (1 + REKEYS_KNOWN));
    needles_index(&needles);
    assert_int_equal(needles.count, 3 * TOKENS + 2 * (1 + REKEYS_KNOWN));
    needles_free(&needles);
}

// ---- Parties --------------------------------------------------------------------------------------------------------

#define KEY_HEX  "1111111111111111111111111111111111111111111111111111111111111111"
#define SEED_2_3 "fc2b78e5a258ac8b9f7ad764694fdb3852468949aed73311f347b0a173b38c16"
#define TEXT     "id node-a\nport 34567\nstatic " KEY_HEX "\nboot 3\n"

static struct party party;

static bool parse(const char *process, const char *text, struct provision_fault *fault)
{
    return party_parse(&party, fault, process, (const uint8_t *)text, strlen(text));
}

static void test_a_party_from_its_text(void **state)
{
    (void)state;
    struct provision_fault fault;
    assert_true(parse("dsoftbusd", TEXT "seed " KEY_HEX "\n", &fault));
    assert_string_equal(party.name, "node-a");
    assert_true(party.seeded);
    assert_int_equal(party.boot, 3);
    assert_int_equal(party.static_count, 1);
    party_free(&party);
    assert_true(parse("selftest-client", TEXT, &fault));
    assert_false(party.seeded);
    assert_int_equal(party.static_count, 3); // it plays two attackers
    assert_true(party_start(&party, 1));
    assert_null(party_find(&party, party.statics[0].public_key));
    party_free(&party);
    assert_false(parse("dsoftbusd", TEXT "seed 11\n", &fault));
    assert_string_equal(fault.field, "seed");
    assert_false(parse("netstackd", TEXT, &fault));
    assert_string_equal(fault.field, "process");
    assert_null(party.name);
}

// A seed worked out elsewhere (Python's hashlib): BLAKE2s(32 x 0x11 | "dsoftbusd" | 2 | 3).
static void test_seeds_and_draws(void **state)
{
    (void)state;
    struct provision_fault fault;
    struct rng rng;
    uint8_t seed[32], key[32], public_key[32];
    decode(seed, sizeof seed, SEED_2_3);
    assert_true(parse("dsoftbusd", TEXT "seed " KEY_HEX "\n", &fault));
    assert_false(party_start(&party, STARTS_MAX + 1));
    assert_true(party_start(&party, 2));
    assert_memory_equal(party.generators[1].seed, seed, 32);
    rng_seed(&rng, seed);
    assert_int_equal(rng_random(&rng, key, 8), NOISE_OK); // the boot id, not for a key
    for (size_t i = 1; i <= 40; i++) {
        assert_int_equal(rng_random(&rng, key, 32), NOISE_OK);
    }
    x25519_base(public_key, key);
    const struct draw *draw = party_find(&party, public_key);
    assert_non_null(draw);
    assert_memory_equal(draw->key, key, 32);
    assert_int_equal(party.generators[0].used, 0);
    assert_int_equal(party.generators[1].used, 41);
    assert_int_equal(party_window(&party, 1), 41 + DRAWS_BEYOND);
    assert_true(party.generators[1].draws[1].is_public);
    assert_false(party.generators[1].draws[2].is_public);
    party_free(&party);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_set_of_keys),       TEST(test_a_handshake_that_was_broken_off),
        TEST(test_every_flipped_byte),      TEST(test_keys_and_hash_without_messages),
        TEST(test_all_keys_become_needles), TEST(test_a_party_from_its_text),
        TEST(test_seeds_and_draws),
    };
    return cmocka_run_group_tests_name("keyscan_replay", tests, NULL, NULL);
}
