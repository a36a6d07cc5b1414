// SPDX-License-Identifier: Apache-2.0
// The key scan's reading of texts: the console's log, and the foreign nodes' notes. Damage is noticed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise/x25519.h"
#include "tests/qemu/keyscan/console.h"
#include "tests/qemu/keyscan/foreign.h"

#define BOUND     "dsoftbusd: identity bound peer=node-b\n"
#define INITIATOR "dsoftbusd: session peer=node-b role=initiator hash=0123456789abcdef\n"
#define RESPONDER "dsoftbusd: session peer=a\\x20b role=responder hash=fedcba9876543210\n"
#define AUTH_OK   "dsoftbusd: auth ok\n"
#define DUAL_NODE "dsoftbusd: dual-node session ok\n"
#define GOOD      "noise\r\n" BOUND INITIATOR DUAL_NODE BOUND AUTH_OK RESPONDER "SELFTEST: end\n"

static struct console console;

static enum console_error parse(const char *text, size_t *line)
{
    return console_parse(&console, line, (const uint8_t *)text, strlen(text));
}

static void test_sessions_are_read(void **state)
{
    (void)state;
    size_t line;
    static const uint8_t hash[] = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    assert_int_equal(parse(GOOD, &line), CONSOLE_OK);
    assert_int_equal(console.count, 2);
    assert_true(console.sessions[0].is_initiator);
    assert_string_equal(console.sessions[0].peer, "node-b");
    assert_int_equal(console.sessions[0].line, 3);
    assert_false(console.sessions[1].is_initiator);
    assert_string_equal(console.sessions[1].peer, "a\\x20b");
    assert_memory_equal(console.sessions[1].hash, hash, sizeof hash);
    console_free(&console);
    // Other lines that begin alike are none, and what stands before the prefix is no line.
    assert_int_equal(parse("dsoftbusd: session connect peer=x\ndsoftbusd: session lost peer=x: y\n"
                           "x" INITIATOR "\xff\n\n\r\n" INITIATOR,
                           &line),
                     CONSOLE_OK);
    assert_int_equal(console.count, 1);
    console_free(&console);
    assert_int_equal(parse("", &line), CONSOLE_OK);
    assert_int_equal(console.count, 0);
    console_free(&console);
}

static void test_a_carriage_return_is_no_part_of_a_line(void **state)
{
    (void)state;
    size_t line;
    assert_int_equal(
        parse("dsoftbusd: session peer=node-b role=initiator hash=0123456789abcdef\r\n", &line),
        CONSOLE_OK);
    assert_int_equal(console.count, 1);
    console_free(&console);
}

static void test_a_damaged_line_is_an_error(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "dsoftbusd: session peer=",
        "dsoftbusd: session peer= role=initiator hash=0123456789abcdef",
        "dsoftbusd: session peer=node-b",
        "dsoftbusd: session peer=node-b  role=initiator hash=0123456789abcdef",
        "dsoftbusd: session peer=node-b role= hash=0123456789abcdef",
        "dsoftbusd: session peer=node-b role=observer hash=0123456789abcdef",
        "dsoftbusd: session peer=node-b role=initiator hash=",
        "dsoftbusd: session peer=node-b role=initiator hash=0123456789abcde",
        "dsoftbusd: session peer=node-b role=initiator hash=0123456789abcdef0",
        "dsoftbusd: session peer=node-b role=initiator hash=0123456789abcdef ",
        "dsoftbusd: session peer=node-b role=initiator hash=0123456789abcdeg",
        "dsoftbusd: session peer=node-b role=initiator hash=0123456789ABCDEF",
        "dsoftbusd: session peer=node-b role=initiator  hash=0123456789abcdef",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        size_t line;
        snprintf(text, sizeof text, INITIATOR "%s\n" AUTH_OK, rows[i]);
        if (parse(text, &line) != CONSOLE_MALFORMED || line != 2 || console.count != 0) {
            fail_msg("row %zu", i);
        }
        snprintf(text, sizeof text, "%s", rows[i]); // a last line without its end
        assert_int_equal(parse(text, &line), CONSOLE_MALFORMED);
        assert_int_equal(line, 1);
    }
}

static void test_an_endless_peer_is_an_error(void **state)
{
    (void)state;
    char text[400] = "dsoftbusd: session peer=";
    static const char rest[] = " role=initiator hash=0123456789abcdef\n";
    size_t line, begin = strlen(text);
    for (size_t len = 1; len < 300; len++) {
        memset(text + begin, 'x', len);
        memcpy(text + begin + len, rest, sizeof rest);
        assert_int_equal(parse(text, &line),
                         len < LABEL_CHARS_MAX ? CONSOLE_OK : CONSOLE_MALFORMED);
        console_free(&console);
    }
    memcpy(text + begin, "abc", 3);
    text[begin + 1] = '\0';
    memcpy(text + begin + 3, rest, sizeof rest);
    assert_int_equal(
        console_parse(&console, &line, (const uint8_t *)text, begin + 3 + sizeof rest - 1),
        CONSOLE_MALFORMED);
}

// Whichever line of sessions is lost, the others give it away.
static void test_a_missing_line_is_an_error(void **state)
{
    (void)state;
    size_t line;
    assert_int_equal(parse(INITIATOR DUAL_NODE AUTH_OK, &line), CONSOLE_RESPONDERS);
    assert_int_equal(parse(INITIATOR DUAL_NODE RESPONDER, &line), CONSOLE_RESPONDERS);
    assert_int_equal(parse(AUTH_OK AUTH_OK RESPONDER, &line), CONSOLE_RESPONDERS);
    assert_int_equal(parse(DUAL_NODE AUTH_OK RESPONDER, &line), CONSOLE_INITIATORS);
    assert_int_equal(console.count, 0);
    assert_string_not_equal(console_error_name(CONSOLE_INITIATORS), "unknown");
    assert_int_equal(parse(INITIATOR, &line), CONSOLE_OK); // its PING was not answered
    console_free(&console);
}

static void test_starts_are_counted(void **state)
{
    (void)state;
    static const char text[] = "init: start\ninit: start x\ninit: start xy\r\n init: start x\n"
                               "init: start x \ninit: start x\r\ninit: start x";
    assert_int_equal(console_starts((const uint8_t *)text, sizeof text - 1, "x"), 3);
    assert_int_equal(console_starts((const uint8_t *)text, sizeof text - 1, "xy"), 1);
    assert_int_equal(console_starts((const uint8_t *)text, sizeof text - 1, "z"), 0);
    assert_int_equal(console_starts((const uint8_t *)text, 0, "x"), 0);
}

// ---- sessions.json ------------------------------------------------------------------------------------------------

#define HEX_32 "1111111111111111111111111111111111111111111111111111111111111111"
#define SESSION                                                                                    \
    "{\"client\": \"c\", \"name\": \"a good session\", \"id\": \"node-b\", \"static\": \"" HEX_32  \
    "\", \"responder_id\": \"node-a\", \"responder\": \"" HEX_32                                   \
    "\", \"control\": \"\", \"source_port\": 40000, \"ephemeral\": \"" HEX_32                      \
    "\", \"prologue\": \"445342\", \"messages\": [\"00ff\", \"01\", \"02\"], \"hash\": \"" HEX_32  \
    "\", \"token\": \"a1b2\", \"outcome\": \"pong\"}"
#define REFUSED                                                                                    \
    "{\"client\": \"c\", \"name\": \"n\", \"id\": \"node-b\", \"static\": \"" HEX_32               \
    "\", \"responder_id\": \"node-a\", \"responder\": \"" HEX_32                                   \
    "\", \"control\": \"\", \"source_port\": 0, \"ephemeral\": \"" HEX_32                          \
    "\", \"prologue\": \"\", \"messages\": [], \"hash\": \"\", \"token\": \"\", \"outcome\": "     \
    "\"\"}"

static struct foreign foreign;

static bool parse_foreign(const char *text, size_t *line)
{
    return foreign_parse(&foreign, line, (const uint8_t *)text, strlen(text));
}

static void test_foreign_sessions_are_read(void **state)
{
    (void)state;
    size_t line;
    uint8_t public_key[32];
    assert_true(parse_foreign("[\n" SESSION ",\n" REFUSED "\n]\n", &line));
    assert_int_equal(foreign.count, 2);
    const struct foreign_session *session = &foreign.sessions[0];
    assert_string_equal(session->name, "c, a good session");
    x25519_base(public_key, session->statics.secret);
    assert_memory_equal(session->statics.public_key, public_key, 32);
    assert_int_equal(session->ephemeral.secret[31], 0x11);
    assert_int_equal(session->message_count, 3);
    assert_memory_equal(session->messages[0], "\0\xff", 2);
    assert_int_equal(session->message_lens[2], 1);
    assert_int_equal(session->prologue_len, 3);
    assert_true(session->has_hash);
    assert_int_equal(foreign.sessions[1].message_count, 0);
    assert_false(foreign.sessions[1].has_hash);
    foreign_free(&foreign);
}

// Any character of it lost, or changed into a quote, is noticed where it is not free text.
static void test_damaged_foreign_sessions_are_errors(void **state)
{
    (void)state;
    static const char good[] = "[\n" SESSION "\n]\n";
    static const char *const rows[] = {
        "",
        "[\n]\n",
        "[]\n",
        "[\n" SESSION "\n",
        "[\n" SESSION "\n]",
        "[\n" SESSION "\n]\nx",
        "[\n" SESSION "\n" SESSION " \n]\n",
        "[\n" SESSION ",,\n]\n",
        "\n[\n" SESSION "\n]\n",
    };
    size_t line, accepted = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (parse_foreign(rows[i], &line) || foreign.count != 0) {
            fail_msg("row %zu", i);
        }
    }
    for (size_t i = 0; i < sizeof good - 1; i++) {
        char text[sizeof good];
        memcpy(text, good, i);
        memcpy(text + i, good + i + 1, sizeof good - i - 1);
        accepted += parse_foreign(text, &line);
        foreign_free(&foreign);
    }
    // Free are: client, name, id, responder_id, token, outcome, and digits of the port.
    assert_int_equal(accepted, 1 + strlen("a good session") + 6 + 6 + 4 + 4 + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_are_read),
        cmocka_unit_test(test_a_carriage_return_is_no_part_of_a_line),
        cmocka_unit_test(test_a_damaged_line_is_an_error),
        cmocka_unit_test(test_an_endless_peer_is_an_error),
        cmocka_unit_test(test_a_missing_line_is_an_error),
        cmocka_unit_test(test_starts_are_counted),
        cmocka_unit_test(test_foreign_sessions_are_read),
        cmocka_unit_test(test_damaged_foreign_sessions_are_errors),
    };
    return cmocka_run_group_tests_name("keyscan_console", tests, NULL, NULL);
}
