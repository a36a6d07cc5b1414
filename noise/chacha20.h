// SPDX-License-Identifier: Apache-2.0
// The ChaCha20 stream cipher (RFC 8439 2.3 and 2.4): key stream without authentication, for the AEAD and
// the random generator. Not for use by itself.
//
// CT: secret = key, key stream, text; public = nonce, counter, length.
#ifndef NOISE_CHACHA20_H
#define NOISE_CHACHA20_H

#include <stddef.h>
#include <stdint.h>

enum {
    CHACHA20_KEY_LEN = 32,
    CHACHA20_NONCE_LEN = 12,
    CHACHA20_BLOCK_LEN = 64,
};

// Internal to noise/: what these leave in frames and registers is for the caller to wipe.

// One block of key stream.
void chacha20_block(uint8_t block[static CHACHA20_BLOCK_LEN],
                    const uint8_t key[static CHACHA20_KEY_LEN],
                    const uint8_t nonce[static CHACHA20_NONCE_LEN], uint32_t counter);

// out = in ^ key stream, from block `counter` on; the counter does not wrap within len. `out` is `in` or
// does not overlap it.
void chacha20_xor(uint8_t *out, const uint8_t key[static CHACHA20_KEY_LEN],
                  const uint8_t nonce[static CHACHA20_NONCE_LEN], uint32_t counter,
                  const uint8_t *in, size_t len);

#endif
