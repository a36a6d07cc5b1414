// SPDX-License-Identifier: Apache-2.0
// What the compiler expects to find, and nothing else.
#ifndef KERNEL_STRING_H
#define KERNEL_STRING_H

#include <stdint.h>

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, uint64_t len);
__attribute__((used)) void *memset(void *to, int value, uint64_t len);

#endif
