// SPDX-License-Identifier: Apache-2.0
// Finding one process's text in a bundle.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/keystored/bundle.h"

static const struct row {
    const char *bundle;
    const char *process;
    const char *text; // NULL: none
} rows[] = {
    {"", "a", NULL},
    {"\xff\xd8\nprocess a\nid 1\nport 2\n", "a", "id 1\nport 2\n"},
    {"\xff\xd8\nprocess a\nid 1\nprocess b\nid 2\n", "a", "id 1\n"},
    {"\xff\xd8\nprocess a\nid 1\nprocess b\nid 2", "b", "id 2"},
    {"process a\nid 1\nprocess a\nid 2\n", "a", "id 1\n"}, // the first counts
    {"process a\n", "a", ""},
    {"process a", "a", ""},
    {"process a\nprocess b\n", "a", ""},
    // 8: not it
    {"process ab\nid 1\n", "a", NULL},
    {"process a\nid 1\n", "ab", NULL},
    {"process  a\nid 1\n", "a", NULL},
    {"process a \nid 1\n", "a", NULL},
    {" process a\nid 1\n", "a", NULL},
    {"processa\nid 1\n", "a", NULL},
    {"process a\r\nid 1\n", "a", NULL},
    {"xprocess a\nid 1\n", "a", NULL},
    {"\xff\xd8process a\nid 1\n", "a", NULL},
};

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].bundle), text_len = 0;
        uint8_t *bundle = malloc(len + 1); // of its size but one, which stays unread
        const uint8_t *text = NULL;
        if (bundle == NULL) {
            fail();
            return;
        }
        memcpy(bundle, rows[i].bundle, len);
        bundle[len] = 'x';
        bool found = bundle_find(&text, &text_len, bundle, len, rows[i].process);
        if (found != (rows[i].text != NULL) ||
            (found &&
             (text_len != strlen(rows[i].text) || memcmp(text, rows[i].text, text_len) != 0))) {
            fail_msg("row %zu", i);
        }
        free(bundle);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row)};
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
