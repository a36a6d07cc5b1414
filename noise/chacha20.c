// SPDX-License-Identifier: Apache-2.0
// ChaCha20 (RFC 8439 2.1 to 2.4), portable.

#include "noise/chacha20.h"

#include "noise/bytes.h"
#include "noise/ct.h"

enum {
    STATE_WORDS = 16,
    DOUBLE_ROUNDS = 10,
    COUNTER_WORD = 12,
};

static inline uint32_t rotate_left(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

// RFC 8439 2.1. Always inlined, so that the words stay in registers.
static inline __attribute__((always_inline)) void quarter_round(uint32_t *a, uint32_t *b,
                                                                uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = rotate_left(*d ^ *a, 16);
    *c += *d;
    *b = rotate_left(*b ^ *c, 12);
    *a += *b;
    *d = rotate_left(*d ^ *a, 8);
    *c += *d;
    *b = rotate_left(*b ^ *c, 7);
}

// RFC 8439 2.3: constants, key, counter, nonce.
static void init_state(uint32_t state[static STATE_WORDS], const uint8_t *key, const uint8_t *nonce,
                       uint32_t counter)
{
    state[0] = 0x61707865; // "expand 32-byte k"
    state[1] = 0x3320646e;
    state[2] = 0x79622d32;
    state[3] = 0x6b206574;
    for (size_t i = 0; i < 8; i++) {
        state[4 + i] = load_le32(key + 4 * i);
    }
    state[COUNTER_WORD] = counter;
    for (size_t i = 0; i < 3; i++) {
        state[COUNTER_WORD + 1 + i] = load_le32(nonce + 4 * i);
    }
}

// CT: secret = state, stream. The sixteen words stay in registers where the machine has enough of them.
static void permute(uint32_t stream[static STATE_WORDS], const uint32_t state[static STATE_WORDS])
{
    uint32_t x0 = state[0], x1 = state[1], x2 = state[2], x3 = state[3];
    uint32_t x4 = state[4], x5 = state[5], x6 = state[6], x7 = state[7];
    uint32_t x8 = state[8], x9 = state[9], x10 = state[10], x11 = state[11];
    uint32_t x12 = state[12], x13 = state[13], x14 = state[14], x15 = state[15];

    for (size_t i = 0; i < DOUBLE_ROUNDS; i++) {
        quarter_round(&x0, &x4, &x8, &x12);
        quarter_round(&x1, &x5, &x9, &x13);
        quarter_round(&x2, &x6, &x10, &x14);
        quarter_round(&x3, &x7, &x11, &x15);
        quarter_round(&x0, &x5, &x10, &x15);
        quarter_round(&x1, &x6, &x11, &x12);
        quarter_round(&x2, &x7, &x8, &x13);
        quarter_round(&x3, &x4, &x9, &x14);
    }
    stream[0] = x0 + state[0];
    stream[1] = x1 + state[1];
    stream[2] = x2 + state[2];
    stream[3] = x3 + state[3];
    stream[4] = x4 + state[4];
    stream[5] = x5 + state[5];
    stream[6] = x6 + state[6];
    stream[7] = x7 + state[7];
    stream[8] = x8 + state[8];
    stream[9] = x9 + state[9];
    stream[10] = x10 + state[10];
    stream[11] = x11 + state[11];
    stream[12] = x12 + state[12];
    stream[13] = x13 + state[13];
    stream[14] = x14 + state[14];
    stream[15] = x15 + state[15];
}

static void xor_whole_block(uint8_t *out, const uint8_t *in,
                            const uint32_t stream[static STATE_WORDS])
{
    if (is_aligned(in, 4) && is_aligned(out, 4)) {
        for (size_t i = 0; i < STATE_WORDS; i++) {
            store_le32_aligned(out + 4 * i, load_le32_aligned(in + 4 * i) ^ stream[i]);
        }
        return;
    }
    for (size_t i = 0; i < STATE_WORDS; i++) {
        store_le32(out + 4 * i, load_le32(in + 4 * i) ^ stream[i]);
    }
}

void chacha20_block(uint8_t block[static CHACHA20_BLOCK_LEN],
                    const uint8_t key[static CHACHA20_KEY_LEN],
                    const uint8_t nonce[static CHACHA20_NONCE_LEN], uint32_t counter)
{
    uint32_t state[STATE_WORDS];
    uint32_t stream[STATE_WORDS];

    init_state(state, key, nonce, counter);
    permute(stream, state);
    for (size_t i = 0; i < STATE_WORDS; i++) {
        store_le32(block + 4 * i, stream[i]);
    }
    ct_wipe(state, sizeof state);
    ct_wipe(stream, sizeof stream);
}

void chacha20_xor(uint8_t *out, const uint8_t key[static CHACHA20_KEY_LEN],
                  const uint8_t nonce[static CHACHA20_NONCE_LEN], uint32_t counter,
                  const uint8_t *in, size_t len)
{
    uint32_t state[STATE_WORDS];
    uint32_t stream[STATE_WORDS];

    if (len == 0) {
        return;
    }
    init_state(state, key, nonce, counter);
    for (; len >= CHACHA20_BLOCK_LEN; len -= CHACHA20_BLOCK_LEN) {
        permute(stream, state);
        xor_whole_block(out, in, stream);
        state[COUNTER_WORD]++;
        in += CHACHA20_BLOCK_LEN;
        out += CHACHA20_BLOCK_LEN;
    }
    if (len > 0) {
        permute(stream, state);
        for (size_t i = 0; i < len; i++) {
            out[i] = (uint8_t)(in[i] ^ stream[i / 4] >> 8 * (i % 4));
        }
    }
    ct_wipe(state, sizeof state);
    ct_wipe(stream, sizeof stream);
}
