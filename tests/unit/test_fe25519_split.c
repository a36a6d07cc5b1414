// SPDX-License-Identifier: Apache-2.0
// The field arithmetic of machines without a carry flag, through the same tests.
#define NOISE_FE_NO_CARRY_FLAG
#include "tests/unit/test_fe25519.c"
