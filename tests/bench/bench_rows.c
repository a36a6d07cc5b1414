// SPDX-License-Identifier: Apache-2.0
// noise-bench: the operations of noise/, and the table of all rows.
#include <string.h>
#include <sys/random.h>

#include "noise/blake2s.h"
#include "noise/chacha20.h"
#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"
#include "tests/bench/bench.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static struct {
    uint8_t i_private[32], i_public[32], r_private[32], r_public[32], shared[32], hash[32];
    uint8_t fixed_ephemeral[32];
    struct rng rng;
    struct xk_config i, r;
    struct xk_handshake i_hs, r_hs;
    struct xk_sender i_sender, r_sender, sender;         // the last is for transport
    struct xk_receiver i_receiver, r_receiver, receiver; // and so is this
    uint8_t m1[XK_MESSAGE_1_OVERHEAD], m2[XK_MESSAGE_2_OVERHEAD], m3[XK_MESSAGE_3_OVERHEAD];
    uint8_t replayed_1[XK_MESSAGE_1_OVERHEAD], replayed_3[XK_MESSAGE_3_OVERHEAD];
    uint8_t text[XK_PAYLOAD_MAX], sealed[XK_MESSAGE_MAX], opened[XK_PAYLOAD_MAX];
} t;

static void must(enum noise_error error, const char *what)
{
    if (error != NOISE_OK) {
        bench_fail(what);
    }
}

static enum noise_error fixed_random(void *ctx, uint8_t *out, size_t len)
{
    memcpy(out, ctx, len);
    return NOISE_OK;
}

// Handshakes

static void responder_begin(void)
{
    size_t len;
    must(xk_responder_init(&t.r_hs, &t.r), "xk_responder_init");
    must(xk_responder_read_message_1(&t.r_hs, NULL, 0, &len, t.m1, sizeof t.m1), "message 1");
    must(xk_responder_write_message_2(&t.r_hs, t.m2, sizeof t.m2, &len, NULL, 0), "message 2");
}

static void responder_end(void)
{
    size_t len;
    must(xk_responder_read_message_3(&t.r_hs, NULL, 0, &len, t.m3, sizeof t.m3), "message 3");
    must(xk_split(&t.r_hs, &t.r_sender, &t.r_receiver), "xk_split");
}

static void handshake(void)
{
    size_t len;
    must(xk_initiator_init(&t.i_hs, &t.i), "xk_initiator_init");
    must(xk_initiator_write_message_1(&t.i_hs, t.m1, sizeof t.m1, &len, NULL, 0), "message 1");
    responder_begin();
    must(xk_initiator_read_message_2(&t.i_hs, NULL, 0, &len, t.m2, sizeof t.m2), "message 2");
    must(xk_initiator_write_message_3(&t.i_hs, t.m3, sizeof t.m3, &len, NULL, 0), "message 3");
    must(xk_split(&t.i_hs, &t.i_sender, &t.i_receiver), "xk_split");
    responder_end();
}

// The responder's half alone: with the same ephemeral key each time, the same messages of one initiator will do.
static void responder(void)
{
    t.r.random = fixed_random;
    t.r.random_ctx = t.fixed_ephemeral;
    memcpy(t.m1, t.replayed_1, sizeof t.m1);
    memcpy(t.m3, t.replayed_3, sizeof t.m3);
    responder_begin();
    responder_end();
    t.r.random = rng_random;
    t.r.random_ctx = &t.rng;
}

static void record_initiator(void)
{
    t.r.random = fixed_random;
    t.r.random_ctx = t.fixed_ephemeral;
    handshake();
    memcpy(t.replayed_1, t.m1, sizeof t.m1);
    memcpy(t.replayed_3, t.m3, sizeof t.m3);
    t.r.random = rng_random;
    t.r.random_ctx = &t.rng;
}

// Transport: one message there, sealed and opened.

static void transport(size_t len)
{
    size_t sealed_len, opened_len;
    must(xk_sender_seal(&t.sender, t.sealed, sizeof t.sealed, &sealed_len, t.text, len), "seal");
    must(
        xk_receiver_open(&t.receiver, t.opened, sizeof t.opened, &opened_len, t.sealed, sealed_len),
        "open");
}

#define TRANSPORT_ROWS(len)                                                                        \
    static void transport_##len(void)                                                              \
    {                                                                                              \
        transport(len);                                                                            \
    }                                                                                              \
    static void openssl_transport_##len(void)                                                      \
    {                                                                                              \
        openssl_transport(len);                                                                    \
    }                                                                                              \
    static void sodium_transport_##len(void)                                                       \
    {                                                                                              \
        sodium_transport(len);                                                                     \
    }
TRANSPORT_ROWS(64)
TRANSPORT_ROWS(1024)
TRANSPORT_ROWS(16384)
TRANSPORT_ROWS(65519)

// Primitives

static void x25519_variable(void)
{
    must(x25519(t.shared, t.i_private, t.r_public), "x25519");
}

static void x25519_fixed(void)
{
    x25519_base(t.shared, t.i_private);
}

enum {
    HASHED_BLOCKS = 64,
    HASHED_LEN = HASHED_BLOCKS * BLAKE2S_BLOCK_LEN,
};

static void blake2s_blocks(void)
{
    blake2s(t.hash, t.text, HASHED_LEN);
}

static void openssl_blake2s_blocks(void)
{
    openssl_blake2s(HASHED_LEN);
}

static void hkdf(void)
{
    hkdf_blake2s(t.hash, t.shared, t.hash, t.shared, sizeof t.shared);
}

static void chacha20_16384(void)
{
    chacha20_xor(t.opened, t.i_private, t.m1, 1, t.text, 16384);
}

static void random_32(void)
{
    must(rng_random(&t.rng, t.shared, sizeof t.shared), "rng_random");
}

static void rows_init(void)
{
    uint8_t seed[RNG_SEED_LEN];

    if (getrandom(seed, sizeof seed, 0) != sizeof seed) {
        bench_fail("getrandom");
    }
    rng_seed(&t.rng, seed);
    must(rng_random(&t.rng, t.i_private, 32), "rng_random");
    must(rng_random(&t.rng, t.r_private, 32), "rng_random");
    must(rng_random(&t.rng, t.fixed_ephemeral, 32), "rng_random");
    must(rng_random(&t.rng, t.text, sizeof t.text), "rng_random");
    x25519_base(t.i_public, t.i_private);
    x25519_base(t.r_public, t.r_private);
    t.i = (struct xk_config){.static_public = t.i_public,
                             .static_private = t.i_private,
                             .remote_static = t.r_public,
                             .random = rng_random,
                             .random_ctx = &t.rng};
    t.r = t.i;
    t.r.static_public = t.r_public;
    t.r.static_private = t.r_private;
    t.r.remote_static = NULL;
    bench_batch_init(&t.i, &t.r);
    record_initiator();
    handshake();
    must(xk_sender_move(&t.sender, &t.i_sender), "xk_sender_move");
    must(xk_receiver_move(&t.receiver, &t.r_receiver), "xk_receiver_move");
}

// What the comparisons are stated for.
#define AVX2       (NOISE_CPU_BMI2 | NOISE_CPU_AVX2)
#define AVX512     (NOISE_CPU_AVX512 | NOISE_CPU_IFMA)
#define EVERYTHING (AVX2 | NOISE_CPU_ADX | AVX512)

#define TRANSPORT(len)                                                                             \
    {.name = "openssl_transport_" #len,                                                            \
     .label = "  OpenSSL EVP",                                                                     \
     .run = openssl_transport_##len,                                                               \
     .bytes = (len)},                                                                              \
        {.name = "transport_" #len,                                                                \
         .label = "transport, " #len " bytes",                                                     \
         .run = transport_##len,                                                                   \
         .bytes = (len),                                                                           \
         .reference = "openssl_transport_" #len,                                                   \
         .ratio = "transport_" #len,                                                               \
         .needs = AVX2},                                                                           \
    {                                                                                              \
        .name = "sodium_transport_" #len, .label = "  libsodium", .run = sodium_transport_##len,   \
        .bytes = (len), .reference = "openssl_transport_" #len                                     \
    }

// Each next to what it is compared with, so that both see the same moment of the machine.
static const struct bench_row rows[] = {
    {.name = "sodium_x25519", .label = "  libsodium scalarmult", .run = sodium_x25519},
    {.name = "handshake_single",
     .label = "handshake, both sides",
     .run = handshake,
     .reference = "sodium_x25519",
     .ratio = "handshake_single",
     .needs = EVERYTHING},
    {.name = "handshake_avx2",
     .label = "handshake, no AVX-512",
     .run = handshake,
     .denied = AVX512,
     .reference = "sodium_x25519",
     .ratio = "handshake_avx2",
     .needs = AVX2 | NOISE_CPU_ADX},
    {.name = "handshake_batch8",
     .label = "handshakes, 8 at once",
     .run = handshakes_8,
     .batch = 8,
     .reference = "sodium_x25519",
     .ratio = "handshake_batch8",
     .needs = EVERYTHING},
    {.name = "handshake_batch64",
     .label = "handshakes, 64 at once",
     .run = handshakes_64,
     .batch = 64,
     .reference = "sodium_x25519",
     .needs = EVERYTHING},
    {.name = "handshake_batch8_avx2",
     .label = "  8 at once, no AVX-512",
     .run = handshakes_8,
     .batch = 8,
     .denied = AVX512,
     .reference = "sodium_x25519",
     .needs = AVX2 | NOISE_CPU_ADX},
    {.name = "handshake_portable",
     .label = "handshake, portable",
     .run = handshake,
     .denied = NOISE_CPU_ALL,
     .reference = "sodium_x25519",
     .ratio = "handshake_portable"},
    {.name = "responder",
     .label = "handshake, responder only",
     .run = responder,
     .reference = "sodium_x25519"},
    {.name = "x25519",
     .label = "X25519",
     .run = x25519_variable,
     .reference = "sodium_x25519",
     .ratio = "x25519",
     .needs = EVERYTHING},
    {.name = "x25519_batch8",
     .label = "X25519, 8 at once",
     .run = products_8,
     .batch = 8,
     .reference = "sodium_x25519",
     .needs = EVERYTHING},
    {.name = "x25519_base",
     .label = "X25519, fixed base",
     .run = x25519_fixed,
     .reference = "sodium_x25519",
     .ratio = "x25519_base",
     .needs = AVX2 | NOISE_CPU_ADX},
    {.name = "sodium_x25519_base",
     .label = "  libsodium, fixed base",
     .run = sodium_x25519_base,
     .reference = "sodium_x25519"},
    {.name = "openssl_x25519",
     .label = "  OpenSSL EVP derive",
     .run = openssl_x25519,
     .reference = "sodium_x25519"},
    TRANSPORT(64),
    TRANSPORT(1024),
    TRANSPORT(16384),
    TRANSPORT(65519),
    {.name = "chacha20_16384",
     .label = "ChaCha20, 16384 bytes",
     .run = chacha20_16384,
     .bytes = 16384},
    {.name = "openssl_blake2s_block",
     .label = "  OpenSSL EVP",
     .run = openssl_blake2s_blocks,
     .batch = HASHED_BLOCKS,
     .bytes = BLAKE2S_BLOCK_LEN},
    {.name = "blake2s_block",
     .label = "BLAKE2s compression",
     .run = blake2s_blocks,
     .batch = HASHED_BLOCKS,
     .bytes = BLAKE2S_BLOCK_LEN,
     .reference = "openssl_blake2s_block"},
    {.name = "hkdf", .label = "HKDF, two outputs", .run = hkdf},
    {.name = "random_32", .label = "32 random bytes", .run = random_32},
};

const char *const bench_ratio_keys[] = {
    "handshake_single",
    "handshake_avx2",
    "handshake_batch8",
    "x25519",
    "x25519_base",
    "transport_64",
    "transport_1024",
    "transport_16384",
    "transport_65519",
    "handshake_portable",
    NULL,
};

const struct bench_row *bench_rows(size_t *count)
{
    rows_init();
    *count = COUNT(rows);
    return rows;
}
