// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748 5): the scalar, the choice of a path, and the verdict.

#include "noise/x25519.h"

#include "noise/bytes.h"
#include "noise/ct.h"
#include "noise/x25519_paths.h"

// RFC 7748 5: decodeScalar25519.
static void clamp(uint8_t scalar[static X25519_KEY_LEN],
                  const uint8_t private_key[static X25519_KEY_LEN])
{
    bytes_copy(scalar, private_key, X25519_KEY_LEN);
    scalar[0] &= 248;
    scalar[31] &= 127;
    scalar[31] |= 64;
}

enum noise_error x25519(uint8_t shared[static X25519_KEY_LEN],
                        const uint8_t private_key[static X25519_KEY_LEN],
                        const uint8_t public_key[static X25519_KEY_LEN])
{
    uint8_t scalar[X25519_KEY_LEN];

    clamp(scalar, private_key);
    x25519_ladder(shared, scalar, public_key);
    ct_wipe(scalar, sizeof scalar);
    ct_wipe_stack(); // what the functions above left in their frames
    // Public: an all-zero product ends the handshake visibly (RFC 7748 6.1).
    return ct_declassify(ct_is_zero(shared, X25519_KEY_LEN)) ? NOISE_ERR_LOW_ORDER : NOISE_OK;
}

void x25519_base(uint8_t public_key[static X25519_KEY_LEN],
                 const uint8_t private_key[static X25519_KEY_LEN])
{
    uint8_t scalar[X25519_KEY_LEN];

    clamp(scalar, private_key);
#ifdef NOISE_NO_COMB
    static const uint8_t nine[X25519_KEY_LEN] = {9};
    x25519_ladder(public_key, scalar, nine);
#else
    x25519_comb(public_key, scalar);
#endif
    ct_wipe(scalar, sizeof scalar);
    ct_wipe_stack();
}
