// SPDX-License-Identifier: Apache-2.0
// Memory or the end of the program, with a message.
#ifndef TESTS_QEMU_KEYSCAN_MEMORY_H
#define TESTS_QEMU_KEYSCAN_MEMORY_H

#include <stddef.h>

void *memory_resize(void *old, size_t count, size_t size);
void *memory_zeroed(size_t count, size_t size);
char *memory_text(const char *text, size_t len); // with a closing 0

#endif
