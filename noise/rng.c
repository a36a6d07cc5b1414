// SPDX-License-Identifier: Apache-2.0
// The random generator: ChaCha20 with fast key erasure.

#include "noise/rng.h"

#include "noise/bytes.h"
#include "noise/chacha20.h"
#include "noise/ct.h"

enum {
    UNIT_LEN = CHACHA20_BLOCK_LEN - RNG_SEED_LEN,
};

void rng_seed(struct rng *rng, const uint8_t seed[static RNG_SEED_LEN])
{
    bytes_copy(rng->key, seed, RNG_SEED_LEN);
    rng->self = rng;
    ct_wipe_registers();
}

// CT: secret = key, output; public = out_len.
static void draw_unit(struct rng *rng, uint8_t *out, size_t out_len)
{
    static const uint8_t nonce[CHACHA20_NONCE_LEN] = {0};
    uint8_t block[CHACHA20_BLOCK_LEN] __attribute__((aligned(8)));

    chacha20_block(block, rng->key, nonce, 0);
    bytes_copy(rng->key, block, RNG_SEED_LEN);
    bytes_copy(out, block + RNG_SEED_LEN, out_len);
    ct_wipe(block, sizeof block);
}

CT_WORKER void draw(struct rng *rng, uint8_t *out, size_t out_len)
{
    while (out_len > 0) {
        size_t unit_len = out_len < UNIT_LEN ? out_len : UNIT_LEN;
        draw_unit(rng, out, unit_len);
        out += unit_len;
        out_len -= unit_len;
    }
}

enum noise_error rng_random(void *ctx, uint8_t *out, size_t out_len)
{
    struct rng *rng = ctx;

    if (rng == NULL || (out == NULL && out_len > 0)) {
        return NOISE_ERR_ARGUMENT;
    }
    if (rng->self != rng) {
        bytes_zero(out, out_len);
        return NOISE_ERR_STATE;
    }
    draw(rng, out, out_len);
    ct_wipe_stack();
    return NOISE_OK;
}

void rng_wipe(struct rng *rng)
{
    ct_wipe(rng, sizeof *rng);
}
