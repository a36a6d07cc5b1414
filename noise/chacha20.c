// SPDX-License-Identifier: Apache-2.0
// ChaCha20 (RFC 8439 2.1 to 2.4), portable.

#include "noise/chacha20.h"

#include "noise/bytes.h"
#include "noise/ct.h"
#include "noise/word32.h"

enum {
    STATE_WORDS = 16,
    DOUBLE_ROUNDS = 10,
    COUNTER_WORD = 12,
};

// RFC 8439 2.1. Always inlined, so that the words stay in registers.
static inline __attribute__((always_inline)) void quarter_round(word32 *a, word32 *b, word32 *c,
                                                                word32 *d)
{
    *a = word32_add(*a, *b);
    *d = word32_rotate_left(*d ^ *a, 16);
    *c = word32_add(*c, *d);
    *b = word32_rotate_left(*b ^ *c, 12);
    *a = word32_add(*a, *b);
    *d = word32_rotate_left(*d ^ *a, 8);
    *c = word32_add(*c, *d);
    *b = word32_rotate_left(*b ^ *c, 7);
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
    word32 x0 = word32_from(state[0]), x1 = word32_from(state[1]);
    word32 x2 = word32_from(state[2]), x3 = word32_from(state[3]);
    word32 x4 = word32_from(state[4]), x5 = word32_from(state[5]);
    word32 x6 = word32_from(state[6]), x7 = word32_from(state[7]);
    word32 x8 = word32_from(state[8]), x9 = word32_from(state[9]);
    word32 x10 = word32_from(state[10]), x11 = word32_from(state[11]);
    word32 x12 = word32_from(state[12]), x13 = word32_from(state[13]);
    word32 x14 = word32_from(state[14]), x15 = word32_from(state[15]);

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
    stream[0] = (uint32_t)x0 + state[0];
    stream[1] = (uint32_t)x1 + state[1];
    stream[2] = (uint32_t)x2 + state[2];
    stream[3] = (uint32_t)x3 + state[3];
    stream[4] = (uint32_t)x4 + state[4];
    stream[5] = (uint32_t)x5 + state[5];
    stream[6] = (uint32_t)x6 + state[6];
    stream[7] = (uint32_t)x7 + state[7];
    stream[8] = (uint32_t)x8 + state[8];
    stream[9] = (uint32_t)x9 + state[9];
    stream[10] = (uint32_t)x10 + state[10];
    stream[11] = (uint32_t)x11 + state[11];
    stream[12] = (uint32_t)x12 + state[12];
    stream[13] = (uint32_t)x13 + state[13];
    stream[14] = (uint32_t)x14 + state[14];
    stream[15] = (uint32_t)x15 + state[15];
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
