// SPDX-License-Identifier: Apache-2.0
// The field arithmetic of AVX2.
#include "noise/lanes_avx2.h"

#ifdef NOISE_X86

#define FACTOR_MAX       (((int64_t)1 << 51) - 1)
#define FACTOR_MIN       (-FACTOR_MAX)
#define TIGHT_HIGH       (((int64_t)1 << 50) + ((int64_t)1 << 13))
#define TIGHT_LOW        (-TIGHT_HIGH)
#define SUM_MAX          ((int64_t)267 << 50)
#define SUM_MIN          (-SUM_MAX)
#define SMALL_MAX        ((int64_t)125 << 50)
#define SMALL_MIN        (-SMALL_MAX)
#define REDUCIBLE        ((int64_t)860 << 50)
#define SMALL_FACTOR_MIN TIGHT_LOW
#define SMALL_FACTOR_MAX TIGHT_HIGH
#define SIGNED_FACTORS   1
#define SMALL_ADD_HIGH   (((int64_t)1 << 51) + ((int64_t)1 << 23))
#define SMALL_ADD_LOW    (-SMALL_ADD_HIGH)
#define FEATURES         NOISE_CPU_AVX2
#define LANES_COMB

LANES_TARGET static void set_limb(struct lanes *a, int lane, int i, int64_t to)
{
    a->v[i][lane] = (double)to;
}

LANES_TARGET static int64_t limb(const struct lanes *a, int lane, int i)
{
    return (int64_t)a->v[i][lane];
}

static uint64_t column_correction(int i)
{
    static const uint64_t correction[5] = {LANES_CORRECTION(0), LANES_CORRECTION(1),
                                           LANES_CORRECTION(2), LANES_CORRECTION(3),
                                           LANES_CORRECTION(4)};
    return correction[i];
}

#include "tests/unit/lanes_cases.h"

int main(void)
{
    return run_lanes_cases();
}

#else

int main(void)
{
    return 0;
}

#endif
