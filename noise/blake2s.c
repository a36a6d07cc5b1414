// SPDX-License-Identifier: Apache-2.0
// BLAKE2s (RFC 7693), HMAC (RFC 2104) and Noise HKDF (Noise 4.3), portable.

#include "noise/blake2s.h"

#include "noise/blake2s_x86.h"
#include "noise/bytes.h"
#include "noise/ct.h"
#include "noise/word32.h"

// RFC 7693 2.6
static const uint32_t iv[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

// RFC 7693 2.7
static const uint8_t sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

// RFC 7693 3.1, the function G. Always inlined, so that the words stay in registers.
static inline __attribute__((always_inline)) void mix_words(word32 *a, word32 *b, word32 *c,
                                                            word32 *d, uint32_t x, uint32_t y)
{
    *a = word32_add(word32_add(*a, *b), word32_from(x));
    *d = word32_rotate_right(*d ^ *a, 16);
    *c = word32_add(*c, *d);
    *b = word32_rotate_right(*b ^ *c, 12);
    *a = word32_add(word32_add(*a, *b), word32_from(y));
    *d = word32_rotate_right(*d ^ *a, 8);
    *c = word32_add(*c, *d);
    *b = word32_rotate_right(*b ^ *c, 7);
}

// Word i of a block, which is aligned.
static inline __attribute__((always_inline)) uint32_t block_word(const uint8_t *block, uint8_t i)
{
    return load_le32_aligned(block + 4 * (size_t)i);
}

// One round over v, with the words of the block in the order s: four columns, then four diagonals.
static inline __attribute__((always_inline)) void mix_round(word32 v[static 16],
                                                            const uint8_t *block,
                                                            const uint8_t s[static 16])
{
    NOISE_UNROLL
    for (size_t i = 0; i < 8; i++) {
        size_t j = i / 4;
        mix_words(&v[i % 4], &v[4 + (i + j) % 4], &v[8 + (i + 2 * j) % 4], &v[12 + (i + 3 * j) % 4],
                  block_word(block, s[2 * i]), block_word(block, s[2 * i + 1]));
    }
}

// All ten rounds, written out one by one: unrolled as a loop, gcc keeps the words of the block in registers less well.
//
// CT: secret = h, block. Before: block is a multiple of 4.
static void mix(uint32_t h[static 8], const uint8_t *block, uint64_t total, uint32_t last)
{
    word32 v[16];
    const uint32_t *constants = iv;

    // Not known to be constants, they are loaded: on RISC-V that takes half the instructions.
    __asm__("" : "+r"(constants));
    NOISE_UNROLL
    for (size_t i = 0; i < 8; i++) {
        v[i] = word32_from(h[i]);
        v[i + 8] = word32_from(constants[i]);
    }
    v[12] ^= word32_from((uint32_t)total);
    v[13] ^= word32_from((uint32_t)(total >> 32));
    v[14] ^= word32_from(last);
#ifdef NOISE_SMALL
    for (size_t i = 0; i < 10; i++) {
        mix_round(v, block, sigma[i]);
    }
#else
    mix_round(v, block, sigma[0]);
    mix_round(v, block, sigma[1]);
    mix_round(v, block, sigma[2]);
    mix_round(v, block, sigma[3]);
    mix_round(v, block, sigma[4]);
    mix_round(v, block, sigma[5]);
    mix_round(v, block, sigma[6]);
    mix_round(v, block, sigma[7]);
    mix_round(v, block, sigma[8]);
    mix_round(v, block, sigma[9]);
#endif
    NOISE_UNROLL
    for (size_t i = 0; i < 8; i++) {
        h[i] ^= word32_to(v[i]) ^ word32_to(v[i + 8]);
    }
}

// RFC 7693 3.2. `last` is ~0 for the final block, else 0.
static void compress(uint32_t h[static 8], const uint8_t *block, uint64_t total, uint32_t last)
{
#ifdef NOISE_X86
    if (noise_cpu_has(NOISE_BLAKE2S_AVX512)) {
        blake2s_compress_avx512(h, block, total, last);
        return;
    }
    if (noise_cpu_has(NOISE_BLAKE2S_AVX2)) {
        blake2s_compress_avx2(h, block, total, last);
        return;
    }
#endif
    if (is_aligned(block, 4)) {
        mix(h, block, total, last);
        return;
    }
    uint8_t copy[BLAKE2S_BLOCK_LEN] __attribute__((aligned(4)));
    bytes_copy(copy, block, sizeof copy);
    mix(h, copy, total, last);
    ct_wipe(copy, sizeof copy);
}

void blake2s_init(struct blake2s *ctx, size_t hash_len, const uint8_t *key, size_t key_len)
{
    hash_len = hash_len > BLAKE2S_HASH_LEN ? BLAKE2S_HASH_LEN : hash_len;
    key_len = key_len > BLAKE2S_KEY_MAX ? BLAKE2S_KEY_MAX : key_len;

    for (size_t i = 0; i < 8; i++) {
        ctx->h[i] = iv[i];
    }
    ctx->h[0] ^= 0x01010000 ^ (uint32_t)(key_len << 8) ^ (uint32_t)hash_len; // RFC 7693 2.5
    ctx->total = 0;
    ctx->buf_len = 0;
    ctx->hash_len = (uint32_t)hash_len;
    if (key_len > 0) {
        bytes_zero(ctx->buf, sizeof ctx->buf);
        bytes_copy(ctx->buf, key, key_len);
        ctx->buf_len = BLAKE2S_BLOCK_LEN;
        ct_wipe_registers();
    }
}

// Compresses the full block that waits in buf, because more is to follow.
static void absorb_waiting(struct blake2s *ctx)
{
    ctx->total += BLAKE2S_BLOCK_LEN;
    compress(ctx->h, ctx->buf, ctx->total, 0);
    ctx->buf_len = 0;
}

CT_WORKER void absorb(struct blake2s *ctx, const uint8_t *in, size_t in_len)
{
    if (in_len == 0) {
        return;
    }
    size_t room = BLAKE2S_BLOCK_LEN - ctx->buf_len;
    if (in_len > room) {
        bytes_copy(ctx->buf + ctx->buf_len, in, room);
        absorb_waiting(ctx);
        in += room;
        in_len -= room;
        // The last block, whole or not, waits for blake2s_final.
        for (; in_len > BLAKE2S_BLOCK_LEN; in_len -= BLAKE2S_BLOCK_LEN) {
            ctx->total += BLAKE2S_BLOCK_LEN;
            compress(ctx->h, in, ctx->total, 0);
            in += BLAKE2S_BLOCK_LEN;
        }
    }
    bytes_copy(ctx->buf + ctx->buf_len, in, in_len);
    ctx->buf_len += (uint32_t)in_len;
}

CT_WORKER void finish(struct blake2s *ctx, uint8_t *hash)
{
    ctx->total += ctx->buf_len;
    bytes_zero(ctx->buf + ctx->buf_len, BLAKE2S_BLOCK_LEN - ctx->buf_len);
    compress(ctx->h, ctx->buf, ctx->total, ~(uint32_t)0);
    uint8_t *bytes = (uint8_t *)ctx->h;
    for (size_t i = 0; i < 8; i++) {
        store_le32_aligned(bytes + 4 * i, ctx->h[i]); // nothing to do on a little-endian machine
    }
    bytes_copy(hash, bytes, ctx->hash_len);
    ct_wipe(ctx, sizeof *ctx);
}

void blake2s_update(struct blake2s *ctx, const uint8_t *in, size_t in_len)
{
    absorb(ctx, in, in_len);
    ct_wipe_stack_hash();
}

void blake2s_final(struct blake2s *ctx, uint8_t *hash)
{
    finish(ctx, hash);
    ct_wipe_stack_hash();
}

void blake2s(uint8_t hash[static BLAKE2S_HASH_LEN], const uint8_t *in, size_t in_len)
{
    struct blake2s ctx;

    blake2s_init(&ctx, BLAKE2S_HASH_LEN, NULL, 0);
    absorb(&ctx, in, in_len);
    blake2s_final(&ctx, hash);
}

// HMAC with one key: two hashes that have taken in the padded key.
struct hmac {
    struct blake2s inner, outer;
};

static void hmac_absorb_pad(struct blake2s *ctx, const uint8_t key[static BLAKE2S_HASH_LEN],
                            uint8_t pad)
{
    blake2s_init(ctx, BLAKE2S_HASH_LEN, NULL, 0);
    bytes_copy(ctx->buf, key, BLAKE2S_HASH_LEN);
    bytes_zero(ctx->buf + BLAKE2S_HASH_LEN, BLAKE2S_BLOCK_LEN - BLAKE2S_HASH_LEN);
    for (size_t i = 0; i < BLAKE2S_BLOCK_LEN; i += 4) {
        store_le32_aligned(ctx->buf + i,
                           load_le32_aligned(ctx->buf + i) ^ 0x01010101 * (uint32_t)pad);
    }
    ctx->buf_len = BLAKE2S_BLOCK_LEN;
}

static void hmac_set_key(struct hmac *k, const uint8_t key[static BLAKE2S_HASH_LEN])
{
    hmac_absorb_pad(&k->inner, key, 0x36);
    hmac_absorb_pad(&k->outer, key, 0x5c);
}

// The states are used up, and wiped. The inner digest passes through mac.
static void hmac_mac(uint8_t mac[static BLAKE2S_HASH_LEN], struct hmac *k, const uint8_t *in,
                     size_t in_len)
{
    absorb(&k->inner, in, in_len);
    finish(&k->inner, mac);
    absorb(&k->outer, mac, BLAKE2S_HASH_LEN);
    finish(&k->outer, mac);
}

CT_WORKER void hmac(uint8_t mac[static BLAKE2S_HASH_LEN],
                    const uint8_t key[static BLAKE2S_HASH_LEN], const uint8_t *in, size_t in_len)
{
    struct hmac k;

    hmac_set_key(&k, key);
    hmac_mac(mac, &k, in, in_len);
}

void hmac_blake2s(uint8_t mac[static BLAKE2S_HASH_LEN], const uint8_t key[static BLAKE2S_HASH_LEN],
                  const uint8_t *in, size_t in_len)
{
    hmac(mac, key, in, in_len);
    ct_wipe_stack();
}

// A hash that has compressed one block, to h.
static void resume(struct blake2s *ctx, const uint32_t h[static 8])
{
    bytes_copy((uint8_t *)ctx->h, (const uint8_t *)h, sizeof ctx->h);
    ctx->total = BLAKE2S_BLOCK_LEN;
    ctx->buf_len = 0;
    ctx->hash_len = BLAKE2S_HASH_LEN;
}

CT_WORKER void hkdf(uint8_t out1[static BLAKE2S_HASH_LEN], uint8_t out2[static BLAKE2S_HASH_LEN],
                    const uint8_t chaining_key[static BLAKE2S_HASH_LEN], const uint8_t *in,
                    size_t in_len)
{
    struct hmac k;
    uint32_t inner[8], outer[8];
    uint8_t temp[BLAKE2S_HASH_LEN + 1];

    // temp_key = HMAC(chaining_key, in)
    hmac_set_key(&k, chaining_key);
    hmac_mac(temp, &k, in, in_len);
    hmac_set_key(&k, temp);
    absorb_waiting(&k.inner); // once for both messages, neither of which is empty
    absorb_waiting(&k.outer);
    bytes_copy((uint8_t *)inner, (const uint8_t *)k.inner.h, sizeof inner);
    bytes_copy((uint8_t *)outer, (const uint8_t *)k.outer.h, sizeof outer);
    // out1 = HMAC(temp_key, 1)
    temp[0] = 1;
    hmac_mac(temp, &k, temp, 1);
    bytes_copy(out1, temp, BLAKE2S_HASH_LEN);
    // out2 = HMAC(temp_key, out1 | 2)
    resume(&k.inner, inner);
    resume(&k.outer, outer);
    temp[BLAKE2S_HASH_LEN] = 2;
    hmac_mac(out2, &k, temp, sizeof temp);
    ct_wipe(inner, sizeof inner);
    ct_wipe(outer, sizeof outer);
    ct_wipe(temp, sizeof temp);
}

void hkdf_blake2s(uint8_t out1[static BLAKE2S_HASH_LEN], uint8_t out2[static BLAKE2S_HASH_LEN],
                  const uint8_t chaining_key[static BLAKE2S_HASH_LEN], const uint8_t *in,
                  size_t in_len)
{
    hkdf(out1, out2, chaining_key, in, in_len);
    ct_wipe_stack();
}
