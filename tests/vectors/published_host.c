// SPDX-License-Identifier: Apache-2.0
// published FILE: runs the published test data against noise/ on this machine. Exit status: 0 when all cases passed, 1
// when one failed, 2 when the file cannot be used.
#include <stdio.h>

#include "tests/vectors/published.h"

enum {
    FILE_MAX = 16 << 20,
};

static void print_failure(const char *kind, uint32_t number)
{
    printf("FAIL %s %u\n", kind, number);
}

int main(int argc, char **argv)
{
    struct published_result result[PUBLISHED_KINDS];
    static uint8_t data[FILE_MAX];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    bool good = true;

    if (file == NULL) {
        (void)fprintf(stderr, "usage: published FILE    (made by tests/vectors/published.py)\n");
        return 2;
    }
    size_t len = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    if (!published_run(result, data, len, print_failure)) {
        printf("FAIL the data cannot be used\n");
        return 2;
    }
    for (size_t i = 0; i < PUBLISHED_KINDS; i++) {
        printf("%s %u cases, %u failed\n", published_names[i], result[i].cases, result[i].failed);
        good &= result[i].failed == 0;
    }
    return good ? 0 : 1;
}
