// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748 5).
//
// CT: secret = private key, shared secret; public = public keys, and whether the product was all zero.
#ifndef NOISE_X25519_H
#define NOISE_X25519_H

#include "noise/noise_error.h"

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

#endif
