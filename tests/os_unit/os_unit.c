// SPDX-License-Identifier: Apache-2.0
// The other side of include/cmocka.h: runs a test program on a bare machine and writes TAP to its console.
#include <cmocka.h>
#include <string.h>

#include "tests/bench/os_bare.h"

static size_t running; // the number of the test that runs, from 1
static const char *running_name;

static void print_result(const char *verdict)
{
    bare_print(verdict);
    bare_print_number(running);
    bare_print(" - ");
    bare_print(running_name);
    bare_print("\n");
}

void os_unit_check(bool holds, const char *file, int line)
{
    if (holds) {
        return;
    }
    print_result("not ok ");
    bare_print("# ");
    bare_print(file);
    bare_print(":");
    bare_print_number((uint64_t)line);
    bare_print("\n");
    bare_power_off(false);
}

int os_unit_run(const struct CMUnitTest *tests, size_t tests_len, int (*setup)(void **state))
{
    void *state = NULL;
    running_name = "setup";
    OS_UNIT_CHECK(setup == NULL || setup(&state) == 0);
    for (size_t i = 0; i < tests_len; i++) {
        running = i + 1;
        running_name = tests[i].name;
        OS_UNIT_CHECK(tests[i].setup == NULL || tests[i].setup(&state) == 0);
        tests[i].test(&state);
        print_result("ok ");
    }
    bare_print("1..");
    bare_print_number(tests_len);
    bare_print("\n");
    return 0;
}

char *strchr(const char *text, int c)
{
    for (; *text != (char)c; text++) {
        if (*text == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}

void bench_main(void)
{
    bare_power_off(main() == 0);
}
