// SPDX-License-Identifier: Apache-2.0
// Poly1305 (RFC 8439 2.5) in two limbs of 64 bits and a small third one, portable.

#include "noise/poly1305.h"

#include "noise/bytes.h"
#include "noise/ct.h"

__extension__ typedef unsigned __int128 u128;

enum {
    TWO_BLOCKS_LEN = 2 * POLY1305_BLOCK_LEN,
};

static inline u128 mul(uint64_t a, uint64_t b)
{
    return (u128)a * b;
}

void poly1305_init(struct poly1305 *ctx, const uint8_t key[static POLY1305_KEY_LEN])
{
    load_words64(ctx->r, key, 2);
    ctx->r[0] &= 0x0ffffffc0fffffff;
    ctx->r[1] &= 0x0ffffffc0ffffffc;
    ctx->h[0] = 0;
    ctx->h[1] = 0;
    ctx->h[2] = 0;
    load_words64(ctx->pad, key + 16, 2);
}

// h = (h + block + 2^128) * r, partly reduced modulo 2^130 - 5.
//
// 2^128 r1 = 2^130 (r1 / 4) = 5 r1 / 4 =: s1, exact because the clamp makes r1 a multiple of 4.
//
// Bounds. Before: h2 <= 4, so h + block + 2^128 has h2 <= 6; r0, r1 < 2^60, s1 < 2^60 + 2^58.
// d0 = h0 r0 + h1 s1 < 2^126, h2 s1 < 2^63 and the two together, d0 shifted, < 2^64; d1 = h0 r1 + h1 r0 + that < 2^126;
// h2 r0 < 2^63.
// New h2 = h2 r0 + (d1 >> 64) < 2^64 does not wrap; after folding, h2 <= 3 and a carry: h2 <= 4.
//
// CT: secret = everything.
static inline void absorb(uint64_t h[static 3], uint64_t r0, uint64_t r1, uint64_t s1, uint64_t m0,
                          uint64_t m1)
{
    u128 sum = (u128)h[0] + m0;
    uint64_t h0 = (uint64_t)sum;
    sum = (u128)h[1] + m1 + (uint64_t)(sum >> 64);
    uint64_t h1 = (uint64_t)sum;
    uint64_t h2 = h[2] + (uint64_t)(sum >> 64) + 1;

    u128 d0 = mul(h0, r0) + mul(h1, s1);
    uint64_t from_d0 = (uint64_t)(d0 >> 64) + h2 * s1;
    u128 d1 = mul(h0, r1) + mul(h1, r0) + from_d0;
    h2 = h2 * r0 + (uint64_t)(d1 >> 64);

    // h2 = 4 q + rest: q 2^130 = 5 q
    uint64_t fold = (h2 >> 2) + (h2 & ~(uint64_t)3);
    sum = (u128)(uint64_t)d0 + fold;
    h[0] = (uint64_t)sum;
    sum = (u128)(uint64_t)d1 + (uint64_t)(sum >> 64);
    h[1] = (uint64_t)sum;
    h[2] = (h2 & 3) + (uint64_t)(sum >> 64);
}

void poly1305_update_padded(struct poly1305 *ctx, const uint8_t *in, size_t len)
{
    uint64_t r0 = ctx->r[0];
    uint64_t r1 = ctx->r[1];
    uint64_t s1 = r1 + (r1 >> 2);
    uint64_t h[3] = {ctx->h[0], ctx->h[1], ctx->h[2]};

#ifndef NOISE_SMALL
    if (is_aligned(in, 8)) {
        for (; len >= TWO_BLOCKS_LEN; len -= TWO_BLOCKS_LEN) {
            absorb(h, r0, r1, s1, load_le64_aligned(in), load_le64_aligned(in + 8));
            absorb(h, r0, r1, s1, load_le64_aligned(in + 16), load_le64_aligned(in + 24));
            in += TWO_BLOCKS_LEN;
        }
        for (; len >= POLY1305_BLOCK_LEN; len -= POLY1305_BLOCK_LEN) {
            absorb(h, r0, r1, s1, load_le64_aligned(in), load_le64_aligned(in + 8));
            in += POLY1305_BLOCK_LEN;
        }
    }
    for (; len >= POLY1305_BLOCK_LEN; len -= POLY1305_BLOCK_LEN) {
        absorb(h, r0, r1, s1, load_le64(in), load_le64(in + 8));
        in += POLY1305_BLOCK_LEN;
    }
#endif
    while (len > 0) {
        size_t part = len < POLY1305_BLOCK_LEN ? len : POLY1305_BLOCK_LEN;
        uint8_t block[POLY1305_BLOCK_LEN] __attribute__((aligned(8))) = {0};
        bytes_copy(block, in, part);
        absorb(h, r0, r1, s1, load_le64_aligned(block), load_le64_aligned(block + 8));
        ct_wipe(block, sizeof block);
        in += part;
        len -= part;
    }
    ctx->h[0] = h[0];
    ctx->h[1] = h[1];
    ctx->h[2] = h[2];
    ct_wipe(h, sizeof h);
}

// tag = ((h mod 2^130 - 5) + s) mod 2^128. h < 2 (2^130 - 5), so one conditional subtraction reduces it.
void poly1305_final(struct poly1305 *ctx, uint8_t tag[static POLY1305_TAG_LEN])
{
    u128 sum = (u128)ctx->h[0] + 5;
    uint64_t g0 = (uint64_t)sum;
    sum = (u128)ctx->h[1] + (uint64_t)(sum >> 64);
    uint64_t g1 = (uint64_t)sum;
    uint64_t g2 = ctx->h[2] + (uint64_t)(sum >> 64);

    // h + 5 >= 2^130 exactly when h >= 2^130 - 5; g2 <= 5, so bit 2 says it.
    uint64_t reduce = ct_mask_u64(g2 >> 2);
    uint64_t h0 = ct_select_u64(reduce, g0, ctx->h[0]);
    uint64_t h1 = ct_select_u64(reduce, g1, ctx->h[1]);

    sum = (u128)h0 + ctx->pad[0];
    ctx->h[0] = (uint64_t)sum;
    ctx->h[1] = h1 + ctx->pad[1] + (uint64_t)(sum >> 64);
    store_words64(tag, ctx->h, 2);
    ct_wipe(ctx, sizeof *ctx);
}
