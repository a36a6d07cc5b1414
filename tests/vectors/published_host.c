// SPDX-License-Identifier: Apache-2.0
// published FILE: runs the published test data against noise/ on each path that this machine has. Exit status: 0 when
// all cases passed.
#include <stdio.h>

#include "tests/cpu_paths.h"
#include "tests/vectors/published.h"

enum {
    FILE_MAX = 16 << 20,
};

static void print_failure(const char *kind, uint32_t number)
{
    printf("FAIL %s %u\n", kind, number);
}

// false: a case failed.
static bool run_path(const char *name, const uint8_t *data, size_t len)
{
    struct published_result result[PUBLISHED_KINDS];
    bool good = true;

    printf("path %s\n", name);
    if (!published_run(result, data, len, 0, print_failure)) {
        printf("FAIL the data cannot be used\n");
        return false;
    }
    for (size_t i = 0; i < PUBLISHED_KINDS; i++) {
        printf("%s %u cases, %u failed\n", published_names[i], result[i].cases, result[i].failed);
        good &= result[i].failed == 0;
    }
    return good;
}

int main(int argc, char **argv)
{
    static uint8_t data[FILE_MAX];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    bool good = true;

    if (file == NULL) {
        (void)fprintf(stderr, "usage: published FILE    (made by tests/vectors/published.py)\n");
        return 2;
    }
    size_t len = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    for (size_t i = 0; i < cpu_paths_len; i++) {
        if (cpu_path_take(&cpu_paths[i])) {
            good &= run_path(cpu_paths[i].name, data, len);
        } else {
            printf("lacks %s\n", cpu_paths[i].name);
        }
    }
    return good ? 0 : 1;
}
