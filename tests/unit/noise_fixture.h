// SPDX-License-Identifier: Apache-2.0
// What the tests of noise/ share: hex and random functions. Includes cmocka.
#ifndef TESTS_UNIT_NOISE_FIXTURE_H
#define TESTS_UNIT_NOISE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise/noise_error.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

// Test programs include this and use what they need.
#define FIXTURE static inline __attribute__((unused))

FIXTURE int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

// Decodes as much as there is; fails the test on anything that is not hex or does not fit.
FIXTURE size_t hex_decode(uint8_t *out, size_t cap, const char *hex)
{
    size_t len = strlen(hex) / 2;
    assert_true(strlen(hex) % 2 == 0 && len <= cap);
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            fail();
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return len;
}

FIXTURE void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t expected[4096];
    assert_int_equal(hex_decode(expected, sizeof expected, hex), len);
    assert_memory_equal(bytes, expected, len);
}

FIXTURE void assert_zero(const void *memory, size_t len)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

// Repeatable bytes for tests: xorshift64*. Not random, and not meant to be.
FIXTURE uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

FIXTURE void test_random_bytes(uint64_t *state, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(test_random(state) >> 32);
    }
}

// A random function that gives the 32 bytes it is made from, as often as it is asked.
FIXTURE enum noise_error fixed_random(void *ctx, uint8_t *out, size_t len)
{
    assert_int_equal(len, 32);
    memcpy(out, ctx, len);
    return NOISE_OK;
}

#endif
