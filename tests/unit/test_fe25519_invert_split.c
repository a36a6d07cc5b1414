// SPDX-License-Identifier: Apache-2.0
// The inversion of machines without a carry flag.
#define NOISE_FE_NO_CARRY_FLAG
#include "tests/unit/fe25519_invert_cases.h"

int main(void)
{
    return run_invert_cases();
}
