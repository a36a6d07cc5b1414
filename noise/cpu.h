// SPDX-License-Identifier: Apache-2.0
// Which instructions the faster paths of noise/ may use. On every machine but x86-64, and in a build for size, there
// is the portable path only.
//
// CT: nothing here is secret.
#ifndef NOISE_CPU_H
#define NOISE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__x86_64__) && !defined(NOISE_SMALL)
#define NOISE_X86 1
#endif

// Feature bits. One is set when the processor has it and, for vectors, the operating system saves the registers.
enum {
    NOISE_CPU_BMI2 = 1,
    NOISE_CPU_ADX = 2,
    NOISE_CPU_AVX2 = 4,   // and FMA, which comes with it
    NOISE_CPU_AVX512 = 8, // F, VL, DQ and BW together
    NOISE_CPU_IFMA = 16,  // AVX512IFMA, only together with the above
};

#define NOISE_CPU_PORTABLE 0u
#define NOISE_CPU_ALL      0xffffffffu

// What the library uses: what the machine has and the limit allows.
uint32_t noise_cpu_features(void);

// From now on the library uses no feature outside `allowed`; NOISE_CPU_PORTABLE leaves the portable path,
// NOISE_CPU_ALL lifts the limit. Results never depend on it. May be called at any time and from any thread; a call
// that is under way in another thread ends on the path that it began on.
void noise_cpu_limit(uint32_t allowed);

// Whether all the features named may be used. A constant where there is nothing to choose.
static inline bool noise_cpu_has(uint32_t features)
{
#ifdef NOISE_X86
    return (noise_cpu_features() & features) == features;
#else
    (void)features;
    return false;
#endif
}

#ifdef __cplusplus
}
#endif

#endif
