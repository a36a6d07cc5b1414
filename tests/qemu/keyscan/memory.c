// SPDX-License-Identifier: Apache-2.0
// Memory or the end of the program.
#include "tests/qemu/keyscan/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_UNUSABLE = 2 };

static _Noreturn void out_of_memory(void)
{
    (void)fputs("keyscan: out of memory\n", stderr);
    exit(EXIT_UNUSABLE);
}

void *memory_resize(void *old, size_t count, size_t size)
{
    void *memory = reallocarray(old, count > 0 ? count : 1, size);
    if (memory == NULL) {
        out_of_memory();
    }
    return memory;
}

void *memory_zeroed(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        out_of_memory();
    }
    return memory;
}

char *memory_text(const char *text, size_t len)
{
    char *copy = memory_resize(NULL, len + 1, 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}
