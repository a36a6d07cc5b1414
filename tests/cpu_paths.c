// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu_paths.h"

#include "noise/cpu.h"

#define AVX2_TOO   (NOISE_CPU_BMI2 | NOISE_CPU_ADX | NOISE_CPU_AVX2)
#define AVX512_TOO (AVX2_TOO | NOISE_CPU_AVX512)

// BMI2 and ADX alone choose nothing. tests/every_path.py reads the names.
const struct cpu_path cpu_paths[] = {
    {"portable", NOISE_CPU_PORTABLE},
    {"avx2", NOISE_CPU_AVX2},
    {"bmi2,adx,avx2", AVX2_TOO},
    {"bmi2,adx,avx2,avx512", AVX512_TOO},
    {"bmi2,adx,avx2,avx512,ifma", AVX512_TOO | NOISE_CPU_IFMA},
};
const size_t cpu_paths_len = sizeof cpu_paths / sizeof cpu_paths[0];

bool cpu_path_take(const struct cpu_path *path)
{
    noise_cpu_limit(path->features);
    return noise_cpu_features() == path->features;
}
