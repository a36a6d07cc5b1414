// SPDX-License-Identifier: Apache-2.0
// Constant time: every function on secrets runs under valgrind with its secrets marked undefined. A branch or an
// address that depends on one is an error of valgrind's, counted per row. Writes TAP.
//
// The first rows are controls that must be flagged: a suite in which they pass proves nothing. What valgrind does
// not see is an instruction whose time depends on its operand, such as a division.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "noise/blake2s.h"
#include "noise/chacha20poly1305.h"
#include "noise/ct.h"
#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"

enum {
    TEXT_LEN = 200,
    LONG_LEN = 2600, // more than the widest path does at once
    JOBS = 8,
};

static struct {
    uint8_t key[32], private_key[32], other_private[32], public_key[32], other_public[32];
    uint8_t ephemeral[32];
    uint8_t nonce[12], tag[16], out[32], out2[32];
    uint8_t text[TEXT_LEN + XK_TAG_LEN], sealed[TEXT_LEN + XK_TAG_LEN];
    struct xk_handshake i, r;
    struct xk_sender i_sender, r_sender;
    struct xk_receiver i_receiver, r_receiver;
    struct rng rng;
    uint8_t m1[64], m2[64], m3[80];
    uint8_t long_text[LONG_LEN];
    uint8_t private_keys[JOBS][32], products[JOBS][32];
    struct xk_handshake is[JOBS], rs[JOBS];
    uint8_t messages[JOBS][80], payloads[JOBS][32];
    struct xk_sender moved_sender;
    struct xk_receiver moved_receiver;
    struct xk_window window;
} t;

static volatile uint8_t sink;
static unsigned wrong; // what a row did not do as it should

void ct_test_declassify(void *value, size_t len); // of noise/ct.h

void ct_test_declassify(void *value, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(value, len);
}

static void secret(void *memory, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(memory, len);
}

static void public(void *memory, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(memory, len);
}

// Controls

static __attribute__((noinline)) void control_early_exit(void)
{
    secret(t.key, sizeof t.key);
    for (size_t i = 0; i < sizeof t.key; i++) {
        if (t.key[i] != t.text[i]) {
            sink = (uint8_t)i;
            break;
        }
    }
}

static __attribute__((noinline)) void control_branch(void)
{
    secret(t.key, sizeof t.key);
    if ((t.key[7] & 4) != 0) {
        sink = 1;
    }
}

static __attribute__((noinline)) void control_table(void)
{
    static const volatile uint8_t table[256] = {1, 2, 3};
    secret(t.key, sizeof t.key);
    sink = table[t.key[0]];
}

// Primitives

static void row_blake2s(void)
{
    struct blake2s ctx;
    secret(t.text, TEXT_LEN);
    secret(t.key, sizeof t.key);
    blake2s_init(&ctx, 32, t.key, sizeof t.key);
    blake2s_update(&ctx, t.text, 77);
    blake2s_update(&ctx, t.text + 77, TEXT_LEN - 77);
    blake2s_final(&ctx, t.out);
    blake2s(t.out, t.text, TEXT_LEN);
}

static void row_hmac_and_hkdf(void)
{
    secret(t.key, sizeof t.key);
    secret(t.text, TEXT_LEN);
    hmac_blake2s(t.out, t.key, t.text, TEXT_LEN);
    hkdf_blake2s(t.out, t.out2, t.key, t.text, 32);
    hkdf_blake2s(t.out, t.out2, t.key, NULL, 0);
}

static void row_seal(void)
{
    secret(t.key, sizeof t.key);
    secret(t.text, TEXT_LEN);
    chacha20poly1305_seal(t.sealed, t.tag, t.key, t.nonce, t.nonce, 12, t.text, TEXT_LEN);
}

static void row_open(void)
{
    chacha20poly1305_seal(t.sealed, t.tag, t.key, t.nonce, NULL, 0, t.text, TEXT_LEN);
    secret(t.key, sizeof t.key);
    if (chacha20poly1305_open(t.text, t.key, t.nonce, NULL, 0, t.sealed, TEXT_LEN, t.tag) !=
        NOISE_OK) {
        sink = 1;
    }
    t.tag[3] ^= 1;
    if (chacha20poly1305_open(t.text, t.key, t.nonce, NULL, 0, t.sealed, TEXT_LEN, t.tag) !=
        NOISE_ERR_AUTH) {
        sink = 1;
    }
}

// Long enough for every form that the text is worked on in; the lengths are public.
static void row_long(void)
{
    static const size_t lens[] = {300, 511, 512, 1100, 2048, LONG_LEN};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        public(t.tag, sizeof t.tag);
        secret(t.key, sizeof t.key);
        secret(t.long_text, sizeof t.long_text);
        chacha20poly1305_seal(t.long_text, t.tag, t.key, t.nonce, NULL, 0, t.long_text, lens[i]);
        public(t.long_text, sizeof t.long_text);
        sink = chacha20poly1305_open(t.long_text, t.key, t.nonce, NULL, 0, t.long_text, lens[i],
                                     t.tag) != NOISE_OK;
    }
}

static void row_batch(void)
{
    struct x25519_job jobs[JOBS];
    for (size_t points = 0; points <= JOBS; points++) { // the others are for the base point
        memset(t.private_keys, 0x66, sizeof t.private_keys);
        secret(t.private_keys, sizeof t.private_keys);
        for (size_t i = 0; i < JOBS; i++) {
            jobs[i] = (struct x25519_job){t.products[i], t.private_keys[i],
                                          i < points ? t.other_public : NULL, NOISE_OK};
        }
        x25519_batch(jobs, JOBS);
    }
}

static void row_x25519(void)
{
    secret(t.private_key, sizeof t.private_key);
    if (x25519(t.out, t.private_key, t.other_public) != NOISE_OK) {
        sink = 1;
    }
    secret(t.out, sizeof t.out); // a point that is secret, as in message 3
    if (x25519(t.out2, t.private_key, t.out) != NOISE_OK) {
        sink = 1;
    }
    x25519_base(t.out, t.private_key);
}

static void row_keys(void)
{
    secret(t.private_key, sizeof t.private_key);
    xk_public_key(t.out, t.private_key);
    wrong += xk_dh(t.out2, t.private_key, t.other_public) != NOISE_OK;
}

// Every number of public keys, as in row_batch; the last product is of a key of low order.
static void row_batch_dh(void)
{
    static const uint8_t low_order[32];
    struct xk_product products[JOBS];
    for (size_t points = 0; points <= JOBS; points++) {
        memset(t.private_keys, 0x66, sizeof t.private_keys);
        secret(t.private_keys, sizeof t.private_keys);
        for (size_t i = 0; i < JOBS; i++) {
            products[i] = (struct xk_product){t.products[i], t.private_keys[i],
                                              i < points ? t.other_public : NULL, NOISE_OK};
        }
        wrong += xk_batch_dh(products, JOBS) != 0;
    }
    products[JOBS - 1].public_key = low_order;
    wrong += xk_batch_dh(products, JOBS) != 1;
    wrong += products[JOBS - 1].error != NOISE_ERR_LOW_ORDER;
}

static void row_rng(void)
{
    secret(t.key, sizeof t.key);
    rng_seed(&t.rng, t.key);
    if (rng_random(&t.rng, t.text, 100) != NOISE_OK) {
        sink = 1;
    }
    rng_wipe(&t.rng);
}

static void row_ct(void)
{
    secret(t.key, sizeof t.key);
    uint64_t equal = ct_equal(t.key, t.text, 32) | ct_is_zero(t.key, 32);
    uint64_t chosen = ct_select_u64(ct_mask_u64(t.key[0] & 1), equal, ct_is_zero_u64(t.key[1]));
    memcpy(t.out, &chosen, sizeof chosen);
    ct_wipe(t.key, sizeof t.key);
}

// Handshake and transport. The public keys and messages are public: a key pair's public half is declassified where it
// appears, on the wire.

static enum noise_error secret_random(void *ctx, uint8_t *out, size_t len)
{
    memcpy(out, ctx, len);
    secret(out, len);
    return NOISE_OK;
}

static void start(struct xk_handshake *initiator, struct xk_handshake *responder, bool external)
{
    struct xk_config i = {.static_public = t.public_key,
                          .static_private = external ? NULL : t.private_key,
                          .remote_static = t.other_public,
                          .random = secret_random,
                          .random_ctx = t.ephemeral};
    struct xk_config r = i;
    r.static_public = t.other_public;
    r.static_private = external ? NULL : t.other_private;
    r.remote_static = NULL;
    secret(t.private_key, sizeof t.private_key);
    secret(t.other_private, sizeof t.other_private);
    wrong += xk_initiator_init(initiator, &i) != NOISE_OK;
    wrong += xk_responder_init(responder, &r) != NOISE_OK;
}

static void give(struct xk_handshake *hs, const uint8_t *private_key)
{
    struct xk_dh_request wanted;
    uint8_t shared[32];
    size_t len;
    if (xk_dh_request(hs, &wanted) != NOISE_OK ||
        x25519(shared, private_key, wanted.public_key) != NOISE_OK) {
        sink = 1;
    }
    enum noise_error error =
        hs == &t.r ? xk_responder_dh_result(hs, wanted.id, shared, t.out, 32, &len, t.m1, 52)
                   : xk_initiator_dh_result(hs, wanted.id, shared);
    wrong += error != NOISE_OK;
}

static unsigned handshake(bool external)
{
    size_t len;
    enum noise_error wait = external ? NOISE_NEED_DH : NOISE_OK;
    unsigned bad = 0;
    start(&t.i, &t.r, external);
    secret(t.text, TEXT_LEN);
    bad += xk_initiator_write_message_1(&t.i, t.m1, 64, &len, t.text, 4) != NOISE_OK;
    public(t.m1, sizeof t.m1);
    bad += xk_responder_read_message_1(&t.r, t.out, 32, &len, t.m1, 52) != wait;
    if (external) {
        give(&t.r, t.other_private);
    }
    bad += xk_responder_write_message_2(&t.r, t.m2, 64, &len, t.text, 4) != NOISE_OK;
    public(t.m2, sizeof t.m2);
    bad += xk_initiator_read_message_2(&t.i, t.out, 32, &len, t.m2, 52) != wait;
    if (external) {
        give(&t.i, t.private_key);
    }
    bad += xk_initiator_write_message_3(&t.i, t.m3, 80, &len, t.text, 4) != NOISE_OK;
    public(t.m3, sizeof t.m3);
    bad += xk_responder_read_message_3(&t.r, t.out, 32, &len, t.m3, 68) != NOISE_OK;
    bad += xk_split(&t.i, &t.i_sender, &t.i_receiver) != NOISE_OK;
    bad += xk_split(&t.r, &t.r_sender, &t.r_receiver) != NOISE_OK;
    return bad;
}

static unsigned transport(void)
{
    size_t len;
    unsigned bad = 0;
    for (int i = 0; i < 2; i++) {
        bad += xk_sender_seal(&t.i_sender, t.sealed, sizeof t.sealed, &len, t.text, TEXT_LEN) !=
               NOISE_OK;
        public(t.sealed, sizeof t.sealed);
        bad +=
            xk_receiver_open(&t.r_receiver, t.text, sizeof t.text, &len, t.sealed, len) != NOISE_OK;
        bad += xk_sender_rekey(&t.i_sender) != NOISE_OK;
        bad += xk_receiver_rekey(&t.r_receiver) != NOISE_OK;
    }
    bad += xk_receiver_open(&t.r_receiver, t.text, sizeof t.text, &len, t.sealed, 60) !=
           NOISE_ERR_AUTH;
    return bad;
}

// The other way, by window; then both halves move.
static unsigned transport_by_window(void)
{
    size_t len;
    uint64_t nonce;
    unsigned bad = 0;
    xk_window_init(&t.window);
    bad += xk_sender_nonce(&t.r_sender, &nonce) != NOISE_OK;
    bad +=
        xk_sender_seal(&t.r_sender, t.sealed, sizeof t.sealed, &len, t.text, TEXT_LEN) != NOISE_OK;
    public(t.sealed, sizeof t.sealed);
    for (int i = 0; i < 2; i++) { // the second time it is a replay
        bad += xk_receiver_open_at(&t.i_receiver, &t.window, nonce, t.text, sizeof t.text, &len,
                                   t.sealed,
                                   sizeof t.sealed) != (i == 0 ? NOISE_OK : NOISE_ERR_REPLAY);
    }
    bad += xk_sender_move(&t.moved_sender, &t.r_sender) != NOISE_OK;
    bad += xk_receiver_move(&t.moved_receiver, &t.i_receiver) != NOISE_OK;
    xk_sender_wipe(&t.moved_sender);
    xk_receiver_wipe(&t.moved_receiver);
    return bad;
}

// The turn of handshake `i` at `message`.
static struct xk_turn turn(size_t i, enum xk_message message)
{
    bool written = message == XK_WRITE_MESSAGE_1 || message == XK_WRITE_MESSAGE_2 ||
                   message == XK_WRITE_MESSAGE_3;
    bool initiator = message == XK_WRITE_MESSAGE_1 || message == XK_READ_MESSAGE_2 ||
                     message == XK_WRITE_MESSAGE_3;
    struct xk_turn made = {.hs = initiator ? &t.is[i] : &t.rs[i], .message = message};
    if (written) {
        made.out = t.messages[i];
        made.out_cap = sizeof t.messages[i];
        made.in = t.text;
        made.in_len = 4;
    } else {
        made.out = t.payloads[i];
        made.out_cap = sizeof t.payloads[i];
        made.in = t.messages[i];
        made.in_len = message == XK_READ_MESSAGE_3 ? 68 : 52;
    }
    return made;
}

// Every second handshake is a message behind, so that batches are of several kinds and lengths.
static void row_batch_advance(void)
{
    struct xk_turn turns[JOBS];
    for (size_t i = 0; i < JOBS; i++) {
        start(&t.is[i], &t.rs[i], false);
    }
    secret(t.text, TEXT_LEN);
    for (size_t round = XK_WRITE_MESSAGE_1; round <= XK_READ_MESSAGE_3 + 1; round++) {
        size_t count = 0;
        for (size_t i = 0; i < JOBS; i++) {
            size_t message = round - i % 2;
            if (message >= XK_WRITE_MESSAGE_1 && message <= XK_READ_MESSAGE_3) {
                turns[count++] = turn(i, (enum xk_message)message);
            }
        }
        wrong += xk_batch_advance(turns, count) != 0;
        public(t.messages, sizeof t.messages);
    }
    for (size_t i = 0; i < JOBS; i++) {
        wrong += xk_split(&t.is[i], &t.i_sender, &t.i_receiver) != NOISE_OK;
        xk_handshake_wipe(&t.rs[i]);
    }
}

static void row_handshake_local(void)
{
    wrong += handshake(false);
    wrong += transport();
    wrong += transport_by_window();
}

static void row_handshake_external(void)
{
    wrong += handshake(true);
}

static const struct {
    const char *name;
    void (*run)(void);
    bool flagged;
} rows[] = {
    {"control: early-exit compare is flagged", control_early_exit, true},
    {"control: branch on a secret bit is flagged", control_branch, true},
    {"control: secret-indexed table is flagged", control_table, true},
    {"ct", row_ct, false},
    {"blake2s", row_blake2s, false},
    {"hmac and hkdf", row_hmac_and_hkdf, false},
    {"chacha20poly1305_seal", row_seal, false},
    {"chacha20poly1305_open", row_open, false},
    {"chacha20poly1305, long messages", row_long, false},
    {"x25519", row_x25519, false},
    {"x25519_batch", row_batch, false},
    {"xk_public_key and xk_dh", row_keys, false},
    {"xk_batch_dh", row_batch_dh, false},
    {"rng", row_rng, false},
    {"handshake with the key at hand, transport, rekey", row_handshake_local, false},
    {"handshake with an external key", row_handshake_external, false},
    {"handshakes by xk_batch_advance", row_batch_advance, false},
};

static void prepare(void)
{
    public(&t, sizeof t);
    memset(&t, 0, sizeof t);
    memset(t.key, 0x11, sizeof t.key);
    memset(t.private_key, 0x22, sizeof t.private_key);
    memset(t.other_private, 0x33, sizeof t.other_private);
    memset(t.ephemeral, 0x44, sizeof t.ephemeral);
    memset(t.text, 0x55, sizeof t.text);
    x25519_base(t.public_key, t.private_key);
    x25519_base(t.other_public, t.other_private);
    public(&t, sizeof t);
}

int main(void)
{
    size_t count = sizeof rows / sizeof rows[0];
    int failed = 0;
    if (!RUNNING_ON_VALGRIND) {
        printf("Bail out! valgrind is not running this\n");
        return 1;
    }
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        prepare();
        wrong = 0;
        unsigned before = VALGRIND_COUNT_ERRORS;
        rows[i].run();
        unsigned errors = VALGRIND_COUNT_ERRORS - before;
        bool good = (errors > 0) == rows[i].flagged && wrong == 0;
        printf("%s %zu - %s\n", good ? "ok" : "not ok", i + 1, rows[i].name);
        if (!good) {
            printf("# %u places depend on a secret, %u wrong results\n", errors, wrong);
            failed++;
        }
    }
    return failed > 0;
}
