// SPDX-License-Identifier: Apache-2.0
// Each operation of noise/ with many secrets, each between the two marks of trace_run: on bare rv64imac for trace_plugin.c, and
// here for step_marks.c. Prints the names of the operations, in their order, how many secrets each had, and for how many of
// them what is left in the dead stack and in registers is not what the first left. "control: " is before those whose traces must
// differ, "leak: " before the one that leaves a secret.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "noise/blake2s.h"
#include "noise/bytes.h"
#include "noise/chacha20poly1305.h"
#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"
#include "tests/bench/os_bare.h"
#include "tests/ct/trace.h"

// Where a step takes microseconds: fewer secrets, and with TRACE_PRIMITIVES no handshake, which is made of the rest.
#ifndef TRACE_SECRETS
#define TRACE_SECRETS 16
#endif
enum { SECRETS = TRACE_SECRETS };

enum {
    JOBS = 6,        // the points are as many as the widest vectors need to be used
    BASES = 2,       // of those, for the base point
    PAIRS = 4,       // handshakes in a batch: again as many points
    TEXT_LEN = 5300, // more than the widest path does at once
};

static struct {
    struct xk_handshake i, r, initiators[PAIRS], responders[PAIRS];
    struct xk_sender i_sender, r_sender;
    struct xk_receiver i_receiver, r_receiver;
    struct rng rng;
    struct blake2s hash;
    struct x25519_job jobs[JOBS];
    uint8_t products[JOBS][32];
    uint8_t i_private[32], i_public[32], r_private[32], r_public[32];
    uint8_t m1[48], m2[48], m3[64], wire[PAIRS][64];
    uint8_t key[32], nonce[12], tag[16], out[32], out2[32];
    uint8_t text[TEXT_LEN + 16] __attribute__((aligned(8)));
    uint8_t sealed[TEXT_LEN + 16] __attribute__((aligned(8)));
    bool failed;
} t;

static volatile uint8_t sink;

static void must(bool good)
{
    t.failed |= !good;
}

// Secret number 0 is all zeroes, number 1 all ones; the others look random.
static void make(uint8_t *out, size_t len, unsigned number, unsigned what)
{
    uint64_t x = (uint64_t)number << 32 | what;
    for (size_t i = 0; i < len; i++) {
        x = (x + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
        x ^= x >> 29;
        out[i] = number == 0 ? 0 : number == 1 ? 0xff : (uint8_t)(x >> 40);
    }
}

static void prepare(unsigned number)
{
    make(t.key, sizeof t.key, number, 1);
    make(t.i_private, sizeof t.i_private, number, 2);
    make(t.r_private, sizeof t.r_private, number, 3);
    make(t.text, sizeof t.text, number, 4);
    x25519_base(t.i_public, t.i_private);
    x25519_base(t.r_public, t.r_private);
    chacha20poly1305_seal(t.sealed, t.tag, t.key, t.nonce, NULL, 0, t.text, TEXT_LEN);
    rng_seed(&t.rng, t.key);
}

static void control_early_exit(void)
{
    for (size_t i = 0; i < sizeof t.key; i++) {
        if (t.key[i] != 0) {
            sink = (uint8_t)i;
            return;
        }
    }
}

static void control_table(void)
{
    static const volatile uint8_t table[256] = {1, 2, 3};
    sink = table[t.key[0]];
}

static void control_branch(void)
{
    if ((t.key[7] & 4) != 0) {
        sink = 1;
    }
}

// Not in the trace, but in what is left.
static void leak_stack(void)
{
    uint8_t copy[600];
    for (size_t i = 0; i < 200; i++) {
        copy[i] = t.key[i % 32];
    }
    __asm__ volatile("" : : "r"(copy) : "memory");
}

static void op_x25519(void)
{
    must(x25519(t.out, t.i_private, t.r_public) == NOISE_OK);
}

static void op_x25519_base(void)
{
    x25519_base(t.out, t.i_private);
}

static void op_x25519_batch(void)
{
    for (size_t i = 0; i < JOBS; i++) {
        t.jobs[i] = (struct x25519_job){t.products[i], i % 2 == 0 ? t.i_private : t.r_private,
                                        i + BASES >= JOBS ? NULL : t.r_public, NOISE_OK};
    }
    x25519_batch(t.jobs, JOBS);
}

static void op_seal(void)
{
    chacha20poly1305_seal(t.sealed, t.tag, t.key, t.nonce, NULL, 0, t.text, TEXT_LEN);
}

static void op_seal_unaligned(void)
{
    chacha20poly1305_seal(t.sealed + 1, t.tag, t.key, t.nonce, NULL, 0, t.text + 3, TEXT_LEN);
}

static void op_open(void)
{
    must(chacha20poly1305_open(t.text, t.key, t.nonce, NULL, 0, t.sealed, TEXT_LEN, t.tag) ==
         NOISE_OK);
}

static void op_open_forgery(void)
{
    t.tag[5] ^= 1;
    must(chacha20poly1305_open(t.text, t.key, t.nonce, NULL, 0, t.sealed, TEXT_LEN, t.tag) ==
         NOISE_ERR_AUTH);
}

static void op_blake2s(void)
{
    blake2s_init(&t.hash, BLAKE2S_HASH_LEN, t.key, sizeof t.key);
    blake2s_update(&t.hash, t.text, 77);
    blake2s_update(&t.hash, t.text + 77, 300);
    blake2s_final(&t.hash, t.out);
}

static void op_hkdf(void)
{
    hkdf_blake2s(t.out, t.out2, t.key, t.i_private, 32);
}

static void op_rng(void)
{
    must(rng_random(&t.rng, t.out, 32) == NOISE_OK);
    must(rng_random(&t.rng, t.text, 100) == NOISE_OK);
}

#ifndef TRACE_PRIMITIVES
static struct xk_config config(const uint8_t *own_public, const uint8_t *own_private,
                               const uint8_t *remote)
{
    return (struct xk_config){.static_public = own_public,
                              .static_private = own_private,
                              .remote_static = remote,
                              .random = rng_random,
                              .random_ctx = &t.rng};
}

static void answer(struct xk_handshake *hs, const uint8_t *private_key)
{
    struct xk_dh_request wanted;
    size_t len;
    must(xk_dh_request(hs, &wanted) == NOISE_OK);
    must(xk_dh(t.out, private_key, wanted.public_key) == NOISE_OK);
    must((hs == &t.r
              ? xk_responder_dh_result(hs, wanted.id, t.out, NULL, 0, &len, t.m1, sizeof t.m1)
              : xk_initiator_dh_result(hs, wanted.id, t.out)) == NOISE_OK);
}

static void start(struct xk_handshake *initiator, struct xk_handshake *responder, bool external)
{
    struct xk_config i = config(t.i_public, external ? NULL : t.i_private, t.r_public);
    struct xk_config r = config(t.r_public, external ? NULL : t.r_private, NULL);
    must(xk_initiator_init(initiator, &i) == NOISE_OK);
    must(xk_responder_init(responder, &r) == NOISE_OK);
}

static void handshake(bool external)
{
    enum noise_error wait = external ? NOISE_NEED_DH : NOISE_OK;
    size_t len;
    start(&t.i, &t.r, external);
    must(xk_initiator_write_message_1(&t.i, t.m1, sizeof t.m1, &len, NULL, 0) == NOISE_OK);
    must(xk_responder_read_message_1(&t.r, NULL, 0, &len, t.m1, sizeof t.m1) == wait);
    if (external) {
        answer(&t.r, t.r_private);
    }
    must(xk_responder_write_message_2(&t.r, t.m2, sizeof t.m2, &len, NULL, 0) == NOISE_OK);
    must(xk_initiator_read_message_2(&t.i, NULL, 0, &len, t.m2, sizeof t.m2) == wait);
    if (external) {
        answer(&t.i, t.i_private);
    }
    must(xk_initiator_write_message_3(&t.i, t.m3, sizeof t.m3, &len, NULL, 0) == NOISE_OK);
    must(xk_responder_read_message_3(&t.r, NULL, 0, &len, t.m3, sizeof t.m3) == NOISE_OK);
    must(xk_split(&t.i, &t.i_sender, &t.i_receiver) == NOISE_OK);
    must(xk_split(&t.r, &t.r_sender, &t.r_receiver) == NOISE_OK);
}

static void transport(void)
{
    size_t len;
    for (int i = 0; i < 2; i++) {
        must(xk_sender_seal(&t.i_sender, t.sealed, sizeof t.sealed, &len, t.text, 500) == NOISE_OK);
        must(xk_receiver_open(&t.r_receiver, t.text, sizeof t.text, &len, t.sealed, 516) ==
             NOISE_OK);
        must(xk_sender_rekey(&t.i_sender) == NOISE_OK);
        must(xk_receiver_rekey(&t.r_receiver) == NOISE_OK);
    }
}

static void op_handshake(void)
{
    handshake(false);
    transport();
}

static void op_handshake_external(void)
{
    handshake(true);
}

static void advance(struct xk_handshake *handshakes, enum xk_message message, size_t len)
{
    struct xk_turn turns[PAIRS];
    bool writes = len == 0;
    for (size_t i = 0; i < PAIRS; i++) {
        turns[i] = (struct xk_turn){.hs = &handshakes[i],
                                    .message = message,
                                    .out = writes ? t.wire[i] : NULL,
                                    .out_cap = writes ? sizeof t.wire[i] : 0,
                                    .in = writes ? NULL : t.wire[i],
                                    .in_len = len};
    }
    must(xk_batch_advance(turns, PAIRS) == 0);
}

static void op_handshakes_in_batches(void)
{
    for (size_t i = 0; i < PAIRS; i++) {
        start(&t.initiators[i], &t.responders[i], false);
    }
    advance(t.initiators, XK_WRITE_MESSAGE_1, 0);
    advance(t.responders, XK_READ_MESSAGE_1, 48);
    advance(t.responders, XK_WRITE_MESSAGE_2, 0);
    advance(t.initiators, XK_READ_MESSAGE_2, 48);
    advance(t.initiators, XK_WRITE_MESSAGE_3, 0);
    advance(t.responders, XK_READ_MESSAGE_3, 64);
}

static void op_products_in_batches(void)
{
    struct xk_product products[PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        products[i] = (struct xk_product){t.products[i], i % 2 == 0 ? t.i_private : t.r_private,
                                          t.r_public, NOISE_OK};
    }
    must(xk_batch_dh(products, PAIRS) == 0);
}
#endif

static const struct {
    const char *name;
    void (*op)(void);
} rows[] = {
    {"control: early-exit compare", control_early_exit},
    {"control: secret-indexed table", control_table},
    {"control: branch on a secret bit", control_branch},
    {"leak: a secret on the stack", leak_stack},
    {"x25519", op_x25519},
    {"x25519_base", op_x25519_base},
    {"x25519_batch", op_x25519_batch},
    {"chacha20poly1305_seal", op_seal},
    {"chacha20poly1305_seal, unaligned", op_seal_unaligned},
    {"chacha20poly1305_open", op_open},
    {"chacha20poly1305_open of a forgery", op_open_forgery},
    {"blake2s with a key", op_blake2s},
    {"hkdf_blake2s", op_hkdf},
    {"rng_random", op_rng},
#ifndef TRACE_PRIMITIVES
    {"both sides of a handshake, transport, rekey", op_handshake},
    {"both sides of a handshake with external keys", op_handshake_external},
    {"both sides of handshakes in batches", op_handshakes_in_batches},
    {"products in batches", op_products_in_batches},
#endif
};

void bench_main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t first = 0;
        unsigned differ = 0; // of what is left in the dead stack and registers
        for (unsigned number = 0; number < SECRETS; number++) {
            prepare(number);
            uint64_t left = trace_run(rows[i].op);
            first = number == 0 ? left : first;
            differ += left != first;
        }
        bare_print_number(SECRETS);
        bare_print(" ");
        bare_print_number(differ);
        bare_print(" ");
        bare_print(rows[i].name);
        bare_print("\n");
    }
    bare_power_off(!t.failed);
}
