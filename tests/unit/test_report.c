// SPDX-License-Identifier: Apache-2.0
// What dsoftbusd says about the bus's events: the right line for each, nothing forged, no flood.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/dsoftbusd/report.h"
#include "services/lib/log.h"

static char lines[64][256];
static unsigned line_count;

void log_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(lines[line_count % 64], sizeof lines[0], format, args);
    va_end(args);
    line_count++;
}

static struct report report;
static struct bus bus; // of zero bytes: it knows no connection, so nothing can be sent

static int setup(void **state)
{
    (void)state;
    memset(&report, 0, sizeof report);
    memset(&bus, 0, sizeof bus);
    line_count = 0;
    return 0;
}

static struct bus_event event_of(enum bus_event_type type, const char *id)
{
    struct bus_event event = {.type = type, .peer = PEER_NONE};
    event.id.len = (uint8_t)strlen(id);
    for (size_t i = 0; i < event.id.len; i++) {
        event.id.bytes[i] = (uint8_t)id[i];
    }
    return event;
}

static void say(uint64_t now_ms, const struct bus_event *event)
{
    report_event(&report, &bus, now_ms, event);
}

static const struct row {
    enum bus_event_type type;
    uint8_t role, reason;
    const char *first, *second; // NULL: no such line
} rows[] = {
    {BUS_PEER_FOUND, 0, 0, "dsoftbusd: discovery cross-vm up",
     "dsoftbusd: discovery peer found device=node-b"},
    {BUS_SESSION_CONNECT, 0, 0, "dsoftbusd: session connect peer=node-b", NULL},
    {BUS_IDENTITY_BOUND, 0, 0, "dsoftbusd: identity bound peer=node-b", NULL},
    {BUS_ESTABLISHED, SESSION_RESPONDER, 0, "dsoftbusd: auth ok",
     "dsoftbusd: session peer=node-b role=responder hash=a0a1a2a3a4a5a6a7"},
    // 4: no "auth ok" as initiator, and no "dual-node" without the PONG
    {BUS_ESTABLISHED, SESSION_INITIATOR, 0,
     "dsoftbusd: session peer=node-b role=initiator hash=a0a1a2a3a4a5a6a7", NULL},
    {BUS_PINGED, SESSION_INITIATOR, 0, NULL, NULL},
    {BUS_PINGED, SESSION_RESPONDER, 0, "dsoftbusd: os session ok",
     "dsoftbusd: cross-vm session ok node-b"},
    {BUS_PONGED, SESSION_INITIATOR, 0, NULL, NULL}, // of a session that awaits no proof
    {BUS_PONGED, SESSION_RESPONDER, 0, NULL, NULL},
    {BUS_IDENTITY_MISMATCH, 0, 0, "dsoftbusd: identity mismatch peer=node-b", NULL},
    {BUS_UNKNOWN_PEER, 0, 0, "dsoftbusd: unknown peer=node-b", NULL},
    {BUS_REJECTED, 0, REASON_HANDSHAKE_AUTH, "dsoftbusd: rejected from=10.0.2.2:99: handshake auth",
     NULL},
    {BUS_SESSION_LOST, 0, REASON_RECORD_AUTH, "dsoftbusd: session lost peer=node-b: record auth",
     NULL},
    {BUS_SESSION_LOST, 0, REASON_PEER_BYE,
     "dsoftbusd: session lost peer=node-b: peer said bye (normal)", NULL},
    {BUS_DEVICE_FOUND, 0, 0, "dsoftbusd: discovery cross-vm up", NULL},
    {BUS_DEVICE_LOST, 0, 0, NULL, NULL},
    {BUS_ANNOUNCE_OWN, 0, 0, NULL, NULL},
};

static void each_row(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup(state);
        struct bus_event event = event_of(rows[i].type, "node-b");
        event.role = rows[i].role;
        event.reason = rows[i].reason;
        event.first = true;
        event.peer = 0;
        event.connection = 5;
        event.address =
            (struct net_address){.family = NET_IPV4, .bytes = {10, 0, 2, 2}, .port = 99};
        for (size_t k = 0; k < DSB_HASH_BYTES; k++) {
            event.hash[k] = (uint8_t)(0xa0 + k);
        }
        say(1000, &event);
        const char *expected[2] = {rows[i].first, rows[i].second};
        unsigned count = expected[0] == NULL ? 0 : expected[1] == NULL ? 1 : 2;
        if (line_count != count) {
            fail_msg("row %zu: %u lines", i, line_count);
        }
        for (unsigned k = 0; k < count; k++) {
            if (strcmp(lines[k], expected[k]) != 0) {
                fail_msg("row %zu: %s", i, lines[k]);
            }
        }
    }
}

static void first_ping_only(void **state)
{
    (void)state;
    struct bus_event event = event_of(BUS_PINGED, "b");
    event.role = SESSION_RESPONDER;
    say(0, &event);
    assert_int_equal(line_count, 0);
}

// One PONG proves a session; a later one, or that of another connection, says nothing.
static void dual_node_once_per_session(void **state)
{
    (void)state;
    struct bus_event event = event_of(BUS_PONGED, "b");
    event.role = SESSION_INITIATOR;
    event.peer = 3;
    event.connection = 7;
    report.unproven[3] = 6;
    say(0, &event);
    assert_int_equal(line_count, 0);
    report.unproven[3] = 7;
    say(0, &event);
    say(0, &event);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "dsoftbusd: dual-node session ok");
}

static void another_machine_is_said_once(void **state)
{
    (void)state;
    static const uint8_t addresses[][4] = {{127, 0, 0, 1}, {10, 42, 0, 11}, {10, 42, 0, 11}};
    for (size_t i = 0; i < 3; i++) {
        struct bus_event event = event_of(BUS_PEER_FOUND, "b");
        event.address = (struct net_address){.family = NET_IPV4, .port = 34568};
        memcpy(event.address.bytes, addresses[i], 4);
        say(0, &event);
    }
    assert_int_equal(line_count, 4); // and 3 times "peer found"
    assert_string_equal(lines[1], "dsoftbusd: discovery cross-vm up");
}

static void a_session_over_loopback_is_no_other_machine(void **state)
{
    (void)state;
    struct bus_event event = event_of(BUS_PONGED, "b");
    event.role = SESSION_INITIATOR;
    event.peer = 0;
    event.connection = 7;
    event.address =
        (struct net_address){.family = NET_IPV4, .bytes = {127, 0, 0, 1}, .port = 34568};
    report.unproven[0] = 7;
    say(0, &event);
    assert_int_equal(line_count, 1);
    event.address.bytes[0] = 10;
    report.unproven[0] = 7;
    say(0, &event);
    assert_int_equal(line_count, 3);
    assert_string_equal(lines[2], "dsoftbusd: cross-vm session ok b");
}

static void a_name_forges_no_line(void **state)
{
    (void)state;
    struct bus_event event = event_of(BUS_IDENTITY_MISMATCH, "x\nSELFTEST: end");
    say(0, &event);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "dsoftbusd: identity mismatch peer=x\\x0aSELFTEST\\x3a\\x20end");
}

static void strangers_fill_no_console(void **state)
{
    (void)state;
    struct bus_event event = event_of(BUS_REJECTED, "");
    event.reason = REASON_MESSAGE_LENGTH;
    assert_true(report_deadline(&report) == UINT64_MAX);
    for (unsigned i = 0; i < 1000; i++) {
        say(5000 + i / 2, &event);
    }
    assert_int_equal(line_count, REPORT_LINES_PER_SECOND);
    assert_true(report_deadline(&report) == 6000);
    report_tick(&report, 5999);
    assert_int_equal(line_count, REPORT_LINES_PER_SECOND);
    report_tick(&report, 6000);
    assert_int_equal(line_count, REPORT_LINES_PER_SECOND + 1);
    assert_string_equal(lines[REPORT_LINES_PER_SECOND], "dsoftbusd: 990 more rejections");
    assert_true(report_deadline(&report) == UINT64_MAX);
    say(6000, &event); // a new second
    assert_int_equal(line_count, REPORT_LINES_PER_SECOND + 2);

    struct bus_event good = event_of(BUS_ESTABLISHED, "b"); // no stranger: never held back
    good.role = SESSION_RESPONDER;
    report.lines = REPORT_LINES_PER_SECOND;
    say(6001, &good);
    assert_int_equal(line_count, REPORT_LINES_PER_SECOND + 4);
}

static void a_dial_fails_once(void **state)
{
    (void)state;
    struct bus_event event = event_of(BUS_DIAL_FAILED, "b");
    event.peer = 2;
    event.reason = REASON_CONNECT_FAILED;
    for (unsigned i = 0; i < 5; i++) {
        say(i, &event);
    }
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "dsoftbusd: dial failed peer=b: connect failed");
    event.reason = REASON_HANDSHAKE_AUTH; // another reason is news
    say(9, &event);
    assert_int_equal(line_count, 2);

    struct bus_event up = event_of(BUS_ESTABLISHED, "b"); // and so is a failure after a success
    up.role = SESSION_INITIATOR;
    up.peer = 2;
    say(10, &up);
    say(11, &event);
    assert_int_equal(line_count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_row, setup),
        cmocka_unit_test_setup(first_ping_only, setup),
        cmocka_unit_test_setup(dual_node_once_per_session, setup),
        cmocka_unit_test_setup(another_machine_is_said_once, setup),
        cmocka_unit_test_setup(a_session_over_loopback_is_no_other_machine, setup),
        cmocka_unit_test_setup(a_name_forges_no_line, setup),
        cmocka_unit_test_setup(strangers_fill_no_console, setup),
        cmocka_unit_test_setup(a_dial_fails_once, setup),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
