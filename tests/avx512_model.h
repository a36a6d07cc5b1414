// SPDX-License-Identifier: Apache-2.0
// AVX-512 on a machine without it. A build of noise/ that includes this before everything else takes its AVX-512 paths
// wherever the machine has AVX2: what they do with intrinsics of AVX-512 is done here in plain C, after the operation
// that Intel's Intrinsics Guide gives for each, and what they leave to the compiler is compiled for AVX2.
//
// So every statement of those paths runs in the tests. What does not run is the compiler's translation of it into
// AVX-512 instructions.
#ifndef TESTS_AVX512_MODEL_H
#define TESTS_AVX512_MODEL_H

#define NOISE_TARGET(features) __attribute__((target("avx2,bmi2,adx")))
#include "noise/cpu.h"
#include "noise/x86.h"

// Without AVX2, and so on the portable path that a test asks for, there is nothing to model.
static inline bool model_cpu_has(uint32_t features)
{
    uint32_t have = noise_cpu_features();

    if ((have & NOISE_CPU_AVX2) != 0) {
        have |= NOISE_CPU_AVX512 | NOISE_CPU_IFMA;
    }
    return (have & features) == features;
}
#define noise_cpu_has model_cpu_has

#endif
