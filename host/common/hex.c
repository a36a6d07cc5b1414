// SPDX-License-Identifier: Apache-2.0
// Hexadecimal without tables: a key's digits choose no address and no branch.
#include "host/common/hex.h"

#include "noise/ct.h"

// CT: secret = nibble. 0..9 -> '0'.., 10..15 -> 'a'..
static char digit_of(uint32_t nibble)
{
    uint32_t above_9 = (9 - nibble) >> 31; // 1 when nibble > 9

    return (char)('0' + nibble + above_9 * ('a' - '0' - 10));
}

// 1 when low <= c <= high; all below 2^31. CT: secret = c.
static uint32_t in_range(uint32_t c, uint32_t low, uint32_t high)
{
    return 1 ^ ((c - low) >> 31 | (high - c) >> 31);
}

// The value of a digit; *bad becomes 1 when it is none. CT: secret = c.
static uint32_t value_of(char c, uint32_t *bad)
{
    uint32_t byte = (uint8_t)c;
    uint32_t decimal = in_range(byte, '0', '9');
    uint32_t lower = in_range(byte, 'a', 'f');
    uint32_t upper = in_range(byte, 'A', 'F');

    *bad |= 1 ^ (decimal | lower | upper);
    return (uint32_t)((ct_mask_u64(decimal) & (byte - '0')) |
                      (ct_mask_u64(lower) & (byte - 'a' + 10)) |
                      (ct_mask_u64(upper) & (byte - 'A' + 10)));
}

void hex_encode(char *out, const uint8_t *bytes, size_t bytes_len)
{
    for (size_t i = 0; i < bytes_len; i++) {
        out[2 * i] = digit_of(bytes[i] >> 4);
        out[2 * i + 1] = digit_of(bytes[i] & 15);
    }
}

bool hex_decode(uint8_t *bytes, size_t bytes_len, const char *digits, size_t digits_len)
{
    uint32_t bad = 0;

    if (digits_len != 2 * bytes_len) {
        ct_wipe(bytes, bytes_len);
        return false;
    }
    for (size_t i = 0; i < bytes_len; i++) {
        bytes[i] =
            (uint8_t)(value_of(digits[2 * i], &bad) << 4 | value_of(digits[2 * i + 1], &bad));
    }
    if (bad != 0) {
        ct_wipe(bytes, bytes_len);
    }
    return bad == 0;
}
