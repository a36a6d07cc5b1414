// SPDX-License-Identifier: Apache-2.0
// A row of characters that is used up from the left.
#ifndef TESTS_QEMU_KEYSCAN_TEXT_H
#define TESTS_QEMU_KEYSCAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *at;
    size_t len;
};

// Goes past the word, when the text begins with it.
bool text_take(struct text *text, const char *word);

// The characters before the next `end`, which stays; false when there is none.
bool text_until(struct text *value, struct text *text, char end);

// Lower-case hex digits, all of them: at most cap bytes.
bool text_decode_hex(uint8_t *out, size_t cap, size_t *len, struct text hex);

#endif
