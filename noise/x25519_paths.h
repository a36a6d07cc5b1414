// SPDX-License-Identifier: Apache-2.0
// The ways to multiply that x25519.c chooses from. Internal to noise/.
//
// Each takes a clamped scalar (RFC 7748 5: 2^254 <= scalar < 2^255, a multiple of 8) and wipes what it keeps in
// memory of its own; frames of functions that it called are left to ct_wipe_stack. `out` is as RFC 7748 says, fully
// reduced. Any of the arguments may be the same memory.
//
// CT: secret = scalar, out, and the point where x25519.h says so; public = nothing else is there.
#ifndef NOISE_X25519_PATHS_H
#define NOISE_X25519_PATHS_H

#include "noise/x25519.h"

// out = scalar point, the top bit of the point ignored; all zero for a point of low order.
void x25519_ladder(uint8_t out[static X25519_KEY_LEN], const uint8_t scalar[static X25519_KEY_LEN],
                   const uint8_t point[static X25519_KEY_LEN]);

// out = scalar 9. Not there in a build with NOISE_NO_COMB, which uses the ladder for it.
void x25519_comb(uint8_t out[static X25519_KEY_LEN], const uint8_t scalar[static X25519_KEY_LEN]);

#endif
