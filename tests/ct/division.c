// SPDX-License-Identifier: Apache-2.0
// A control: divides by a secret, which takes a time that depends on it. valgrind does not see that; the list of
// instructions has to.
#include <stdint.h>

uint64_t control_division(uint64_t secret);

uint64_t control_division(uint64_t secret)
{
    return 0x123456789abcdef / (secret | 1);
}
