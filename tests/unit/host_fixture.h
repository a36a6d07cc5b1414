// SPDX-License-Identifier: Apache-2.0
// What the tests of host/ share. Includes cmocka.
#ifndef TESTS_UNIT_HOST_FIXTURE_H
#define TESTS_UNIT_HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define HEX_ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define HEX_TWOS  "2222222222222222222222222222222222222222222222222222222222222222"
#define HEX_THREE "3333333333333333333333333333333333333333333333333333333333333333"

// A fresh directory and a descriptor of it.
struct test_directory {
    char path[64];
    int fd;
};

static inline __attribute__((unused)) struct test_directory test_directory_make(void)
{
    struct test_directory directory = {.fd = -1};
    const char *top = getenv("TMPDIR");
    snprintf(directory.path, sizeof directory.path, "%.40s/host-XXXXXX",
             top != NULL ? top : P_tmpdir);
    assert_non_null(mkdtemp(directory.path));
    directory.fd = open(directory.path, O_RDONLY | O_DIRECTORY);
    assert_true(directory.fd >= 0);
    return directory;
}

// Removes the files named, which need not exist, and the directory, which then must be empty.
static inline __attribute__((unused)) void test_directory_remove(struct test_directory *directory,
                                                                 const char *const *names,
                                                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)unlinkat(directory->fd, names[i], 0);
    }
    close(directory->fd);
    assert_int_equal(rmdir(directory->path), 0);
}

#endif
