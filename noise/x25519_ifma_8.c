// SPDX-License-Identifier: Apache-2.0
// X25519 of eight points at once for AVX-512 IFMA.

#include "noise/x25519_paths.h"

#define LANES_IFMA 8
#include "noise/lanes_ifma.h"

#ifdef NOISE_X86

#include "noise/x25519_lanes.h"

LANES_TARGET void x25519_ladder_8_ifma(struct x25519_ratio out[static 8],
                                       const uint8_t *const scalars[static 8],
                                       const uint8_t *const points[static 8])
{
    lanes_ladder(out, scalars, points);
}

#endif
