// SPDX-License-Identifier: Apache-2.0
// Escaping of names that others chose.
#include "dsoftbus/label.h"

static size_t escape_byte(char out[static 4], uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    if (name_char_plain(byte)) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

size_t label_escape(char *out, size_t out_size, const uint8_t *bytes, size_t bytes_len)
{
    size_t len = 0;

    if (out_size == 0) {
        return 0;
    }
    for (size_t i = 0; i < bytes_len; i++) {
        char escaped[4];
        size_t escaped_len = escape_byte(escaped, bytes[i]);
        if (escaped_len > out_size - 1 - len) {
            break;
        }
        for (size_t j = 0; j < escaped_len; j++) {
            out[len++] = escaped[j];
        }
    }
    out[len] = 0;
    return len;
}

void label_device(char out[static LABEL_CHARS_MAX], const struct device_id *id)
{
    label_escape(out, LABEL_CHARS_MAX, id->bytes, id->len);
}
