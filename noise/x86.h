// SPDX-License-Identifier: Apache-2.0
// The vector intrinsics of x86-64: the one header in noise/ that C does not define. Only for files whose whole
// content stands between #ifdef NOISE_X86 and #endif. Functions say by NOISE_TARGET what they may use, and are
// called only where noise_cpu_has says the same; no file is compiled with more than the base instruction set.
#ifndef NOISE_X86_H
#define NOISE_X86_H

#include "noise/cpu.h"

#ifdef NOISE_X86
// gcc's header would include <stdlib.h>, for an allocator that nothing here uses.
#define _MM_MALLOC_H_INCLUDED // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#include <immintrin.h>
#endif

#ifdef NOISE_X86
// The features that the machine has, whatever noise_cpu_limit says.
uint32_t noise_cpu_machine(void);
#endif

#ifndef NOISE_TARGET // tests/avx512_model.h has its own
#define NOISE_TARGET(features) __attribute__((target(features)))
#endif

#endif
