// SPDX-License-Identifier: Apache-2.0
// Noise 5.2 and 7.5, on the primitives of noise/ and apart from its handshake: the intermediate keys are what is wanted.
#include "tests/qemu/keyscan/replay.h"

#include <string.h>

#include "noise/blake2s.h"
#include "noise/chacha20poly1305.h"
#include "noise/noise_xk.h"
#include "noise/x25519.h"
#include "noise/xk_internal.h"

enum { ES, EE, SE };

static const char protocol_name[] = "Noise_XK_25519_ChaChaPoly_BLAKE2s";

// ---- Keys -----------------------------------------------------------------------------------------------------

static void follow_rekeys(uint8_t (*keys)[32])
{
    struct xk_sender sender;
    xk_sender_init(&sender, keys[0]);
    for (unsigned i = 1; i <= REKEYS_KNOWN && xk_sender_rekey(&sender) == NOISE_OK; i++) {
        memcpy(keys[i], sender.key, 32);
    }
}

void handshake_keys_mix(struct handshake_keys *keys, const uint8_t dh[static 32])
{
    unsigned token = keys->tokens;
    uint8_t chaining_key[32];
    if (token == 0) {
        blake2s(chaining_key, (const uint8_t *)protocol_name, sizeof protocol_name - 1);
    } else {
        memcpy(chaining_key, keys->chaining_key[token - 1], sizeof chaining_key);
    }
    memcpy(keys->dh[token], dh, 32);
    hkdf_blake2s(keys->chaining_key[token], keys->cipher_key[token], chaining_key, dh, 32);
    keys->tokens++;
}

void handshake_keys_split(struct transport_keys *out, const struct handshake_keys *keys)
{
    hkdf_blake2s(out->i2r[0], out->r2i[0], keys->chaining_key[SE], NULL, 0);
    follow_rekeys(out->i2r);
    follow_rekeys(out->r2i);
}

void handshake_keys_add_needles(const struct handshake_keys *keys, struct needles *needles,
                                const char *initiator, const char *responder)
{
    struct needle_name name = {.owner = initiator, .peer = responder};
    for (name.number = 0; name.number < keys->tokens; name.number++) {
        name.kind = NEEDLE_DH_RESULT;
        needles_add(needles, keys->dh[name.number], &name);
        name.kind = NEEDLE_CHAINING_KEY;
        needles_add(needles, keys->chaining_key[name.number], &name);
        name.kind = NEEDLE_CIPHER_KEY;
        needles_add(needles, keys->cipher_key[name.number], &name);
    }
    if (keys->tokens < TOKENS) {
        return;
    }
    struct transport_keys transport = {0};
    handshake_keys_split(&transport, keys);
    for (name.number = 0; name.number <= REKEYS_KNOWN; name.number++) {
        name.kind = NEEDLE_TRANSPORT_I2R;
        needles_add(needles, transport.i2r[name.number], &name);
        name.kind = NEEDLE_TRANSPORT_R2I;
        needles_add(needles, transport.r2i[name.number], &name);
    }
}

// ---- The hash ---------------------------------------------------------------------------------------------------

static void mix_hash(uint8_t hash[static HASH_BYTES], const uint8_t *data, size_t data_len)
{
    struct blake2s ctx;
    blake2s_init(&ctx, BLAKE2S_HASH_LEN, NULL, 0);
    blake2s_update(&ctx, hash, HASH_BYTES);
    blake2s_update(&ctx, data, data_len);
    blake2s_final(&ctx, hash);
}

static void start_hash(uint8_t hash[static HASH_BYTES], const struct handshake_texts *texts)
{
    blake2s(hash, (const uint8_t *)protocol_name, sizeof protocol_name - 1);
    mix_hash(hash, texts->prologue, texts->prologue_len);
    mix_hash(hash, texts->responder_static, 32);
}

// EncryptAndHash
static void seal(uint8_t hash[static HASH_BYTES], const uint8_t key[static 32], uint64_t n,
                 const uint8_t *plaintext, size_t len)
{
    uint8_t sealed[HANDSHAKE_MESSAGE_BYTES_MAX];
    uint8_t nonce[XK_NONCE_LEN];
    xk_nonce_encode(nonce, n);
    chacha20poly1305_seal(sealed, sealed + len, key, nonce, hash, HASH_BYTES, plaintext, len);
    mix_hash(hash, sealed, len + XK_TAG_LEN);
}

// DecryptAndHash; sealed_len is at least that of the tag.
static bool open_sealed(uint8_t hash[static HASH_BYTES], uint8_t *plaintext,
                        const uint8_t key[static 32], uint64_t n, const uint8_t *sealed,
                        size_t sealed_len)
{
    uint8_t nonce[XK_NONCE_LEN];
    size_t len = sealed_len - XK_TAG_LEN;
    xk_nonce_encode(nonce, n);
    if (chacha20poly1305_open(plaintext, key, nonce, hash, HASH_BYTES, sealed, len, sealed + len) !=
        NOISE_OK) {
        return false;
    }
    mix_hash(hash, sealed, sealed_len);
    return true;
}

void transcript_hash(uint8_t hash[static HASH_BYTES], const struct handshake_keys *keys,
                     const struct handshake_texts *texts)
{
    start_hash(hash, texts);
    /* -> e, es */
    mix_hash(hash, texts->initiator_ephemeral, 32);
    seal(hash, keys->cipher_key[ES], 0, NULL, 0);
    /* <- e, ee */
    mix_hash(hash, texts->responder_ephemeral, 32);
    seal(hash, keys->cipher_key[EE], 0, NULL, 0);
    /* -> s, se */
    seal(hash, keys->cipher_key[EE], 1, texts->initiator_static, 32);
    seal(hash, keys->cipher_key[SE], 0, texts->payload_3, texts->payload_3_len);
}

// ---- What was seen ------------------------------------------------------------------------------------------------

// DH of either secret with the other end's public key.
static bool mix_either(struct handshake_keys *keys, const uint8_t *secret, const uint8_t *with,
                       const uint8_t *other_secret, const uint8_t *other_with)
{
    uint8_t dh[32];
    bool first = secret != NULL;
    if ((!first && other_secret == NULL) ||
        x25519(dh, first ? secret : other_secret, first ? with : other_with) != NOISE_OK) {
        return false;
    }
    handshake_keys_mix(keys, dh);
    return true;
}

static enum replay_result open_message_1(struct replay *r, const struct transcript *t,
                                         const struct handshake_texts *texts,
                                         const struct known_end *initiator,
                                         const struct known_end *responder)
{
    const uint8_t *message = t->messages[0];
    start_hash(r->hash, texts);
    mix_hash(r->hash, message, 32);
    if (!mix_either(&r->keys, initiator->ephemeral_secret, texts->responder_static,
                    responder->static_secret, message)) {
        return REPLAY_NO_KEY;
    }
    return open_sealed(r->hash, NULL, r->keys.cipher_key[ES], 0, message + 32, XK_TAG_LEN)
               ? REPLAY_DONE
               : REPLAY_BAD_MESSAGE;
}

static enum replay_result open_message_2(struct replay *r, const struct transcript *t,
                                         const struct known_end *initiator,
                                         const struct known_end *responder)
{
    const uint8_t *message = t->messages[1];
    mix_hash(r->hash, message, 32);
    if (!mix_either(&r->keys, initiator->ephemeral_secret, message, responder->ephemeral_secret,
                    t->messages[0])) {
        return REPLAY_NO_KEY;
    }
    return open_sealed(r->hash, NULL, r->keys.cipher_key[EE], 0, message + 32, XK_TAG_LEN)
               ? REPLAY_DONE
               : REPLAY_BAD_MESSAGE;
}

static enum replay_result open_message_3(struct replay *r, const struct transcript *t,
                                         const struct known_end *initiator,
                                         const struct known_end *responder)
{
    const uint8_t *message = t->messages[2];
    size_t len = t->lens[2] - XK_MESSAGE_3_OFFSET; // of the sealed payload
    if (!open_sealed(r->hash, r->initiator_static, r->keys.cipher_key[EE], 1, message,
                     XK_MESSAGE_3_OFFSET)) {
        return REPLAY_BAD_MESSAGE;
    }
    if (!mix_either(&r->keys, initiator->static_secret, t->messages[1], responder->ephemeral_secret,
                    r->initiator_static)) {
        return REPLAY_NO_KEY;
    }
    if (!open_sealed(r->hash, r->payload_3, r->keys.cipher_key[SE], 0,
                     message + XK_MESSAGE_3_OFFSET, len)) {
        return REPLAY_BAD_MESSAGE;
    }
    r->payload_3_len = len - XK_TAG_LEN;
    r->complete = true;
    return REPLAY_DONE;
}

enum replay_result replay_open(struct replay *out, const struct transcript *transcript,
                               const struct handshake_texts *texts,
                               const struct known_end *initiator, const struct known_end *responder)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < 3 && transcript->messages[i] != NULL; i++) {
        enum replay_result result =
            i == 0   ? open_message_1(out, transcript, texts, initiator, responder)
            : i == 1 ? open_message_2(out, transcript, initiator, responder)
                     : open_message_3(out, transcript, initiator, responder);
        if (result != REPLAY_DONE) {
            return result;
        }
        out->messages_read++;
    }
    return REPLAY_DONE;
}
