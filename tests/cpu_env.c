// SPDX-License-Identifier: Apache-2.0
// Linked into the test programs: NOISE_CPU in the environment names the features that the library may use, separated
// by commas, or `portable`. The library itself reads no environment.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noise/cpu.h"

static const struct {
    const char *name;
    uint32_t feature;
} names[] = {
    {"portable", NOISE_CPU_PORTABLE}, {"bmi2", NOISE_CPU_BMI2},     {"adx", NOISE_CPU_ADX},
    {"avx2", NOISE_CPU_AVX2},         {"avx512", NOISE_CPU_AVX512}, {"ifma", NOISE_CPU_IFMA},
};

static uint32_t feature(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0) {
            return names[i].feature;
        }
    }
    (void)fprintf(stderr, "NOISE_CPU: no feature '%.*s'; there are:", (int)len, name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)fprintf(stderr, " %s", names[i].name);
    }
    (void)fputc('\n', stderr);
    exit(2);
}

// A test of a path that the machine does not have must not pass on another.
static __attribute__((constructor)) void limit_features(void)
{
    const char *list = getenv("NOISE_CPU");
    uint32_t allowed = NOISE_CPU_PORTABLE;

    if (list == NULL) {
        return;
    }
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        allowed |= feature(list, len);
        list += len + (list[len] == ',');
    }
    noise_cpu_limit(allowed);
    if (noise_cpu_features() != allowed) {
        (void)fprintf(stderr, "NOISE_CPU: this machine or this build does not have all of '%s'\n",
                      getenv("NOISE_CPU"));
        exit(2);
    }
}
