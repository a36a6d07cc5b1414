// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 (RFC 8439 2.8).
//
// CT: secret = key, plaintext; public = nonce, associated data, all lengths, and whether the tag verified.
#ifndef NOISE_CHACHA20POLY1305_H
#define NOISE_CHACHA20POLY1305_H

#include "noise/noise_error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CHACHA20POLY1305_KEY_LEN = 32,
    CHACHA20POLY1305_NONCE_LEN = 12,
    CHACHA20POLY1305_TAG_LEN = 16,
};

// Encrypts len bytes (at most 2^38 - 64, RFC 8439 2.8) and makes the tag over them and the associated
// data. `ciphertext` is `plaintext` or does not overlap it; `tag` overlaps neither. NULL is legal with
// length 0. A (key, nonce) pair must never be used for two plaintexts.
void chacha20poly1305_seal(uint8_t *ciphertext, uint8_t tag[static CHACHA20POLY1305_TAG_LEN],
                           const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                           const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                           const uint8_t *ad, size_t ad_len, const uint8_t *plaintext, size_t len);

// Checks the tag and only then decrypts. Errors: NOISE_ERR_AUTH; `plaintext` is zero then, also in place.
__attribute__((warn_unused_result)) enum noise_error chacha20poly1305_open(
    uint8_t *plaintext, const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
    const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN], const uint8_t *ad, size_t ad_len,
    const uint8_t *ciphertext, size_t len, const uint8_t tag[static CHACHA20POLY1305_TAG_LEN]);

// The two halves of chacha20poly1305_open, for a caller that has work to do between them. decrypt must only
// be called after verify said NOISE_OK. Errors: NOISE_ERR_AUTH.
__attribute__((warn_unused_result)) enum noise_error chacha20poly1305_verify(
    const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
    const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN], const uint8_t *ad, size_t ad_len,
    const uint8_t *ciphertext, size_t len, const uint8_t tag[static CHACHA20POLY1305_TAG_LEN]);
void chacha20poly1305_decrypt(uint8_t *plaintext,
                              const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                              const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                              const uint8_t *ciphertext, size_t len);

#endif
