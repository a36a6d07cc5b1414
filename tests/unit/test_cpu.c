// SPDX-License-Identifier: Apache-2.0
// Detection of CPU features against the compiler's own, and the limit.
#include "tests/unit/noise_fixture.h"

#include "noise/cpu.h"

#ifdef NOISE_X86
static uint32_t expected_features(void)
{
    uint32_t features = 0;

    __builtin_cpu_init();
    features |= __builtin_cpu_supports("bmi2") ? NOISE_CPU_BMI2 : 0;
    features |=
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? NOISE_CPU_AVX2 : 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
        features |= NOISE_CPU_AVX512;
        features |= __builtin_cpu_supports("avx512ifma") ? NOISE_CPU_IFMA : 0;
    }
    return features;
}

static void test_detection(void **state)
{
    (void)state;
    noise_cpu_limit(NOISE_CPU_ALL);
    // The compilers' function does not know ADX by a name that both have.
    assert_int_equal(noise_cpu_features() & ~(uint32_t)NOISE_CPU_ADX, expected_features());
}
#else
static void test_detection(void **state)
{
    (void)state;
    assert_int_equal(noise_cpu_features(), NOISE_CPU_PORTABLE);
}
#endif

static void test_limit(void **state)
{
    (void)state;
    noise_cpu_limit(NOISE_CPU_ALL);
    uint32_t all = noise_cpu_features();
    for (uint32_t allowed = 0; allowed < 64; allowed++) {
        noise_cpu_limit(allowed);
        assert_int_equal(noise_cpu_features(), all & allowed);
        for (uint32_t asked = 0; asked < 64; asked++) {
            assert_int_equal(noise_cpu_has(asked), (asked & ~(all & allowed)) == 0);
        }
    }
    noise_cpu_limit(NOISE_CPU_ALL);
    assert_int_equal(noise_cpu_features(), all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
