// SPDX-License-Identifier: Apache-2.0
// Session: records on streams (WIRE section 2), what is due on them, and whose turn it is to write.
//
// A record for a stream that is not there any more, but once was, is dropped: after our CLOSE the peer's data may still
// be in flight. Only a number that was never opened is an error.
#include "dsoftbus/bytes.h"
#include "dsoftbus/stream_internal.h"

static struct stream_table *table_of(const struct session *s)
{
    return &s->config->memory->streams;
}

// ---- Life -----------------------------------------------------------------------------------------

static bool has_due(const struct stream *st)
{
    return st->open_due || st->opened_due || st->window_due || st->end_due || st->close_due;
}

static void nothing_due(struct stream *st)
{
    st->open_due = st->opened_due = st->window_due = st->end_due = st->close_due = false;
}

static void leave_session(struct session *s, struct stream *st)
{
    struct stream_table *table = table_of(s);

    stream_list_remove(table, &s->control, STREAM_IN_CONTROL, st);
    stream_list_remove(table, &s->writers, STREAM_IN_WRITERS, st);
    stream_list_remove(table, &s->streams, STREAM_IN_SESSION, st);
    st->session = NULL;
    if (st->phase == STREAM_LEAVING) {
        stream_release(table, st);
    }
}

void session_stream_settle(struct session *s, struct stream *st)
{
    if (has_due(st)) {
        stream_list_add(table_of(s), &s->control, STREAM_IN_CONTROL, st);
        return;
    }
    stream_list_remove(table_of(s), &s->control, STREAM_IN_CONTROL, st);
    if (st->over) {
        leave_session(s, st);
    }
}

void session_stream_over(struct session *s, struct stream *st)
{
    if (st->over) {
        return;
    }
    st->over = true;
    if (st->ours) {
        s->own_open--;
    } else {
        s->peer_open--;
    }
    st->blocked = false;
    stream_list_remove(table_of(s), &s->writers, STREAM_IN_WRITERS, st);
    session_stream_turn_done(s, st);
}

void session_streams_lost(struct session *s)
{
    struct stream_table *table;
    struct stream *st;

    while (s->streams.first != 0) {
        table = table_of(s);
        st = stream_at(table, s->streams.first);
        if (!st->over && st->phase != STREAM_LEAVING) {
            st->phase = STREAM_BROKEN;
            st->error = STREAM_DISCONNECTED;
            st->over = true;
            stream_news(table, st);
        }
        nothing_due(st);
        st->invited = st->blocked = false;
        leave_session(s, st);
    }
    s->own_open = s->peer_open = s->invited = 0;
}

// ---- Out: what is due -----------------------------------------------------------------------------

// DATA bodies that make frames of a multiple of the alignment, so that the next record is aligned too.
static size_t aligned_body(size_t max)
{
    return (max + FRAME_OVERHEAD) / SESSION_ALIGNMENT * SESSION_ALIGNMENT - FRAME_OVERHEAD;
}

// The credit that we give out is counted in the longest record that the peer sends when it has enough to send, as far
// as the buffer holds two of them: what is left over would only be used for a short one.
static uint32_t credit_unit(const struct session *s)
{
    size_t body = aligned_body((size_t)s->config->record_plaintext_max - RECORD_HEADER_BYTES);

    return 2 * body <= table_of(s)->buffer_bytes ? (uint32_t)body : 1;
}

// The part of the buffer that is given out.
static uint32_t window(const struct session *s)
{
    uint32_t unit = credit_unit(s);

    return table_of(s)->buffer_bytes / unit * unit;
}

// Room that is neither in use nor granted.
static uint32_t room(const struct session *s, const struct stream *st)
{
    return window(s) - st->used - st->granted;
}

bool session_stream_window_due(const struct session *s, const struct stream *st)
{
    return st->phase == STREAM_UP && !st->peer_finished && room(s, st) >= window(s) / 2;
}

static bool send_credit(struct session *s, struct stream *st, enum record_type type)
{
    uint32_t unit = credit_unit(s), more = room(s, st) / unit * unit;
    uint8_t body[CREDIT_BODY_BYTES];

    store_be32(body, more);
    if (!session_send_record(s, type, st->id, body, sizeof body, OUTPUT_RESERVE_BYTES)) {
        return false;
    }
    st->granted += more;
    return true;
}

static bool send_open(struct session *s, struct stream *st)
{
    uint16_t id = (uint16_t)(s->own_id != 0 ? s->own_id + 2 : s->role == SESSION_INITIATOR ? 1 : 2);
    uint8_t body[OPEN_BODY_BYTES_MAX];

    store_be32(body, window(s));
    bytes_copy(body + 4, st->service.bytes, st->service.len);
    if (!session_send_record(s, RECORD_OPEN, id, body, 4 + (size_t)st->service.len,
                             OUTPUT_RESERVE_BYTES)) {
        return false;
    }
    st->id = s->own_id = id;
    st->granted = window(s);
    return true;
}

static bool send_end(struct session *s, const struct stream *st)
{
    uint8_t *body =
        session_begin_record(s, RECORD_DATA, RECORD_FLAG_END, st->id, 0, OUTPUT_RESERVE_BYTES);

    return body != NULL && session_end_record(s, body, 0);
}

// False if there is no room for all of it.
static bool send_due(struct session *s, struct stream *st)
{
    if (st->open_due) {
        if (!send_open(s, st)) {
            return false;
        }
        st->open_due = false;
    }
    if (st->opened_due || st->window_due) {
        if (!send_credit(s, st, st->opened_due ? RECORD_OPENED : RECORD_WINDOW)) {
            return false;
        }
        st->opened_due = st->window_due = false;
    }
    if (st->end_due) {
        if (!send_end(s, st)) {
            return false;
        }
        st->end_due = false;
    }
    if (st->close_due) {
        if (!session_send_record(s, RECORD_CLOSE, st->id, &st->close_reason, 1,
                                 OUTPUT_RESERVE_BYTES)) {
            return false;
        }
        st->close_due = false;
        session_stream_over(s, st);
    }
    if (st->finished && st->peer_finished) {
        session_stream_over(s, st);
    }
    return true;
}

void session_flush_streams(struct session *s)
{
    while (s->control.first != 0) {
        struct stream *st = stream_at(table_of(s), s->control.first);
        if (!send_due(s, st)) {
            return;
        }
        session_stream_settle(s, st);
    }
}

// ---- Out: turns -----------------------------------------------------------------------------------
//
// A write that finds no room waits in `writers`. When there is room again the first of them is invited and told, and
// while somebody is invited or waits, others get nothing but what is left when everything has been sent. So streams
// that want to write get one record each in turn, and one that was invited and does not come holds up the others no
// longer than until the output has emptied.

size_t session_data_max(const struct session *s)
{
    size_t block = s->config->memory->outputs.block_bytes - (SESSION_ALIGNMENT - 1) -
                   OUTPUT_RESERVE_BYTES - 2 * (size_t)FRAME_OVERHEAD;

    return aligned_body(size_min(block, (size_t)s->peer_record_max - RECORD_HEADER_BYTES));
}

static void invite_first(struct session *s)
{
    struct stream *st = stream_at(table_of(s), s->writers.first);

    stream_list_remove(table_of(s), &s->writers, STREAM_IN_WRITERS, st);
    st->invited = true;
    s->invited++;
    stream_news(table_of(s), st);
}

static void invite_next(struct session *s)
{
    if (s->invited == 0 && s->writers.first != 0 &&
        session_has_room(s, session_record_needs(s, session_data_max(s)), OUTPUT_RESERVE_BYTES)) {
        invite_first(s);
    }
}

void session_stream_turn_done(struct session *s, struct stream *st)
{
    if (st->invited) {
        st->invited = false;
        s->invited--;
        invite_next(s);
    }
}

// Invitations end. Who was told before but could not write, because others had taken the room, or did not come, is
// told again: every time, until a write has taken everything.
static void forget_invitations(struct session *s)
{
    for (uint16_t slot = s->streams.first; slot != 0;) {
        struct stream *st = stream_at(table_of(s), slot);
        st->invited = false;
        if (st->waits && !st->blocked && !stream_is_in(st, STREAM_IN_WRITERS)) {
            stream_news(table_of(s), st);
        }
        slot = st->links[STREAM_IN_SESSION].next;
    }
    s->invited = 0;
}

void session_writers_go_on(struct session *s)
{
    if (session_output_pending(s) > 0) {
        invite_next(s);
        return;
    }
    forget_invitations(s);
    while (s->writers.first != 0) {
        invite_first(s);
    }
}

bool session_stream_may_write(const struct session *s, const struct stream *st, size_t body_len)
{
    bool turn =
        st->invited || (s->invited == 0 && s->writers.first == 0) || session_output_pending(s) == 0;

    return turn && session_has_room(s, session_record_needs(s, body_len), OUTPUT_RESERVE_BYTES);
}

void session_stream_wait(struct session *s, struct stream *st)
{
    if (st->credit == 0) {
        st->blocked = true;
        session_stream_turn_done(s, st);
        return;
    }
    if (st->invited) { // and yet there was no room: records that go before have taken it
        st->invited = false;
        s->invited--;
    }
    stream_list_add(table_of(s), &s->writers, STREAM_IN_WRITERS, st);
}

// Credit has come. A write that waited for it now waits for room, in its turn.
static void credit_came(struct session *s, struct stream *st)
{
    if (st->blocked && st->credit > 0) {
        st->blocked = false;
        stream_list_add(table_of(s), &s->writers, STREAM_IN_WRITERS, st);
        session_writers_go_on(s);
    }
}

// ---- In -------------------------------------------------------------------------------------------

// Numbers of the side that opens: the initiator's are odd.
static bool is_own_id(const struct session *s, uint16_t id)
{
    return (id % 2 == 1) == (s->role == SESSION_INITIATOR);
}

static bool was_opened(const struct session *s, uint16_t id)
{
    return id <= (is_own_id(s, id) ? s->own_id : s->peer_id_last);
}

// The stream with this number; NULL if it is over.
static struct stream *find_id(const struct session *s, uint16_t id)
{
    for (uint16_t slot = s->streams.first; slot != 0;) {
        struct stream *st = stream_at(table_of(s), slot);
        if (st->id == id && !st->over) {
            return st;
        }
        slot = st->links[STREAM_IN_SESSION].next;
    }
    return NULL;
}

// No place for it: the refusal is sent at once, since there is nowhere to remember it.
static enum session_event refuse_open(struct session *s, uint16_t id)
{
    const uint8_t reason = BYE_LIMIT;

    if (session_send_record(s, RECORD_CLOSE, id, &reason, 1, OUTPUT_RESERVE_BYTES)) {
        return SESSION_NOTHING;
    }
    return session_say_bye(s, REASON_STREAM_FLOOD, BYE_LIMIT);
}

static enum session_event read_open(struct session *s, const struct record *record)
{
    struct stream_table *table = table_of(s);
    struct stream *st;

    if (is_own_id(s, record->stream) || record->stream <= s->peer_id_last) {
        return session_bad_record(s, REASON_STREAM_ID);
    }
    s->peer_id_last = record->stream;
    if (s->peer_open >= s->config->streams_max || (st = stream_take(table)) == NULL) {
        return refuse_open(s, record->stream);
    }
    st->session = s;
    st->connection = s->owner;
    st->id = record->stream;
    st->phase = STREAM_ASKED;
    st->credit = load_be32(record->body);
    st->service.len = (uint8_t)(record->body_len - 4);
    bytes_copy(st->service.bytes, record->body + 4, st->service.len);
    s->peer_open++;
    stream_list_add(table, &s->streams, STREAM_IN_SESSION, st);
    stream_news(table, st);
    s->offered = stream_handle(table, st);
    return SESSION_OFFERED;
}

static enum session_event read_opened(struct session *s, struct stream *st,
                                      const struct record *record)
{
    if (st->phase == STREAM_LEAVING) {
        return SESSION_NOTHING;
    }
    if (st->phase != STREAM_OPENING) {
        return session_bad_record(s, REASON_STREAM_ORDER);
    }
    st->phase = STREAM_UP;
    st->credit = load_be32(record->body);
    credit_came(s, st);
    stream_news(table_of(s), st);
    return SESSION_NOTHING;
}

static enum session_event read_data(struct session *s, struct stream *st,
                                    const struct record *record)
{
    if (st->phase == STREAM_LEAVING) {
        return SESSION_NOTHING;
    }
    if (st->phase == STREAM_OPENING || st->peer_finished) {
        return session_bad_record(s, REASON_STREAM_ORDER);
    }
    if (record->body_len > st->granted) {
        return session_bad_record(s, REASON_STREAM_CREDIT);
    }
    st->granted -= (uint32_t)record->body_len;
    stream_buffer_put(table_of(s), st, record->body, record->body_len);
    stream_news(table_of(s), st);
    if (record->flags == RECORD_FLAG_END) {
        st->peer_finished = true;
        st->window_due = false;
        if (st->finished && !st->end_due) {
            session_stream_over(s, st);
        }
        session_stream_settle(s, st);
    }
    return SESSION_NOTHING;
}

static enum session_event read_window(struct session *s, struct stream *st,
                                      const struct record *record)
{
    uint32_t more = load_be32(record->body);

    if (st->phase == STREAM_LEAVING) {
        return SESSION_NOTHING;
    }
    if (st->phase == STREAM_OPENING) {
        return session_bad_record(s, REASON_STREAM_ORDER);
    }
    if (more > UINT32_MAX - st->credit) {
        return session_bad_record(s, REASON_STREAM_CREDIT);
    }
    st->credit += more;
    credit_came(s, st);
    return SESSION_NOTHING;
}

// The peer's CLOSE is answered with ours, unless that is on its way. What arrived before can still be read.
static enum session_event read_close(struct session *s, struct stream *st,
                                     const struct record *record)
{
    if (st->phase == STREAM_LEAVING) {
        return SESSION_NOTHING;
    }
    nothing_due(st);
    st->phase = STREAM_BROKEN;
    st->error = STREAM_CLOSED;
    st->reason = record->body[0];
    st->close_reason = BYE_NORMAL;
    st->close_due = true;
    session_stream_over(s, st);
    stream_news(table_of(s), st);
    session_stream_settle(s, st);
    return SESSION_NOTHING;
}

enum session_event session_stream_record(struct session *s, const struct record *record)
{
    struct stream *st;

    if (record->type == RECORD_OPEN) {
        return read_open(s, record);
    }
    if (!was_opened(s, record->stream)) {
        return session_bad_record(s, REASON_STREAM_ID);
    }
    if (record->type == RECORD_OPENED && !is_own_id(s, record->stream)) {
        return session_bad_record(s, REASON_STREAM_ORDER);
    }
    st = find_id(s, record->stream);
    if (st == NULL) {
        return SESSION_NOTHING;
    }
    switch (record->type) {
    case RECORD_OPENED:
        return read_opened(s, st, record);
    case RECORD_DATA:
        return read_data(s, st, record);
    case RECORD_WINDOW:
        return read_window(s, st, record);
    case RECORD_CLOSE:
        return read_close(s, st, record);
    case RECORD_OPEN:
    case RECORD_READY:
    case RECORD_PING:
    case RECORD_PONG:
    case RECORD_BYE:
    case RECORD_REKEY:
    case RECORD_PAIR_COMMIT:
    case RECORD_PAIR_NONCE:
    case RECORD_PAIR_OPEN:
        break;
    }
    return session_bad_record(s, REASON_INTERNAL);
}
