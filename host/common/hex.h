// SPDX-License-Identifier: Apache-2.0
// Hexadecimal, also of keys.
#ifndef HOST_COMMON_HEX_H
#define HOST_COMMON_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writes 2 * bytes_len lower-case digits, without a closing 0.
// CT: secret = bytes; public = length. No index or branch depends on a digit.
void hex_encode(char *out, const uint8_t *bytes, size_t bytes_len);

// Reads exactly 2 * bytes_len digits, either case. Anything else: false, and `bytes` is zero.
// CT: secret = digits; public = length, and whether all of them are digits.
bool hex_decode(uint8_t *bytes, size_t bytes_len, const char *digits, size_t digits_len)
    __attribute__((warn_unused_result));

#endif
