// SPDX-License-Identifier: Apache-2.0
// The published test data on bare rv64imac. QEMU's loader puts the file at DATA; the machine's exit status is the verdict.
#include "tests/bench/os_bare.h"
#include "tests/vectors/published.h"

#define DATA ((const uint8_t *)0x82000000)

enum {
    DATA_MAX = 16 << 20,
};

static void print_failure(const char *kind, uint32_t number)
{
    bare_print("FAIL ");
    bare_print(kind);
    bare_print(" ");
    bare_print_number(number);
    bare_print("\n");
}

void bench_main(void)
{
    struct published_result result[PUBLISHED_KINDS];
    bare_print("path portable\n");
    bool good = published_run(result, DATA, DATA_MAX, 0, print_failure);
    if (!good) {
        bare_print("FAIL the data cannot be used\n");
        bare_power_off(false);
    }
    for (size_t i = 0; i < PUBLISHED_KINDS; i++) {
        bare_print(published_names[i]);
        bare_print(" ");
        bare_print_number(result[i].cases);
        bare_print(" cases, ");
        bare_print_number(result[i].failed);
        bare_print(" failed\n");
        good &= result[i].failed == 0;
    }
    bare_power_off(good);
}
