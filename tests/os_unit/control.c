// SPDX-License-Identifier: Apache-2.0
// A test program whose second test does not hold: the machine has to say so.
#include <cmocka.h>
#include <string.h>

static void test_holds(void **state)
{
    (void)state;
    assert_memory_equal("same", "same", 4);
    assert_int_equal(1, 1);
}

static void test_does_not_hold(void **state)
{
    (void)state;
    assert_memory_equal("same", "sane", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
