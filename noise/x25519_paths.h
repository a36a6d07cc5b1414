// SPDX-License-Identifier: Apache-2.0
// The ways to multiply that x25519.c chooses from. Internal to noise/.
//
// Each takes a clamped scalar (RFC 7748 5: 2^254 <= scalar < 2^255, a multiple of 8), the portable ones any private key,
// which they clamp. Each wipes what it keeps in memory of its own; frames of functions that it called are left to ct_wipe_stack. `out` is as RFC 7748 says, fully
// reduced. Any of the arguments may be the same memory.
//
// CT: secret = scalar, out, and the point where x25519.h says so; public = nothing else is there.
#ifndef NOISE_X25519_PATHS_H
#define NOISE_X25519_PATHS_H

#include "noise/cpu.h"
#include "noise/fe25519.h"
#include "noise/x25519.h"

// RFC 7748 5.
void x25519_clamp(uint8_t scalar[static X25519_KEY_LEN],
                  const uint8_t private_key[static X25519_KEY_LEN]);

// out = scalar point, the top bit of the point ignored; all zero for a point of low order.
void x25519_ladder(uint8_t out[static X25519_KEY_LEN],
                   const uint8_t private_key[static X25519_KEY_LEN],
                   const uint8_t point[static X25519_KEY_LEN]);

// out = scalar 9. Not there in a build with NOISE_NO_COMB, which uses the ladder for it.
void x25519_comb(uint8_t out[static X25519_KEY_LEN],
                 const uint8_t private_key[static X25519_KEY_LEN]);

// The digits of a comb: scalar = s_0 + 2 s_1 + ... + 2^255 s_255 modulo the order of the base point, where bit i of
// the digits is 1 for s_i = 1 and 0 for s_i = -1.
void x25519_comb_recode(uint64_t digits[static 4],
                        const uint8_t private_key[static X25519_KEY_LEN]);

#ifdef NOISE_X86

enum {
    X25519_TOP_BIT = 254, // the highest bit of a clamped scalar
    X25519_TOGETHER = 8,  // as many as the widest path takes at once
};

// Does up to X25519_TOGETHER jobs, at least one, with the machine's vectors; errors are not looked for. Before:
// noise_cpu_has(NOISE_CPU_AVX2).
void x25519_x86(const struct x25519_job *jobs, size_t count);

// A coordinate before the division. 0 / 0 or x / 0 stands for 0: a point of low order.
struct x25519_ratio {
    struct fe numerator, denominator; // both loose
};

// For AVX2. The same as the ladder and the comb above; ladder_4 does four at once in half the time of four.
void x25519_ladder_avx2(struct x25519_ratio *out, const uint8_t scalar[static X25519_KEY_LEN],
                        const uint8_t point[static X25519_KEY_LEN]);
void x25519_ladder_4_avx2(struct x25519_ratio out[static 4], const uint8_t *const scalars[static 4],
                          const uint8_t *const points[static 4]);
void x25519_comb_avx2(struct x25519_ratio *out, const uint8_t scalar[static X25519_KEY_LEN]);

// For AVX-512 IFMA.
void x25519_ladder_ifma(struct x25519_ratio *out, const uint8_t scalar[static X25519_KEY_LEN],
                        const uint8_t point[static X25519_KEY_LEN]);
void x25519_ladder_8_ifma(struct x25519_ratio out[static 8], const uint8_t *const scalars[static 8],
                          const uint8_t *const points[static 8]);
void x25519_comb_ifma(struct x25519_ratio *out, const uint8_t scalar[static X25519_KEY_LEN]);

#endif
#endif
