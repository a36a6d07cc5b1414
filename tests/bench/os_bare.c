// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/os_bare.h"

#include <stddef.h>

#define UART  ((volatile uint8_t *)0x10000000)
#define POWER ((volatile uint32_t *)0x100000)

enum {
    POWER_PASS = 0x5555,
    POWER_FAIL = 0x13333, // status 1
};

void bare_print(const char *text)
{
    while (*text != '\0') {
        *UART = (uint8_t)*text++;
    }
}

void bare_print_number(uint64_t n)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    bare_print(&digits[at]);
}

_Noreturn void bare_power_off(bool good)
{
    *POWER = good ? POWER_PASS : POWER_FAIL;
    for (;;) {
    }
}
