// SPDX-License-Identifier: Apache-2.0
// Functions that leave their secret behind, each in another place. They must be found.

#include "tests/wipe/leaky.h"

#include <stdlib.h>
#include <string.h>

static uint8_t kept[32];
static uint8_t *heap;

void leak_stack(const uint8_t *secret)
{
    uint8_t copy[512];

    memcpy(copy, secret, 32);
    __asm__ volatile("" : : "r"(copy) : "memory");
}

void leak_deep_stack(const uint8_t *secret)
{
    uint8_t copy[30000];

    memcpy(copy, secret + 11, 8);
    __asm__ volatile("" : : "r"(copy) : "memory");
}

void leak_changed(const uint8_t *secret)
{
    uint8_t copy[512];

    copy[0] = (uint8_t)(secret[0] * 3 + 1);
    __asm__ volatile("" : : "r"(copy) : "memory");
}

void leak_static(const uint8_t *secret)
{
    memcpy(kept, secret, sizeof kept);
    __asm__ volatile("" : : "r"(kept) : "memory");
}

void leak_static_end(void)
{
    memset(kept, 0, sizeof kept);
}

void leak_heap(const uint8_t *secret)
{
    heap = malloc(64);
    if (heap != NULL) {
        memcpy(heap + 5, secret + 3, 9);
    }
}

void leak_heap_end(void)
{
    if (heap != NULL) {
        memset(heap, 0, 64);
        free(heap);
    }
}

void leak_integer_register(const uint8_t *secret)
{
    __asm__ volatile("mov 4(%0), %%r9" : : "r"(secret) : "r9", "memory");
}

void leak_vector_register(const uint8_t *secret)
{
    __asm__ volatile("movdqu (%0), %%xmm13" : : "r"(secret) : "xmm13", "memory");
}

// Only where there are such registers.
void leak_high_register(const uint8_t *secret)
{
    __asm__ volatile("vmovdqu32 (%0), %%zmm29" : : "r"(secret) : "memory");
}
