// SPDX-License-Identifier: Apache-2.0
// Wiping of dead stack frames.

#include "noise/ct.h"

__attribute__((noinline)) void ct_wipe_stack(void)
{
    uint64_t dead[CT_WIPE_STACK_LEN / sizeof(uint64_t)];

    for (size_t i = 0; i < CT_WIPE_STACK_LEN / sizeof(uint64_t); i++) {
        dead[i] = 0;
    }
    __asm__ volatile("" : : "r"(dead) : "memory");
}
