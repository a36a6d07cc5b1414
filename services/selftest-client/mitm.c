// SPDX-License-Identifier: Apache-2.0
// The attack as a responder: node-b's key is announced at another port, where somebody answers who has not got it.
//
// He follows Noise XK to the letter, with his own static key in the place of node-b's private one. That
// takes the symmetric state by hand: the library would refuse to go on behind message 1.
#include "noise/blake2s.h"
#include "noise/chacha20poly1305.h"
#include "noise/x25519.h"
#include "services/lib/string.h"
#include "services/selftest-client/attacks.h"

// SECURITY: bring-up test keys, NOT production custody
#include "attackers.h"

enum {
    MITM_PORT = 34569,
    UP_TO_MESSAGE_1 = SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES,
    WITH_MESSAGE_1 = UP_TO_MESSAGE_1 + SESSION_MESSAGE_1_BYTES,
};

struct symmetric {
    uint8_t ck[32], h[32], k[32];
};

// Noise 5.2: h = HASH(h | data)
static void mix_hash(struct symmetric *s, const uint8_t *data, size_t len)
{
    struct blake2s hash;
    blake2s_init(&hash, sizeof s->h, NULL, 0);
    blake2s_update(&hash, s->h, sizeof s->h);
    blake2s_update(&hash, data, len);
    blake2s_final(&hash, s->h);
}

// Noise 5.2: ck, k = HKDF(ck, DH(secret, public_key))
static bool mix_dh(struct symmetric *s, const uint8_t *secret, const uint8_t *public_key)
{
    uint8_t shared[32];
    if (x25519(shared, secret, public_key) != NOISE_OK) {
        return false;
    }
    hkdf_blake2s(s->ck, s->k, s->ck, shared, sizeof shared);
    return true;
}

static void start(struct symmetric *s, const struct node *node)
{
    static const char name[] = "Noise_XK_25519_ChaChaPoly_BLAKE2s";
    uint8_t prologue[4 + 1 + DEVICE_ID_BYTES_MAX] = {'D', 'S', 'B', DSB_VERSION,
                                                     node->config.id.len};
    blake2s(s->h, (const uint8_t *)name, sizeof name - 1); // longer than a hash, so it is hashed
    memcpy(s->ck, s->h, sizeof s->ck);
    memcpy(prologue + 5, node->config.id.bytes, node->config.id.len);
    mix_hash(s, prologue, 5 + (size_t)node->config.id.len);
    mix_hash(s, node->config.static_public, DSB_KEY_BYTES); // <- s, as the initiator believes
}

// The frame of message 2 in answer to message 1.
static bool forge_message_2(struct node *node, uint8_t *frame, const uint8_t *message_1)
{
    // SECURITY: bring-up test keys, NOT production custody
    static const uint8_t secret[32] = ATTACKER_RESPONDER_SECRET;
    static const uint8_t nonce[CHACHA20POLY1305_NONCE_LEN] = {0};
    struct symmetric s;
    uint8_t ephemeral[32], *e = frame + SESSION_FRAME_HEADER_BYTES;
    if (rng_random(&node->rng, ephemeral, sizeof ephemeral) != NOISE_OK) {
        return false;
    }
    start(&s, node);
    // -> e, es: the tag does not verify under this key, but its bytes are known
    mix_hash(&s, message_1, 32);
    if (!mix_dh(&s, secret, message_1)) {
        return false;
    }
    mix_hash(&s, message_1 + 32, DSB_TAG_BYTES);
    // <- e, ee
    frame[0] = 0;
    frame[1] = SESSION_MESSAGE_2_BYTES;
    x25519_base(e, ephemeral);
    mix_hash(&s, e, 32);
    if (!mix_dh(&s, ephemeral, message_1)) {
        return false;
    }
    chacha20poly1305_seal(NULL, e + 32, s.k, nonce, s.h, sizeof s.h, NULL, 0);
    return true;
}

static bool in_has_message_1(const struct node *node)
{
    return node->in.received_len >= WITH_MESSAGE_1;
}

// Waits to be dialled at the false port, answers, and sees whether message 3 comes.
static const char *answer_falsely(struct node *node)
{
    uint8_t frame[SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_2_BYTES];
    const char *why = NULL;
    bool dialled = false;
    for (uint32_t waited = 0; !dialled && waited < DIAL_DEADLINE_MS;
         waited += STEP_DEADLINE_MS / 5) {
        why = node_announce(node, MITM_PORT);
        if (why != NULL) {
            return why;
        }
        dialled = node_run(node, in_has_message_1, STEP_DEADLINE_MS / 5);
    }
    if (!dialled) {
        return "not dialled at the announced port";
    }
    if (!forge_message_2(node, frame, node->in.received + UP_TO_MESSAGE_1)) {
        return "cannot forge";
    }
    why = channel_send(node, &node->in, frame, sizeof frame);
    if (why != NULL) {
        return why;
    }
    if (!node_run(node, in_ended, REJECT_DEADLINE_MS)) {
        return "not closed";
    }
    return node->in.received_len == WITH_MESSAGE_1 ? NULL : "message 3 sent to another key";
}

const char *attack_mitm(struct node *node)
{
    const char *why = node_listen(node, MITM_PORT, true); // and nobody at the true port
    channel_close(node, &node->in);
    if (why == NULL) {
        why = answer_falsely(node);
    }
    channel_close(node, &node->in);
    if (why == NULL) {
        why = node_listen(node, node->port, false);
    }
    if (why == NULL) {
        why = node_be_dialled(node);
    }
    return why != NULL ? why : node_good_session(node);
}
