// SPDX-License-Identifier: Apache-2.0
// Device ids, UTF-8, names, network addresses, and the label printer.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/identity.h"
#include "dsoftbus/label.h"

struct utf8_row {
    const char *name;
    const char *hex;
    bool valid;
};

static const struct utf8_row utf8_rows[] = {
    {"ascii", "6e6f64652d61", true},
    {"NUL is a character", "00", true},
    {"two bytes", "c3a9", true},
    {"first of two bytes", "c280", true},
    {"three bytes", "e282ac", true},
    {"first of three bytes", "e0a080", true},
    {"last before the surrogates", "ed9fbf", true},
    {"first after the surrogates", "ee8080", true},
    {"four bytes", "f09f9880", true},
    {"first of four bytes", "f0908080", true},
    {"last of all", "f48fbfbf", true},
    {"lone continuation", "80", false},
    {"overlong two", "c0af", false},
    {"overlong two, c1", "c1bf", false},
    {"overlong three", "e09fbf", false},
    {"overlong four", "f08fbfbf", false},
    {"surrogate", "eda080", false},
    {"above the last", "f4908080", false},
    {"f5", "f5808080", false},
    {"ff", "ff", false},
    {"cut after one of two", "c3", false},
    {"cut after two of three", "e282", false},
    {"cut after three of four", "f09f98", false},
    {"second byte not a continuation", "c341", false},
    {"third byte not a continuation", "e28241", false},
    {"fourth byte not a continuation", "f09f9841", false},
    {"bad after good", "616263c3", false},
};

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(utf8_rows); i++) {
        uint8_t bytes[16];
        size_t len = hex_decode(bytes, sizeof bytes, utf8_rows[i].hex);
        if (utf8_valid(bytes, len) != utf8_rows[i].valid) {
            fail_msg("row %zu: %s", i, utf8_rows[i].name);
        }
    }
    assert_true(utf8_valid(NULL, 0));
}

static void test_device_id_set(void **state)
{
    (void)state;
    struct device_id id;
    uint8_t bytes[65];
    memset(bytes, 'a', sizeof bytes);

    assert_true(device_id_set(&id, bytes, 64));
    assert_int_equal(id.len, 64);
    assert_false(device_id_set(&id, bytes, 65));
    assert_zero(&id, sizeof id);
    assert_false(device_id_set(&id, bytes, 0));
    bytes[1] = 0xff;
    assert_false(device_id_set(&id, bytes, 2));
    assert_zero(&id, sizeof id);
}

static void test_device_id_equal(void **state)
{
    (void)state;
    struct device_id a = {2, "ab"}, b = {2, "ab"}, c = {2, "ac"}, d = {1, "a"}, none = {0};

    assert_true(device_id_equal(&a, &b));
    assert_false(device_id_equal(&a, &c));
    assert_false(device_id_equal(&a, &d));
    assert_false(device_id_equal(&d, &a));
    assert_false(device_id_equal(&none, &none));
}

static void test_name_plain(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        bool plain =
            c != 0 && c < 128 &&
            strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-", (int)c);
        assert_int_equal(name_plain(&byte, 1), plain);
    }
    uint8_t name[65];
    memset(name, 'n', sizeof name);
    assert_true(name_plain(name, 64));
    assert_false(name_plain(name, 65));
    assert_false(name_plain(name, 0));
}

static void test_addresses(void **state)
{
    (void)state;
    struct net_address a = {NET_IPV4, {10, 0, 2, 15}, 34567}, b = a;
    struct net_address v6 = {NET_IPV6, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1};
    struct net_address same_net = v6, other_net = v6, none = {0};

    assert_true(net_address_equal(&a, &b));
    b.port++;
    assert_false(net_address_equal(&a, &b));
    assert_true(net_address_same_host(&a, &b));
    b.bytes[3]++;
    assert_false(net_address_same_host(&a, &b));
    assert_false(net_address_same_source(&a, &b));
    same_net.bytes[15]++;
    assert_false(net_address_same_host(&v6, &same_net));
    assert_true(net_address_same_source(&v6, &same_net));
    other_net.bytes[7]++;
    assert_false(net_address_same_source(&v6, &other_net));
    assert_false(net_address_equal(&none, &none));
    none.family = 77;
    assert_false(net_address_equal(&none, &none));
}

static void test_label_cannot_forge_a_line(void **state)
{
    (void)state;
    const uint8_t evil[] = "x\nSELFTEST: end";
    char out[LABEL_CHARS_MAX];

    label_escape(out, sizeof out, evil, sizeof evil - 1);
    assert_string_equal(out, "x\\x0aSELFTEST\\x3a\\x20end");
}

static void test_label_every_byte(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        char out[8], expected[8];
        snprintf(expected, sizeof expected, name_plain(&byte, 1) ? "%c" : "\\x%02x", (int)c);
        assert_int_equal(label_escape(out, sizeof out, &byte, 1), strlen(expected));
        assert_string_equal(out, expected);
    }
}

static void test_label_is_bounded(void **state)
{
    (void)state;
    const uint8_t bytes[] = {'a', 0x0a, 'b'};
    for (size_t size = 0; size < 8; size++) {
        char out[10];
        memset(out, '#', sizeof out);
        size_t len = label_escape(out, size, bytes, sizeof bytes);
        assert_true(size == 0 ? len == 0 : len < size);
        for (size_t i = size; i < sizeof out; i++) {
            assert_int_equal(out[i], '#');
        }
        if (size > 0) { // whole escapes only, and nothing after one that did not fit
            assert_int_equal(len, size == 1 ? 0 : size < 6 ? 1 : size == 6 ? 5 : 6);
        }
    }
    struct device_id id = {.len = 64};
    char out[LABEL_CHARS_MAX];
    label_device(out, &id);
    assert_int_equal(strlen(out), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_device_id_set),
        cmocka_unit_test(test_device_id_equal),
        cmocka_unit_test(test_name_plain),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_label_cannot_forge_a_line),
        cmocka_unit_test(test_label_every_byte),
        cmocka_unit_test(test_label_is_bounded),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
