// SPDX-License-Identifier: Apache-2.0
// CPU features: Intel's Software Developer's Manual, volume 2A CPUID and volume 1 14.3 and 15.2.

#include "noise/cpu.h"

#include "noise/x86.h"

#ifdef NOISE_X86

enum {
    // CPUID.1:ECX
    FMA = 1 << 12,
    OSXSAVE = 1 << 27,
    AVX = 1 << 28,
    // CPUID.7.0:EBX
    AVX2 = 1 << 5,
    BMI2 = 1 << 8,
    AVX512F = 1 << 16,
    AVX512DQ = 1 << 17,
    ADX = 1 << 19,
    AVX512IFMA = 1 << 21,
    AVX512BW = 1 << 30,
    // XCR0: what the operating system saves
    XMM_AND_YMM = 0x06,
    MASKS_AND_ZMM = 0xe0,
};
#define AVX512VL (1u << 31) // CPUID.7.0:EBX too

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid r;

    __asm__("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
    return r;
}

static uint32_t xcr0(void)
{
    uint32_t low, high;

    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(uint32_t word, uint32_t bits)
{
    return (word & bits) == bits;
}

static uint32_t detect(void)
{
    if (cpuid(0).eax < 7) {
        return 0;
    }
    uint32_t basic = cpuid(1).ecx;
    uint32_t extended = cpuid(7).ebx;
    uint32_t saved = has(basic, OSXSAVE) ? xcr0() : 0;
    uint32_t features = 0;

    if (has(extended, BMI2)) {
        features |= NOISE_CPU_BMI2;
    }
    if (has(extended, ADX)) {
        features |= NOISE_CPU_ADX;
    }
    if (has(basic, AVX | FMA) && has(extended, AVX2) && has(saved, XMM_AND_YMM)) {
        features |= NOISE_CPU_AVX2;
    }
    if (has(features, NOISE_CPU_AVX2) && has(saved, MASKS_AND_ZMM) &&
        has(extended, AVX512F | AVX512DQ | AVX512BW | AVX512VL)) {
        features |= NOISE_CPU_AVX512;
        if (has(extended, AVX512IFMA)) {
            features |= NOISE_CPU_IFMA;
        }
    }
    return features;
}

// The one word of global state: 0 until the machine has been asked, then KNOWN, the features in use, and above them those
// that the machine has. Threads may race to ask: they get the same answer, and a limit that came first stays.
#define KNOWN (1u << 31)
static uint32_t in_use;

enum {
    MACHINE_SHIFT = 8,
    IN_USE = (1 << MACHINE_SHIFT) - 1,
};

static uint32_t known(uint32_t found, uint32_t allowed)
{
    return KNOWN | found << MACHINE_SHIFT | (found & allowed);
}

static uint32_t ask(void)
{
    uint32_t word = __atomic_load_n(&in_use, __ATOMIC_RELAXED);

    if (word == 0) {
        uint32_t found = known(detect(), NOISE_CPU_ALL);
        if (__atomic_compare_exchange_n(&in_use, &word, found, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            word = found;
        }
    }
    return word;
}

uint32_t noise_cpu_features(void)
{
    return ask() & IN_USE;
}

uint32_t noise_cpu_machine(void)
{
    return (ask() & ~KNOWN) >> MACHINE_SHIFT;
}

void noise_cpu_limit(uint32_t allowed)
{
    __atomic_store_n(&in_use, known(detect(), allowed), __ATOMIC_RELAXED);
}

#else

uint32_t noise_cpu_features(void)
{
    return 0;
}

void noise_cpu_limit(uint32_t allowed)
{
    (void)allowed;
}

#endif
