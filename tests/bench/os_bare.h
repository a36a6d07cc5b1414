// SPDX-License-Identifier: Apache-2.0
// A bare machine under QEMU virt: a console to write on, and an end.
#ifndef TESTS_BENCH_OS_BARE_H
#define TESTS_BENCH_OS_BARE_H

#include <stdbool.h>
#include <stdint.h>

void bench_main(void); // the program; called by os_start.S

void bare_print(const char *text);
void bare_print_number(uint64_t n);
_Noreturn void bare_power_off(bool good); // QEMU ends with status 0, or 1

#endif
