// SPDX-License-Identifier: Apache-2.0
// Noise XK done again with everybody's keys at hand: the keys of a handshake, and its hash.
//
// In Noise all keys follow from the Diffie-Hellman results alone (5.2, MixKey), and the hash from what was sent. So the
// keys of handshakes that were broken off are known too, whatever was sent.
#ifndef TESTS_QEMU_KEYSCAN_REPLAY_H
#define TESTS_QEMU_KEYSCAN_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/limits.h"
#include "tests/qemu/keyscan/needles.h"

enum {
    TOKENS = 3,       // es, ee, se
    REKEYS_KNOWN = 4, // how often a transport key is followed through REKEY
    HASH_BYTES = 32,
};

struct handshake_keys {
    unsigned tokens; // how many are known
    uint8_t dh[TOKENS][32];
    uint8_t chaining_key[TOKENS][32];
    uint8_t cipher_key[TOKENS][32];
};

struct transport_keys {
    uint8_t i2r[1 + REKEYS_KNOWN][32];
    uint8_t r2i[1 + REKEYS_KNOWN][32];
};

// Adds the next token's result and what follows from it; the keys start as zero bytes.
void handshake_keys_mix(struct handshake_keys *keys, const uint8_t dh[static 32]);

// Split, and REKEY after it; all tokens are known.
void handshake_keys_split(struct transport_keys *out, const struct handshake_keys *keys);

// All that is known: the transport keys too, when all tokens are.
void handshake_keys_add_needles(const struct handshake_keys *keys, struct needles *needles,
                                const char *initiator, const char *responder);

// Public keys and texts that go into the hash.
struct handshake_texts {
    const uint8_t *responder_static;    // as the initiator believes
    const uint8_t *initiator_static;    // for transcript_hash
    const uint8_t *initiator_ephemeral; // the same
    const uint8_t *responder_ephemeral; // the same
    const uint8_t *prologue, *payload_3;
    size_t prologue_len, payload_3_len;
};

// The hash of the handshake that two ends by the rules would have had; all tokens are known.
void transcript_hash(uint8_t hash[static HASH_BYTES], const struct handshake_keys *keys,
                     const struct handshake_texts *texts);

// A handshake that was seen: a message is NULL when it did not come so far. Their lengths are legal (WIRE section 2).
struct transcript {
    const uint8_t *messages[3];
    size_t lens[3];
};

// What is known of an end; NULL is not.
struct known_end {
    const uint8_t *static_secret;
    const uint8_t *ephemeral_secret;
};

enum replay_result {
    REPLAY_DONE,       // as far as it went, every message authenticates and every key is known
    REPLAY_NO_KEY,     // a token whose keys are not known on either side
    REPLAY_BAD_MESSAGE // one that does not authenticate
};

struct replay {
    struct handshake_keys keys;
    uint8_t hash[HASH_BYTES];     // when complete
    uint8_t initiator_static[32]; // with message 3
    uint8_t payload_3[HANDSHAKE_MESSAGE_BYTES_MAX];
    size_t payload_3_len;
    unsigned messages_read;
    bool complete;
};

// Reads the messages as far as the keys reach. es wants initiator's ephemeral or the responder's static secret, ee
// either ephemeral, se the initiator's static or the responder's ephemeral secret.
enum replay_result replay_open(struct replay *out, const struct transcript *transcript,
                               const struct handshake_texts *texts,
                               const struct known_end *initiator, const struct known_end *responder)
    __attribute__((warn_unused_result));

#endif
