// SPDX-License-Identifier: Apache-2.0
// The key scan's search: a key is found in every form and in pieces, and nothing else is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise/blake2s.h"
#include "tests/qemu/keyscan/places.h"
#include "tests/qemu/keyscan/views.h"

enum { KEYS = 3, STATIC = 0, CHAINING = 1, SAME = 2 };

static uint8_t keys[KEYS][NEEDLE_BYTES];
static struct needles needles;

// A few keys without a pattern; the last is there twice.
static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEYS; i++) {
        blake2s(keys[i], (const uint8_t *)&i, sizeof i);
    }
    needles_add(&needles, keys[STATIC], &(struct needle_name){NEEDLE_STATIC, 0, "node-a", NULL});
    needles_add(&needles, keys[CHAINING],
                &(struct needle_name){NEEDLE_CHAINING_KEY, 1, "node-a", "node-b"});
    for (uint32_t i = 0; i < 2; i++) {
        needles_add(&needles, keys[SAME],
                    &(struct needle_name){NEEDLE_EPHEMERAL, i, "node-b", NULL});
    }
    needles_index(&needles);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    needles_free(&needles);
    return 0;
}

// What a view of the data has, as one hit or none.
static bool found_in(enum view_kind kind, const void *data, size_t len, struct needle_hit *hit)
{
    struct view view = {0};
    bool found = false;
    view_make(&view, kind, data, len);
    for (size_t at = 0; !found && at + PIECE_BYTES <= view.len; at++) {
        found = needles_find(&needles, hit, view.bytes, view.len, at);
    }
    if (found) {
        hit->start = view.origin[hit->start];
    }
    view_free(&view);
    return found;
}

static size_t put_hex(char *out, const uint8_t *bytes, size_t len, const char *form)
{
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        at += (size_t)sprintf(out + at, form, bytes[i]);
    }
    return at;
}

// RFC 4648 4 and 5, without padding.
static size_t put_base64(char *out, const uint8_t *bytes, size_t len, bool for_urls)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t at = 0;
    for (size_t bit = 0; bit < 8 * len; bit += 6) {
        unsigned value = 0;
        for (size_t i = bit; i < bit + 6; i++) {
            unsigned one = i < 8 * len ? (uint32_t)bytes[i / 8] >> (7 - i % 8) & 1u : 0;
            value = value << 1 | one;
        }
        out[at++] = value < 62 ? digits[value] : (for_urls ? "-_" : "+/")[value - 62];
    }
    out[at] = '\0';
    return at;
}

static void test_raw_at_every_place(void **state)
{
    (void)state;
    uint8_t data[100];
    struct needle_hit hit;
    memset(data, 0x5a, sizeof data);
    assert_false(found_in(VIEW_RAW, data, sizeof data, &hit));
    for (size_t at = 0; at + NEEDLE_BYTES <= sizeof data; at++) {
        memset(data, 0x5a, sizeof data);
        memcpy(data + at, keys[CHAINING], NEEDLE_BYTES);
        assert_true(found_in(VIEW_RAW, data, sizeof data, &hit));
        assert_int_equal(hit.start, at);
        assert_int_equal(hit.len, NEEDLE_BYTES);
        assert_int_equal(hit.needle->name.kind, NEEDLE_CHAINING_KEY);
    }
}

// A piece from the front: 8 bytes of a derived key, 16 of a provisioned one. And of any 15 in a row.
static void test_pieces(void **state)
{
    (void)state;
    uint8_t data[40];
    struct needle_hit hit;
    for (size_t len = 0; len <= NEEDLE_BYTES; len++) {
        memset(data, 0x5a, sizeof data);
        memcpy(data + 3, keys[CHAINING], len);
        assert_int_equal(found_in(VIEW_RAW, data, sizeof data, &hit), len >= PIECE_BYTES);
        memcpy(data + 3, keys[STATIC], len);
        assert_int_equal(found_in(VIEW_RAW, data, sizeof data, &hit),
                         len >= PIECE_BYTES_PROVISIONED);
    }
    for (size_t from = 0; from + 15 <= NEEDLE_BYTES; from++) {
        memset(data, 0x5a, sizeof data);
        memcpy(data, keys[CHAINING] + from, 15);
        data[15] = (uint8_t)~keys[CHAINING][(from + 15) % NEEDLE_BYTES]; // here it ends
        assert_true(found_in(VIEW_RAW, data, sizeof data, &hit));
        assert_int_equal(hit.start, 0);
        assert_int_equal(hit.len, 15);
    }
}

static void test_hex(void **state)
{
    (void)state;
    char text[300];
    struct needle_hit hit;
    static const char *const before[] = {"", "key=", "key ", "k", "0x", "f", "ab", "abc", "\n"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        for (unsigned form = 0; form < 2; form++) {
            size_t len = (size_t)sprintf(text, "%s", before[i]);
            len += put_hex(text + len, keys[SAME], NEEDLE_BYTES, form == 0 ? "%02x" : "%02X");
            len += (size_t)sprintf(text + len, "%s", i % 2 == 0 ? "" : "f.");
            assert_true(found_in(VIEW_HEX, text, len, &hit));
            assert_int_equal(hit.start, strlen(before[i]));
            assert_int_equal(hit.len, NEEDLE_BYTES);
        }
    }
}

static void test_hex_in_pieces(void **state)
{
    (void)state;
    char text[1000];
    struct needle_hit hit;
    static const char *const forms[] = {
        "%02x ", "%02X:", "0x%02x, ", "\\0x%02x", "%02x\n", "{%02X}", "dsoftbusd: part %02x\n"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t len = put_hex(text, keys[CHAINING], NEEDLE_BYTES, forms[i]);
        assert_false(found_in(VIEW_HEX, text, len, &hit));
        assert_true(found_in(VIEW_HEX_TOKENS, text, len, &hit));
        assert_int_equal(hit.len, NEEDLE_BYTES);
    }
    // Four bytes per line, with a number of an odd length and words between them.
    size_t len = 0;
    for (size_t i = 0; i < NEEDLE_BYTES; i += 4) {
        len += (size_t)sprintf(text + len, "dsoftbusd: word %zu at 123: ", i / 4);
        len += put_hex(text + len, keys[CHAINING] + i, 4, "%02x");
        len += (size_t)sprintf(text + len, "\r\n");
    }
    assert_true(found_in(VIEW_HEX_TOKENS, text, len, &hit));
    assert_int_equal(hit.len, NEEDLE_BYTES);
}

static void test_base64(void **state)
{
    (void)state;
    char text[200];
    uint8_t data[NEEDLE_BYTES + 6];
    struct needle_hit hit;
    for (size_t before = 0; before <= 3; before++) { // bytes encoded before the key: the alignments
        for (size_t after = 0; after <= 3; after++) {
            for (unsigned kind = 0; kind < 2; kind++) {
                memset(data, 0xff, sizeof data);
                memcpy(data + before, keys[CHAINING], NEEDLE_BYTES);
                size_t len = put_base64(text, data, before + NEEDLE_BYTES + after, kind == 1);
                assert_true(found_in(VIEW_BASE64, text, len, &hit));
                assert_int_equal(hit.len, NEEDLE_BYTES);
            }
        }
    }
}

// Characters of the alphabet that happen to stand before it shift everything, by all bit offsets.
static void test_base64_behind_other_characters(void **state)
{
    (void)state;
    char text[200];
    struct needle_hit hit;
    for (size_t before = 0; before <= 8; before++) {
        memset(text, 'x', before);
        size_t len = before + put_base64(text + before, keys[CHAINING], NEEDLE_BYTES, false);
        assert_true(found_in(VIEW_BASE64, text, len, &hit));
        assert_int_equal(hit.start, before);
        assert_int_equal(hit.len, NEEDLE_BYTES);
    }
}

// Cut in two at any place, the longer half is enough; but in base64 it may be 15 bytes, too few of a provisioned key.
static void test_two_halves(void **state)
{
    (void)state;
    char hex[100], base64[100], text[200];
    struct needle_hit hit;
    for (unsigned key = STATIC; key <= CHAINING; key++) {
        size_t hex_len = put_hex(hex, keys[key], NEEDLE_BYTES, "%02x");
        size_t base64_len = put_base64(base64, keys[key], NEEDLE_BYTES, false);
        for (size_t cut = 0; cut <= hex_len; cut++) {
            int len = sprintf(text, "x: %.*s\nx: %s\n", (int)cut, hex, hex + cut);
            assert_true(found_in(VIEW_HEX, text, (size_t)len, &hit));
        }
        for (size_t cut = 0; cut <= base64_len; cut++) {
            int len = sprintf(text, "x: %.*s\nx: %s\n", (int)cut, base64, base64 + cut);
            if (key == CHAINING) {
                assert_true(found_in(VIEW_BASE64, text, (size_t)len, &hit));
            }
        }
    }
}

// Counting bytes, as bring-up keys have them, occur by themselves.
static void test_provisioned_keys_may_count(void **state)
{
    (void)state;
    struct needles counting = {0};
    uint8_t key[NEEDLE_BYTES];
    char text[] = "xxabcdefghijklmnoxx"; // 15 of them
    struct needle_hit hit;
    for (unsigned i = 0; i < NEEDLE_BYTES; i++) {
        key[i] = (uint8_t)('a' - 8 + i);
    }
    needles_add(&counting, key, &(struct needle_name){NEEDLE_ROOT_SEED, 0, "node-a", NULL});
    needles_index(&counting);
    for (size_t at = 0; at + PIECE_BYTES < sizeof text; at++) {
        assert_false(needles_find(&counting, &hit, (const uint8_t *)text, sizeof text - 1, at));
    }
    needles_free(&counting);
}

static void test_twice_is_once(void **state)
{
    (void)state;
    assert_int_equal(needles.count, KEYS);
}

static void test_descriptions(void **state)
{
    (void)state;
    static const struct row {
        struct needle_name name;
        const char *text;
    } rows[] = {
        {{NEEDLE_STATIC, 0, "a", NULL}, "static key of a"},
        {{NEEDLE_ROOT_SEED, 0, "a", NULL}, "root seed of a"},
        {{NEEDLE_PROCESS_SEED, 1, "a", NULL}, "process seed 1 of a"},
        {{NEEDLE_GENERATOR, 7, "a", NULL}, "generator state 7 of a"},
        {{NEEDLE_EPHEMERAL, 7, "a", NULL}, "ephemeral key 7 of a"},
        {{NEEDLE_DH_RESULT, 0, "a", "b"}, "Diffie-Hellman result es of a -> b"},
        {{NEEDLE_CHAINING_KEY, 1, "a", "b"}, "chaining key ee of a -> b"},
        {{NEEDLE_CIPHER_KEY, 2, "a", "b"}, "cipher key se of a -> b"},
        {{NEEDLE_TRANSPORT_I2R, 0, "a", "b"}, "transport key i2r after 0 rekeys of a -> b"},
        {{NEEDLE_TRANSPORT_R2I, 2, "a", "b"}, "transport key r2i after 2 rekeys of a -> b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[NEEDLE_TEXT_CHARS];
        struct needle needle = {.name = rows[i].name};
        needle_describe(text, &needle);
        assert_string_equal(text, rows[i].text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_raw_at_every_place),
        TEST(test_pieces),
        TEST(test_hex),
        TEST(test_hex_in_pieces),
        TEST(test_base64),
        TEST(test_base64_behind_other_characters),
        TEST(test_two_halves),
        TEST(test_provisioned_keys_may_count),
        TEST(test_twice_is_once),
        TEST(test_descriptions),
    };
    return cmocka_run_group_tests_name("keyscan_search", tests, NULL, NULL);
}
