// SPDX-License-Identifier: Apache-2.0
#ifndef TESTS_WIPE_LEAKY_H
#define TESTS_WIPE_LEAKY_H

#include <stdint.h>

void leak_stack(const uint8_t *secret);
void leak_deep_stack(const uint8_t *secret); // eight bytes from its middle, 30,000 bytes down
void leak_changed(const uint8_t *secret);    // one byte, and not as it was
void leak_static(const uint8_t *secret);
void leak_static_end(void);
void leak_heap(const uint8_t *secret);
void leak_heap_end(void);
void leak_integer_register(const uint8_t *secret);
void leak_vector_register(const uint8_t *secret);
void leak_high_register(const uint8_t *secret); // 64 bytes are read; needs AVX-512

#endif
