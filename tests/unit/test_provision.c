// SPDX-License-Identifier: Apache-2.0
// The provisioning text: every field, every fault, and no input without a defined result.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/keystored/provision.h"

#define KEY_11 "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_aF "aFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaFaF"
#define KEY_22 "2222222222222222222222222222222222222222222222222222222222222222"
#define KEY_00 "0000000000000000000000000000000000000000000000000000000000000000"
#define BASE   "id node-a\nport 34567\nstatic " KEY_11 "\nboot 0\n"
#define ID_64  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._"
#define X100                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"

extern const struct provision_option seed_option; // services/keystored/lab/seed_option.c

static enum provision_error parse(struct provision *out, struct provision_fault *fault,
                                  const char *text, const struct provision_option *option)
{
    memset(out, 0xa5, sizeof *out);
    return provision_parse(out, fault, (const uint8_t *)text, strlen(text), option);
}

static void whole_file(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n\n  \t\n"
                               "peer node-b " KEY_22 " 10.42.0.11:34568 dial\n"
                               "id\tnode-a  \n port 34567\nstatic " KEY_aF "\nboot 4294967295\n"
                               "peer c " KEY_11 "\n"
                               "seed " KEY_22; // no newline at the end
    struct provision p;
    struct provision_fault fault;
    assert_int_equal(parse(&p, &fault, text, &seed_option), PROVISION_OK);
    assert_int_equal(p.id_len, 6);
    assert_memory_equal(p.id, "node-a", 6);
    assert_int_equal(p.port, 34567);
    assert_int_equal(p.boot, UINT32_MAX);
    assert_int_equal(p.peer_count, 2);
    assert_true(p.has_seed);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(p.static_key[i], 0xaf);
        assert_int_equal(p.seed[i], 0x22);
        assert_int_equal(p.peers[0].public_key[i], 0x22);
        assert_int_equal(p.peers[1].public_key[i], 0x11);
    }
    assert_memory_equal(p.peers[0].id, "node-b", 6);
    assert_int_equal(p.peers[0].has_address, 1);
    assert_int_equal(p.peers[0].dial, 1);
    assert_memory_equal(p.peers[0].address, ((uint8_t[]){10, 42, 0, 11}), 4);
    assert_int_equal(p.peers[0].port, 34568);
    assert_int_equal(p.peers[1].id_len, 1);
    assert_int_equal(p.peers[1].has_address, 0);
    assert_int_equal(p.peers[1].dial, 0);
}

static void seed_is_an_option(void **state)
{
    (void)state;
    struct provision p;
    struct provision_fault fault;
    assert_int_equal(parse(&p, &fault, BASE, &seed_option), PROVISION_OK);
    assert_false(p.has_seed);
    assert_int_equal(parse(&p, &fault, BASE "seed " KEY_22 "\n", NULL), PROVISION_UNKNOWN);
    assert_string_equal(fault.field, "unknown");
    assert_int_equal(fault.line, 5);
}

static const struct row {
    const char *text;
    enum provision_error error;
    uint32_t line;
    const char *field;
} rows[] = {
    // 0: accepted shapes
    {BASE, PROVISION_OK, 0, ""},
    {BASE "peer b " KEY_22 " dial\n", PROVISION_OK, 0, ""},
    {BASE "peer b " KEY_22 " 0.0.0.0:1\n", PROVISION_OK, 0, ""},
    {BASE "peer b " KEY_22 " 255.255.255.255:65535 dial", PROVISION_OK, 0, ""},
    {BASE "peer " ID_64 " " KEY_22 "\n", PROVISION_OK, 0, ""},
    {BASE "# " X100 X100 X100 "\n", PROVISION_OK, 0, ""},
    // 6: missing
    {"", PROVISION_MISSING, 0, "id"},
    {"port 1\nstatic " KEY_11 "\nboot 0\n", PROVISION_MISSING, 0, "id"},
    {"id a\nstatic " KEY_11 "\nboot 0\n", PROVISION_MISSING, 0, "port"},
    {"id a\nport 1\nboot 0\n", PROVISION_MISSING, 0, "static"},
    {"id a\nport 1\nstatic " KEY_11 "\n", PROVISION_MISSING, 0, "boot"},
    // 11: repeated
    {BASE "id node-a\n", PROVISION_REPEATED, 5, "id"},
    {BASE "port 34567\n", PROVISION_REPEATED, 5, "port"},
    {BASE "static " KEY_11 "\n", PROVISION_REPEATED, 5, "static"},
    {BASE "boot 0\n", PROVISION_REPEATED, 5, "boot"},
    {BASE "seed " KEY_11 "\nseed " KEY_11 "\n", PROVISION_REPEATED, 6, "seed"},
    {BASE "peer b " KEY_11 "\npeer b " KEY_22 "\n", PROVISION_REPEATED, 6, "peer"},
    {BASE "peer b " KEY_11 "\npeer c " KEY_11 "\n", PROVISION_REPEATED, 6, "peer"},
    // 18: malformed
    {"id\n", PROVISION_MALFORMED, 1, "id"},
    {"id a b\n", PROVISION_MALFORMED, 1, "id"},
    {"id a\r\n", PROVISION_MALFORMED, 1, "id"},
    {"id " ID_64 "x\n", PROVISION_MALFORMED, 1, "id"},
    {"id k\xc3\xbc\n", PROVISION_MALFORMED, 1, "id"},
    {"port\n", PROVISION_MALFORMED, 1, "port"},
    {"port 0\n", PROVISION_MALFORMED, 1, "port"},
    {"port 65536\n", PROVISION_MALFORMED, 1, "port"},
    {"port 01\n", PROVISION_MALFORMED, 1, "port"},
    {"port -1\n", PROVISION_MALFORMED, 1, "port"},
    {"port 4294967297\n", PROVISION_MALFORMED, 1, "port"},
    {"port 18446744073709551617\n", PROVISION_MALFORMED, 1, "port"},
    {"boot 4294967296\n", PROVISION_MALFORMED, 1, "boot"},
    {"boot 9999999999\n", PROVISION_MALFORMED, 1, "boot"},
    {"boot x\n", PROVISION_MALFORMED, 1, "boot"},
    {"static\n", PROVISION_MALFORMED, 1, "static"},
    {"static " KEY_11 "11\n", PROVISION_MALFORMED, 1, "static"},
    {"static g" KEY_11 "\n", PROVISION_MALFORMED, 1, "static"},
    {"static 111111111111111111111111111111111111111111111111111111111111111g\n",
     PROVISION_MALFORMED, 1, "static"},
    {"static 111111111111111111111111111111111111111111111111111111111111111\n",
     PROVISION_MALFORMED, 1, "static"},
    {"static " KEY_00 "\n", PROVISION_MALFORMED, 1, "static"},
    {"static " KEY_11 " " KEY_11 "\n", PROVISION_MALFORMED, 1, "static"},
    {BASE "seed 11\n", PROVISION_MALFORMED, 5, "seed"},
    {BASE "seed " KEY_00 "\n", PROVISION_MALFORMED, 5, "seed"},
    {BASE "peer\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer " KEY_11 "\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_00 "\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " dia\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " dials\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " dial dial\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " dial 1.2.3.4:5\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.4\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.4:\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.4:0\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3:4\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.256:4\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.4.5:6\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 01.2.3.4:5\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.4:65536\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer b " KEY_11 " 1.2.3.4:5 x\n", PROVISION_MALFORMED, 5, "peer"},
    {BASE "peer node-a " KEY_22 "\n", PROVISION_MALFORMED, 0, "peer"},
    // 60: unknown, too long
    {"ids a\n", PROVISION_UNKNOWN, 1, "unknown"},
    {"i a\n", PROVISION_UNKNOWN, 1, "unknown"},
    {"\n" KEY_11 "\n", PROVISION_UNKNOWN, 2, "unknown"},
    {"ID a\n", PROVISION_UNKNOWN, 1, "unknown"},
    {"id a" X100 X100 "\n", PROVISION_TOO_LONG, 1, "id"},
    {X100 X100 "x\n", PROVISION_TOO_LONG, 1, "unknown"},
};

static bool is_zero(const void *memory, size_t len)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct provision p;
        struct provision_fault fault;
        enum provision_error error = parse(&p, &fault, rows[i].text, &seed_option);
        if (error != rows[i].error || fault.error != error) {
            fail_msg("row %zu: %s, field %s", i, provision_error_name(error), fault.field);
        }
        if (error != PROVISION_OK && (strcmp(fault.field, rows[i].field) != 0 ||
                                      fault.line != rows[i].line || !is_zero(&p, sizeof p))) {
            fail_msg("row %zu: field %s line %u, or not wiped", i, fault.field, fault.line);
        }
    }
}

static void number_of_peers(void **state)
{
    (void)state;
    char text[PROVISION_FILE_BYTES_MAX] = BASE;
    struct provision p;
    struct provision_fault fault;
    for (unsigned i = 0; i <= KEYSTORE_PEERS_MAX; i++) {
        assert_int_equal(parse(&p, &fault, text, NULL), PROVISION_OK);
        assert_int_equal(p.peer_count, i);
        char *end = text + strlen(text);
        sprintf(end, "peer p%u %062x%02x\n", i, 0, i + 1);
    }
    assert_int_equal(parse(&p, &fault, text, NULL), PROVISION_TOO_MANY);
    assert_string_equal(fault.field, "peer");
    assert_int_equal(fault.line, 5 + KEYSTORE_PEERS_MAX);
    assert_true(is_zero(&p, sizeof p));
}

static void whole_text_too_long(void **state)
{
    (void)state;
    static char text[PROVISION_FILE_BYTES_MAX + 2];
    struct provision p;
    struct provision_fault fault;
    memset(text, '\n', sizeof text - 1);
    memcpy(text, BASE, strlen(BASE));
    assert_int_equal(parse(&p, &fault, text, NULL), PROVISION_TOO_LONG);
    assert_string_equal(fault.field, "file");
    text[PROVISION_FILE_BYTES_MAX] = 0;
    assert_int_equal(parse(&p, &fault, text, NULL), PROVISION_OK);
}

// Whatever a device hands over: a result that is consistent, and no access outside the text (the text lies
// at the end of an allocation of its exact size).
static void damaged_texts(void **state)
{
    (void)state;
    static const char good[] = BASE "peer b " KEY_22 " 1.2.3.4:5 dial\nseed " KEY_22 "\n";
    uint32_t x = 1;
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = sizeof good - 1;
        x = x * 1664525 + 1013904223;
        if (round % 4 == 0) {
            len = (x >> 8) % len;
        }
        uint8_t *text = malloc(len + (len == 0));
        if (text == NULL) {
            fail();
            return;
        }
        memcpy(text, good, len);
        for (unsigned k = 0; k < round % 4 && len > 0; k++) {
            x = x * 1664525 + 1013904223;
            text[(x >> 8) % len] = (uint8_t)(x >> 3);
        }
        struct provision p;
        struct provision_fault fault;
        enum provision_error error = provision_parse(&p, &fault, text, len, &seed_option);
        assert_true(error == fault.error);
        assert_true(error == PROVISION_OK ? p.id_len > 0 && p.port > 0 : is_zero(&p, sizeof p));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_file),    cmocka_unit_test(seed_is_an_option),
        cmocka_unit_test(each_row),      cmocka_unit_test(number_of_peers),
        cmocka_unit_test(damaged_texts), cmocka_unit_test(whole_text_too_long),
    };
    return cmocka_run_group_tests_name("provision", tests, NULL, NULL);
}
