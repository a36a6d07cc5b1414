// SPDX-License-Identifier: Apache-2.0
// Runs the published test data against noise/. Freestanding: the same on a host and on bare rv64.
//
// The data come from tests/vectors/published.py, little-endian:
//
//     "NXKDATA1" | length of the file u32 | for each kind, in the order below: how many cases, u32 | cases
//
//     a case:  kind u8 | verdict u8 (0 good, 1 must be refused) | fields u16 | number u32 | fields
//     a field: length u32 | bytes
//
//     1 x25519     private key, public key, product
//     2 aead       key, nonce, associated data, plaintext, ciphertext, tag
//     3 blake2s    key, input, hash
//     4 noise      initiator's static and ephemeral, responder's, the key that the initiator calls, both prologues,
//                  handshake hash (may be empty), then payload and ciphertext of each message
//     5 iterated   the result of as many iterations as `number` says (RFC 7748 5.2)
#ifndef TESTS_VECTORS_PUBLISHED_H
#define TESTS_VECTORS_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PUBLISHED_KINDS = 5,
    PUBLISHED_X25519 = 1,
};

extern const char *const published_names[PUBLISHED_KINDS];

struct published_result {
    uint32_t cases;
    uint32_t failed;
};

// Runs all cases but those of the kinds in `without` (1 << kind), and counts them for each kind; `failed` hears of each that
// fails. `cap`: what may be read at `data`. false: the data are no such file, or do not hold as many cases as they say.
bool published_run(struct published_result result[static PUBLISHED_KINDS], const uint8_t *data,
                   size_t cap, unsigned without, void (*failed)(const char *kind, uint32_t number));

#endif
