// SPDX-License-Identifier: Apache-2.0
// The XK handshake: known answers, bad messages, misuse, external keys, wiping.
#include "tests/unit/bringup.h"
#include "tests/unit/xk_pair.h"

#include "noise/blake2s.h"

static struct pair p;
static uint8_t big[XK_MESSAGE_MAX + 64];

// Known answers

struct known_answer {
    uint8_t i_static, r_static, i_ephemeral, r_ephemeral; // tags
    uint16_t r_static_port, r_ephemeral_port;             // the initiator's are 34567
    const char *m1, *m2, *m3, *hash;
};

// SECURITY: bring-up test keys, NOT production custody
static const struct known_answer known_answers[] = {
    {
        0xb0,
        0xa0,
        0xd0,
        0xc0,
        34567,
        34567,
        "24260eb6eddf8284e4cb6e9169ce2e0ba1b21c5c3bed796e41a8853b82abaa4d"
        "2f113dad0414b9ac6ea68c09016629b4",
        "14296d8f135885ebb59c11c0ab4189862fb7c1f865bdb332f9ff44fa8aeeda5d"
        "1574dba9f767fdb9637ce36767dbae75",
        "fad84d0b69877a2ea959516c793a4a3617ebe67ee9b23f2b6da88613625b7479"
        "4c704d9ab7b492bf6684ce28d6e1206d048f1515244c7a6e64f29c3c8c37f308",
        "5c6a5b93e940438fe788b91d66321f977c4b96ca214808a3c634244d2821de0e",
    },
    {
        0xd0,
        0xd1,
        0xe0,
        0xe0,
        34568,
        34568,
        "5e1fa81af16f52619ad4be177e85db5a96809cea7119262fe7e2929f3d509a2b"
        "0693eee0a4b9a6abe2578d59508a57a7",
        "d82cb0b240bd827fd5bcab0918a6679e3dbabd5d4026c6639948ac78d7f51042"
        "0508f534a59d94936e7840d32f688663",
        "da5d89d54bce60788fc3e3c5f45d1e01f4f1b7b79a94161c2a45ae6e69f3b308"
        "718c6f0f61d2b27ee1e19b20bc9d6e22b60bed45954eca68ab2b0aa30bc17ddc",
        "f08b4bf8f9175c2447166f4ef3b8b95891431c5abf2144b9bf7ea6c9f82fcad4",
    },
};

static void load_known_answer(const struct known_answer *k)
{
    memset(&p, 0, sizeof p);
    // SECURITY: bring-up test keys, NOT production custody
    derive_test_secret(p.i.static_private, k->i_static, 34567);
    derive_test_secret(p.r.static_private, k->r_static, k->r_static_port);
    derive_test_secret(p.i.ephemeral, k->i_ephemeral, 34567);
    derive_test_secret(p.r.ephemeral, k->r_ephemeral, k->r_ephemeral_port);
    side_set_keys(&p.i);
    side_set_keys(&p.r);
    p.i.config.remote_static = p.r.static_public;
    assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
    assert_int_equal(xk_responder_init(&p.r.hs, &p.r.config), NOISE_OK);
}

// Noise 5.2 InitializeSymmetric: the library has the hash of the name as a constant.
static void test_begins_with_the_name(void **state)
{
    (void)state;
    static const uint8_t name[] = "Noise_XK_25519_ChaChaPoly_BLAKE2s";
    static struct pair pair;
    uint8_t hash[32];
    pair_init(&pair, 1);
    blake2s(hash, name, sizeof name - 1);
    assert_memory_equal(pair.i.hs.chaining_key, hash, 32);
    assert_memory_equal(pair.r.hs.chaining_key, hash, 32);
}

static void test_known_answers(void **state)
{
    (void)state;
    uint8_t hash[32];
    for (size_t n = 0; n < COUNT(known_answers); n++) {
        load_known_answer(&known_answers[n]);
        pair_run(&p, STEPS_COMPLETE);
        assert_hex(p.m1, p.m1_len, known_answers[n].m1);
        assert_hex(p.m2, p.m2_len, known_answers[n].m2);
        assert_hex(p.m3, p.m3_len, known_answers[n].m3);
        assert_int_equal(xk_handshake_hash(&p.i.hs, hash), NOISE_OK);
        assert_hex(hash, 32, known_answers[n].hash);
        assert_int_equal(xk_handshake_hash(&p.r.hs, hash), NOISE_OK);
        assert_hex(hash, 32, known_answers[n].hash);
    }
}

static void test_known_split_and_first_messages(void **state)
{
    (void)state;
    uint8_t out[20];
    size_t len;
    load_known_answer(&known_answers[0]);
    pair_run(&p, STEPS_ALL);
    assert_hex(p.i.sender.key, 32,
               "0a5f0c9b723b1a35323ed667a7f270226d9747fb231ea52d2dabc1c047a8e6ec");
    assert_memory_equal(p.r.receiver.key, p.i.sender.key, 32);
    assert_hex(p.r.sender.key, 32,
               "a7dc8cc525df6a0b27fafa1b3f3e167891452780a69e9e1b1762dee609ff2950");
    assert_memory_equal(p.i.receiver.key, p.r.sender.key, 32);
    assert_int_equal(xk_sender_seal(&p.i.sender, out, sizeof out, &len, (const uint8_t *)"PING", 4),
                     NOISE_OK);
    assert_hex(out, len, "4ec4e86f3a3125f821db303e9ec5fefad04ea0db");
    assert_int_equal(xk_sender_seal(&p.r.sender, out, sizeof out, &len, (const uint8_t *)"PONG", 4),
                     NOISE_OK);
    assert_hex(out, len, "c1ccd2bf67b554a55566d0cea462c1bfedb8e342");
}

// Payloads, prologue

// One message of a handshake, whichever it is: so that tests can go through all three.
struct message {
    int steps_before_write;
    size_t offset;
    size_t payload_max;
};

static const struct message messages[] = {
    {0, XK_MESSAGE_1_OFFSET, XK_PAYLOAD_1_MAX},
    {2, XK_MESSAGE_2_OFFSET, XK_PAYLOAD_2_MAX},
    {4, XK_MESSAGE_3_OFFSET, XK_PAYLOAD_3_MAX},
};

static struct xk_handshake *writer(size_t n)
{
    return n == 1 ? &p.r.hs : &p.i.hs;
}

static struct xk_handshake *reader(size_t n)
{
    return n == 1 ? &p.i.hs : &p.r.hs;
}

static uint8_t *message_buffer(size_t n)
{
    return n == 0 ? p.m1 : n == 1 ? p.m2 : p.m3;
}

static enum noise_error write_message(size_t n, uint8_t *message, size_t cap, size_t *len,
                                      const uint8_t *payload, size_t payload_len)
{
    switch (n) {
    case 0:
        return xk_initiator_write_message_1(&p.i.hs, message, cap, len, payload, payload_len);
    case 1:
        return xk_responder_write_message_2(&p.r.hs, message, cap, len, payload, payload_len);
    default:
        return xk_initiator_write_message_3(&p.i.hs, message, cap, len, payload, payload_len);
    }
}

static enum noise_error read_message(size_t n, uint8_t *payload, size_t cap, size_t *len,
                                     const uint8_t *message, size_t message_len)
{
    switch (n) {
    case 0:
        return xk_responder_read_message_1(&p.r.hs, payload, cap, len, message, message_len);
    case 1:
        return xk_initiator_read_message_2(&p.i.hs, payload, cap, len, message, message_len);
    default:
        return xk_responder_read_message_3(&p.r.hs, payload, cap, len, message, message_len);
    }
}

// A pair that is about to write message n.
static void prepare(size_t n)
{
    pair_init(&p, 100 + n);
    pair_run(&p, messages[n].steps_before_write);
}

static void test_payload_lengths(void **state)
{
    (void)state;
    static uint8_t out[XK_MESSAGE_MAX];
    for (size_t n = 0; n < COUNT(messages); n++) {
        size_t max = messages[n].payload_max;
        const size_t lens[] = {0, 1, 15, 16, 63, 64, 65, 1000, max - 1, max};
        for (size_t i = 0; i < COUNT(lens); i++) {
            uint64_t seed = i + 1;
            size_t len, out_len;
            prepare(n);
            test_random_bytes(&seed, big, lens[i]);
            uint8_t *message = message_buffer(n);
            assert_int_equal(write_message(n, message, XK_MESSAGE_MAX, &len, big, lens[i]),
                             NOISE_OK);
            assert_int_equal(len, messages[n].offset + lens[i] + XK_TAG_LEN);
            assert_int_equal(read_message(n, out, lens[i], &out_len, message, len), NOISE_OK);
            assert_int_equal(out_len, lens[i]);
            assert_memory_equal(out, big, lens[i]);
        }
        prepare(n);
        size_t len = 1;
        assert_int_equal(write_message(n, big, sizeof big, &len, message_buffer(n), max + 1),
                         NOISE_ERR_ARGUMENT);
        assert_int_equal(len, 0);
    }
}

static void test_in_place(void **state)
{
    (void)state;
    uint8_t expected[128], buffer[128];
    for (size_t n = 0; n < COUNT(messages); n++) {
        size_t len, payload_len;
        size_t offset = messages[n].offset;
        prepare(n);
        assert_int_equal(
            write_message(n, expected, sizeof expected, &len, (const uint8_t *)"payload", 7),
            NOISE_OK);
        prepare(n);
        memcpy(buffer + offset, (const uint8_t[]){'p', 'a', 'y', 'l', 'o', 'a', 'd'}, 7);
        assert_int_equal(write_message(n, buffer, sizeof buffer, &len, buffer + offset, 7),
                         NOISE_OK);
        assert_memory_equal(buffer, expected, len);
        assert_int_equal(read_message(n, buffer + offset, 7, &payload_len, buffer, len), NOISE_OK);
        assert_memory_equal(buffer + offset, "payload", 7);
    }
}

static void test_prologue(void **state)
{
    (void)state;
    static const struct {
        const char *i, *r;
        enum noise_error error;
    } rows[] = {
        {"", "", NOISE_OK},
        {"DSB", "DSB", NOISE_OK},
        {"DSB", "", NOISE_ERR_AUTH},
        {"", "DSB", NOISE_ERR_AUTH},
        {"DSB\1\6node-a", "DSB\1\6node-b", NOISE_ERR_AUTH},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len;
        pair_init(&p, i);
        p.i.config.prologue = (const uint8_t *)rows[i].i;
        p.i.config.prologue_len = strlen(rows[i].i);
        p.r.config.prologue = (const uint8_t *)rows[i].r;
        p.r.config.prologue_len = strlen(rows[i].r);
        assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
        assert_int_equal(xk_responder_init(&p.r.hs, &p.r.config), NOISE_OK);
        pair_write_1(&p);
        assert_int_equal(xk_responder_read_message_1(&p.r.hs, NULL, 0, &len, p.m1, p.m1_len),
                         rows[i].error);
    }
}

static void test_wrong_responder_key(void **state)
{
    (void)state;
    size_t len;
    pair_init(&p, 1);
    p.i.config.remote_static = p.i.static_public; // anybody's key but the responder's
    assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
    pair_write_1(&p);
    assert_int_equal(xk_responder_read_message_1(&p.r.hs, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_AUTH);
}

// Bad messages

static void assert_dead(struct xk_handshake *hs)
{
    uint8_t key[32];
    assert_zero(hs, sizeof *hs);
    assert_int_equal(xk_remote_static(hs, key), NOISE_ERR_STATE);
}

static void write_with_payload(size_t n, size_t *len)
{
    prepare(n);
    assert_int_equal(write_message(n, message_buffer(n), 256, len, (const uint8_t *)"payload", 7),
                     NOISE_OK);
}

static void assert_kills(size_t n, const uint8_t *message, size_t len, enum noise_error error)
{
    uint8_t payload[300];
    size_t payload_len = 1;
    struct xk_handshake *hs = reader(n);
    memset(payload, 0xaa, sizeof payload);
    assert_int_equal(read_message(n, payload, sizeof payload, &payload_len, message, len), error);
    assert_int_equal(payload_len, 0);
    if (error != NOISE_ERR_LENGTH) {
        assert_zero(payload, len - messages[n].offset - XK_TAG_LEN);
    }
    assert_dead(hs);
    assert_int_equal(read_message(n, payload, sizeof payload, &payload_len, message, len),
                     NOISE_ERR_STATE);
}

// One bit of every byte of every message.
static void test_altered_messages_kill(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(messages); n++) {
        size_t len;
        write_with_payload(n, &len);
        for (size_t i = 0; i < len; i++) {
            uint8_t altered[128];
            write_with_payload(n, &len);
            memcpy(altered, message_buffer(n), len);
            // The top bit of a public key is ignored by X25519, but not by the hash.
            altered[i] ^= (uint8_t)(i == XK_KEY_LEN - 1 ? 0x80 : 1 << i % 8);
            assert_kills(n, altered, len, NOISE_ERR_AUTH);
        }
    }
}

static void test_impossible_lengths_kill(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(messages); n++) {
        size_t len;
        size_t overhead = messages[n].offset + XK_TAG_LEN;
        for (size_t bad_len = 0; bad_len < overhead; bad_len++) {
            write_with_payload(n, &len);
            assert_kills(n, message_buffer(n), bad_len, NOISE_ERR_LENGTH);
        }
        write_with_payload(n, &len);
        assert_kills(n, big, XK_MESSAGE_MAX + 1, NOISE_ERR_LENGTH);
        // shorter and longer by a byte, but of a legal length
        write_with_payload(n, &len);
        assert_kills(n, message_buffer(n), len - 1, NOISE_ERR_AUTH);
        write_with_payload(n, &len);
        assert_kills(n, message_buffer(n), len + 1, NOISE_ERR_AUTH);
    }
}

static void test_low_order_ephemerals_kill(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        size_t len;
        write_with_payload(n, &len);
        memset(message_buffer(n), 0, XK_KEY_LEN);
        assert_kills(n, message_buffer(n), len, NOISE_ERR_LOW_ORDER);
    }
}

// An initiator whose static public key is the point of order 1: authenticated as bytes, useless as a key.
static void test_low_order_static_kills(void **state)
{
    (void)state;
    static const uint8_t one[32] = {1};
    pair_init(&p, 7);
    p.i.config.static_public = one;
    assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
    pair_run(&p, STEPS_BEFORE_READ_3);
    assert_kills(2, p.m3, p.m3_len, NOISE_ERR_LOW_ORDER);

    pair_init(&p, 8);
    p.i.config.remote_static = one;
    assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
    memset(p.m1, 0xaa, sizeof p.m1);
    assert_int_equal(xk_initiator_write_message_1(&p.i.hs, p.m1, sizeof p.m1, &p.m1_len, NULL, 0),
                     NOISE_ERR_LOW_ORDER);
    assert_int_equal(p.m1_len, 0);
    assert_zero(p.m1, XK_MESSAGE_1_OVERHEAD);
    assert_dead(&p.i.hs);
}

// A message 3 from another session, and one sent twice.
static void test_replayed_messages(void **state)
{
    (void)state;
    uint8_t old[XK_MESSAGE_3_OVERHEAD];
    pair_init(&p, 20);
    pair_run(&p, STEPS_COMPLETE);
    memcpy(old, p.m3, sizeof old);
    size_t len;
    assert_int_equal(xk_responder_read_message_3(&p.r.hs, NULL, 0, &len, p.m3, p.m3_len),
                     NOISE_ERR_STATE);
    pair_init(&p, 21);
    pair_run(&p, STEPS_BEFORE_READ_3);
    assert_kills(2, old, sizeof old, NOISE_ERR_AUTH);
}

// Misuse

static void assert_write_refused(size_t n, uint8_t *message, size_t cap, const uint8_t *payload,
                                 size_t payload_len)
{
    struct xk_handshake before;
    size_t len = 1;
    memcpy(&before, writer(n), sizeof before);
    assert_int_equal(write_message(n, message, cap, &len, payload, payload_len),
                     NOISE_ERR_ARGUMENT);
    assert_int_equal(len, 0);
    assert_memory_equal(writer(n), &before, sizeof before);
}

static void assert_read_refused(size_t n, uint8_t *payload, size_t cap, const uint8_t *message,
                                size_t message_len)
{
    struct xk_handshake before;
    size_t len = 1;
    memcpy(&before, reader(n), sizeof before);
    assert_int_equal(read_message(n, payload, cap, &len, message, message_len), NOISE_ERR_ARGUMENT);
    assert_int_equal(len, 0);
    assert_memory_equal(reader(n), &before, sizeof before);
}

// Nothing changes and the handshake can be completed afterwards.
static void test_bad_buffers_change_nothing(void **state)
{
    (void)state;
    uint8_t buffer[256];
    uint8_t payload[7];
    for (size_t n = 0; n < COUNT(messages); n++) {
        size_t offset = messages[n].offset;
        size_t overhead = offset + XK_TAG_LEN;
        size_t len, payload_len;
        prepare(n);
        memset(buffer, 0x55, sizeof buffer);
        for (size_t cap = 0; cap < overhead + 7; cap++) {
            assert_write_refused(n, buffer, cap, payload, 7);
        }
        assert_write_refused(n, NULL, 0, NULL, 0);
        assert_write_refused(n, NULL, 256, NULL, 0);
        assert_write_refused(n, buffer, 256, NULL, 1);
        for (size_t at = 0; at < overhead + 7; at++) {
            if (at != offset) {
                assert_write_refused(n, buffer, 256, buffer + at, 7);
            }
        }
        assert_int_equal(write_message(n, buffer, 256, NULL, NULL, 0), NOISE_ERR_ARGUMENT);
        for (size_t i = 0; i < sizeof buffer; i++) {
            assert_int_equal(buffer[i], 0x55);
        }
        assert_int_equal(
            write_message(n, buffer, overhead + 7, &len, (const uint8_t *)"payload", 7), NOISE_OK);

        for (size_t cap = 0; cap < 7; cap++) {
            assert_read_refused(n, payload, cap, buffer, len);
        }
        assert_read_refused(n, NULL, 7, buffer, len);
        assert_read_refused(n, payload, 7, NULL, len);
        for (size_t at = 0; at < len; at++) {
            if (at != offset) {
                assert_read_refused(n, buffer + at, 7, buffer, len);
            }
        }
        assert_int_equal(read_message(n, payload, 7, NULL, buffer, len), NOISE_ERR_ARGUMENT);
        assert_int_equal(read_message(n, payload, 7, &payload_len, buffer, len), NOISE_OK);
        assert_memory_equal(payload, "payload", 7);
    }
}

static void test_bad_configurations(void **state)
{
    (void)state;
    struct xk_handshake hs;
    pair_init(&p, 3);
    const struct xk_config good = p.i.config;
    struct xk_config bad[5] = {good, good, good, good, p.r.config};
    bad[0].static_public = NULL;
    bad[1].remote_static = NULL;
    bad[2].random = NULL;
    bad[3].prologue_len = 1;
    assert_int_equal(xk_initiator_init(NULL, &good), NOISE_ERR_ARGUMENT);
    assert_int_equal(xk_initiator_init(&hs, NULL), NOISE_ERR_ARGUMENT);
    for (size_t i = 0; i < COUNT(bad); i++) {
        memset(&hs, 0xaa, sizeof hs);
        assert_int_equal(xk_initiator_init(&hs, &bad[i]), NOISE_ERR_ARGUMENT);
        assert_zero(&hs, sizeof hs);
    }
    assert_int_equal(xk_responder_init(&hs, &good), NOISE_ERR_ARGUMENT); // has a remote static
}

static void test_copies_do_not_work(void **state)
{
    (void)state;
    struct xk_handshake copy;
    size_t len;
    pair_init(&p, 4);
    memcpy(&copy, &p.i.hs, sizeof copy);
    assert_int_equal(xk_initiator_write_message_1(&copy, p.m1, sizeof p.m1, &len, NULL, 0),
                     NOISE_ERR_STATE);
    pair_run(&p, STEPS_COMPLETE);
    memcpy(&copy, &p.i.hs, sizeof copy);
    assert_int_equal(xk_split(&copy, &p.i.sender, &p.i.receiver), NOISE_ERR_STATE);
}

// Randomness

struct failing_random {
    int failures; // how many calls fail before one succeeds
    int calls;
    const uint8_t *ephemeral;
};

// Writes half before it fails, as a real one might.
static enum noise_error failing_random(void *ctx, uint8_t *out, size_t len)
{
    struct failing_random *f = ctx;
    f->calls++;
    if (f->calls <= f->failures) {
        memset(out, 0x77, len / 2);
        return NOISE_ERR_RANDOM;
    }
    memcpy(out, f->ephemeral, len);
    return NOISE_OK;
}

static void test_random_function_fails(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        struct side *side = n == 0 ? &p.i : &p.r;
        uint8_t expected[48], buffer[48];
        struct xk_handshake before;
        size_t len;
        prepare(n);
        assert_int_equal(write_message(n, expected, 48, &len, NULL, 0), NOISE_OK);

        prepare(n);
        struct failing_random f = {.failures = 3, .ephemeral = side->ephemeral};
        side->hs.random = failing_random;
        side->hs.random_ctx = &f;
        memset(buffer, 0x55, sizeof buffer);
        memcpy(&before, &side->hs, sizeof before);
        for (int i = 0; i < f.failures; i++) {
            assert_int_equal(write_message(n, buffer, 48, &len, NULL, 0), NOISE_ERR_RANDOM);
            assert_int_equal(len, 0);
            assert_memory_equal(&side->hs, &before, sizeof before);
            assert_int_equal(buffer[0], 0x55);
        }
        assert_int_equal(write_message(n, buffer, 48, &len, NULL, 0), NOISE_OK);
        assert_memory_equal(buffer, expected, 48);
        assert_int_equal(f.calls, 4); // one draw for each attempt, of the whole key
    }
}

// Results and wiping

static void test_results_become_readable_in_time(void **state)
{
    (void)state;
    uint8_t key[32], hash_i[32], hash_r[32];
    for (int steps = 0; steps <= STEPS_ALL; steps++) {
        pair_init(&p, 30);
        pair_run(&p, steps);
        bool i_knows = steps >= 4;
        bool r_knows = steps >= 6;
        assert_int_equal(xk_remote_static(&p.i.hs, key), i_knows ? NOISE_OK : NOISE_ERR_STATE);
        if (i_knows) {
            assert_memory_equal(key, p.r.static_public, 32);
        }
        assert_int_equal(xk_remote_static(&p.r.hs, key), r_knows ? NOISE_OK : NOISE_ERR_STATE);
        if (r_knows) {
            assert_memory_equal(key, p.i.static_public, 32);
        }
        assert_int_equal(xk_handshake_hash(&p.i.hs, hash_i),
                         steps >= 5 ? NOISE_OK : NOISE_ERR_STATE);
        assert_int_equal(xk_handshake_hash(&p.r.hs, hash_r), r_knows ? NOISE_OK : NOISE_ERR_STATE);
        if (r_knows) {
            assert_memory_equal(hash_i, hash_r, 32);
        }
    }
}

static bool contains(const void *memory, size_t len, const uint8_t *needle, size_t needle_len)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i + needle_len <= len; i++) {
        if (memcmp(bytes + i, needle, needle_len) == 0) {
            return true;
        }
    }
    return false;
}

static void test_keys_are_wiped_when_done(void **state)
{
    (void)state;
    // until which step each secret may be in its owner's state
    const struct {
        struct side *owner;
        const uint8_t *secret;
        int last_step;
    } rows[] = {
        {&p.i, p.i.static_private, 4},
        {&p.i, p.i.ephemeral, 3},
        {&p.r, p.r.static_private, 1},
        {&p.r, p.r.ephemeral, 5},
    };
    for (int steps = 0; steps <= STEPS_ALL; steps++) {
        pair_init(&p, 31);
        pair_run(&p, steps);
        for (size_t i = 0; i < COUNT(rows); i++) {
            if (steps > rows[i].last_step) {
                assert_false(
                    contains(&rows[i].owner->hs, sizeof rows[i].owner->hs, rows[i].secret, 8));
            }
        }
    }
    assert_zero(p.i.hs.chaining_key, 32);
    assert_zero(p.i.hs.cipher_key, 32);
    assert_zero(p.r.hs.chaining_key, 32);
    assert_zero(p.r.hs.cipher_key, 32);
    xk_handshake_wipe(&p.i.hs);
    assert_dead(&p.i.hs);
}

static void test_init_revives(void **state)
{
    (void)state;
    size_t len;
    write_with_payload(0, &len);
    assert_kills(0, p.m1, len - 1, NOISE_ERR_AUTH);
    assert_int_equal(xk_responder_init(&p.r.hs, &p.r.config), NOISE_OK);
    assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
    pair_run(&p, STEPS_ALL);
}

// External static key

static void pair_init_external(uint64_t seed)
{
    pair_init(&p, seed);
    p.i.config.static_private = NULL;
    p.r.config.static_private = NULL;
    assert_int_equal(xk_initiator_init(&p.i.hs, &p.i.config), NOISE_OK);
    assert_int_equal(xk_responder_init(&p.r.hs, &p.r.config), NOISE_OK);
}

// What the holder of the static key answers.
static uint64_t answer_dh(uint8_t secret[static 32], const struct side *side)
{
    struct xk_dh_request request;
    assert_int_equal(xk_dh_request(&side->hs, &request), NOISE_OK);
    assert_int_equal(x25519(secret, side->static_private, request.public_key), NOISE_OK);
    return request.id;
}

static void test_external_key_gives_the_same_transcript(void **state)
{
    (void)state;
    uint8_t m1[64], m2[64], m3[80], secret[32], out[16];
    size_t len;
    const uint8_t *payload = (const uint8_t *)"payload";
    pair_init(&p, 40);
    assert_int_equal(xk_initiator_write_message_1(&p.i.hs, m1, 64, &len, payload, 7), NOISE_OK);
    assert_int_equal(xk_responder_read_message_1(&p.r.hs, out, 16, &len, m1, 55), NOISE_OK);
    assert_int_equal(xk_responder_write_message_2(&p.r.hs, m2, 64, &len, payload, 7), NOISE_OK);
    assert_int_equal(xk_initiator_read_message_2(&p.i.hs, out, 16, &len, m2, 55), NOISE_OK);
    assert_int_equal(xk_initiator_write_message_3(&p.i.hs, m3, 80, &len, payload, 7), NOISE_OK);

    pair_init_external(40);
    assert_int_equal(xk_initiator_write_message_1(&p.i.hs, p.m1, 64, &len, payload, 7), NOISE_OK);
    assert_memory_equal(p.m1, m1, 55);
    assert_int_equal(xk_responder_read_message_1(&p.r.hs, out, 16, &len, p.m1, 55), NOISE_NEED_DH);
    assert_int_equal(len, 0);
    uint64_t id = answer_dh(secret, &p.r);
    memset(out, 0, sizeof out);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, secret, out, 16, &len, p.m1, 55),
                     NOISE_OK);
    assert_int_equal(len, 7);
    assert_memory_equal(out, payload, 7);
    assert_int_equal(xk_responder_write_message_2(&p.r.hs, p.m2, 64, &len, payload, 7), NOISE_OK);
    assert_memory_equal(p.m2, m2, 55);
    memset(out, 0, sizeof out);
    assert_int_equal(xk_initiator_read_message_2(&p.i.hs, out, 16, &len, p.m2, 55), NOISE_NEED_DH);
    assert_int_equal(len, 7);
    assert_memory_equal(out, payload, 7);
    id = answer_dh(secret, &p.i);
    assert_int_equal(xk_initiator_dh_result(&p.i.hs, id, secret), NOISE_OK);
    assert_int_equal(xk_initiator_write_message_3(&p.i.hs, p.m3, 80, &len, payload, 7), NOISE_OK);
    assert_memory_equal(p.m3, m3, len);
    assert_false(contains(&p.i.hs, sizeof p.i.hs, secret, 8));
    assert_int_equal(xk_responder_read_message_3(&p.r.hs, out, 16, &len, p.m3, len), NOISE_OK);
}

// A responder that waits for es.
static uint64_t responder_waiting(uint8_t secret[static 32], uint64_t seed)
{
    size_t len;
    pair_init_external(seed);
    pair_write_1(&p);
    assert_int_equal(xk_responder_read_message_1(&p.r.hs, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_NEED_DH);
    return answer_dh(secret, &p.r);
}

static uint64_t initiator_waiting(uint8_t secret[static 32], uint64_t seed)
{
    size_t len;
    uint64_t id = responder_waiting(secret, seed);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, secret, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_OK);
    pair_write_2(&p);
    assert_int_equal(xk_initiator_read_message_2(&p.i.hs, NULL, 0, &len, p.m2, p.m2_len),
                     NOISE_NEED_DH);
    return answer_dh(secret, &p.i);
}

static void test_external_key_fails(void **state)
{
    (void)state;
    static const uint8_t zero[32] = {0};
    uint8_t secret[32];
    size_t len;
    uint64_t id = responder_waiting(secret, 41);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, NULL, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_EXTERNAL);
    assert_dead(&p.r.hs);
    id = responder_waiting(secret, 41);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, zero, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_LOW_ORDER);
    assert_dead(&p.r.hs);
    id = responder_waiting(secret, 41);
    secret[5] ^= 1;
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, secret, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_AUTH);
    assert_dead(&p.r.hs);
    id = initiator_waiting(secret, 42);
    assert_int_equal(xk_initiator_dh_result(&p.i.hs, id, NULL), NOISE_ERR_EXTERNAL);
    assert_dead(&p.i.hs);
    id = initiator_waiting(secret, 42);
    assert_int_equal(xk_initiator_dh_result(&p.i.hs, id, zero), NOISE_ERR_LOW_ORDER);
    assert_dead(&p.i.hs);
}

// An answer to an earlier handshake in the same object, to none, and to the other role.
static void test_stale_results_are_dropped(void **state)
{
    (void)state;
    uint8_t secret[32], old_secret[32];
    struct xk_handshake before;
    size_t len;
    uint64_t old = responder_waiting(old_secret, 43);
    uint64_t id = responder_waiting(secret, 44);
    assert_true(id != old);
    memcpy(&before, &p.r.hs, sizeof before);
    assert_int_equal(
        xk_responder_dh_result(&p.r.hs, old, old_secret, NULL, 0, &len, p.m1, p.m1_len),
        NOISE_ERR_STALE);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, old, NULL, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_STALE);
    assert_int_equal(xk_initiator_dh_result(&p.r.hs, id, secret), NOISE_ERR_STALE);
    assert_memory_equal(&p.r.hs, &before, sizeof before);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, secret, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_OK);
    memcpy(&before, &p.r.hs, sizeof before);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, secret, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_STALE);
    assert_memory_equal(&p.r.hs, &before, sizeof before);
    xk_handshake_wipe(&p.r.hs);
    assert_int_equal(xk_responder_dh_result(&p.r.hs, id, NULL, NULL, 0, &len, p.m1, p.m1_len),
                     NOISE_ERR_STALE);
}

// The message given with the result is another one than before.
static void test_result_with_another_message(void **state)
{
    (void)state;
    uint8_t secret[32], other[XK_MESSAGE_1_OVERHEAD];
    struct xk_handshake before;
    size_t len;
    uint64_t id = responder_waiting(secret, 45);
    memcpy(&before, &p.r.hs, sizeof before);
    memcpy(other, p.m1, sizeof other);
    other[3] ^= 1;
    const struct {
        const uint8_t *message;
        size_t len;
    } rows[] = {{other, 48}, {p.m1, 47},    {p.m1, 0}, {NULL, 0},
                {NULL, 48},  {p.m1, 65536}, {p.m1, 49}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(xk_responder_dh_result(&p.r.hs, id, secret, NULL, 0, &len, rows[i].message,
                                                rows[i].len),
                         NOISE_ERR_ARGUMENT);
        assert_memory_equal(&p.r.hs, &before, sizeof before);
    }
    memcpy(other, p.m1, sizeof other);
    other[40] ^= 1; // the same ephemeral, another tag
    assert_int_equal(
        xk_responder_dh_result(&p.r.hs, id, secret, NULL, 0, &len, other, sizeof other),
        NOISE_ERR_AUTH);
    assert_dead(&p.r.hs);
}

static void test_request_only_while_waiting(void **state)
{
    (void)state;
    struct xk_dh_request request;
    uint8_t secret[32];
    assert_int_equal(xk_dh_request(NULL, &request), NOISE_ERR_STATE);
    pair_init_external(46);
    assert_int_equal(xk_dh_request(&p.r.hs, &request), NOISE_ERR_STATE);
    (void)initiator_waiting(secret, 46);
    assert_int_equal(xk_dh_request(&p.r.hs, &request), NOISE_ERR_STATE);
    assert_int_equal(xk_dh_request(&p.i.hs, NULL), NOISE_ERR_ARGUMENT);
    assert_int_equal(xk_dh_request(&p.i.hs, &request), NOISE_OK);
    assert_memory_equal(request.public_key, p.m2, 32); // re
}

static void test_error_names(void **state)
{
    (void)state;
    assert_string_equal(noise_error_name(NOISE_OK), "ok");
    assert_string_equal(noise_error_name(NOISE_ERR_AUTH), "auth");
    assert_string_equal(noise_error_name((enum noise_error)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_with_the_name),
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_known_split_and_first_messages),
        cmocka_unit_test(test_payload_lengths),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_prologue),
        cmocka_unit_test(test_wrong_responder_key),
        cmocka_unit_test(test_altered_messages_kill),
        cmocka_unit_test(test_impossible_lengths_kill),
        cmocka_unit_test(test_low_order_ephemerals_kill),
        cmocka_unit_test(test_low_order_static_kills),
        cmocka_unit_test(test_replayed_messages),
        cmocka_unit_test(test_bad_buffers_change_nothing),
        cmocka_unit_test(test_bad_configurations),
        cmocka_unit_test(test_copies_do_not_work),
        cmocka_unit_test(test_random_function_fails),
        cmocka_unit_test(test_results_become_readable_in_time),
        cmocka_unit_test(test_keys_are_wiped_when_done),
        cmocka_unit_test(test_init_revives),
        cmocka_unit_test(test_external_key_gives_the_same_transcript),
        cmocka_unit_test(test_external_key_fails),
        cmocka_unit_test(test_stale_results_are_dropped),
        cmocka_unit_test(test_result_with_another_message),
        cmocka_unit_test(test_request_only_while_waiting),
        cmocka_unit_test(test_error_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
