// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 for AVX-512 with IFMA: long messages in 512-bit vectors.

#include "noise/aead_x86.h"

#ifdef NOISE_X86

#define NOISE_X86_TARGET         "avx512f,avx512vl,avx512ifma,avx2,bmi2"
#define NOISE_X86_NAME(function) function##_ifma
#define NOISE_X86_ROTATES
#define NOISE_X86_WIDE
#include "noise/aead_x86_body.h"

#endif
