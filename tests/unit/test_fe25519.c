// SPDX-License-Identifier: Apache-2.0
// The field arithmetic as this machine uses it.
#include "tests/unit/fe25519_cases.h"

int main(void)
{
    return run_fe25519_cases();
}
