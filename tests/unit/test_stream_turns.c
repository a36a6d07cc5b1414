// SPDX-License-Identifier: Apache-2.0
// Streams that share a session: room, turns, and what must not wait; and everything at once, by chance.
#include "tests/unit/stream_fixture.h"

enum { BODY = FIXTURE_BODY };

static const uint8_t zeros[FIXTURE_STREAM_BUFFER];

// Streams of a, accepted by b, with credit without end.
static void open_many(struct pair *p, uint32_t *streams, size_t count)
{
    uint32_t at_b;

    pair_start(p);
    for (size_t i = 0; i < count; i++) {
        pair_open(p, &streams[i], &at_b);
        char hex[32];
        snprintf(hex, sizeof hex, "0700%04x7fffff00", (unsigned)(2 * i + 1));
        end_forge_hex(&p->b, &p->a, hex);
    }
    end_forget_news(&p->a);
}

// Takes about one record's bytes from what a has to send; nobody receives them.
static size_t drain(struct end *e, size_t bytes)
{
    size_t len, total = 0;

    while (total < bytes && session_output(&e->session, &len) != NULL) {
        len = len > bytes - total ? bytes - total : len;
        session_output_done(&e->session, len);
        total += len;
    }
    return total;
}

// Its owner may look when a record that goes before has taken the room, and then does not write: that must not be all.
static void test_an_invitation_that_was_not_used_comes_again(void **state)
{
    (void)state;
    struct pair p;
    uint32_t stream;

    open_many(&p, &stream, 1);
    while (end_write(&p.a, stream, zeros, sizeof zeros) > 0) {
    }
    drain(&p.a, (size_t)2 * BODY);
    assert_int_equal(end_news(&p.a, stream).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    end_no_news(&p.a);
    drain(&p.a, SIZE_MAX);
    assert_int_equal(end_news(&p.a, stream).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    end_no_news(&p.a);
}

static void test_backpressure(void **state)
{
    (void)state;
    struct pair p;
    uint32_t stream;
    size_t taken = 0, now;

    open_many(&p, &stream, 1);
    while ((now = end_write(&p.a, stream, zeros, sizeof zeros)) > 0) {
        taken += now;
    }
    assert_int_equal(taken, FIXTURE_OUTPUT_RECORDS * BODY); // what the output area is for
    assert_ready(&p.a, stream, STREAM_CONNECTED);
    end_no_news(&p.a);
    drain(&p.a, 10); // no room for a record yet
    end_no_news(&p.a);
    drain(&p.a, (size_t)2 * BODY);
    assert_int_equal(end_news(&p.a, stream).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    end_no_news(&p.a);
    assert_int_equal(end_write(&p.a, stream, zeros, sizeof zeros), BODY);
    drain(&p.a, SIZE_MAX);
    assert_int_equal(end_news(&p.a, stream).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    assert_int_equal(p.a.memory.outputs.used, 0); // the block goes back when all has left
}

// Each that wants to write gets a record in turn, however often it asks.
static void test_turns(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[4];
    size_t written[4] = {0}, total = 0;

    open_many(&p, streams, 4);
    for (int i = 0; i < 4; i++) {
        while (end_write(&p.a, streams[i], zeros, sizeof zeros) > 0) {
        }
        assert_error(end_write_error(&p.a, streams[i]), STREAM_WOULD_BLOCK);
    }
    while (total < (size_t)400 * BODY) {
        struct stream_status status;
        uint32_t stream;
        drain(&p.a, BODY + 22);
        while (stream_next(&p.a.memory.streams, &stream, &status)) {
            for (int i = 0; i < 4; i++) { // who is told writes as much as it can
                size_t now;
                while (stream == streams[i] &&
                       (now = end_write(&p.a, stream, zeros, sizeof zeros)) > 0) {
                    written[i] += now;
                    total += now;
                }
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(written[i], (size_t)98 * BODY, (size_t)102 * BODY);
    }
}

// One that asks all the time does not keep out one that waits to be told.
static void test_greed_does_not_pay(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[2];
    size_t greedy = 0, patient = 0;

    open_many(&p, streams, 2);
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    assert_int_equal(end_write(&p.a, streams[1], zeros, sizeof zeros), 0);
    for (int i = 0; i < 200; i++) {
        struct stream_status status;
        uint32_t stream;
        drain(&p.a, BODY / 3);
        greedy += end_write(&p.a, streams[0], zeros, sizeof zeros);
        while (stream_next(&p.a.memory.streams, &stream, &status)) {
            if (stream == streams[1]) {
                patient += end_write(&p.a, stream, zeros, sizeof zeros);
            }
        }
    }
    assert_true(patient + (size_t)2 * BODY >= greedy);
    assert_true(greedy + (size_t)2 * BODY >= patient);
}

// Whoever is told and does not come holds up the others until the output has emptied, and no longer.
static void test_sleepers_do_not_stop_others(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[3];
    size_t total = 0;

    open_many(&p, streams, 3);
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    end_write(&p.a, streams[1], zeros, sizeof zeros); // wait, are told, and never come
    end_write(&p.a, streams[2], zeros, sizeof zeros);
    for (int i = 0; i < 20; i++) {
        drain(&p.a, SIZE_MAX);
        end_forget_news(&p.a);
        total += end_write(&p.a, streams[0], zeros, BODY);
    }
    assert_int_equal(total, 20 * BODY);

    // One that leaves instead of writing passes its turn on.
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    assert_int_equal(end_write(&p.a, streams[1], zeros, sizeof zeros), 0);
    assert_int_equal(end_write(&p.a, streams[2], zeros, sizeof zeros), 0);
    drain(&p.a, BODY + 100);
    end_forget_news(&p.a);
    drain(&p.a, BODY + 22);
    drain(&p.a, BODY - 300);
    end_forget_news(&p.a);
    uint16_t waiting = p.a.session.invited;
    assert_int_equal(waiting, 1);
    end_finish(&p.a, streams[0]);
    end_close(&p.a, streams[1], BYE_NORMAL);
    drain(&p.a, SIZE_MAX);
    end_forget_news(&p.a);
    assert_int_equal(end_write(&p.a, streams[2], zeros, BODY), BODY);
}

// PONG, WINDOW, CLOSE and BYE have room when DATA has none, and come right behind what is queued.
static void test_control_does_not_wait_for_data(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[2];

    open_many(&p, streams, 2);
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    size_t queued = session_output_pending(&p.a.session);
    for (int i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        assert_true(session_ping(&p.a.session, 0));
        end_forge_hex(&p.b, &p.a, "020000000000000000000009");
    }
    assert_end(&p.a, SESSION_UP, REASON_NONE);
    assert_int_equal(session_output_pending(&p.a.session), queued + (size_t)8 * 30);
    end_event(&p.a, session_close(&p.a.session, 0, REASON_CLOSED, BYE_NORMAL));
    assert_int_equal(session_output_pending(&p.a.session), queued + (size_t)8 * 30 + 23);
    assert_end(&p.a, SESSION_CLOSING, REASON_CLOSED);
}

// Control records of streams wait for room, and none is lost however long it takes.
static void test_control_records_wait_without_loss(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[3];
    size_t len;

    open_many(&p, streams, 3);
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    end_close(&p.a, streams[1], BYE_NORMAL);
    end_finish(&p.a, streams[0]);
    uint32_t fresh = end_open(&p.a, "svc");
    assert_non_null(session_output(&p.a.session, &len));
    pair_exchange(&p);
    assert_end(&p.b, SESSION_UP, REASON_NONE);
    end_accept(&p.b, session_offered(&p.b.session));
    pair_exchange(&p);
    assert_ready(&p.a, fresh, STREAM_CONNECTED | STREAM_WRITABLE);
    pair_is_up(&p);
}

// A write that has to wait for OPENED to be sent is refused, not reordered.
static void test_no_data_before_opened(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[1], at_a;

    open_many(&p, streams, 1);
    uint32_t at_b = end_open(&p.b, "svc");
    pair_exchange(&p);
    at_a = session_offered(&p.a.session);
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    end_accept(&p.a, at_a);
    assert_int_equal(end_write(&p.a, at_a, zeros, 10), 0);
    drain(&p.a, 0);
    pair_exchange(&p);
    assert_end(&p.b, SESSION_UP, REASON_NONE);
    assert_ready(&p.b, at_b, STREAM_CONNECTED | STREAM_WRITABLE);
}

// When there is room for more than one record, the next is told as soon as the one before has used its turn.
static void test_the_next_is_told_at_once(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[3];

    open_many(&p, streams, 3);
    while (end_write(&p.a, streams[0], zeros, sizeof zeros) > 0) {
    }
    assert_int_equal(end_write(&p.a, streams[1], zeros, sizeof zeros), 0);
    assert_int_equal(end_write(&p.a, streams[2], zeros, sizeof zeros), 0);
    end_finish(&p.a, streams[0]); // it waits no longer
    drain(&p.a, (size_t)3 * (BODY + 22) - 10);
    end_news(&p.a, streams[1]);
    end_no_news(&p.a);
    assert_int_equal(end_write(&p.a, streams[1], zeros, BODY), BODY);
    end_news(&p.a, streams[2]);
    assert_int_equal(end_write(&p.a, streams[2], zeros, 1), 1);
    end_no_news(&p.a);
}

// DATA is shorter than OPENED can be: where there is room for the one and not for the other, it waits behind.
static void test_short_data_does_not_overtake(void **state)
{
    (void)state;
    struct pair p;
    uint32_t streams[1];

    open_many(&p, streams, 1);
    end_forge_hex(&p.b, &p.a,
                  "0400000200000100"
                  "5a");
    uint32_t at_a = session_offered(&p.a.session);
    while (session_has_room(&p.a.session, 2 * (BODY + 22) + 30, OUTPUT_RESERVE_BYTES)) {
        assert_int_equal(end_write(&p.a, streams[0], zeros, BODY), BODY);
    }
    size_t len = BODY; // what leaves room for 24 bytes, and not for 26
    while (!session_has_room(&p.a.session, len + 22 + 24, OUTPUT_RESERVE_BYTES)) {
        len--;
    }
    if (session_has_room(&p.a.session, len + 22 + 26, OUTPUT_RESERVE_BYTES)) {
        assert_int_equal(end_write(&p.a, streams[0], zeros, BODY), BODY);
        for (len = BODY; !session_has_room(&p.a.session, len + 22 + 24, OUTPUT_RESERVE_BYTES);) {
            len--;
        }
    }
    assert_int_equal(end_write(&p.a, streams[0], zeros, len), len);
    assert_true(session_has_room(&p.a.session, 24, OUTPUT_RESERVE_BYTES));
    assert_false(session_has_room(&p.a.session, 26, OUTPUT_RESERVE_BYTES));
    end_accept(&p.a, at_a);
    assert_int_equal(end_write(&p.a, at_a, zeros, 1), 0);
    drain(&p.a, session_output_pending(&p.a.session));
    assert_true(session_has_output(&p.a.session)); // OPENED, which is sealed now
    drain(&p.a, SIZE_MAX);
    assert_int_equal(end_write(&p.a, at_a, zeros, 1), 1);
}

// ---- Nobody who waits is forgotten: whoever was told less than that it can write is told again ------------------

// Takes all news of the end; whether one of them said that this stream can be written.
static bool told_to_write(struct end *e, uint32_t wanted)
{
    struct stream_status status;
    uint32_t stream;
    bool told = false;

    while (stream_next(&e->memory.streams, &stream, &status)) {
        told = told || (stream == wanted && (status.ready & STREAM_WRITABLE) != 0);
    }
    return told;
}

// Credit arrives for a write that waited for it, while the output is full of what was written before.
static void test_credit_while_the_output_is_full(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    pair_open(&p, &at_a, &at_b);
    assert_int_equal(end_write(&p.a, at_a, zeros, sizeof zeros), FIXTURE_WINDOW);
    end_forge_hex(&p.b, &p.a, "0700000100001000");
    assert_false(told_to_write(&p.a, at_a));
    drain(&p.a, SIZE_MAX);
    assert_true(told_to_write(&p.a, at_a));
    assert_int_equal(end_write(&p.a, at_a, zeros, 100), 100);
}

// It is told that it is its turn, but when it looks others have taken the room.
static void test_room_that_was_taken_before_the_turn(void **state)
{
    (void)state;
    enum { COUNT_ALL = FIXTURE_OUTPUT_RECORDS + 1 };
    struct pair p;
    uint32_t streams[COUNT_ALL];

    open_many(&p, streams, COUNT_ALL);
    for (size_t i = 0; i < COUNT_ALL; i++) {
        while (end_write(&p.a, streams[i], zeros, sizeof zeros) > 0) {
        }
    }
    drain(&p.a, SIZE_MAX);
    for (size_t i = 0; i < FIXTURE_OUTPUT_RECORDS; i++) {
        assert_int_equal(end_news(&p.a, streams[i]).ready, STREAM_CONNECTED | STREAM_WRITABLE);
        assert_int_equal(end_write(&p.a, streams[i], zeros, BODY), BODY);
    }
    assert_int_equal(end_news(&p.a, streams[FIXTURE_OUTPUT_RECORDS]).ready, STREAM_CONNECTED);
    drain(&p.a, SIZE_MAX);
    assert_true(told_to_write(&p.a, streams[FIXTURE_OUTPUT_RECORDS]));
}

// A write before the peer has accepted waits too; and then there is no room.
static void test_accepted_while_the_output_is_full(void **state)
{
    (void)state;
    struct pair p;
    uint32_t busy, fresh;

    open_many(&p, &busy, 1);
    fresh = end_open(&p.a, "svc");
    assert_int_equal(end_write(&p.a, fresh, zeros, 100), 0);
    drain(&p.a, SIZE_MAX);
    while (end_write(&p.a, busy, zeros, sizeof zeros) > 0) {
    }
    end_forget_news(&p.a);
    end_forge_hex(&p.b, &p.a, "0500000300001000");
    assert_int_equal(end_news(&p.a, fresh).ready, STREAM_CONNECTED);
    drain(&p.a, SIZE_MAX);
    assert_true(told_to_write(&p.a, fresh));
}

// ---- Everything at once ---------------------------------------------------------------------------

enum { MODEL_STREAMS = 5 };

// One direction of a stream: bytes are numbered, so that a lost, repeated or altered one is seen.
struct flow {
    uint64_t written, read;
    bool finished, ended;
};

struct model {
    struct pair p;
    uint64_t random;
    uint32_t at[2][MODEL_STREAMS];       // handles at both ends; 0: none
    struct flow flows[2][MODEL_STREAMS]; // by who writes
    unsigned finished;
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->random >> 33) % below;
}

static struct end *side(struct model *m, unsigned i)
{
    return i == 0 ? &m->p.a : &m->p.b;
}

static uint8_t byte_of(unsigned who, unsigned stream, uint64_t at)
{
    return (uint8_t)(at * 13 + at / 256 + who * UINT64_C(101) + stream * UINT64_C(17));
}

static void model_write(struct model *m, unsigned who, unsigned i)
{
    struct flow *flow = &m->flows[who][i];
    uint8_t data[1500];
    size_t len = 1 + draw(m, sizeof data);

    for (size_t j = 0; j < len; j++) {
        data[j] = byte_of(who, i, flow->written + j);
    }
    flow->written += end_write(side(m, who), m->at[who][i], data, len);
}

static void model_read(struct model *m, unsigned who, unsigned i)
{
    struct flow *flow = &m->flows[1 - who][i];
    uint8_t data[1500];
    size_t len;
    enum stream_error error = stream_read(&side(m, who)->memory.streams, 0, m->at[who][i], data,
                                          1 + draw(m, sizeof data), &len);

    for (size_t j = 0; j < len; j++) {
        assert_int_equal(data[j], byte_of(1 - who, i, flow->read + j));
    }
    flow->read += len;
    if (error == STREAM_END) {
        assert_true(flow->finished);
        assert_int_equal(flow->read, flow->written);
        flow->ended = true;
    } else {
        assert_true(error == STREAM_OK || error == STREAM_WOULD_BLOCK);
    }
}

// Some of what one end has to send, in pieces, by either way in.
static void model_carry(struct model *m, unsigned from)
{
    struct end *e = side(m, from), *to = side(m, 1 - from);
    uint8_t bytes[4096], *room;
    size_t len, cap;
    const uint8_t *out = session_output(&e->session, &len);

    if (out == NULL) {
        return;
    }
    len = 1 + draw(m, len > sizeof bytes ? sizeof bytes : (uint32_t)len);
    memcpy(bytes, out, len);
    session_output_done(&e->session, len);
    if (draw(m, 2) == 0) {
        end_receive(to, bytes, len);
        return;
    }
    for (size_t used = 0; used < len;) {
        enum session_event event;
        room = session_input(&to->session, &cap);
        assert_non_null(room);
        cap = cap < len - used ? cap : len - used;
        memcpy(room, bytes + used, cap);
        used += cap;
        event = session_input_done(&to->session, 0, cap);
        while (event != SESSION_NOTHING) {
            end_event(to, event);
            event = session_input_done(&to->session, 0, 0);
        }
    }
}

static void model_open(struct model *m, unsigned who, unsigned i)
{
    char name[2] = {(char)('0' + i), '\0'};

    m->at[who][i] = end_open(side(m, who), name);
    memset(&m->flows[0][i], 0, sizeof m->flows[0][i]);
    memset(&m->flows[1][i], 0, sizeof m->flows[1][i]);
}

static void model_news(struct model *m, unsigned who)
{
    struct stream_status status;
    uint32_t stream;

    while (stream_next(&side(m, who)->memory.streams, &stream, &status)) {
        if (status.ready & STREAM_OFFERED) {
            m->at[who][status.service.bytes[0] - '0'] = stream;
            end_accept(side(m, who), stream);
        }
        assert_false(status.ready & STREAM_GONE);
    }
}

static void model_step(struct model *m)
{
    unsigned who = draw(m, 2), i = draw(m, MODEL_STREAMS);
    struct flow *flow = &m->flows[who][i];
    bool open = m->at[0][i] != 0 && m->at[1][i] != 0;

    switch (draw(m, 8)) {
    case 0:
    case 1:
        if (open && !flow->finished) {
            model_write(m, who, i);
        }
        break;
    case 2:
    case 3:
        if (open && !m->flows[1 - who][i].ended) {
            model_read(m, who, i);
        }
        break;
    case 4:
        if (open && !flow->finished && draw(m, 20) == 0) {
            end_finish(side(m, who), m->at[who][i]);
            flow->finished = true;
        }
        break;
    case 5:
        if (m->at[0][i] == 0 && m->at[1][i] == 0) {
            model_open(m, who, i);
        } else if (m->flows[0][i].ended && m->flows[1][i].ended) {
            end_close(&m->p.a, m->at[0][i], BYE_NORMAL);
            end_close(&m->p.b, m->at[1][i], BYE_NORMAL);
            m->at[0][i] = m->at[1][i] = 0;
            m->finished++;
        }
        break;
    case 6:
        (void)!session_ping(&side(m, who)->session, 0);
        break;
    default:
        model_carry(m, who);
        break;
    }
    model_news(m, who);
}

static void test_many_streams_by_chance(void **state)
{
    (void)state;
    static struct model m;
    unsigned finished = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        memset(&m, 0, sizeof m);
        m.random = seed * 0x9e3779b97f4a7c15u;
        pair_start(&m.p);
        m.p.a.config.rekey_records = m.p.b.config.rekey_records = 1 + draw(&m, 40);
        for (int i = 0; i < 6000; i++) {
            model_step(&m);
        }
        pair_is_up(&m.p);
        finished += m.finished;
    }
    assert_true(finished > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_invitation_that_was_not_used_comes_again),
        cmocka_unit_test(test_backpressure),
        cmocka_unit_test(test_credit_while_the_output_is_full),
        cmocka_unit_test(test_room_that_was_taken_before_the_turn),
        cmocka_unit_test(test_accepted_while_the_output_is_full),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_greed_does_not_pay),
        cmocka_unit_test(test_sleepers_do_not_stop_others),
        cmocka_unit_test(test_control_does_not_wait_for_data),
        cmocka_unit_test(test_control_records_wait_without_loss),
        cmocka_unit_test(test_no_data_before_opened),
        cmocka_unit_test(test_the_next_is_told_at_once),
        cmocka_unit_test(test_short_data_does_not_overtake),
        cmocka_unit_test(test_many_streams_by_chance),
    };
    return cmocka_run_group_tests_name("stream_turns", tests, NULL, NULL);
}
