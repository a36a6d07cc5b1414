// SPDX-License-Identifier: Apache-2.0
// The keys that must not be found, and the search for them in a row of bytes.
//
// A key counts as found when a part of it stands somewhere in one piece: 8 bytes of one that is pseudo-random, 16 of
// one that was provisioned (bring-up keys count upwards, and 8 such bytes occur by themselves). So that one look-up
// per position is enough, a piece is noticed by the blocks of 8 bytes at the offsets 0, 8, 16 and 24 of the key: 15
// bytes in one piece always hold one, and so does the first piece of a key that is cut anywhere behind its 8th byte.
#ifndef TESTS_QEMU_KEYSCAN_NEEDLES_H
#define TESTS_QEMU_KEYSCAN_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NEEDLE_BYTES = 32,
    NEEDLE_TEXT_CHARS = 256,
    PIECE_BYTES = 8,
    PIECE_BYTES_PROVISIONED = 16,
};

enum needle_kind {
    NEEDLE_STATIC,
    NEEDLE_ROOT_SEED,
    NEEDLE_PROCESS_SEED,
    NEEDLE_GENERATOR,     // the key that is the state of a generator; number: before which draw
    NEEDLE_EPHEMERAL,     // number: which draw
    NEEDLE_DH_RESULT,     // number: of es, ee, se
    NEEDLE_CHAINING_KEY,  // the same
    NEEDLE_CIPHER_KEY,    // the same
    NEEDLE_TRANSPORT_I2R, // number: how often rekeyed
    NEEDLE_TRANSPORT_R2I,
};

// What a report says instead of the key.
struct needle_name {
    enum needle_kind kind;
    uint32_t number;
    const char *owner; // whose it is, or the handshake's initiator; must outlive the set
    const char *peer;  // the responder; NULL for what belongs to no handshake
};

struct needle {
    uint8_t bytes[NEEDLE_BYTES];
    struct needle_name name;
};

// Starts as zero bytes. Grows as needed; running out of memory ends the program.
struct needles {
    struct needle *list;
    size_t count, cap;
    struct needle_slot *slots; // of the index; NULL until needles_index
    size_t slots_max;          // a power of two
    uint8_t *filter;           // one bit per hash of a block that is in the index
};

void needles_add(struct needles *set, const uint8_t bytes[static NEEDLE_BYTES],
                 const struct needle_name *name);

// Once, when all have been added: throws out what is there twice, and makes the index.
void needles_index(struct needles *set);

void needles_free(struct needles *set);

struct needle_hit {
    const struct needle *needle;
    size_t start, len; // the piece of it in the data
};

// Looks for a piece that has a block of a key at `at`, at + 8 <= data_len. The longest one, when several keys fit.
bool needles_find(const struct needles *set, struct needle_hit *hit, const uint8_t *data,
                  size_t data_len, size_t at);

// "ephemeral key 3 of node-a", "transport key i2r after 2 rekeys of node-b -> node-a", and so on.
void needle_describe(char out[static NEEDLE_TEXT_CHARS], const struct needle *needle);

#endif
