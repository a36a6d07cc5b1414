// SPDX-License-Identifier: Apache-2.0
// ChaCha20 (RFC 8439 2.1 to 2.4), portable.

#include "noise/chacha20.h"

#include "noise/aead_x86.h"
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
    load_words32(state + 4, key, 8);
    state[COUNTER_WORD] = counter;
    load_words32(state + COUNTER_WORD + 1, nonce, 3);
}

// Four columns, then four diagonals.
static inline __attribute__((always_inline)) void double_round(word32 x[static STATE_WORDS])
{
    NOISE_UNROLL
    for (size_t i = 0; i < 8; i++) {
        size_t j = i / 4;
        quarter_round(&x[i % 4], &x[4 + (i + j) % 4], &x[8 + (i + 2 * j) % 4],
                      &x[12 + (i + 3 * j) % 4]);
    }
}

// CT: secret = state, stream.
static void make_stream(uint32_t stream[static STATE_WORDS],
                        const uint32_t state[static STATE_WORDS])
{
    word32 x[STATE_WORDS];

    NOISE_UNROLL
    for (size_t i = 0; i < STATE_WORDS; i++) {
        x[i] = word32_from(state[i]);
    }
    for (size_t i = 0; i < DOUBLE_ROUNDS; i++) {
        double_round(x);
    }
    NOISE_UNROLL
    for (size_t i = 0; i < STATE_WORDS; i++) {
        stream[i] = word32_to(x[i]) + state[i];
    }
}

// What a build for size does without: whole blocks, a word at a time. Returns how many bytes were done.
#ifdef NOISE_SMALL
static size_t xor_blocks(uint8_t *out, uint32_t state[static STATE_WORDS], const uint8_t *in,
                         size_t len)
{
    (void)out, (void)state, (void)in, (void)len;
    return 0;
}
#else
// Before: in and out are multiples of 4. The stream does not pass through memory.
static void xor_aligned_blocks(uint8_t *out, uint32_t state[static STATE_WORDS], const uint8_t *in,
                               size_t len)
{
    for (const uint8_t *end = in + len; in != end; in += CHACHA20_BLOCK_LEN) {
        word32 x[STATE_WORDS];

        NOISE_UNROLL
        for (size_t i = 0; i < STATE_WORDS; i++) {
            x[i] = word32_from(state[i]);
        }
        for (size_t i = 0; i < DOUBLE_ROUNDS; i += 2) {
            double_round(x);
            double_round(x);
        }
        NOISE_UNROLL
        for (size_t i = 0; i < STATE_WORDS; i++) {
            uint32_t word = load_le32_aligned(in + 4 * i) ^ (word32_to(x[i]) + state[i]);
            store_le32_aligned(out + 4 * i, word);
        }
        state[COUNTER_WORD]++;
        out += CHACHA20_BLOCK_LEN;
    }
}

static void xor_unaligned_blocks(uint8_t *out, uint32_t state[static STATE_WORDS],
                                 const uint8_t *in, size_t len)
{
    uint32_t stream[STATE_WORDS];

    for (size_t done = 0; done < len; done += CHACHA20_BLOCK_LEN) {
        make_stream(stream, state);
        for (size_t i = 0; i < STATE_WORDS; i++) {
            store_le32(out + done + 4 * i, load_le32(in + done + 4 * i) ^ stream[i]);
        }
        state[COUNTER_WORD]++;
    }
    ct_wipe(stream, sizeof stream);
}

static size_t xor_blocks(uint8_t *out, uint32_t state[static STATE_WORDS], const uint8_t *in,
                         size_t len)
{
    len -= len % CHACHA20_BLOCK_LEN;
    if (is_aligned(in, 4) && is_aligned(out, 4)) {
        xor_aligned_blocks(out, state, in, len);
    } else {
        xor_unaligned_blocks(out, state, in, len);
    }
    return len;
}
#endif

void chacha20_xor(uint8_t *out, const uint8_t key[static CHACHA20_KEY_LEN],
                  const uint8_t nonce[static CHACHA20_NONCE_LEN], uint32_t counter,
                  const uint8_t *in, size_t len)
{
    uint32_t state[STATE_WORDS];
    uint32_t stream[STATE_WORDS];

    if (len == 0) {
        return;
    }
#ifdef NOISE_X86
    if (noise_cpu_has(NOISE_AEAD_IFMA)) {
        chacha20_xor_ifma(out, key, nonce, counter, in, len);
        return;
    }
    if (noise_cpu_has(NOISE_AEAD_AVX512)) {
        chacha20_xor_avx512(out, key, nonce, counter, in, len);
        return;
    }
    if (noise_cpu_has(NOISE_AEAD_AVX2)) {
        chacha20_xor_avx2(out, key, nonce, counter, in, len);
        return;
    }
#endif
    init_state(state, key, nonce, counter);
    size_t done = xor_blocks(out, state, in, len);
    while (done < len) {
        make_stream(stream, state);
        state[COUNTER_WORD]++;
        size_t part = len - done < CHACHA20_BLOCK_LEN ? len - done : CHACHA20_BLOCK_LEN;
        for (size_t i = 0; i < part; i++) {
            out[done + i] = (uint8_t)(in[done + i] ^ stream[i / 4] >> 8 * (i % 4));
        }
        done += part;
    }
    ct_wipe(state, sizeof state);
    ct_wipe(stream, sizeof stream);
}

void chacha20_block(uint8_t block[static CHACHA20_BLOCK_LEN],
                    const uint8_t key[static CHACHA20_KEY_LEN],
                    const uint8_t nonce[static CHACHA20_NONCE_LEN], uint32_t counter)
{
    bytes_zero(block, CHACHA20_BLOCK_LEN);
    chacha20_xor(block, key, nonce, counter, block, CHACHA20_BLOCK_LEN);
}
