// SPDX-License-Identifier: Apache-2.0
// Hexadecimal, fingerprints, addresses: the small texts of host/common.
#include "tests/unit/host_fixture.h"

#include "host/common/address.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"

// ---- Hexadecimal ----------------------------------------------------------------------------------

static void test_hex_every_byte(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value, back = 0x5a;
        char digits[3] = "", expected[3];
        snprintf(expected, sizeof expected, "%02x", value);
        hex_encode(digits, &byte, 1);
        assert_string_equal(digits, expected);
        assert_true(hex_decode(&back, 1, digits, 2));
        assert_int_equal(back, byte);
    }
}

static void test_hex_upper_case(void **state)
{
    static const uint8_t expected[] = {0xab, 0xcd, 0xef};
    uint8_t bytes[3];

    (void)state;
    assert_true(hex_decode(bytes, sizeof bytes, "aBCdEF", 6));
    assert_memory_equal(bytes, expected, sizeof expected);
}

// Every character in either place: 22 are digits, and the others leave nothing behind.
static void test_hex_every_character(void **state)
{
    unsigned good = 0;

    (void)state;
    for (int c = 0; c < 256; c++) {
        char high[2] = {(char)c, '1'}, low[2] = {'1', (char)c};
        uint8_t byte = 0x5a, other = 0x5a;
        bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        assert_int_equal(hex_decode(&byte, 1, high, 2), digit);
        assert_int_equal(hex_decode(&other, 1, low, 2), digit);
        assert_true(digit || (byte == 0 && other == 0));
        good += digit;
    }
    assert_int_equal(good, 22);
}

static void test_hex_wrong_length(void **state)
{
    uint8_t bytes[2] = {1, 2};

    (void)state;
    assert_false(hex_decode(bytes, 2, "123", 3));
    assert_false(hex_decode(bytes, 2, "12345", 5));
    assert_false(hex_decode(bytes, 2, "", 0));
    assert_int_equal(bytes[0] | bytes[1], 0);
}

// ---- Fingerprints ---------------------------------------------------------------------------------

struct fingerprint_row {
    uint8_t first, step;
    const char *text;
};

// Computed with Python's hashlib.blake2s and the definition in the header, written a second time.
static const struct fingerprint_row fingerprint_rows[] = {
    {0, 0, "GIFV5E-KM6MUO-54FNMZ-T3NATN-BUIKJS-36TUCW"},
    {0, 1, "AWBFME-B6X7XG-ZNQLXC-UYPEMY-FLVJMV-GWZRVB"},
    {255, 0, "MHJ67K-ICRSCW-NSVBO5-FGEKM6-46OMA2-I6NHL4"},
};

static void key_of(uint8_t key[static DSB_KEY_BYTES], const struct fingerprint_row *row)
{
    for (unsigned i = 0; i < DSB_KEY_BYTES; i++) {
        key[i] = (uint8_t)(row->first + i * row->step);
    }
}

static void test_fingerprint_of_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fingerprint_rows); i++) {
        char text[FINGERPRINT_CHARS + 1];
        uint8_t key[DSB_KEY_BYTES];
        key_of(key, &fingerprint_rows[i]);
        fingerprint_of_key(text, key);
        assert_string_equal(text, fingerprint_rows[i].text);
    }
}

static void test_fingerprint_read_back(void **state)
{
    const char *whole = fingerprint_rows[1].text;
    char out[FINGERPRINT_CHARS + 1], typed[2 * FINGERPRINT_CHARS];
    size_t len = 0;

    (void)state;
    assert_int_equal(fingerprint_read(out, NULL, whole), FINGERPRINT_OK);
    assert_string_equal(out, whole);
    for (const char *c = whole; *c != 0; c++) { // lower case, other digits, blanks for dashes
        if (*c == '-') {
            typed[len++] = ' ';
            typed[len++] = ' ';
        } else {
            typed[len++] = *c == 'O' ? '0' : *c == 'I' ? '1' : *c == 'B' ? '8' : (char)(*c | 0x20);
        }
    }
    typed[len] = 0;
    assert_int_equal(fingerprint_read(out, NULL, typed), FINGERPRINT_OK);
    assert_string_equal(out, whole);
}

// Every single wrong character is found, and the right group is named.
static void test_fingerprint_wrong_character(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    (void)state;
    for (size_t place = 0; place < FINGERPRINT_CHARS; place++) {
        for (size_t i = 0; i < 32; i++) {
            char typed[FINGERPRINT_CHARS + 1], out[FINGERPRINT_CHARS + 1];
            unsigned group = 99;
            memcpy(typed, fingerprint_rows[0].text, sizeof typed);
            if (typed[place] == '-' || typed[place] == alphabet[i]) {
                continue;
            }
            typed[place] = alphabet[i];
            assert_int_equal(fingerprint_read(out, &group, typed), FINGERPRINT_GROUP);
            assert_int_equal(group, place / 7 + 1);
            assert_string_equal(out, "");
        }
    }
}

// Any two different characters of a group swapped, and any two groups.
static void test_fingerprint_swapped(void **state)
{
    char typed[FINGERPRINT_CHARS + 1], out[FINGERPRINT_CHARS + 1];

    (void)state;
    for (size_t a = 0; a < FINGERPRINT_CHARS; a++) {
        for (size_t b = a + 1; b < FINGERPRINT_CHARS && b / 7 == a / 7; b++) {
            memcpy(typed, fingerprint_rows[2].text, sizeof typed);
            char c = typed[a];
            typed[a] = typed[b];
            typed[b] = c;
            if (typed[a] != typed[b] && typed[a] != '-' && typed[b] != '-') {
                assert_int_equal(fingerprint_read(out, NULL, typed), FINGERPRINT_GROUP);
            }
        }
    }
    for (size_t a = 0; a < FINGERPRINT_GROUPS; a++) {
        for (size_t b = a + 1; b < FINGERPRINT_GROUPS; b++) {
            memcpy(typed, fingerprint_rows[2].text, sizeof typed);
            memcpy(typed + 7 * a, fingerprint_rows[2].text + 7 * b, 6);
            memcpy(typed + 7 * b, fingerprint_rows[2].text + 7 * a, 6);
            assert_int_equal(fingerprint_read(out, NULL, typed), FINGERPRINT_GROUP);
        }
    }
}

static void test_fingerprint_malformed(void **state)
{
    char out[FINGERPRINT_CHARS + 1], text[64];

    (void)state;
    assert_int_equal(fingerprint_read(out, NULL, ""), FINGERPRINT_LENGTH);
    snprintf(text, sizeof text, "%.40s", fingerprint_rows[0].text);
    assert_int_equal(fingerprint_read(out, NULL, text), FINGERPRINT_LENGTH);
    snprintf(text, sizeof text, "%sA", fingerprint_rows[0].text);
    assert_int_equal(fingerprint_read(out, NULL, text), FINGERPRINT_LENGTH);
    snprintf(text, sizeof text, "%s", fingerprint_rows[0].text);
    text[3] = '9';
    assert_int_equal(fingerprint_read(out, NULL, text), FINGERPRINT_CHARACTER);
    text[3] = '\xc3';
    assert_int_equal(fingerprint_read(out, NULL, text), FINGERPRINT_CHARACTER);
    assert_string_equal(out, "");
}

// ---- Addresses ------------------------------------------------------------------------------------

struct address_row {
    const char *text, *back; // back NULL: refused
};

static const struct address_row address_rows[] = {
    {"10.42.0.11:34568", "10.42.0.11:34568"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255:65535", "255.255.255.255:65535"},
    {"[fd00::2]:34567", "[fd00::2]:34567"},
    {"[::]", "[::]"},
    {"[2001:DB8::1]:1", "[2001:db8::1]:1"},
    {"10.0.0.1:0", NULL},
    {"10.0.0.1:65536", NULL},
    {"10.0.0.1:080", NULL},
    {"10.0.0.1:99999999999", NULL},
    {"10.0.0.1:", NULL},
    {"10.0.0.1:1x", NULL},
    {"10.0.0.1:-1", NULL},
    {"10.0.0", NULL},
    {"10.0.0.256:1", NULL},
    {"fd00::2", NULL},
    {"fd00::2:34567", NULL},
    {"[fd00::2", NULL},
    {"[fd00::2]34567", NULL},
    {"[fd00::2%eth0]:1", NULL},
    {"[10.0.0.1]:1", NULL},
    {"localhost:1", NULL},
    {"", NULL},
    {":1", NULL},
    {"[]:1", NULL},
    {"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:1", NULL},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(address_rows); i++) {
        const struct address_row *row = &address_rows[i];
        char text[ADDRESS_CHARS_MAX];
        struct net_address address;
        bool good = address_parse(&address, row->text);
        if (good != (row->back != NULL)) {
            fail_msg("row %zu: %s", i, row->text);
        }
        if (good) {
            address_format(text, &address);
            assert_string_equal(text, row->back);
        }
    }
}

static void test_addresses_of_the_kernel(void **state)
{
    struct sockaddr_storage kernel;
    struct net_address address, back;
    char text[ADDRESS_CHARS_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(address_rows) && address_rows[i].back != NULL; i++) {
        assert_true(address_parse(&address, address_rows[i].text));
        assert_true(address_to_sockaddr(&kernel, &address) > 0);
        back = address_from_sockaddr(&kernel);
        assert_true(net_address_equal(&address, &back));
    }
    assert_true(address_parse(&address, "[::ffff:10.1.2.3]:7")); // mapped: it is the IPv4 address
    assert_true(address_to_sockaddr(&kernel, &address) > 0);
    back = address_from_sockaddr(&kernel);
    address_format(text, &back);
    assert_string_equal(text, "10.1.2.3:7");
    memset(&kernel, 0, sizeof kernel); // AF_UNSPEC
    back = address_from_sockaddr(&kernel);
    address_format(text, &back);
    assert_string_equal(text, "-");
    assert_int_equal(address_to_sockaddr(&kernel, &back), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_every_byte),
        cmocka_unit_test(test_hex_upper_case),
        cmocka_unit_test(test_hex_every_character),
        cmocka_unit_test(test_hex_wrong_length),
        cmocka_unit_test(test_fingerprint_of_keys),
        cmocka_unit_test(test_fingerprint_read_back),
        cmocka_unit_test(test_fingerprint_wrong_character),
        cmocka_unit_test(test_fingerprint_swapped),
        cmocka_unit_test(test_fingerprint_malformed),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_addresses_of_the_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
