// SPDX-License-Identifier: Apache-2.0
// Decoders that take digits where they find them.
#include "tests/qemu/keyscan/views.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tests/qemu/keyscan/memory.h"

enum {
    RUN_MIN_BITS = 64, // shorter runs cannot hold a piece of a key
    HEX_BITS = 4,
    BASE64_BITS = 6,
};

static void put(struct view *view, uint8_t byte, size_t origin)
{
    if (view->len == view->cap) {
        view->cap = view->cap == 0 ? 4096 : 2 * view->cap;
        view->bytes = memory_resize(view->bytes, view->cap, sizeof *view->bytes);
        view->origin = memory_resize(view->origin, view->cap, sizeof *view->origin);
    }
    view->bytes[view->len] = byte;
    view->origin[view->len++] = origin;
}

// ---- Digits: their value, or -1 -------------------------------------------------------------------------------

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

static bool is_word(uint8_t c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// ---- Runs -----------------------------------------------------------------------------------------------------

// The whole bytes in data[first..end), `bits` per character, when the first `skip` bits are not looked at.
static void decode_run(struct view *view, int (*digit)(uint8_t), unsigned bits, unsigned skip,
                       const uint8_t *data, size_t first, size_t end)
{
    uint32_t window = 0;
    unsigned have = 0;
    size_t origin = first;
    for (size_t i = first; i < end; i++) {
        if (have == 0) {
            origin = i;
        }
        window = window << bits | (uint32_t)digit(data[i]);
        have += bits;
        if (skip > 0) {
            unsigned drop = skip < have ? skip : have;
            skip -= drop;
            have -= drop;
        }
        if (have >= 8) {
            have -= 8;
            put(view, (uint8_t)(window >> have), origin);
            origin = i;
        }
    }
}

static void decode_runs(struct view *view, int (*digit)(uint8_t), unsigned bits,
                        const uint8_t *data, size_t data_len)
{
    // Bytes begin at multiples of 8 bits, characters at multiples of `bits`.
    unsigned step = bits == HEX_BITS ? 4 : 2;
    for (size_t first = 0; first < data_len;) {
        size_t end = first;
        while (end < data_len && digit(data[end]) >= 0) {
            end++;
        }
        for (unsigned skip = 0; skip < 8 && (end - first) * bits >= RUN_MIN_BITS; skip += step) {
            decode_run(view, digit, bits, skip, data, first, end);
        }
        first = end + 1;
    }
}

// ---- Tokens ---------------------------------------------------------------------------------------------------

static bool is_hex_token(const uint8_t *token, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (hex_digit(token[i]) < 0) {
            return false;
        }
    }
    return len > 0 && len % 2 == 0;
}

static void decode_tokens(struct view *view, const uint8_t *data, size_t data_len)
{
    for (size_t first = 0; first < data_len;) {
        size_t end = first;
        while (end < data_len && is_word(data[end])) {
            end++;
        }
        size_t start = first;
        if (end - first > 2 && data[first] == '0' && (data[first + 1] | 0x20) == 'x') {
            start += 2;
        }
        if (is_hex_token(data + start, end - start)) {
            decode_run(view, hex_digit, HEX_BITS, 0, data, start, end);
        }
        first = end + 1;
    }
}

// ---- Views ----------------------------------------------------------------------------------------------------

void view_make(struct view *view, enum view_kind kind, const uint8_t *data, size_t data_len)
{
    view->len = 0;
    switch (kind) {
    case VIEW_RAW:
        for (size_t i = 0; i < data_len; i++) {
            put(view, data[i], i);
        }
        break;
    case VIEW_HEX:
        decode_runs(view, hex_digit, HEX_BITS, data, data_len);
        break;
    case VIEW_HEX_TOKENS:
        decode_tokens(view, data, data_len);
        break;
    case VIEW_BASE64:
        decode_runs(view, base64_digit, BASE64_BITS, data, data_len);
        break;
    case VIEW_KINDS:
        break;
    }
}

void view_free(struct view *view)
{
    free(view->bytes);
    free(view->origin);
    *view = (struct view){0};
}

const char *view_name(enum view_kind kind)
{
    static const char *const names[VIEW_KINDS] = {"raw", "hex", "hex in pieces", "base64"};
    return names[kind];
}
