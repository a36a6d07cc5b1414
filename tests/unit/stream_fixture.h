// SPDX-License-Identifier: Apache-2.0
// Two established ends with streams, and every record between them in the test's hands.
#ifndef TESTS_UNIT_STREAM_FIXTURE_H
#define TESTS_UNIT_STREAM_FIXTURE_H

#include "tests/unit/session_fixture.h"

enum { PAIR_RECORDS = 64 };

// a is the initiator.
struct pair {
    struct end a, b;
};

FIXTURE void pair_start(struct pair *p)
{
    ends_establish(&p->a, &p->b);
    p->a.sent_len = p->b.sent_len = 0;
}

FIXTURE void pair_exchange(struct pair *p)
{
    size_t carried;

    do {
        p->a.sent_len = p->b.sent_len = 0;
        carried = end_carry(&p->a, &p->b);
        carried += end_carry(&p->b, &p->a);
    } while (carried > 0);
}

FIXTURE void pair_is_up(const struct pair *p)
{
    assert_end(&p->a, SESSION_UP, REASON_NONE);
    assert_end(&p->b, SESSION_UP, REASON_NONE);
}

FIXTURE void assert_error(enum stream_error is, enum stream_error expected)
{
    assert_string_equal(stream_error_name(is), stream_error_name(expected));
}

FIXTURE uint32_t end_open(struct end *e, const char *service)
{
    uint32_t stream;

    assert_error(
        stream_open(&e->session, e->now_ms, &stream, (const uint8_t *)service, strlen(service)),
        STREAM_OK);
    assert_int_not_equal(stream, 0);
    return stream;
}

FIXTURE enum stream_error end_try_open(struct end *e)
{
    uint32_t stream = 77;
    enum stream_error error =
        stream_open(&e->session, e->now_ms, &stream, (const uint8_t *)"svc", 3);

    assert_true((error == STREAM_OK) == (stream != 0));
    return error;
}

FIXTURE struct stream_status end_status(struct end *e, uint32_t stream)
{
    struct stream_status status;

    assert_true(stream_status(&e->memory.streams, stream, &status));
    return status;
}

FIXTURE void assert_ready(struct end *e, uint32_t stream, unsigned ready)
{
    assert_int_equal(end_status(e, stream).ready, ready);
}

FIXTURE void end_accept(struct end *e, uint32_t stream)
{
    assert_error(stream_accept(&e->memory.streams, e->now_ms, stream), STREAM_OK);
}

FIXTURE size_t end_write(struct end *e, uint32_t stream, const uint8_t *data, size_t len)
{
    size_t taken;
    enum stream_error error =
        stream_write(&e->memory.streams, e->now_ms, stream, data, len, &taken);

    assert_true(error == STREAM_WOULD_BLOCK ? taken == 0 : error == STREAM_OK && taken > 0);
    return taken;
}

FIXTURE void end_write_text(struct end *e, uint32_t stream, const char *text)
{
    assert_int_equal(end_write(e, stream, (const uint8_t *)text, strlen(text)), strlen(text));
}

FIXTURE enum stream_error end_write_error(struct end *e, uint32_t stream)
{
    size_t taken = 77;
    enum stream_error error =
        stream_write(&e->memory.streams, e->now_ms, stream, (const uint8_t *)"x", 1, &taken);

    assert_int_equal(taken, error == STREAM_OK);
    return error;
}

FIXTURE enum stream_error end_read_error(struct end *e, uint32_t stream)
{
    uint8_t byte;
    size_t len = 77;
    enum stream_error error = stream_read(&e->memory.streams, e->now_ms, stream, &byte, 1, &len);

    assert_int_equal(len, error == STREAM_OK);
    return error;
}

FIXTURE void assert_reads(struct end *e, uint32_t stream, const char *text)
{
    char got[256];
    size_t len;

    assert_error(
        stream_read(&e->memory.streams, e->now_ms, stream, (uint8_t *)got, sizeof got - 1, &len),
        STREAM_OK);
    got[len] = '\0';
    assert_string_equal(got, text);
}

FIXTURE void end_finish(struct end *e, uint32_t stream)
{
    assert_error(stream_finish(&e->memory.streams, e->now_ms, stream), STREAM_OK);
}

FIXTURE void end_close(struct end *e, uint32_t stream, enum bye_reason reason)
{
    struct stream_status status;

    stream_close(&e->memory.streams, e->now_ms, stream, reason);
    assert_false(stream_status(&e->memory.streams, stream, &status));
    assert_zero(&status, sizeof status);
}

// The next news of this end are about this stream.
FIXTURE struct stream_status end_news(struct end *e, uint32_t stream)
{
    struct stream_status status;
    uint32_t next;

    if (!stream_next(&e->memory.streams, &next, &status)) {
        fail_msg("no news");
    }
    assert_int_equal(next, stream);
    return status;
}

FIXTURE void end_no_news(struct end *e)
{
    struct stream_status status;
    uint32_t next;

    assert_false(stream_next(&e->memory.streams, &next, &status));
    assert_int_equal(next, 0);
}

FIXTURE void end_forget_news(struct end *e)
{
    struct stream_status status;
    uint32_t next;

    while (stream_next(&e->memory.streams, &next, &status)) {
    }
}

// A stream that a has opened to b, accepted, both ways open. The handle of a in *at_a, that of b in *at_b.
FIXTURE void pair_open(struct pair *p, uint32_t *at_a, uint32_t *at_b)
{
    *at_a = end_open(&p->a, "svc");
    pair_exchange(p);
    *at_b = session_offered(&p->b.session);
    end_accept(&p->b, *at_b);
    pair_exchange(p);
    end_forget_news(&p->a);
    end_forget_news(&p->b);
    assert_ready(&p->a, *at_a, STREAM_CONNECTED | STREAM_WRITABLE);
    assert_ready(&p->b, *at_b, STREAM_CONNECTED | STREAM_WRITABLE);
}

// What `from` sends is decrypted here with the keys of `to`, which never sees it: hex of the plaintexts, with a blank
// between them.
FIXTURE void assert_sends(struct end *from, struct end *to, const char *expected)
{
    static char hex[4 * FIXTURE_WIRE_MAX];
    static uint8_t bytes[FIXTURE_WIRE_MAX];
    size_t len = end_take(from, bytes, sizeof bytes), used = 0, chars = 0;

    hex[0] = '\0';
    while (used < len) {
        size_t record_len = (size_t)bytes[used] << 8 | bytes[used + 1], plaintext_len;
        uint8_t *record = bytes + used + 2;
        assert_int_equal(xk_receiver_open(&to->session.receiver, record, record_len - 16,
                                          &plaintext_len, record, record_len),
                         NOISE_OK);
        for (size_t i = 0; i < plaintext_len; i++) {
            chars += (size_t)snprintf(hex + chars, 3, "%02x", record[i]);
        }
        hex[chars++] = ' ';
        hex[chars] = '\0';
        used += 2 + record_len;
    }
    if (chars > 0) {
        hex[chars - 1] = '\0';
    }
    assert_string_equal(hex, expected);
}

FIXTURE void assert_no_streams(const struct end *e)
{
    assert_int_equal(e->memory.streams.used, 0);
    assert_int_equal(e->memory.inputs.used, 0);
    assert_int_equal(e->memory.outputs.used, 0);
    assert_int_equal(session_streams_open(&e->session), 0);
}

#endif
