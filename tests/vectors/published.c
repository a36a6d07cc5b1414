// SPDX-License-Identifier: Apache-2.0
#include "tests/vectors/published.h"

#include "noise/blake2s.h"
#include "noise/bytes.h"
#include "noise/chacha20poly1305.h"
#include "noise/cpu.h"
#include "noise/noise_xk.h"
#include "noise/x25519.h"

enum {
    MAGIC_LEN = 8,
    HEADER_LEN = MAGIC_LEN + 4 + 4 * PUBLISHED_KINDS,
    FIELDS_MAX = 40,
    TEXT_MAX = 1024,
    HANDSHAKE_MESSAGES = 3,
    BATCH_MAX = 17, // nine of one kind: all lanes of a vector and one more
    BATCH_PORTABLE = 2,
};

struct field {
    const uint8_t *bytes;
    size_t len;
};

struct test_case {
    bool refused;
    uint32_t number;
    size_t fields_len;
    struct field fields[FIELDS_MAX];
};

const char *const published_names[PUBLISHED_KINDS] = {"x25519", "aead", "blake2s", "noise",
                                                      "iterated"};

static bool same(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference |= (uint8_t)(a[i] ^ b[i]);
    }
    return difference == 0;
}

static bool is(const uint8_t *bytes, size_t len, struct field expected)
{
    return len == expected.len && same(bytes, expected.bytes, len);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

// X25519: apart, with the result in the place of each input, and in a batch.

// Every second job of a batch is the case, the others multiply the base point by its scalar: whatever the lanes are, one
// job's verdict and result are no other's.
static bool run_x25519_batch(const struct field f[static 3], enum noise_error expected)
{
    static uint8_t out[BATCH_MAX][X25519_KEY_LEN];
    struct x25519_job jobs[BATCH_MAX];
    uint8_t base[X25519_KEY_LEN];
    size_t count = noise_cpu_features() == NOISE_CPU_PORTABLE ? BATCH_PORTABLE : BATCH_MAX;
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct x25519_job){.shared = out[i],
                                      .private_key = f[0].bytes,
                                      .public_key = i % 2 == 0 ? f[1].bytes : NULL,
                                      .error = NOISE_ERR_STATE};
    }
    x25519_batch(jobs, count);
    x25519_base(base, f[0].bytes);
    for (size_t i = 0; i < count; i++) {
        good &= jobs[i].error == (i % 2 == 0 ? expected : NOISE_OK);
        good &= i % 2 == 0 ? is(out[i], X25519_KEY_LEN, f[2]) : same(out[i], base, sizeof base);
    }
    return good;
}

static bool run_x25519(const struct test_case *c)
{
    const struct field *f = c->fields;
    enum noise_error expected = c->refused ? NOISE_ERR_LOW_ORDER : NOISE_OK;
    uint8_t out[3][X25519_KEY_LEN];
    if (c->fields_len != 3 || f[0].len != X25519_KEY_LEN || f[1].len != X25519_KEY_LEN) {
        return false;
    }
    bytes_copy(out[1], f[0].bytes, X25519_KEY_LEN);
    bytes_copy(out[2], f[1].bytes, X25519_KEY_LEN);
    bool good = x25519(out[0], f[0].bytes, f[1].bytes) == expected;
    good &= x25519(out[1], out[1], f[1].bytes) == expected;
    good &= x25519(out[2], f[0].bytes, out[2]) == expected;
    for (size_t i = 0; i < 3; i++) {
        good &= is(out[i], X25519_KEY_LEN, f[2]);
    }
    return good && run_x25519_batch(f, expected);
}

// RFC 7748 5.2: k = u = 9, then (k, u) = (X25519(k, u), k), again and again.
static bool run_iterated(const struct test_case *c)
{
    uint8_t k[X25519_KEY_LEN] = {9};
    uint8_t u[X25519_KEY_LEN] = {9};
    uint8_t next[X25519_KEY_LEN];
    bool good = c->fields_len == 1;
    for (uint32_t i = 0; i < c->number; i++) {
        good &= x25519(next, k, u) == NOISE_OK;
        bytes_copy(u, k, sizeof u);
        bytes_copy(k, next, sizeof k);
    }
    return good && is(k, sizeof k, c->fields[0]);
}

// ChaCha20-Poly1305: apart and in place, aligned and not.

static bool run_aead_at(const struct test_case *c, size_t shift)
{
    static uint8_t memory[TEXT_MAX + 16], memory_2[TEXT_MAX + 16];
    const struct field *f = c->fields;
    const uint8_t *key = f[0].bytes, *nonce = f[1].bytes, *tag = f[5].bytes;
    struct field ad = f[2], text = f[3], sealed = f[4];
    enum noise_error expected = c->refused ? NOISE_ERR_AUTH : NOISE_OK;
    uint8_t *a = memory + shift, *b = memory_2 + shift;
    uint8_t made[CHACHA20POLY1305_TAG_LEN];

    bytes_copy(b, sealed.bytes, sealed.len);
    bool good = chacha20poly1305_open(a, key, nonce, ad.bytes, ad.len, sealed.bytes, sealed.len,
                                      tag) == expected;
    good &= chacha20poly1305_open(b, key, nonce, ad.bytes, ad.len, b, sealed.len, tag) == expected;
    if (c->refused) {
        return good && all_zero(a, sealed.len) && all_zero(b, sealed.len);
    }
    good &= is(a, text.len, text) && is(b, text.len, text);
    chacha20poly1305_seal(a, made, key, nonce, ad.bytes, ad.len, text.bytes, text.len);
    good &= is(a, text.len, sealed) && same(made, tag, sizeof made);
    chacha20poly1305_seal(b, made, key, nonce, ad.bytes, ad.len, b, text.len);
    return good && is(b, text.len, sealed) && same(made, tag, sizeof made);
}

static bool run_aead(const struct test_case *c)
{
    const struct field *f = c->fields;
    if (c->fields_len != 6 || f[0].len != CHACHA20POLY1305_KEY_LEN ||
        f[1].len != CHACHA20POLY1305_NONCE_LEN || f[5].len != CHACHA20POLY1305_TAG_LEN ||
        f[3].len > TEXT_MAX || f[3].len != f[4].len) {
        return false;
    }
    return run_aead_at(c, 0) && run_aead_at(c, 1);
}

// BLAKE2s: whole, and in two pieces.

static bool run_blake2s(const struct test_case *c)
{
    const struct field *f = c->fields;
    struct blake2s ctx;
    uint8_t hash[BLAKE2S_HASH_LEN];
    bool good = c->fields_len == 3 && f[0].len <= BLAKE2S_KEY_MAX;
    const size_t cuts[3] = {0, f[1].len / 3, f[1].len};
    for (size_t i = 0; good && i < 3; i++) {
        blake2s_init(&ctx, BLAKE2S_HASH_LEN, f[0].bytes, f[0].len);
        blake2s_update(&ctx, f[1].bytes, cuts[i]);
        blake2s_update(&ctx, f[1].bytes + cuts[i], f[1].len - cuts[i]);
        blake2s_final(&ctx, hash);
        good = is(hash, sizeof hash, f[2]);
    }
    return good;
}

// Noise: both sides, every message written and read. After the handshake the sides alternate, the responder first.

struct side {
    struct xk_handshake hs;
    struct xk_sender sender;
    struct xk_receiver receiver;
    uint8_t static_public[XK_KEY_LEN];
};

static enum noise_error give_ephemeral(void *ctx, uint8_t *out, size_t len)
{
    bytes_copy(out, ctx, len);
    return NOISE_OK;
}

static bool start(struct side *i, struct side *r, const struct field f[static 8])
{
    static uint8_t i_ephemeral[XK_KEY_LEN], r_ephemeral[XK_KEY_LEN];
    bytes_copy(i_ephemeral, f[1].bytes, XK_KEY_LEN);
    bytes_copy(r_ephemeral, f[3].bytes, XK_KEY_LEN);
    xk_public_key(i->static_public, f[0].bytes);
    xk_public_key(r->static_public, f[2].bytes);
    const struct xk_config i_config = {
        .static_public = i->static_public,
        .static_private = f[0].bytes,
        .remote_static = f[4].bytes,
        .prologue = f[5].bytes,
        .prologue_len = f[5].len,
        .random = give_ephemeral,
        .random_ctx = i_ephemeral,
    };
    const struct xk_config r_config = {
        .static_public = r->static_public,
        .static_private = f[2].bytes,
        .prologue = f[6].bytes,
        .prologue_len = f[6].len,
        .random = give_ephemeral,
        .random_ctx = r_ephemeral,
    };
    return xk_initiator_init(&i->hs, &i_config) == NOISE_OK &&
           xk_responder_init(&r->hs, &r_config) == NOISE_OK;
}

// `out` holds the message, then the payload that was read from it.
static bool run_handshake_message(struct side *i, struct side *r, size_t n, struct field payload,
                                  struct field message)
{
    static uint8_t out[TEXT_MAX], read[TEXT_MAX];
    size_t len, read_len;
    enum noise_error error;
    if (n == 0) {
        error =
            xk_initiator_write_message_1(&i->hs, out, sizeof out, &len, payload.bytes, payload.len);
    } else if (n == 1) {
        error =
            xk_responder_write_message_2(&r->hs, out, sizeof out, &len, payload.bytes, payload.len);
    } else {
        error =
            xk_initiator_write_message_3(&i->hs, out, sizeof out, &len, payload.bytes, payload.len);
    }
    if (error != NOISE_OK || !is(out, len, message)) {
        return false;
    }
    if (n == 0) {
        error = xk_responder_read_message_1(&r->hs, read, sizeof read, &read_len, out, len);
    } else if (n == 1) {
        error = xk_initiator_read_message_2(&i->hs, read, sizeof read, &read_len, out, len);
    } else {
        error = xk_responder_read_message_3(&r->hs, read, sizeof read, &read_len, out, len);
    }
    return error == NOISE_OK && is(read, read_len, payload);
}

static bool run_transport_message(struct side *from, struct side *to, struct field payload,
                                  struct field message)
{
    static uint8_t out[TEXT_MAX];
    size_t len;
    return xk_sender_seal(&from->sender, out, sizeof out, &len, payload.bytes, payload.len) ==
               NOISE_OK &&
           is(out, len, message) &&
           xk_receiver_open(&to->receiver, out, sizeof out, &len, out, len) == NOISE_OK &&
           is(out, len, payload);
}

static bool finish(struct side *i, struct side *r, struct field expected)
{
    uint8_t i_hash[XK_HASH_LEN], r_hash[XK_HASH_LEN];
    return xk_handshake_hash(&i->hs, i_hash) == NOISE_OK &&
           xk_handshake_hash(&r->hs, r_hash) == NOISE_OK && same(i_hash, r_hash, XK_HASH_LEN) &&
           (expected.len == 0 || is(i_hash, XK_HASH_LEN, expected)) &&
           xk_split(&i->hs, &i->sender, &i->receiver) == NOISE_OK &&
           xk_split(&r->hs, &r->sender, &r->receiver) == NOISE_OK;
}

static bool run_noise(const struct test_case *c)
{
    static struct side i, r;
    const struct field *messages = c->fields + 8;
    size_t count = c->fields_len < 8 ? 0 : (c->fields_len - 8) / 2;
    for (size_t n = 0; n < 5; n++) { // the keys
        if (c->fields[n].len != XK_KEY_LEN) {
            return false;
        }
    }
    if (count < HANDSHAKE_MESSAGES || !start(&i, &r, c->fields)) {
        return false;
    }
    for (size_t n = 0; n < count; n++) {
        struct field payload = messages[2 * n], message = messages[2 * n + 1];
        bool good = n < HANDSHAKE_MESSAGES ? run_handshake_message(&i, &r, n, payload, message)
                    : n % 2 == 1           ? run_transport_message(&r, &i, payload, message)
                                           : run_transport_message(&i, &r, payload, message);
        if (!good || (n == HANDSHAKE_MESSAGES - 1 && !finish(&i, &r, c->fields[7]))) {
            return false;
        }
    }
    return true;
}

// The file

struct cursor {
    const uint8_t *at;
    size_t left;
};

static const uint8_t *take(struct cursor *in, size_t len)
{
    if (in->left < len) {
        return NULL;
    }
    in->at += len;
    in->left -= len;
    return in->at - len;
}

static bool read_case(struct test_case *c, uint8_t *kind, struct cursor *in)
{
    const uint8_t *header = take(in, 8);
    if (header == NULL) {
        return false;
    }
    *kind = header[0];
    c->refused = header[1] != 0;
    c->fields_len = (size_t)(header[2] | header[3] << 8);
    c->number = load_le32(header + 4);
    for (size_t i = 0; i < c->fields_len; i++) {
        const uint8_t *len = take(in, 4);
        if (i >= FIELDS_MAX || len == NULL) {
            return false;
        }
        c->fields[i].len = load_le32(len);
        c->fields[i].bytes = take(in, c->fields[i].len);
        if (c->fields[i].bytes == NULL) {
            return false;
        }
    }
    return *kind >= 1 && *kind <= PUBLISHED_KINDS;
}

bool published_run(struct published_result result[static PUBLISHED_KINDS], const uint8_t *data,
                   size_t cap, unsigned without, void (*failed)(const char *kind, uint32_t number))
{
    static bool (*const run[PUBLISHED_KINDS])(const struct test_case *) = {
        run_x25519, run_aead, run_blake2s, run_noise, run_iterated};
    static struct test_case c;
    struct cursor in = {data, cap};
    uint8_t kind;

    const uint8_t *magic = take(&in, MAGIC_LEN);
    const uint8_t *whole = take(&in, sizeof(uint32_t));
    const uint8_t *counts = take(&in, sizeof(uint32_t) * PUBLISHED_KINDS);
    if (counts == NULL || !same(magic, (const uint8_t *)"NXKDATA1", MAGIC_LEN) ||
        load_le32(whole) < HEADER_LEN || load_le32(whole) > cap) {
        return false;
    }
    in.left = load_le32(whole) - HEADER_LEN;
    for (size_t i = 0; i < PUBLISHED_KINDS; i++) {
        result[i] = (struct published_result){0};
    }
    while (in.left > 0) {
        if (!read_case(&c, &kind, &in)) {
            return false;
        }
        if ((without >> kind & 1) != 0) {
            continue;
        }
        result[kind - 1].cases++;
        if (!run[kind - 1](&c)) {
            result[kind - 1].failed++;
            failed(published_names[kind - 1], c.number);
        }
    }
    for (size_t i = 0; i < PUBLISHED_KINDS; i++) {
        bool is_run = (without >> (i + 1) & 1) == 0;
        if (is_run && result[i].cases != load_le32(counts + sizeof(uint32_t) * i)) {
            return false;
        }
    }
    return true;
}
