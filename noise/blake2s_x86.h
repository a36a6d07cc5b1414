// SPDX-License-Identifier: Apache-2.0
// The compression function of BLAKE2s (RFC 7693 3.2) in vectors of four words, for x86-64. Internal to noise/, which
// chooses by noise/cpu.h.
//
// CT: secret = h, block; public = total, last.
#ifndef NOISE_BLAKE2S_X86_H
#define NOISE_BLAKE2S_X86_H

#include "noise/blake2s.h"
#include "noise/cpu.h"

#ifdef NOISE_X86

#define NOISE_BLAKE2S_AVX2   NOISE_CPU_AVX2
#define NOISE_BLAKE2S_AVX512 NOISE_CPU_AVX512

// `last` is ~0 for the final block, else 0. What they leave in registers and on the stack is the caller's to wipe.
void blake2s_compress_avx2(uint32_t h[static 8], const uint8_t block[static BLAKE2S_BLOCK_LEN],
                           uint64_t total, uint32_t last);
void blake2s_compress_avx512(uint32_t h[static 8], const uint8_t block[static BLAKE2S_BLOCK_LEN],
                             uint64_t total, uint32_t last);

#endif
#endif
