// SPDX-License-Identifier: Apache-2.0
#include "tests/qemu/keyscan/text.h"

#include <string.h>

bool text_take(struct text *text, const char *word)
{
    size_t len = strlen(word);
    if (text->len < len || memcmp(text->at, word, len) != 0) {
        return false;
    }
    text->at += len;
    text->len -= len;
    return true;
}

bool text_until(struct text *value, struct text *text, char end)
{
    const char *found = text->len > 0 ? memchr(text->at, end, text->len) : NULL;
    if (found == NULL) {
        return false;
    }
    *value = (struct text){text->at, (size_t)(found - text->at)};
    text->at += value->len;
    text->len -= value->len;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_decode_hex(uint8_t *out, size_t cap, size_t *len, struct text hex)
{
    if (hex.len % 2 != 0 || hex.len / 2 > cap) {
        return false;
    }
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = hex_digit(hex.at[2 * i]);
        int low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    *len = hex.len / 2;
    return true;
}
