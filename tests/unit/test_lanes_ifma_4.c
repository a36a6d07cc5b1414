// SPDX-License-Identifier: Apache-2.0
// The field arithmetic of AVX-512 IFMA in vectors of 4 lanes.
#define LANES_IFMA 4
#include "tests/unit/lanes_ifma_cases.h"

int main(void)
{
    return run_lanes_cases();
}
