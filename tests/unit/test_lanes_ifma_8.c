// SPDX-License-Identifier: Apache-2.0
// The field arithmetic of AVX-512 IFMA in vectors of 8 lanes.
#define LANES_IFMA 8
#include "tests/unit/lanes_ifma_cases.h"

int main(void)
{
    return run_lanes_cases();
}
