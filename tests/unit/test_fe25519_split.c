// SPDX-License-Identifier: Apache-2.0
// The field arithmetic of machines without a carry flag.
#define NOISE_FE_NO_CARRY_FLAG
#include "tests/unit/fe25519_cases.h"

int main(void)
{
    return run_fe25519_cases();
}
