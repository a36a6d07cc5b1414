// SPDX-License-Identifier: Apache-2.0
// The provisioning text: what gives a process its identity (WIRE section 3).
//
//     id node-a
//     port 34567
//     static <64 hex digits>
//     boot 0
//     peer node-b <64 hex digits of the public key> [a.b.c.d:port] [dial]      0 to 16 such lines
//
// Lines end in a newline (the last one may lack it), words are separated by blanks; an empty line and
// one that starts with '#' say nothing. Any bytes at all have a defined result. Ids are made of
// [0-9A-Za-z._-]; numbers are decimal without a leading zero.
//
// CT: secret = static key, seed; public = everything else, the layout of the text included.
#ifndef SERVICES_KEYSTORED_PROVISION_H
#define SERVICES_KEYSTORED_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/lib/keystore.h"

enum {
    PROVISION_LINE_BYTES_MAX = 200,  // the longest legal line, a peer's, has 162
    PROVISION_FILE_BYTES_MAX = 4096, // 16 such peers, and as much again for comments
};

// Holds secrets: never copied by assignment, wiped by provision_wipe.
struct provision {
    struct keystore_peer peers[KEYSTORE_PEERS_MAX];
    uint8_t static_key[KEYSTORE_KEY_BYTES];
    uint8_t seed[KEYSTORE_KEY_BYTES]; // meaningful when has_seed
    uint8_t id[KEYSTORE_ID_BYTES_MAX];
    uint32_t boot;
    uint16_t port;
    uint8_t id_len;
    uint8_t peer_count;
    bool has_seed;
};

enum provision_error {
    PROVISION_OK,
    PROVISION_MISSING,
    PROVISION_REPEATED,
    PROVISION_MALFORMED,
    PROVISION_TOO_LONG,
    PROVISION_TOO_MANY, // more than KEYSTORE_PEERS_MAX peers
    PROVISION_UNKNOWN,  // no field has this name
};

// Where a text is at fault. `field` is one of our own strings, never text from the file: what stands at a
// wrong place may be a key.
struct provision_fault {
    enum provision_error error;
    const char *field; // "id", "static", ... or "unknown"
    uint32_t line;     // from 1; 0 when the field is missing
};

struct provision_line; // the rest of a line, behind the field's name

// One more field that a text may contain, once. Links the `seed` line into the images that accept it.
struct provision_option {
    const char *name;
    bool (*parse)(struct provision *out, struct provision_line *line);
};

// Reads a whole text. `option` may be NULL. On an error *out is wiped, and *fault says which.
MUST_USE enum provision_error provision_parse(struct provision *out, struct provision_fault *fault,
                                              const uint8_t *text, size_t text_len,
                                              const struct provision_option *option);

// For options: takes one word of 64 hex digits. CT: the value is secret, that it is hex is not.
MUST_USE bool provision_take_key(uint8_t key[static KEYSTORE_KEY_BYTES],
                                 struct provision_line *line);

const char *provision_error_name(enum provision_error error);

void provision_wipe(struct provision *provision);

#endif
