// SPDX-License-Identifier: Apache-2.0
// The inversion as this machine uses it.
#include "tests/unit/fe25519_invert_cases.h"

int main(void)
{
    return run_invert_cases();
}
