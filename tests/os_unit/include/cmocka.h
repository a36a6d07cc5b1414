// SPDX-License-Identifier: Apache-2.0
// As much of cmocka as the unit tests of noise/ use, for a bare machine: the same test programs run there. The first
// assertion that does not hold ends the machine with status 1.
#ifndef TESTS_OS_UNIT_CMOCKA_H
#define TESTS_OS_UNIT_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
};

#define cmocka_unit_test(f)                                                                        \
    {                                                                                              \
#f, f, NULL                                                                                \
    }
#define cmocka_unit_test_setup(f, setup)                                                           \
    {                                                                                              \
#f, f, setup                                                                               \
    }
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    os_unit_run(tests, sizeof(tests) / sizeof(tests)[0], setup)

#define OS_UNIT_CHECK(holds) os_unit_check(holds, __FILE__, __LINE__)

#define assert_true(c)                   OS_UNIT_CHECK((c) ? true : false)
#define assert_false(c)                  OS_UNIT_CHECK((c) ? false : true)
#define assert_non_null(p)               OS_UNIT_CHECK((p) != NULL)
#define assert_int_equal(a, b)           OS_UNIT_CHECK((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b)       OS_UNIT_CHECK((uintmax_t)(a) != (uintmax_t)(b))
#define assert_memory_equal(a, b, n)     OS_UNIT_CHECK(memcmp((a), (b), (n)) == 0)
#define assert_memory_not_equal(a, b, n) OS_UNIT_CHECK(memcmp((a), (b), (n)) != 0)
#define assert_string_equal(a, b)        OS_UNIT_CHECK(strcmp((a), (b)) == 0)
#define fail()                           OS_UNIT_CHECK(false)
#define print_message(...)               ((void)0)

void os_unit_check(bool holds, const char *file, int line);
int os_unit_run(const struct CMUnitTest *tests, size_t tests_len, int (*setup)(void **state));

int main(void);

#endif
