// SPDX-License-Identifier: Apache-2.0
// The bounds of lanes_ifma.h, for tests/unit/lanes_cases.h. Whoever includes this has defined LANES_IFMA, and may have
// included tests/avx512_model.h.
#ifndef TESTS_UNIT_LANES_IFMA_CASES_H
#define TESTS_UNIT_LANES_IFMA_CASES_H

#include "noise/lanes_ifma.h"

#ifdef NOISE_X86

#define FACTOR_MAX       (((int64_t)1 << 52) - 1)
#define FACTOR_MIN       0
#define TIGHT_HIGH       (((int64_t)1 << 51) + ((int64_t)1 << 17) - 1)
#define TIGHT_LOW        0
#define SUM_MAX          ((int64_t)267 << 52)
#define SUM_MIN          0
#define SMALL_MAX        ((int64_t)126 << 52)
#define SMALL_MIN        0
#define REDUCIBLE        ((int64_t)801 << 52)
#define SMALL_FACTOR_MIN 0
#define SMALL_FACTOR_MAX FACTOR_MAX
#define SIGNED_FACTORS   0
#define SMALL_ADD_HIGH   (((int64_t)1 << 51) + ((int64_t)1 << 23))
#define SMALL_ADD_LOW    0
#define FEATURES         (NOISE_CPU_AVX512 | NOISE_CPU_IFMA)
#if LANES_IFMA == 4
#define LANES_COMB
#endif

LANES_TARGET static void set_limb(struct lanes *a, int lane, int i, int64_t to)
{
    a->v[i][lane] = (uint64_t)to;
}

LANES_TARGET static int64_t limb(const struct lanes *a, int lane, int i)
{
    return (int64_t)a->v[i][lane];
}

static uint64_t column_correction(int i)
{
    (void)i;
    return 0;
}

#include "tests/unit/lanes_cases.h"

#else

static int run_lanes_cases(void)
{
    return 0;
}

#endif
#endif
