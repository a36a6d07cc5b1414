// SPDX-License-Identifier: Apache-2.0
// A random generator: ChaCha20 with fast key erasure. Deterministic from its seed.
//
// The generator is a 32-byte key. Each request is served in units: for every 32 bytes asked for, or part
// of them,
//
//     block  = ChaCha20 block (RFC 8439 2.3) of the key, with nonce 0 and counter 0     64 bytes
//     key    = block[0..31]
//     output = block[32..63], cut to what is still wanted
//
// and the block is wiped. A request for 0 bytes draws nothing. So the k-th unit follows from the seed alone
// (a harness that knows the seed can recompute it), and nothing that was given out can be found from the
// key that remains. There is no reseeding: a process gets one seed when it starts. 2^64 units are far out
// of reach, so the key never repeats in practice.
//
// CT: secret = key, output; public = length.
#ifndef NOISE_RNG_H
#define NOISE_RNG_H

#include "noise/noise_error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    RNG_SEED_LEN = 32,
};

// Holds a key: never copied by assignment (two copies give the same bytes), wiped when no longer wanted.
struct rng {
    const struct rng *self; // its own address once seeded: a copy does not work
    uint8_t key[RNG_SEED_LEN];
};

// Starts from 32 secret, uniformly random bytes. The caller wipes its copy of the seed.
void rng_seed(struct rng *rng, const uint8_t seed[static RNG_SEED_LEN]);

// Fills `out`. `ctx` is a struct rng; the signature is the one that xk_config.random wants. Errors:
// NOISE_ERR_STATE (not seeded, wiped, or a copy; `out` is zero), NOISE_ERR_ARGUMENT (NULL with a length).
__attribute__((warn_unused_result)) enum noise_error rng_random(void *ctx, uint8_t *out,
                                                                size_t out_len);

void rng_wipe(struct rng *rng);

#endif
