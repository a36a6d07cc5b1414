// SPDX-License-Identifier: Apache-2.0
// The Poly1305 one-time authenticator (RFC 8439 2.5), for the AEAD. A key must be used once only.
//
// CT: secret = key, message, tag; public = length.
#ifndef NOISE_POLY1305_H
#define NOISE_POLY1305_H

#include <stddef.h>
#include <stdint.h>

enum {
    POLY1305_KEY_LEN = 32,
    POLY1305_TAG_LEN = 16,
    POLY1305_BLOCK_LEN = 16,
};

// A tag being computed. Owned by the caller; poly1305_final wipes it.
struct poly1305 {
    uint64_t r[2];   // clamped
    uint64_t h[3];   // accumulator, h[2] small
    uint64_t pad[2]; // s
};

void poly1305_init(struct poly1305 *ctx, const uint8_t key[static POLY1305_KEY_LEN]);

// Absorbs len bytes; a last block that is not whole is filled up with zeroes, as the AEAD wants it.
void poly1305_update_padded(struct poly1305 *ctx, const uint8_t *in, size_t len);

void poly1305_final(struct poly1305 *ctx, uint8_t tag[static POLY1305_TAG_LEN]);

#endif
