// SPDX-License-Identifier: Apache-2.0
// The calls, and which secret may live where.

#include <string.h>

#include "noise/blake2s.h"
#include "noise/chacha20.h"
#include "noise/chacha20poly1305.h"
#include "tests/wipe/leaky.h"
#include "tests/wipe/wipe.h"

#define P(x) ((uint64_t)(uintptr_t)(x))
#define CALL(name, expected, function, ...)                                                        \
    step(name, expected, (void (*)(void))(function), (const uint64_t[ARGUMENTS]){__VA_ARGS__})
#define CONTROL(function, secret)                                                                  \
    control("control: " #function " is found", (void (*)(void))(function),                         \
            (const uint64_t[ARGUMENTS]){P(secret)})

enum {
    I_PRIVATE,
    R_PRIVATE,
    I_EPHEMERAL,
    R_EPHEMERAL,
    ES,
    EE,
    SE,
    CHAINING_1, // after message 1, and so on
    CHAINING_2,
    CHAINING_3,
    CIPHER_1,
    CIPHER_2,
    CIPHER_3,
    TEMP_1, // HKDF's temp_key
    TEMP_2,
    TEMP_3,
    TEMP_SPLIT,
    ONE_TIME_1, // Poly1305's key in message 1, and so on
    ONE_TIME_2,
    ONE_TIME_3,
    KEY_1, // of the transport
    KEY_2,
    NEXT_1, // after REKEY
    NEXT_2,
    PAYLOAD,
    KEY,
    KEY_ONE_TIME,
    KEY_STREAM,
    KEY_SUBKEY,
    CHAINING,
    INPUT,
    TEMP,
    HASH_1,
    HASH_2,
    SEED,
    RNG_KEY,
    RNG_OUTPUT,
    FAILED_EPHEMERAL,
    BATCH,
    BATCH_PRODUCT = BATCH + 8,
    NUMBERS = BATCH_PRODUCT + 8,
};
_Static_assert((int)NUMBERS <= (int)SECRETS_MAX, "room for all secrets");

// Random functions. Bytes are moved one at a time, as in make_secret.

static const uint8_t *ephemeral;

static enum noise_error give_ephemeral(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *(volatile uint8_t *)(out + i) = ephemeral[i];
    }
    return ctx == NULL ? NOISE_OK : NOISE_ERR_RANDOM;
}

// What only the run that learns computes, by other calls than those under watch.

static void learn_mix(unsigned chaining, unsigned cipher, unsigned temp, unsigned one_time,
                      const struct xk_handshake *hs, const uint8_t *before, const uint8_t *shared)
{
    static const uint8_t nonce[CHACHA20_NONCE_LEN];
    uint8_t temp_key[32], block[CHACHA20_BLOCK_LEN];

    if (run == LEARN) {
        hmac_blake2s(temp_key, before, shared, 32);
        chacha20_block(block, hs->cipher_key, nonce, 0);
        learn(temp, temp_key);
        learn(one_time, block);
        learn(chaining, hs->chaining_key);
        learn(cipher, hs->cipher_key);
    }
}

static void learn_dh(unsigned number, uint8_t *shared, const uint8_t *private_key,
                     const uint8_t *public_key)
{
    if (run == LEARN && x25519(shared, private_key, public_key) == NOISE_OK) {
        learn(number, shared);
    }
}

static void controls(void)
{
    make_secret(caller.key, KEY);
    CONTROL(leak_stack, caller.key);
    CONTROL(leak_deep_stack, caller.key);
    CONTROL(leak_changed, caller.key);
    CONTROL(leak_integer_register, caller.key);
    CONTROL(leak_vector_register, caller.key);
    if (__builtin_cpu_supports("avx512f")) {
        CONTROL(leak_high_register, caller.key);
    }
    CONTROL(leak_static, caller.key);
    leak_static_end();
    CONTROL(leak_heap, caller.key);
    leak_heap_end();
}

static void keys(void)
{
    make_secret(caller.i_private, I_PRIVATE);
    make_secret(caller.r_private, R_PRIVATE);
    CALL("xk_public_key", ANYTHING, xk_public_key, P(caller.i_public), P(caller.i_private));
    CALL("xk_public_key", ANYTHING, xk_public_key, P(caller.r_public), P(caller.r_private));
    CALL("xk_dh", NOISE_OK, xk_dh, P(caller.out), P(caller.i_private), P(caller.r_public));
}

static void batch(const char *name, size_t points, size_t bases)
{
    for (size_t i = 0; i < points + bases; i++) {
        make_secret(caller.keys[i], BATCH + (unsigned)i);
        memcpy(caller.points[i], i % 2 == 0 ? caller.i_public : caller.r_public, 32);
        caller.jobs[i] = (struct x25519_job){caller.products[i], caller.keys[i],
                                             i < points ? caller.points[i] : NULL, NOISE_OK};
    }
    CALL(name, ANYTHING, x25519_batch, P(caller.jobs), points + bases);
    for (size_t i = 0; i < points + bases; i++) {
        learn(BATCH_PRODUCT + (unsigned)i, caller.products[i]);
    }
}

static void products(void)
{
    for (size_t i = 0; i < 8; i++) {
        make_secret(caller.keys[i], BATCH + (unsigned)i);
        memcpy(caller.points[i], i % 2 == 0 ? caller.i_public : caller.r_public, 32);
        caller.wanted[i] =
            (struct xk_product){caller.products[i], caller.keys[i], caller.points[i], NOISE_OK};
    }
    CALL("xk_batch_dh", 0, xk_batch_dh, P(caller.wanted), 8);
    for (size_t i = 0; i < 8; i++) {
        learn(BATCH_PRODUCT + (unsigned)i, caller.products[i]);
    }
}

static void hashes(void)
{
    uint8_t *hash = objects.hash;
    uint8_t temp[32];

    make_secret(caller.chaining_key, CHAINING);
    make_secret(caller.input, INPUT);
    CALL("hkdf_blake2s", ANYTHING, hkdf_blake2s, P(caller.out), P(caller.out2),
         P(caller.chaining_key), P(caller.input), 32);
    learn(HASH_1, caller.out);
    learn(HASH_2, caller.out2);
    if (run == LEARN) {
        hmac_blake2s(temp, caller.chaining_key, caller.input, 32);
        learn(TEMP, temp);
    }
    CALL("hmac_blake2s", ANYTHING, hmac_blake2s, P(caller.out), P(caller.chaining_key),
         P(caller.input), 32);
    CALL("hmac_blake2s of a long message", ANYTHING, hmac_blake2s, P(caller.out),
         P(caller.chaining_key), P(caller.text + 1), 301);
    CALL("blake2s of a secret", ANYTHING, blake2s, P(caller.out), P(caller.input), 32);
    CALL("blake2s of three blocks", ANYTHING, blake2s, P(caller.out), P(caller.text + 1), 150);
    may_live(KEY, IN_HASH); // in the buffer too
    CALL("blake2s_init with a key", ANYTHING, blake2s_init, P(hash), 32, P(caller.key), 32);
    CALL("blake2s_update, not aligned", ANYTHING, blake2s_update, P(hash), P(caller.text + 1), 100);
    CALL("blake2s_final", ANYTHING, blake2s_final, P(hash), P(caller.out));
    CALL("blake2s_init with a key", ANYTHING, blake2s_init, P(hash), 32, P(caller.key), 32);
    CALL("blake2s_update", ANYTHING, blake2s_update, P(hash), P(caller.text), 3);
    may_live(KEY, 0);
    may_live(PAYLOAD, IN_HASH); // of the message, in the buffer
    CALL("blake2s_update", ANYTHING, blake2s_update, P(hash), P(caller.text), 160);
    may_live(PAYLOAD, 0);
    CALL("blake2s_final", ANYTHING, blake2s_final, P(hash), P(caller.out));
}

static void aead_of(size_t len, const char *const names[static 5])
{
    static const uint8_t nonce[12] = {0, 0, 0, 0, 7};
    uint8_t *tag = caller.sealed + len;

    CALL(names[0], ANYTHING, chacha20poly1305_seal, P(caller.sealed), P(tag), P(caller.key),
         P(nonce), P(caller.i_public), 32, P(caller.text), len);
    CALL(names[1], NOISE_OK, chacha20poly1305_open, P(caller.plain), P(caller.key), P(nonce),
         P(caller.i_public), 32, P(caller.sealed), len, P(tag));
    CALL(names[2], NOISE_OK, chacha20poly1305_verify, P(caller.key), P(nonce), P(caller.i_public),
         32, P(caller.sealed), len, P(tag));
    CALL(names[3], ANYTHING, chacha20poly1305_decrypt, P(caller.plain), P(caller.key), P(nonce),
         P(caller.sealed), len);
    tag[0] ^= 1;
    CALL(names[4], NOISE_ERR_AUTH, chacha20poly1305_open, P(caller.plain), P(caller.key), P(nonce),
         P(caller.i_public), 32, P(caller.sealed), len, P(tag));
}

#define AEAD(len)                                                                                  \
    aead_of(len, (const char *const[5]){"seal of " #len, "open of " #len, "verify of " #len,       \
                                        "decrypt of " #len, "open of " #len " with a wrong tag"})

static void aead(void)
{
    uint8_t block[CHACHA20_BLOCK_LEN];
    static const uint8_t nonce[12] = {0, 0, 0, 0, 7};

    make_secret(caller.text, PAYLOAD);
    memset(caller.text + 32, 0x33, sizeof caller.text - 32);
    if (run == LEARN) {
        chacha20_block(block, caller.key, nonce, 0);
        learn(KEY_ONE_TIME, block);
        chacha20_block(block, caller.key, nonce, 1);
        learn(KEY_STREAM, block);
    }
    AEAD(32);
    AEAD(77);
    AEAD(300);
    AEAD(511);
    AEAD(2000);
}

static void random_generator(void)
{
    make_secret(caller.seed, SEED);
    may_live(SEED, IN_RNG);
    CALL("rng_seed", ANYTHING, rng_seed, P(&objects.rng), P(caller.seed));
    may_live(SEED, 0);
    may_live(RNG_KEY, IN_RNG);
    CALL("rng_random", NOISE_OK, rng_random, P(&objects.rng), P(caller.out), 40);
    learn(RNG_KEY, objects.rng.key);
    learn(RNG_OUTPUT, caller.out);
    may_live(RNG_KEY, 0);
    CALL("rng_wipe", ANYTHING, rng_wipe, P(&objects.rng));
}

// The handshake

static void start(bool external)
{
    struct xk_config *c = &caller.config;

    *c = (struct xk_config){.static_public = caller.i_public,
                            .static_private = external ? NULL : caller.i_private,
                            .remote_static = caller.r_public,
                            .random = give_ephemeral};
    may_live(I_PRIVATE, external ? 0 : IN_I);
    CALL("xk_initiator_init", NOISE_OK, xk_initiator_init, P(&objects.i), P(c));
    *c = (struct xk_config){.static_public = caller.r_public,
                            .static_private = external ? NULL : caller.r_private,
                            .random = give_ephemeral};
    may_live(R_PRIVATE, external ? 0 : IN_R);
    CALL("xk_responder_init", NOISE_OK, xk_responder_init, P(&objects.r), P(c));
    make_secret(caller.key, FAILED_EPHEMERAL);
    make_secret(caller.keys[0], I_EPHEMERAL);
    make_secret(caller.keys[1], R_EPHEMERAL);
}

// As the documents have it: the chaining key before message 1 is public, the hash of the name.
static void message_1(bool external)
{
    uint8_t before[32];

    memcpy(before, objects.i.chaining_key, 32);
    objects.i.random_ctx = &caller; // fails
    ephemeral = caller.key;
    CALL("xk_initiator_write_message_1 without randomness", NOISE_ERR_RANDOM,
         xk_initiator_write_message_1, P(&objects.i), P(caller.m1), sizeof caller.m1,
         P(&caller.len), P(caller.text), 8);
    objects.i.random_ctx = NULL;
    ephemeral = caller.keys[0];
    may_live(I_EPHEMERAL, IN_I);
    may_live(CHAINING_1, IN_I);
    may_live(CIPHER_1, IN_I);
    CALL("xk_initiator_write_message_1", NOISE_OK, xk_initiator_write_message_1, P(&objects.i),
         P(caller.m1), sizeof caller.m1, P(&caller.len), P(caller.text), 8);
    learn_dh(ES, caller.out, caller.keys[0], caller.r_public);
    learn_mix(CHAINING_1, CIPHER_1, TEMP_1, ONE_TIME_1, &objects.i, before, caller.out);
    if (!external) {
        may_live(R_PRIVATE, 0); // es was its only use
        may_live(CHAINING_1, IN_I | IN_R);
        may_live(CIPHER_1, IN_I | IN_R);
    }
    CALL("xk_responder_read_message_1", external ? NOISE_NEED_DH : NOISE_OK,
         xk_responder_read_message_1, P(&objects.r), P(caller.plain), sizeof caller.plain,
         P(&caller.len), P(caller.m1), 56);
    if (external) {
        struct xk_dh_request wanted;
        may_live(CHAINING_1, IN_I | IN_R);
        may_live(CIPHER_1, IN_I | IN_R);
        uint64_t id = xk_dh_request(&objects.r, &wanted) == NOISE_OK ? wanted.id : 0;
        CALL("xk_dh", NOISE_OK, xk_dh, P(caller.out), P(caller.r_private), P(caller.m1));
        CALL("xk_responder_dh_result", NOISE_OK, xk_responder_dh_result, P(&objects.r), id,
             P(caller.out), P(caller.plain), sizeof caller.plain, P(&caller.len), P(caller.m1), 56);
    }
}

static void message_2(bool external)
{
    uint8_t before[32];

    if (run == LEARN) {
        memcpy(before, objects.i.chaining_key, 32);
    }
    ephemeral = caller.keys[1];
    may_live(R_EPHEMERAL, IN_R);
    may_live(CHAINING_1, IN_I);
    may_live(CIPHER_1, IN_I);
    may_live(CHAINING_2, IN_R);
    may_live(CIPHER_2, IN_R);
    CALL("xk_responder_write_message_2", NOISE_OK, xk_responder_write_message_2, P(&objects.r),
         P(caller.m2), sizeof caller.m2, P(&caller.len), P(caller.text), 8);
    learn_dh(EE, caller.out, caller.keys[1], caller.m1);
    if (run == LEARN) {
        learn_mix(CHAINING_2, CIPHER_2, TEMP_2, ONE_TIME_2, &objects.r, before, caller.out);
    }
    may_live(CHAINING_1, 0);
    may_live(CIPHER_1, 0);
    may_live(I_EPHEMERAL, 0);
    may_live(CHAINING_2, IN_I | IN_R);
    may_live(CIPHER_2, IN_I | IN_R);
    CALL("xk_initiator_read_message_2", external ? NOISE_NEED_DH : NOISE_OK,
         xk_initiator_read_message_2, P(&objects.i), P(caller.plain), sizeof caller.plain,
         P(&caller.len), P(caller.m2), 56);
    if (external) {
        struct xk_dh_request wanted;
        uint64_t id = xk_dh_request(&objects.i, &wanted) == NOISE_OK ? wanted.id : 0;
        may_live(SE, IN_I);
        CALL("xk_dh", NOISE_OK, xk_dh, P(caller.out), P(caller.i_private), P(caller.m2));
        CALL("xk_initiator_dh_result", NOISE_OK, xk_initiator_dh_result, P(&objects.i), id,
             P(caller.out));
    }
}

static void message_3(void)
{
    uint8_t before[32];

    if (run == LEARN) {
        memcpy(before, objects.i.chaining_key, 32);
    }
    may_live(I_PRIVATE, 0);
    may_live(SE, 0);
    may_live(CHAINING_2, IN_R);
    may_live(CIPHER_2, IN_R);
    may_live(CHAINING_3, IN_I);
    may_live(CIPHER_3, IN_I);
    CALL("xk_initiator_write_message_3", NOISE_OK, xk_initiator_write_message_3, P(&objects.i),
         P(caller.m3), sizeof caller.m3, P(&caller.len), P(caller.text), 8);
    learn_dh(SE, caller.out, caller.i_private, caller.m2);
    if (run == LEARN) {
        learn_mix(CHAINING_3, CIPHER_3, TEMP_3, ONE_TIME_3, &objects.i, before, caller.out);
    }
    may_live(R_EPHEMERAL, 0);
    may_live(CHAINING_2, 0);
    may_live(CIPHER_2, 0);
    may_live(CHAINING_3, IN_I | IN_R);
    may_live(CIPHER_3, IN_I | IN_R);
    CALL("xk_responder_read_message_3", NOISE_OK, xk_responder_read_message_3, P(&objects.r),
         P(caller.plain), sizeof caller.plain, P(&caller.len), P(caller.m3), 72);
}

static void split(void)
{
    uint8_t temp[32];

    if (run == LEARN) {
        hmac_blake2s(temp, objects.i.chaining_key, NULL, 0);
        learn(TEMP_SPLIT, temp);
    }
    may_live(CHAINING_3, IN_R);
    may_live(CIPHER_3, IN_R);
    may_live(KEY_1, IN_I_SENDER);
    may_live(KEY_2, IN_I_RECEIVER);
    CALL("xk_split", NOISE_OK, xk_split, P(&objects.i), P(&objects.i_sender),
         P(&objects.i_receiver));
    learn(KEY_1, objects.i_sender.key);
    learn(KEY_2, objects.i_receiver.key);
    may_live(CHAINING_3, 0);
    may_live(CIPHER_3, 0);
    may_live(KEY_1, IN_I_SENDER | IN_R_RECEIVER);
    may_live(KEY_2, IN_I_RECEIVER | IN_R_SENDER);
    CALL("xk_split", NOISE_OK, xk_split, P(&objects.r), P(&objects.r_sender),
         P(&objects.r_receiver));
}

static void both(const char *name, const struct xk_turn *writes, const struct xk_turn *reads)
{
    caller.turns[0] = *writes;
    caller.turns[1] = *reads;
    CALL(name, 0, xk_batch_advance, P(caller.turns), 2);
}

// A handshake of each end, in batches. The secrets are those of the handshake before, and so are the messages that are read.
static void handshakes_in_batches(void)
{
    struct xk_turn i = {.hs = &objects.i, .in = caller.text, .in_len = 8};
    struct xk_turn r = {.hs = &objects.r, .in = caller.text, .in_len = 8};

    start(false);
    i.message = XK_WRITE_MESSAGE_1;
    i.out = caller.sealed;
    i.out_cap = sizeof caller.sealed;
    r.message = XK_READ_MESSAGE_1;
    r.out = caller.plain;
    r.out_cap = sizeof caller.plain;
    r.in = caller.m1;
    r.in_len = 56;
    ephemeral = caller.keys[0];
    may_live(R_PRIVATE, 0);
    may_live(I_EPHEMERAL, IN_I);
    may_live(CHAINING_1, IN_I | IN_R);
    may_live(CIPHER_1, IN_I | IN_R);
    both("xk_batch_advance, message 1", &i, &r);
    i.message = XK_READ_MESSAGE_2;
    i.in = caller.m2;
    i.in_len = 56;
    r.message = XK_WRITE_MESSAGE_2;
    r.in = caller.text;
    r.in_len = 8;
    ephemeral = caller.keys[1];
    may_live(I_EPHEMERAL, 0);
    may_live(R_EPHEMERAL, IN_R);
    may_live(CHAINING_1, 0);
    may_live(CIPHER_1, 0);
    may_live(CHAINING_2, IN_I | IN_R);
    may_live(CIPHER_2, IN_I | IN_R);
    both("xk_batch_advance, message 2", &r, &i);
    i.message = XK_WRITE_MESSAGE_3;
    i.in = caller.text;
    i.in_len = 8;
    r.message = XK_READ_MESSAGE_3;
    r.in = caller.m3;
    r.in_len = 72;
    may_live(I_PRIVATE, 0);
    may_live(R_EPHEMERAL, 0);
    may_live(CHAINING_2, 0);
    may_live(CIPHER_2, 0);
    may_live(CHAINING_3, IN_I | IN_R);
    may_live(CIPHER_3, IN_I | IN_R);
    both("xk_batch_advance, message 3", &i, &r);
    split();
}

static void handshake(bool external)
{
    start(external);
    message_1(external);
    message_2(external);
    message_3();
    split();
}

static void transport(size_t len)
{
    CALL("xk_sender_seal", NOISE_OK, xk_sender_seal, P(&objects.i_sender), P(caller.sealed),
         sizeof caller.sealed, P(&caller.len), P(caller.text), len);
    CALL("xk_receiver_open", NOISE_OK, xk_receiver_open, P(&objects.r_receiver), P(caller.plain),
         sizeof caller.plain, P(&caller.len), P(caller.sealed), len + XK_TAG_LEN);
    CALL("xk_sender_seal", NOISE_OK, xk_sender_seal, P(&objects.r_sender), P(caller.sealed),
         sizeof caller.sealed, P(&caller.len), P(caller.text), len);
    CALL("xk_receiver_open_at", NOISE_OK, xk_receiver_open_at, P(&objects.i_receiver),
         P(&caller.window), objects.r_sender.nonce - 1, P(caller.plain), sizeof caller.plain,
         P(&caller.len), P(caller.sealed), len + XK_TAG_LEN);
}

static void rekey_and_move(void)
{
    may_live(KEY_1, IN_R_RECEIVER);
    may_live(NEXT_1, IN_I_SENDER);
    CALL("xk_sender_rekey", NOISE_OK, xk_sender_rekey, P(&objects.i_sender));
    learn(NEXT_1, objects.i_sender.key);
    may_live(KEY_1, 0);
    may_live(NEXT_1, IN_I_SENDER | IN_R_RECEIVER);
    CALL("xk_receiver_rekey", NOISE_OK, xk_receiver_rekey, P(&objects.r_receiver));
    may_live(NEXT_1, IN_MOVED_SENDER | IN_R_RECEIVER);
    CALL("xk_sender_move", NOISE_OK, xk_sender_move, P(&objects.moved_sender),
         P(&objects.i_sender));
    may_live(NEXT_1, IN_MOVED_SENDER | IN_MOVED_RECEIVER);
    CALL("xk_receiver_move", NOISE_OK, xk_receiver_move, P(&objects.moved_receiver),
         P(&objects.r_receiver));
    may_live(NEXT_1, IN_MOVED_RECEIVER);
    CALL("xk_sender_wipe", ANYTHING, xk_sender_wipe, P(&objects.moved_sender));
    may_live(NEXT_1, 0);
    CALL("xk_receiver_wipe", ANYTHING, xk_receiver_wipe, P(&objects.moved_receiver));
    may_live(KEY_2, IN_I_RECEIVER);
    CALL("xk_sender_wipe", ANYTHING, xk_sender_wipe, P(&objects.r_sender));
    may_live(KEY_2, 0);
    CALL("xk_receiver_wipe", ANYTHING, xk_receiver_wipe, P(&objects.i_receiver));
}

// Calls that fail. A payload that was to be encrypted where it lies does not stay there, and a dead handshake is empty.
static void failures(void)
{
    struct xk_config *c = &caller.config;
    uint8_t *message = objects.message;

    memset(caller.points[0], 0, 32); // of low order
    start(false);
    objects.r.random_ctx = NULL;
    ephemeral = caller.keys[0];
    caller.m1[40] ^= 1;
    may_live(R_PRIVATE, 0);
    CALL("xk_responder_read_message_1, a forgery", NOISE_ERR_AUTH, xk_responder_read_message_1,
         P(&objects.r), P(caller.plain), sizeof caller.plain, P(&caller.len), P(caller.m1), 56);
    *c = (struct xk_config){.static_public = caller.i_public,
                            .static_private = caller.i_private,
                            .remote_static = caller.points[0],
                            .random = give_ephemeral};
    CALL("xk_initiator_init", NOISE_OK, xk_initiator_init, P(&objects.i), P(c));
    make_secret(message + XK_MESSAGE_1_OFFSET, PAYLOAD);
    may_live(I_PRIVATE, 0);
    CALL("xk_initiator_write_message_1 to a key of low order", NOISE_ERR_LOW_ORDER,
         xk_initiator_write_message_1, P(&objects.i), P(message), sizeof objects.message,
         P(&caller.len), P(message + XK_MESSAGE_1_OFFSET), 32);
    may_live(I_PRIVATE, IN_I);
    c->remote_static = caller.r_public;
    CALL("xk_initiator_init", NOISE_OK, xk_initiator_init, P(&objects.i), P(c));
    may_live(I_PRIVATE, 0);
    CALL("xk_handshake_wipe", ANYTHING, xk_handshake_wipe, P(&objects.i));
}

// After a split: no nonce is left.
static void last_nonce(void)
{
    objects.i_sender.nonce = UINT64_MAX;
    make_secret(objects.message, PAYLOAD);
    CALL("xk_sender_seal without a nonce", NOISE_ERR_NONCE, xk_sender_seal, P(&objects.i_sender),
         P(objects.message), sizeof objects.message, P(&caller.len), P(objects.message), 32);
}

void script(void)
{
    controls();
    keys();
    batch("x25519_batch of 4", 4, 0);
    batch("x25519_batch of 3 and 5", 3, 5);
    batch("x25519_batch of 8", 8, 0);
    products();
    aead();
    hashes();
    random_generator();
    handshake(false);
    transport(64);
    transport(900);
    rekey_and_move();
    handshake(true);
    last_nonce();
    rekey_and_move();
    handshakes_in_batches();
    rekey_and_move();
    failures();
}
