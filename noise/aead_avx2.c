// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 for AVX2 and BMI2.

#include "noise/aead_x86.h"

#ifdef NOISE_X86

#define NOISE_X86_TARGET         "avx2,bmi2"
#define NOISE_X86_NAME(function) function##_avx2
#include "noise/aead_x86_body.h"

#endif
