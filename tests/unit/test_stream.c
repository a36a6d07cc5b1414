// SPDX-License-Identifier: Apache-2.0
// Streams between two sessions (WIRE section 2): life, credit, records that break a rule, and what is in flight.
#include "tests/unit/stream_fixture.h"

// ---- Life -----------------------------------------------------------------------------------------

static void test_open_accept_exchange_finish(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    uint32_t at_a = end_open(&p.a, "svc");
    assert_ready(&p.a, at_a, 0);
    assert_error(end_write_error(&p.a, at_a), STREAM_WOULD_BLOCK);
    assert_error(end_read_error(&p.a, at_a), STREAM_WOULD_BLOCK);
    assert_int_equal(p.b.events[SESSION_OFFERED], 0);
    pair_exchange(&p);
    assert_int_equal(p.b.events[SESSION_OFFERED], 1);

    uint32_t at_b = session_offered(&p.b.session);
    struct stream_status status = end_news(&p.b, at_b);
    assert_int_equal(status.ready, STREAM_OFFERED);
    assert_false(status.ours);
    assert_int_equal(status.id, 1);
    assert_int_equal(status.service.len, 3);
    assert_memory_equal(status.service.bytes, "svc", 3);
    end_no_news(&p.b);
    assert_error(end_write_error(&p.b, at_b), STREAM_STATE);
    assert_error(end_read_error(&p.b, at_b), STREAM_STATE);
    assert_error(stream_finish(&p.b.memory.streams, 0, at_b), STREAM_STATE);
    end_no_news(&p.a);

    end_accept(&p.b, at_b);
    assert_error(stream_accept(&p.b.memory.streams, 0, at_b), STREAM_STATE);
    pair_exchange(&p);
    status = end_news(&p.a, at_a);
    assert_int_equal(status.ready, STREAM_CONNECTED | STREAM_WRITABLE);
    assert_true(status.ours);

    end_write_text(&p.a, at_a, "hello");
    end_write_text(&p.b, at_b, "world");
    pair_exchange(&p);
    assert_int_equal(end_news(&p.b, at_b).readable_bytes, 5);
    assert_reads(&p.b, at_b, "hello");
    assert_error(end_read_error(&p.b, at_b), STREAM_WOULD_BLOCK);
    assert_reads(&p.a, at_a, "world");

    end_finish(&p.a, at_a); // half closed: b goes on
    assert_error(stream_finish(&p.a.memory.streams, 0, at_a), STREAM_FINISHED);
    assert_error(end_write_error(&p.a, at_a), STREAM_FINISHED);
    pair_exchange(&p);
    assert_error(end_read_error(&p.b, at_b), STREAM_END);
    assert_error(end_read_error(&p.b, at_b), STREAM_END);
    end_write_text(&p.b, at_b, "more");
    end_finish(&p.b, at_b);
    pair_exchange(&p);
    assert_reads(&p.a, at_a, "more");
    assert_error(end_read_error(&p.a, at_a), STREAM_END);
    assert_int_equal(session_streams_open(&p.a.session), 0);
    assert_int_equal(session_streams_open(&p.b.session), 0);

    end_close(&p.a, at_a, BYE_NORMAL); // it is over: nothing is said
    end_close(&p.b, at_b, BYE_NORMAL);
    assert_false(session_has_output(&p.a.session) || session_has_output(&p.b.session));
    assert_no_streams(&p.a);
    assert_no_streams(&p.b);
    pair_is_up(&p);
}

// The bytes of every record, in both roles.
static void test_records_on_the_wire(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    uint32_t first = end_open(&p.a, "foo"), second = end_open(&p.a, "x");
    assert_sends(&p.a, &p.b, "04000001000006f6666f6f 04000003000006f678");
    end_forge_hex(&p.b, &p.a, "0500000100000010");
    end_forge_hex(&p.b, &p.a, "0500000300000010");
    end_write_text(&p.a, first, "AB");
    end_write_text(&p.a, second, "C");
    end_finish(&p.a, first);
    assert_sends(&p.a, &p.b, "060000014142 0600000343 06010001");
    end_close(&p.a, second, BYE_TIMEOUT);
    assert_sends(&p.a, &p.b, "0800000305");
    end_close(&p.a, first, BYE_NORMAL);
    assert_sends(&p.a, &p.b, "0800000100");
    assert_no_streams(&p.a);

    pair_start(&p);
    (void)end_open(&p.b, "foo");
    (void)end_open(&p.b, "foo");
    assert_sends(&p.b, &p.a, "04000002000006f6666f6f 04000004000006f6666f6f");
    end_forge_hex(&p.a, &p.b, "04000001000000105a");
    end_accept(&p.b, session_offered(&p.b.session));
    assert_sends(&p.b, &p.a, "05000001000006f6");
    end_write_text(&p.b, session_offered(&p.b.session), "Q");
    end_finish(&p.b, session_offered(&p.b.session));
    end_close(&p.b, session_offered(&p.b.session), BYE_INTERNAL);
    assert_sends(&p.b, &p.a, "0600000151 06010001 0800000107");
}

// What is queued before OPENED has left comes after it, and DATA that is written then too.
static void test_opened_goes_before_data(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    end_forge_hex(&p.a, &p.b, "04000001000000105a");
    uint32_t at_b = session_offered(&p.b.session);
    end_accept(&p.b, at_b);
    end_write_text(&p.b, at_b, "now");
    end_finish(&p.b, at_b);
    assert_sends(&p.b, &p.a, "05000001000006f6 060000016e6f77 06010001");
}

static void test_refused(void **state)
{
    (void)state;
    const enum bye_reason reasons[] = {BYE_NOT_PERMITTED, BYE_NO_SUCH_SERVICE, BYE_LIMIT};
    for (size_t i = 0; i < COUNT(reasons); i++) {
        struct pair p;
        pair_start(&p);
        uint32_t at_a = end_open(&p.a, "svc");
        pair_exchange(&p);
        end_close(&p.b, session_offered(&p.b.session), reasons[i]);
        end_no_news(&p.b); // a stream that is given back has none
        pair_exchange(&p);
        struct stream_status status = end_news(&p.a, at_a);
        assert_int_equal(status.ready, STREAM_GONE);
        assert_int_equal(status.error, STREAM_CLOSED);
        assert_int_equal(status.reason, reasons[i]);
        assert_error(end_read_error(&p.a, at_a), STREAM_CLOSED);
        assert_error(end_write_error(&p.a, at_a), STREAM_CLOSED);
        assert_error(stream_finish(&p.a.memory.streams, 0, at_a), STREAM_CLOSED);
        end_close(&p.a, at_a, BYE_NORMAL);
        pair_exchange(&p);
        assert_no_streams(&p.a);
        assert_no_streams(&p.b);
        pair_is_up(&p);
    }
}

// The opener gives up before the answer: the other side learns it while it thinks, or after it has accepted.
static void test_opener_gives_up(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    uint32_t at_a = end_open(&p.a, "svc");
    pair_exchange(&p);
    uint32_t at_b = session_offered(&p.b.session);
    end_close(&p.a, at_a, BYE_TIMEOUT);
    pair_exchange(&p);
    assert_ready(&p.b, at_b, STREAM_GONE);
    assert_error(stream_accept(&p.b.memory.streams, 0, at_b), STREAM_CLOSED);
    end_close(&p.b, at_b, BYE_NORMAL);
    assert_no_streams(&p.b);

    at_a = end_open(&p.a, "svc");
    pair_exchange(&p);
    at_b = session_offered(&p.b.session);
    end_close(&p.a, at_a, BYE_TIMEOUT);
    end_accept(&p.b, at_b); // crosses the CLOSE
    end_write_text(&p.b, at_b, "too late");
    pair_exchange(&p);
    assert_int_equal(end_status(&p.b, at_b).reason, BYE_TIMEOUT);
    end_close(&p.b, at_b, BYE_NORMAL);
    pair_exchange(&p);
    pair_is_up(&p);
    assert_no_streams(&p.a);
    assert_no_streams(&p.b);

    // Before OPEN has left nobody hears of it, and its number is used by the next.
    at_a = end_open(&p.a, "gone");
    end_finish(&p.a, at_a);
    end_close(&p.a, at_a, BYE_NORMAL);
    assert_false(session_has_output(&p.a.session));
    assert_no_streams(&p.a);
    assert_int_equal(p.a.session.own_ids_taken, 2); // by the first two
    end_open(&p.a, "s");
    assert_sends(&p.a, &p.b, "04000005000006f673");
}

// Finishing needs no credit and no answer.
static void test_finish_before_it_is_accepted(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    uint32_t at_a = end_open(&p.a, "svc");
    end_finish(&p.a, at_a);
    pair_exchange(&p);
    uint32_t at_b = session_offered(&p.b.session);
    assert_ready(&p.b, at_b, STREAM_OFFERED);
    end_accept(&p.b, at_b);
    assert_error(end_read_error(&p.b, at_b), STREAM_END);
    end_write_text(&p.b, at_b, "answer");
    end_finish(&p.b, at_b);
    pair_exchange(&p);
    assert_reads(&p.a, at_a, "answer");
    assert_error(end_read_error(&p.a, at_a), STREAM_END);
    end_close(&p.a, at_a, BYE_NORMAL);
    end_close(&p.b, at_b, BYE_NORMAL);
    assert_no_streams(&p.a);
    assert_no_streams(&p.b);
}

// What was written before a close arrives, then the reason; after a finish, the end comes first.
static void test_close_after_data(void **state)
{
    (void)state;
    for (int finish = 0; finish < 2; finish++) {
        struct pair p;
        uint32_t at_a, at_b;
        pair_start(&p);
        pair_open(&p, &at_a, &at_b);
        end_write_text(&p.a, at_a, "last words");
        if (finish) {
            end_finish(&p.a, at_a);
        }
        end_close(&p.a, at_a, BYE_SHUTTING_DOWN);
        pair_exchange(&p);
        assert_ready(&p.b, at_b, STREAM_READABLE | STREAM_GONE);
        assert_error(end_write_error(&p.b, at_b), STREAM_CLOSED);
        assert_reads(&p.b, at_b, "last words");
        assert_error(end_read_error(&p.b, at_b), finish ? STREAM_END : STREAM_CLOSED);
        assert_int_equal(end_status(&p.b, at_b).reason, BYE_SHUTTING_DOWN);
        end_close(&p.b, at_b, BYE_NORMAL);
        pair_exchange(&p);
        assert_no_streams(&p.a);
        assert_no_streams(&p.b);
        pair_is_up(&p);
    }
}

// Both close at once.
static void test_closes_cross(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    end_close(&p.a, at_a, BYE_NORMAL);
    end_close(&p.b, at_b, BYE_NORMAL);
    pair_exchange(&p);
    pair_is_up(&p);
    assert_no_streams(&p.a);
    assert_no_streams(&p.b);
}

// The peer's CLOSE is answered with CLOSE 0, whatever the owner says about it later.
static void test_close_is_answered(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        struct pair p;
        uint32_t at_a, at_b;
        pair_start(&p);
        pair_open(&p, &at_a, &at_b);
        end_forge_hex(&p.a, &p.b, "0800000104");
        if (closed) {
            end_close(&p.b, at_b, BYE_INTERNAL);
        }
        assert_sends(&p.b, &p.a, "0800000100");
        assert_int_equal(p.b.memory.streams.used, closed ? 0 : 1);
        end_forge_hex(&p.a, &p.b, "0800000104"); // once
        assert_sends(&p.b, &p.a, "");
        pair_is_up(&p);
    }
}

// A stream that both have finished is not closed besides, though our end may still wait to be sent.
static void test_no_close_after_both_ends(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    end_forge_hex(&p.a, &p.b, "06010001");
    end_finish(&p.b, at_b);
    end_close(&p.b, at_b, BYE_INTERNAL);
    assert_int_equal(session_streams_open(&p.b.session), 1); // until it is sent
    assert_sends(&p.b, &p.a, "06010001");
    assert_no_streams(&p.b);
}

static void test_unknown_handles(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    end_close(&p.a, at_a, BYE_NORMAL);
    pair_exchange(&p);
    uint32_t again = end_open(&p.a, "svc"); // in the same slot
    assert_int_not_equal(again, at_a);
    assert_int_equal(again & 0xffff, at_a & 0xffff);
    const uint32_t unknown[] = {0, at_a, again + 1, again ^ 0x80000000, 0xffffffff, 0x00010000};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        struct stream_table *table = &p.a.memory.streams;
        struct stream_status status;
        const uint8_t *bytes;
        size_t len;
        assert_error(stream_accept(table, 0, unknown[i]), STREAM_UNKNOWN);
        assert_error(stream_finish(table, 0, unknown[i]), STREAM_UNKNOWN);
        assert_error(end_read_error(&p.a, unknown[i]), STREAM_UNKNOWN);
        assert_error(end_write_error(&p.a, unknown[i]), STREAM_UNKNOWN);
        assert_error(stream_peek(table, unknown[i], &bytes, &len), STREAM_UNKNOWN);
        assert_null(bytes);
        assert_int_equal(len, 0);
        assert_false(stream_status(table, unknown[i], &status));
        stream_consume(table, 0, unknown[i], 1);
        stream_close(table, 0, unknown[i], BYE_NORMAL);
        stream_set_tag(table, unknown[i], 5);
    }
    assert_int_equal(end_status(&p.a, again).tag, 0);
    stream_set_tag(&p.a.memory.streams, again, 5);
    assert_int_equal(end_status(&p.a, again).tag, 5);
    assert_int_equal(p.a.memory.streams.used, 1);
}

static void test_names(void **state)
{
    (void)state;
    struct pair p;
    uint8_t name[65];
    uint32_t stream;

    pair_start(&p);
    memset(name, 'n', sizeof name);
    assert_error(stream_open(&p.a.session, 0, &stream, name, 0), STREAM_NAME);
    assert_error(stream_open(&p.a.session, 0, &stream, name, 65), STREAM_NAME);
    assert_error(stream_open(&p.a.session, 0, &stream, (const uint8_t *)"\xc3", 1), STREAM_NAME);
    assert_int_equal(stream, 0);
    assert_int_equal(p.a.memory.streams.used, 0);
    assert_error(stream_open(&p.a.session, 0, &stream, name, 64), STREAM_OK);
    pair_exchange(&p);
    assert_int_equal(end_status(&p.b, session_offered(&p.b.session)).service.len, 64);
}

static void test_no_stream_without_a_session(void **state)
{
    (void)state;
    struct end a, b;
    uint32_t stream = 77;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    while (session_state(&b.session) != SESSION_UP) {
        assert_error(stream_open(&a.session, 0, &stream, (const uint8_t *)"s", 1),
                     STREAM_NO_SESSION);
        assert_error(stream_open(&b.session, 0, &stream, (const uint8_t *)"s", 1),
                     STREAM_NO_SESSION);
        assert_int_equal(stream, 0);
        end_carry(&a, &b);
        end_carry(&b, &a);
    }
    end_event(&a, session_close(&a.session, 0, REASON_CLOSED, BYE_NORMAL));
    assert_error(stream_open(&a.session, 0, &stream, (const uint8_t *)"s", 1), STREAM_NO_SESSION);
}

// ---- The end of a session is not the end of a stream ----------------------------------------------

static void test_lost_session_is_disconnected(void **state)
{
    (void)state;
    for (int way = 0; way < 5; way++) {
        struct pair p;
        uint32_t at_a, at_b, over_a, over_b, opening;
        pair_start(&p);
        pair_open(&p, &over_a, &over_b); // one that is over before stays what it is
        end_write_text(&p.b, over_b, "done");
        end_finish(&p.a, over_a);
        end_finish(&p.b, over_b);
        pair_open(&p, &at_a, &at_b);
        end_write_text(&p.b, at_b, "half");
        pair_exchange(&p);
        opening = end_open(&p.a, "svc");
        uint32_t leaving = end_open(&p.a, "svc");
        pair_exchange(&p);
        end_close(&p.a, leaving, BYE_NORMAL);
        end_forget_news(&p.a);
        if (way == 0) {
            end_event(&p.a, session_disconnected(&p.a.session));
        } else if (way == 1) {
            end_event(&p.a, session_close(&p.a.session, 0, REASON_CLOSED, BYE_NORMAL));
        } else if (way == 2) {
            end_forge_hex(&p.b, &p.a, "0900000000");
        } else if (way == 3) {
            end_forge_hex(&p.b, &p.a, "ff000000");
        } else {
            session_wipe(&p.a.session);
        }
        assert_int_equal(end_news(&p.a, at_a).error, STREAM_DISCONNECTED);
        assert_int_equal(end_news(&p.a, opening).error, STREAM_DISCONNECTED);
        end_no_news(&p.a);
        assert_ready(&p.a, at_a, STREAM_READABLE | STREAM_GONE);
        assert_ready(&p.a, opening, STREAM_GONE);
        assert_reads(&p.a, at_a, "half"); // it had arrived
        assert_error(end_read_error(&p.a, at_a), STREAM_DISCONNECTED);
        assert_error(end_write_error(&p.a, at_a), STREAM_DISCONNECTED);
        assert_error(stream_finish(&p.a.memory.streams, 0, at_a), STREAM_DISCONNECTED);
        assert_reads(&p.a, over_a, "done");
        assert_error(end_read_error(&p.a, over_a), STREAM_END);
        end_close(&p.a, at_a, BYE_NORMAL);
        end_close(&p.a, opening, BYE_NORMAL);
        end_close(&p.a, over_a, BYE_NORMAL);
        assert_int_equal(p.a.memory.streams.used, 0);
        assert_int_equal(p.a.memory.inputs.used, 0);
    }
}

// What is due on streams goes before our BYE.
static void test_bye_comes_last(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    end_write_text(&p.a, at_a, "all");
    end_finish(&p.a, at_a);
    end_event(&p.a, session_close(&p.a.session, 0, REASON_CLOSED, BYE_SHUTTING_DOWN));
    pair_exchange(&p);
    assert_end(&p.b, SESSION_CLOSED, REASON_PEER_BYE);
    assert_reads(&p.b, at_b, "all");
    assert_error(end_read_error(&p.b, at_b), STREAM_END);
    assert_error(end_write_error(&p.b, at_b), STREAM_DISCONNECTED);
}

// ---- Credit ---------------------------------------------------------------------------------------

static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251 + seed);
    }
}

// Everything that the peer's window holds, and not one byte more; then again as it is read, in whole records.
static void test_credit_is_the_window(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;
    uint8_t data[2 * FIXTURE_STREAM_BUFFER], got[sizeof data];
    size_t len, now, taken = 0;
    struct stream_table *table = &p.b.memory.streams;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    fill(data, sizeof data, 1);
    while ((now = end_write(&p.a, at_a, data + taken, sizeof data - taken)) > 0) {
        taken += now;
        pair_exchange(&p);
    }
    assert_int_equal(taken, FIXTURE_WINDOW);
    assert_int_equal(end_status(&p.b, at_b).readable_bytes, FIXTURE_WINDOW);
    assert_ready(&p.a, at_a, STREAM_CONNECTED);
    end_forget_news(&p.a);

    // Half of the window, less one byte, is not worth a WINDOW; half is.
    assert_error(stream_read(table, 0, at_b, got, FIXTURE_WINDOW / 2 - 1, &len), STREAM_OK);
    assert_int_equal(len, FIXTURE_WINDOW / 2 - 1);
    assert_false(session_has_output(&p.b.session));
    assert_error(stream_read(table, 0, at_b, got + len, 1, &now), STREAM_OK);
    len++;
    assert_true(session_has_output(&p.b.session));
    assert_error(stream_read(table, 0, at_b, got + len, 400, &now), STREAM_OK);
    len += 400;
    pair_exchange(&p); // the WINDOW has grown while it waited: one record for both, of two bodies
    assert_int_equal(end_news(&p.a, at_a).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    while ((now = end_write(&p.a, at_a, data + taken, sizeof data - taken)) > 0) {
        assert_int_equal(now % FIXTURE_BODY, 0);
        taken += now;
    }
    assert_int_equal(taken, 5 * FIXTURE_BODY);
    pair_exchange(&p);
    while (stream_read(table, 0, at_b, got + len, 100, &now) == STREAM_OK) {
        len += now;
    }
    assert_int_equal(len, taken);
    assert_memory_equal(got, data, len);
    pair_is_up(&p);
}

// Where the buffer does not hold two records it is given out to the byte.
static void test_small_buffers_are_given_out_whole(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;
    uint8_t data[FIXTURE_STREAM_BUFFER] = {0};
    size_t taken = 0, now;

    pair_start(&p);
    p.a.memory.streams.buffer_bytes = p.b.memory.streams.buffer_bytes = 1187; // two bodies less one
    pair_open(&p, &at_a, &at_b);
    while ((now = end_write(&p.a, at_a, data, sizeof data)) > 0) {
        taken += now;
        pair_exchange(&p);
    }
    assert_int_equal(taken, 1187);
    assert_error(stream_read(&p.b.memory.streams, 0, at_b, data, 593, &now), STREAM_OK);
    pair_exchange(&p);
    assert_int_equal(end_write(&p.a, at_a, data, sizeof data), 593);
}

// Without news nobody is woken: a stream that was not refused gets none when credit comes.
static void test_writable_is_news_after_a_refusal_only(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    end_forge_hex(&p.b, &p.a, "0700000100000100");
    end_no_news(&p.a);
    end_write_text(&p.a, at_a, "x");
    pair_exchange(&p);
    end_no_news(&p.a);
    p.a.session.now_ms = 0;
    p.a.memory.streams.streams[0].credit = 0;
    assert_error(end_write_error(&p.a, at_a), STREAM_WOULD_BLOCK);
    end_forge_hex(&p.b, &p.a, "0700000100000000"); // no credit at all
    end_no_news(&p.a);
    end_forge_hex(&p.b, &p.a, "0700000100000001");
    assert_int_equal(end_news(&p.a, at_a).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    end_forge_hex(&p.b, &p.a, "0700000100000001");
    end_no_news(&p.a);
}

// No more than the peer's records hold, and frames that keep the next one aligned.
static void test_records_are_as_long_as_the_peer_takes(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t data[1024] = {0}, wire[2048] = {0};
    uint32_t stream;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    b.config.record_plaintext_max = 512;
    end_call(&a, &b);
    end_listen(&b);
    end_exchange(&a, &b);
    stream = end_open(&a, "svc");
    end_exchange(&a, &b);
    end_accept(&b, session_offered(&b.session));
    end_exchange(&a, &b);
    assert_int_equal(end_write(&a, stream, data, sizeof data), sizeof data);
    size_t len = end_take(&a, wire, sizeof wire);
    size_t first = (size_t)wire[0] << 8 | wire[1];
    assert_true(first <= 512 + 16);
    assert_true(first > 500);
    assert_int_equal((first + 2) % 8, 0);
    end_receive(&b, wire, len);
    assert_end(&b, SESSION_UP, REASON_NONE);
    assert_int_equal(end_status(&b, session_offered(&b.session)).readable_bytes, sizeof data);
}

// The largest record that we announce is taken, one byte more is not.
static void test_largest_data(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct pair p;
        uint32_t at_a, at_b;
        uint8_t plaintext[FIXTURE_RECORD_MAX + 1] = {6, 0, 0, 1}, frame[sizeof plaintext + 18];
        pair_start(&p);
        pair_open(&p, &at_a, &at_b);
        size_t len = end_forge(&p.a, frame, plaintext, FIXTURE_RECORD_MAX + (size_t)more);
        end_receive(&p.b, frame, len);
        if (more) {
            assert_end(&p.b, SESSION_CLOSING, REASON_RECORD_LENGTH);
        } else {
            assert_int_equal(end_status(&p.b, at_b).readable_bytes, FIXTURE_RECORD_MAX - 4);
        }
    }
}

static void test_peek_and_consume(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;
    uint8_t data[FIXTURE_STREAM_BUFFER];
    const uint8_t *bytes;
    size_t len, seen = 0, sent = 0;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    assert_error(stream_peek(&p.b.memory.streams, at_b, &bytes, &len), STREAM_WOULD_BLOCK);
    assert_null(bytes);
    fill(data, sizeof data, 3);
    for (int round = 0; round < 200; round++) { // many times around the ring, in odd pieces
        sent += end_write(&p.a, at_a, data, (size_t)(round * 37 % 1500 + 1));
        pair_exchange(&p);
        while (stream_peek(&p.b.memory.streams, at_b, &bytes, &len) == STREAM_OK) {
            size_t some = len > 300 ? 300 : len;
            assert_true(len > 0);
            stream_consume(&p.b.memory.streams, 0, at_b, some);
            seen += some;
        }
        pair_exchange(&p);
        assert_int_equal(seen, sent);
    }
    assert_int_equal(end_status(&p.b, at_b).bytes_in, seen);
    assert_int_equal(end_status(&p.a, at_a).bytes_out, sent);
    end_write_text(&p.a, at_a, "abc");
    pair_exchange(&p);
    stream_consume(&p.b.memory.streams, 0, at_b, 100); // more than there is
    assert_error(end_read_error(&p.b, at_b), STREAM_WOULD_BLOCK);
    pair_is_up(&p);
}

// Nothing that was received stays in the buffer of a stream that is gone.
static void test_buffers_are_wiped(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    end_write_text(&p.a, at_a, "a secret of the application");
    pair_exchange(&p);
    assert_true(contains(p.b.stream_buffers, sizeof p.b.stream_buffers, (uint8_t *)"secret", 6));
    assert_false(contains(p.b.record, sizeof p.b.record, (uint8_t *)"secret", 6));
    end_close(&p.b, at_b, BYE_NORMAL);
    pair_exchange(&p);
    assert_zero(p.b.stream_buffers, sizeof p.b.stream_buffers);
}

// ---- Records that break a rule --------------------------------------------------------------------

struct rule_row {
    const char *name;
    const char *hex;
    enum close_reason reason; // REASON_NONE: the session goes on, and nothing has happened
};

// Streams: 1 is open (b's window is 1782), 3 is offered to b, 5 was closed by b, 2 is open, opened by b, 4 is opened by b
// and not answered, 6 was closed by a; b has granted 1782 and has credit 1782 on each.
static void make_streams(struct pair *p, uint32_t handles[static 4])
{
    uint32_t at_a, at_b;

    pair_start(p);
    pair_open(p, &at_a, &handles[0]);
    end_open(&p->a, "svc");
    pair_exchange(p);
    handles[1] = session_offered(&p->b.session);
    at_a = end_open(&p->a, "svc");
    pair_exchange(p);
    end_close(&p->b, session_offered(&p->b.session), BYE_NO_SUCH_SERVICE);
    handles[2] = end_open(&p->b, "svc");
    pair_exchange(p);
    end_accept(&p->a, session_offered(&p->a.session));
    handles[3] = end_open(&p->b, "svc");
    pair_exchange(p);
    at_b = end_open(&p->b, "svc");
    pair_exchange(p);
    end_close(&p->a, session_offered(&p->a.session), BYE_LIMIT);
    pair_exchange(p);
    end_close(&p->b, at_b, BYE_NORMAL);
    end_close(&p->a, at_a, BYE_NORMAL);
    pair_exchange(p);
    end_forget_news(&p->b);
    pair_is_up(p);
}

static const struct rule_row from_initiator[] = {
    {"OPEN of the next", "04000007000001005a", REASON_NONE},
    {"OPEN that skips some", "0400ffff000001005a", REASON_NONE},
    {"OPEN again", "04000001000001005a", REASON_STREAM_ID},
    {"OPEN of one that is gone", "04000005000001005a", REASON_STREAM_ID},
    {"OPEN below the last", "04000003000001005a", REASON_STREAM_ID},
    {"OPEN of the other parity", "04000008000001005a", REASON_STREAM_ID},
    {"DATA never opened", "0600000741", REASON_STREAM_ID},
    {"DATA never opened, ours", "0600000841", REASON_STREAM_ID},
    {"the end, never opened", "06010007", REASON_STREAM_ID},
    {"WINDOW never opened", "0700000700000001", REASON_STREAM_ID},
    {"CLOSE never opened", "0800000700", REASON_STREAM_ID},
    {"OPENED never opened", "0500000800000001", REASON_STREAM_ID},
    {"OPENED of its own", "0500000100000001", REASON_STREAM_ORDER},
    {"OPENED of its own that is gone", "0500000500000001", REASON_STREAM_ORDER},
    {"OPENED twice", "0500000200000001", REASON_STREAM_ORDER},
    {"OPENED", "0500000400000001", REASON_NONE},
    {"OPENED of one that is gone", "0500000600000001", REASON_NONE},
    {"DATA before OPENED", "0600000441", REASON_STREAM_ORDER},
    {"the end before OPENED", "06010004", REASON_STREAM_ORDER},
    {"WINDOW before OPENED", "0700000400000001", REASON_STREAM_ORDER},
    {"DATA before it is accepted", "0600000341", REASON_STREAM_CREDIT},
    {"the end with DATA before it is accepted", "0601000341", REASON_STREAM_CREDIT},
    {"the end before it is accepted", "06010003", REASON_NONE},
    {"WINDOW before it is accepted", "0700000300000001", REASON_NONE},
    {"DATA", "0600000141", REASON_NONE},
    {"the end with DATA", "0601000141", REASON_NONE},
    {"DATA on ours", "0600000241", REASON_NONE},
    {"DATA on one that is gone", "0600000541", REASON_NONE},
    {"DATA on ours that is gone", "0600000641", REASON_NONE},
    {"the end of one that is gone", "06010005", REASON_NONE},
    {"WINDOW of one that is gone", "07000005ffffffff", REASON_NONE},
    {"CLOSE of one that is gone", "0800000500", REASON_NONE},
    {"CLOSE", "0800000100", REASON_NONE},
    {"CLOSE before OPENED", "0800000400", REASON_NONE},
    {"CLOSE before it is accepted", "0800000300", REASON_NONE},
    {"WINDOW to the last bit", "07000001fffff909", REASON_NONE},
    {"WINDOW above", "07000001fffff90a", REASON_STREAM_CREDIT},
    {"WINDOW far above", "07000001ffffffff", REASON_STREAM_CREDIT},
    {"WINDOW of nothing", "0700000100000000", REASON_NONE},
    {"OPEN with all credit", "04000007ffffffff5a", REASON_NONE},
    {"REKEY that nobody did", "0a000000", REASON_NONE},
};

static void assert_said_bye(struct end *e, struct end *to, enum bye_reason bye)
{
    end_carry(e, to);
    assert_end(to, SESSION_CLOSED, REASON_PEER_BYE);
    assert_int_equal(session_peer_bye(&to->session), bye);
}

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_initiator); i++) {
        const struct rule_row *row = &from_initiator[i];
        struct pair p;
        uint32_t handles[4];
        make_streams(&p, handles);
        end_forge_hex(&p.a, &p.b, row->hex);
        if (session_reason(&p.b.session) != row->reason) {
            fail_msg("row %zu (%s): %s", i, row->name,
                     close_reason_name(session_reason(&p.b.session)));
        }
        if (row->reason != REASON_NONE) {
            for (size_t j = 0; j < COUNT(handles); j++) {
                assert_int_equal(end_status(&p.b, handles[j]).error, STREAM_DISCONNECTED);
                assert_int_equal(end_status(&p.b, handles[j]).readable_bytes, 0);
            }
            assert_said_bye(&p.b, &p.a, BYE_PROTOCOL_ERROR);
        }
    }
}

// The same for the other side, where it differs: the responder opens even numbers.
static const struct rule_row from_responder[] = {
    {"OPEN of the next", "04000008000001005a", REASON_NONE},
    {"OPEN of the other parity", "04000007000001005a", REASON_STREAM_ID},
    {"OPEN again", "04000002000001005a", REASON_STREAM_ID},
    {"OPENED of its own", "0500000200000001", REASON_STREAM_ORDER},
    {"OPENED twice", "0500000100000001", REASON_STREAM_ORDER},
    {"OPENED", "0500000300000001", REASON_NONE},
    {"DATA before OPENED", "0600000341", REASON_STREAM_ORDER},
    {"DATA before it is accepted", "0600000441", REASON_STREAM_CREDIT},
    {"DATA never opened", "0600000841", REASON_STREAM_ID},
    {"DATA never opened, ours", "0600000741", REASON_STREAM_ID},
};

static void test_rules_of_the_responder(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_responder); i++) {
        const struct rule_row *row = &from_responder[i];
        struct pair p;
        uint32_t handles[4];
        make_streams(&p, handles);
        end_forge_hex(&p.b, &p.a, row->hex);
        if (session_reason(&p.a.session) != row->reason) {
            fail_msg("row %zu (%s): %s", i, row->name,
                     close_reason_name(session_reason(&p.a.session)));
        }
    }
}

// A row may change the stream that it is about, and no other.
static void test_rules_leave_other_streams_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_initiator); i++) {
        const struct rule_row *row = &from_initiator[i];
        struct pair p;
        struct stream_status before[4], after;
        uint32_t handles[4];
        make_streams(&p, handles);
        for (size_t j = 0; j < COUNT(handles); j++) {
            before[j] = end_status(&p.b, handles[j]);
        }
        end_forge_hex(&p.a, &p.b, row->hex);
        for (size_t j = 0; row->reason == REASON_NONE && j < COUNT(handles); j++) {
            uint8_t about[4];
            memcpy(about, row->hex + 4, 4);
            after = end_status(&p.b, handles[j]);
            if (before[j].id == strtoul((char[5]){(char)about[0], (char)about[1], (char)about[2],
                                                  (char)about[3], 0},
                                        NULL, 16)) {
                continue;
            }
            assert_memory_equal(&before[j], &after, sizeof after);
        }
    }
}

static void test_data_after_the_end(void **state)
{
    (void)state;
    const char *const rows[] = {"0600000141", "06010001", "0601000141"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pair p;
        uint32_t at_a, at_b;
        pair_start(&p);
        pair_open(&p, &at_a, &at_b);
        end_forge_hex(&p.a, &p.b, "0601000141");
        assert_end(&p.b, SESSION_UP, REASON_NONE);
        end_forge_hex(&p.a, &p.b, rows[i]);
        assert_end(&p.b, SESSION_CLOSING, REASON_STREAM_ORDER);
        assert_reads(&p.b, at_b, "A");
        assert_error(end_read_error(&p.b, at_b), STREAM_END); // the end had come
    }
}

// To the byte: all that was granted is taken, one more ends the session; the end costs nothing.
static void test_credit_to_the_byte(void **state)
{
    (void)state;
    for (int more = 0; more < 3; more++) {
        struct pair p;
        uint32_t at_a, at_b;
        uint8_t plaintext[4 + FIXTURE_BODY] = {6, 0, 0, 1}, frame[sizeof plaintext + 18];
        pair_start(&p);
        pair_open(&p, &at_a, &at_b);
        for (int i = 0; i < FIXTURE_WINDOW / FIXTURE_BODY; i++) {
            end_receive(&p.b, frame, end_forge(&p.a, frame, plaintext, 4 + FIXTURE_BODY));
        }
        assert_end(&p.b, SESSION_UP, REASON_NONE);
        assert_int_equal(end_status(&p.b, at_b).readable_bytes, FIXTURE_WINDOW);
        if (more == 0) {
            end_forge_hex(&p.a, &p.b, "06010001");
            assert_end(&p.b, SESSION_UP, REASON_NONE);
        } else {
            end_forge_hex(&p.a, &p.b, more == 1 ? "0600000141" : "0601000141");
            assert_end(&p.b, SESSION_CLOSING, REASON_STREAM_CREDIT);
            assert_int_equal(end_status(&p.b, at_b).readable_bytes, FIXTURE_WINDOW);
        }
    }
}

// Credit that waits to be offered is not granted yet.
static void test_credit_counts_when_it_is_sent(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;
    uint8_t data[FIXTURE_WINDOW];
    size_t len;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    fill(data, sizeof data, 0);
    for (size_t sent = 0; sent < sizeof data;) {
        sent += end_write(&p.a, at_a, data + sent, sizeof data - sent);
        pair_exchange(&p);
    }
    assert_error(stream_read(&p.b.memory.streams, 0, at_b, data, sizeof data, &len), STREAM_OK);
    assert_int_equal(len, sizeof data);
    end_forge_hex(&p.a, &p.b, "0600000141"); // before the WINDOW has been encrypted
    assert_end(&p.b, SESSION_CLOSING, REASON_STREAM_CREDIT);
}

// ---- Limits ---------------------------------------------------------------------------------------

static void test_streams_max(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[FIXTURE_STREAMS];

    pair_start(&p);
    p.a.session.peer_streams_max = 100; // a does not keep to what b has announced
    for (int i = 0; i < FIXTURE_STREAMS; i++) {
        streams[i] = end_open(&p.a, "svc");
    }
    assert_error(end_try_open(&p.a), STREAM_LIMIT); // its own table is full
    pair_exchange(&p);
    assert_int_equal(p.b.events[SESSION_OFFERED], FIXTURE_STREAMS - 1);
    assert_int_equal(p.b.memory.streams.used, FIXTURE_STREAMS - 1);
    assert_int_equal(end_status(&p.a, streams[FIXTURE_STREAMS - 1]).reason, BYE_LIMIT);
    pair_is_up(&p);

    // b's own streams do not count, but its table is full after one more.
    end_open(&p.b, "svc");
    assert_error(end_try_open(&p.b), STREAM_LIMIT);
}

static void test_what_the_peer_announces_is_kept(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[FIXTURE_STREAMS];

    pair_start(&p);
    for (int i = 0; i < FIXTURE_STREAMS - 1; i++) {
        streams[i] = end_open(&p.a, "svc");
    }
    assert_error(end_try_open(&p.a), STREAM_LIMIT);
    pair_exchange(&p);
    assert_error(end_try_open(&p.a), STREAM_LIMIT);
    end_close(&p.a, streams[0], BYE_NORMAL); // not over before the peer will hear of it
    assert_error(end_try_open(&p.a), STREAM_LIMIT);
    pair_exchange(&p);
    end_forget_news(&p.b);
    assert_error(end_try_open(&p.a), STREAM_OK);
    pair_exchange(&p);
    assert_int_equal(p.b.events[SESSION_OFFERED], FIXTURE_STREAMS);
    pair_is_up(&p);
}

// A table that is full of streams that their owner has not given back: refused, and the session goes on.
static void test_full_table_refuses(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    for (int i = 0; i < FIXTURE_STREAMS; i++) { // over on the wire, unread at b
        pair_open(&p, &at_a, &at_b);
        end_close(&p.a, at_a, BYE_NORMAL);
        pair_exchange(&p);
    }
    assert_int_equal(session_streams_open(&p.b.session), 0);
    at_a = end_open(&p.a, "svc");
    pair_exchange(&p);
    assert_int_equal(end_status(&p.a, at_a).reason, BYE_LIMIT);
    end_close(&p.b, at_b, BYE_NORMAL);
    end_close(&p.a, at_a, BYE_NORMAL);
    pair_open(&p, &at_a, &at_b);
    pair_is_up(&p);
}

// Who does not read our refusals and goes on opening is told so, and goes.
static void test_open_flood(void **state)
{
    (void)state;
    struct pair p;
    unsigned opened = 0;

    pair_start(&p);
    p.b.config.streams_max = 0;
    p.a.session.own_id = STREAM_ID_MAX; // so that it knows what b refuses
    while (session_state(&p.b.session) == SESSION_UP) {
        char hex[32];
        snprintf(hex, sizeof hex, "0400%04x000000005a", 2 * opened + 1);
        end_forge_hex(&p.a, &p.b, hex);
        opened++;
        assert_true(opened < 1000);
    }
    assert_true(opened > 40);
    assert_end(&p.b, SESSION_CLOSING, REASON_STREAM_FLOOD);
    assert_said_bye(&p.b, &p.a, BYE_LIMIT);
    assert_int_equal(p.b.events[SESSION_OFFERED], 0);
}

// A node without streams says so and opens none, nor is it opened one.
static void test_a_node_without_streams(void **state)
{
    (void)state;
    struct end a, b;
    uint32_t stream;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    memset(&b.memory.streams, 0, sizeof b.memory.streams);
    pool_init(&b.memory.outputs, NULL, 0, 0);
    end_call(&a, &b);
    end_listen(&b);
    end_exchange(&a, &b);
    assert_error(stream_open(&a.session, 0, &stream, (const uint8_t *)"s", 1), STREAM_LIMIT);
    assert_error(stream_open(&b.session, 0, &stream, (const uint8_t *)"s", 1), STREAM_LIMIT);
    end_forge_hex(&a, &b, "04000001000000005a");
    assert_end(&b, SESSION_CLOSING, REASON_STREAM_FLOOD);
}

// All numbers of a side are used once each, then there are none left, and the other side's are not touched.
static void numbers_run_out(struct pair *p, struct end *e, struct end *other, uint32_t count)
{
    uint32_t held = end_open(e, "svc");

    for (uint32_t i = 1; i < count; i++) {
        uint32_t stream = end_open(e, "svc");
        pair_exchange(p);
        end_close(e, stream, BYE_NORMAL);
        if (i % 2 == 0) {
            pair_exchange(p);
        }
        end_close(other, session_offered(&other->session), BYE_NORMAL);
        pair_exchange(p);
    }
    assert_error(end_try_open(e), STREAM_IDS_USED);
    assert_int_equal(end_status(e, held).ready, 0); // the first one is still waiting
    pair_is_up(p);
    assert_error(end_try_open(other), STREAM_OK);
}

static void test_numbers_run_out(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    numbers_run_out(&p, &p.a, &p.b, 32768);
    assert_int_equal(p.a.session.own_id, 65535);
    pair_start(&p);
    numbers_run_out(&p, &p.b, &p.a, 32767);
    assert_int_equal(p.b.session.own_id, 65534);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_accept_exchange_finish),
        cmocka_unit_test(test_records_on_the_wire),
        cmocka_unit_test(test_opened_goes_before_data),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_opener_gives_up),
        cmocka_unit_test(test_finish_before_it_is_accepted),
        cmocka_unit_test(test_close_after_data),
        cmocka_unit_test(test_closes_cross),
        cmocka_unit_test(test_close_is_answered),
        cmocka_unit_test(test_no_close_after_both_ends),
        cmocka_unit_test(test_unknown_handles),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_stream_without_a_session),
        cmocka_unit_test(test_lost_session_is_disconnected),
        cmocka_unit_test(test_bye_comes_last),
        cmocka_unit_test(test_credit_is_the_window),
        cmocka_unit_test(test_small_buffers_are_given_out_whole),
        cmocka_unit_test(test_writable_is_news_after_a_refusal_only),
        cmocka_unit_test(test_records_are_as_long_as_the_peer_takes),
        cmocka_unit_test(test_largest_data),
        cmocka_unit_test(test_peek_and_consume),
        cmocka_unit_test(test_buffers_are_wiped),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_rules_of_the_responder),
        cmocka_unit_test(test_rules_leave_other_streams_alone),
        cmocka_unit_test(test_data_after_the_end),
        cmocka_unit_test(test_credit_to_the_byte),
        cmocka_unit_test(test_credit_counts_when_it_is_sent),
        cmocka_unit_test(test_streams_max),
        cmocka_unit_test(test_what_the_peer_announces_is_kept),
        cmocka_unit_test(test_full_table_refuses),
        cmocka_unit_test(test_open_flood),
        cmocka_unit_test(test_a_node_without_streams),
        cmocka_unit_test(test_numbers_run_out),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
