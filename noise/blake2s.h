// SPDX-License-Identifier: Apache-2.0
// BLAKE2s (RFC 7693), HMAC-BLAKE2s (RFC 2104) and the HKDF of Noise 4.3.
//
// CT: secret = key, input bytes, output; public = all lengths.
#ifndef NOISE_BLAKE2S_H
#define NOISE_BLAKE2S_H

#include <stddef.h>
#include <stdint.h>

enum {
    BLAKE2S_HASH_LEN = 32,
    BLAKE2S_KEY_MAX = 32,
    BLAKE2S_BLOCK_LEN = 64,
};

// A hash being computed. Owned by the caller; blake2s_final wipes it.
struct blake2s {
    uint32_t h[8];
    uint32_t buf_len; // 1..64 bytes wait in buf once anything was hashed: the last block is special
    uint32_t hash_len;
    uint64_t total; // bytes compressed so far
    uint8_t buf[BLAKE2S_BLOCK_LEN];
};

// Starts a hash of hash_len bytes, 1..32, with a key of key_len bytes, 0..32 (0: no key; then `key` may
// be NULL). Lengths outside these bounds are a mistake of the caller: they are clamped to 32.
void blake2s_init(struct blake2s *ctx, size_t hash_len, const uint8_t *key, size_t key_len);
void blake2s_update(struct blake2s *ctx, const uint8_t *in, size_t in_len);
void blake2s_final(struct blake2s *ctx, uint8_t *hash); // hash_len bytes; wipes ctx

// BLAKE2s-256 without key of one piece of memory. `hash` may lie in `in`.
void blake2s(uint8_t hash[static BLAKE2S_HASH_LEN], const uint8_t *in, size_t in_len);

// HMAC-BLAKE2s with a key of 32 bytes (what Noise uses: keys are always HASHLEN long).
void hmac_blake2s(uint8_t mac[static BLAKE2S_HASH_LEN], const uint8_t key[static BLAKE2S_HASH_LEN],
                  const uint8_t *in, size_t in_len);

// Noise 4.3 HKDF with two outputs. in_len is 0 or 32 in Noise; any length works. Outputs may lie where
// `chaining_key` or `in` lie.
void hkdf_blake2s(uint8_t out1[static BLAKE2S_HASH_LEN], uint8_t out2[static BLAKE2S_HASH_LEN],
                  const uint8_t chaining_key[static BLAKE2S_HASH_LEN], const uint8_t *in,
                  size_t in_len);

#endif
