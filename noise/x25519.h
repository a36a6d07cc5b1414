// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748 5).
//
// CT: secret = private key, shared secret; public = public keys, and whether the product was all zero.
#ifndef NOISE_X25519_H
#define NOISE_X25519_H

#include "noise/noise_error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    X25519_KEY_LEN = 32,
};

// shared = X25519(private_key, public_key). The private key is clamped here; any 32 bytes will do. The
// top bit of the public key is ignored and a value of 2^255-19 or above is reduced, as RFC 7748 says.
// Errors: NOISE_ERR_LOW_ORDER (the product is all zero, and so is `shared`). Any of the three may be the
// same memory.
__attribute__((warn_unused_result)) enum noise_error x25519(
    uint8_t shared[static X25519_KEY_LEN], const uint8_t private_key[static X25519_KEY_LEN],
    const uint8_t public_key[static X25519_KEY_LEN]);

// public_key = X25519(private_key, 9). Cannot fail: 9 has prime order. In place allowed.
void x25519_base(uint8_t public_key[static X25519_KEY_LEN],
                 const uint8_t private_key[static X25519_KEY_LEN]);

// One multiplication of many. Each pointer is to 32 bytes.
struct x25519_job {
    uint8_t *shared;            // out
    const uint8_t *private_key; // clamped here
    const uint8_t *public_key;  // NULL: 9
    enum noise_error error;     // out: NOISE_OK or, only for this job, NOISE_ERR_LOW_ORDER
};

// Does every job, with the results of x25519 and x25519_base. Several together take less time than one after the other:
// already the two that share a private key and have different points, most when there are a multiple of 8 of each kind.
// The jobs are independent: they may have keys in common, but the output of one is no other job's memory.
void x25519_batch(struct x25519_job *jobs, size_t count);

#endif
