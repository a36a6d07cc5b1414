// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 for the 256-bit vectors of AVX-512VL and for BMI2: words rotate in one instruction, and with 32
// registers nothing lies in memory.

#include "noise/aead_x86.h"

#ifdef NOISE_X86

#define NOISE_X86_TARGET         "avx512f,avx512vl,avx2,bmi2"
#define NOISE_X86_NAME(function) function##_avx512
#define NOISE_X86_ROTATES
#include "noise/aead_x86_body.h"

#endif
