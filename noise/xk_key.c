// SPDX-License-Identifier: Apache-2.0
// The two operations on keys that a user of the library needs by themselves.

#include "noise/noise_xk.h"

#include "noise/x25519.h"

void xk_public_key(uint8_t public_key[static XK_KEY_LEN],
                   const uint8_t private_key[static XK_KEY_LEN])
{
    x25519_base(public_key, private_key);
}

enum noise_error xk_dh(uint8_t secret[static XK_KEY_LEN],
                       const uint8_t private_key[static XK_KEY_LEN],
                       const uint8_t public_key[static XK_KEY_LEN])
{
    return x25519(secret, private_key, public_key);
}
