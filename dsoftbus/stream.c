// SPDX-License-Identifier: Apache-2.0
// Streams: what their owner asks for.
#include "dsoftbus/stream.h"

#include "dsoftbus/bytes.h"
#include "dsoftbus/stream_internal.h"

const char *stream_error_name(enum stream_error error)
{
    switch (error) {
    case STREAM_OK:
        return "ok";
    case STREAM_WOULD_BLOCK:
        return "would block";
    case STREAM_END:
        return "end of stream";
    case STREAM_CLOSED:
        return "closed by the peer";
    case STREAM_DISCONNECTED:
        return "disconnected";
    case STREAM_FINISHED:
        return "finished";
    case STREAM_STATE:
        return "not in this state";
    case STREAM_UNKNOWN:
        return "no such stream";
    case STREAM_NO_SESSION:
        return "no session";
    case STREAM_NAME:
        return "not a service name";
    case STREAM_LIMIT:
        return "too many streams";
    case STREAM_IDS_USED:
        return "stream numbers used up";
    }
    return "unknown";
}

static void advance_clock(struct session *s, uint64_t now_ms)
{
    if (s != NULL) {
        s->now_ms = time_max(s->now_ms, now_ms);
    }
}

// ---- Open, accept, finish, close ------------------------------------------------------------------

// How many numbers a side has: the odd ones, or the even ones.
static uint16_t ids_of(const struct session *s)
{
    return s->role == SESSION_INITIATOR ? STREAM_ID_MAX / 2 + 1 : STREAM_ID_MAX / 2;
}

enum stream_error stream_open(struct session *s, uint64_t now_ms, uint32_t *stream,
                              const uint8_t *service, size_t service_len)
{
    struct stream_table *table;
    struct stream *st;

    *stream = 0;
    if (session_state(s) != SESSION_UP) {
        return STREAM_NO_SESSION;
    }
    if (service_len == 0 || service_len > SERVICE_NAME_BYTES_MAX ||
        !utf8_valid(service, service_len)) {
        return STREAM_NAME;
    }
    advance_clock(s, now_ms);
    if (s->own_ids_taken == ids_of(s)) {
        return STREAM_IDS_USED;
    }
    table = &s->config->memory->streams;
    if (s->own_open >= s->peer_streams_max || (st = stream_take(table)) == NULL) {
        return STREAM_LIMIT;
    }
    st->session = s;
    st->connection = s->owner;
    st->phase = STREAM_OPENING;
    st->ours = true;
    st->open_due = true;
    st->service.len = (uint8_t)service_len;
    bytes_copy(st->service.bytes, service, service_len);
    s->own_ids_taken++;
    s->own_open++;
    stream_list_add(table, &s->streams, STREAM_IN_SESSION, st);
    session_stream_settle(s, st);
    *stream = stream_handle(table, st);
    return STREAM_OK;
}

enum stream_error stream_accept(struct stream_table *table, uint64_t now_ms, uint32_t stream)
{
    struct stream *st = stream_find(table, stream);

    if (st == NULL) {
        return STREAM_UNKNOWN;
    }
    if (st->phase == STREAM_BROKEN) {
        return (enum stream_error)st->error;
    }
    if (st->phase != STREAM_ASKED) {
        return STREAM_STATE;
    }
    advance_clock(st->session, now_ms);
    st->phase = STREAM_UP;
    st->opened_due = true;
    session_stream_settle(st->session, st);
    return STREAM_OK;
}

enum stream_error stream_finish(struct stream_table *table, uint64_t now_ms, uint32_t stream)
{
    struct stream *st = stream_find(table, stream);

    if (st == NULL) {
        return STREAM_UNKNOWN;
    }
    if (st->phase == STREAM_ASKED) {
        return STREAM_STATE;
    }
    if (st->finished) {
        return STREAM_FINISHED;
    }
    if (st->phase == STREAM_BROKEN) {
        return (enum stream_error)st->error;
    }
    advance_clock(st->session, now_ms);
    st->finished = true;
    st->end_due = true;
    st->waits = st->blocked = false;
    stream_list_remove(table, &st->session->writers, STREAM_IN_WRITERS, st);
    session_stream_turn_done(st->session, st);
    session_stream_settle(st->session, st);
    return STREAM_OK;
}

// What is still to be said when the owner gives up a stream whose session is there: nothing if it is over or OPEN has
// not been sent; the end of ours alone if the peer has finished and so have we; else CLOSE.
static void leave(struct session *s, struct stream *st, enum bye_reason reason)
{
    bool was_broken = st->phase == STREAM_BROKEN;

    st->phase = STREAM_LEAVING;
    st->window_due = false;
    if (st->open_due) {
        st->open_due = st->end_due = false;
        s->own_ids_taken--;
        session_stream_over(s, st);
    } else if (!was_broken && !(st->finished && st->peer_finished)) {
        st->opened_due = false;
        st->close_due = true;
        st->close_reason = (uint8_t)reason;
    }
    st->blocked = false;
    stream_list_remove(&s->config->memory->streams, &s->writers, STREAM_IN_WRITERS, st);
    session_stream_turn_done(s, st);
    session_stream_settle(s, st);
}

void stream_close(struct stream_table *table, uint64_t now_ms, uint32_t stream,
                  enum bye_reason reason)
{
    struct stream *st = stream_find(table, stream);

    if (st == NULL) {
        return;
    }
    if (st->session == NULL) {
        stream_release(table, st);
        return;
    }
    advance_clock(st->session, now_ms);
    stream_list_remove(table, &table->news, STREAM_IN_NEWS, st);
    leave(st->session, st, reason);
}

// ---- Read -----------------------------------------------------------------------------------------

static enum stream_error read_error(const struct stream *st)
{
    if (st->phase == STREAM_ASKED) {
        return STREAM_STATE;
    }
    if (st->used > 0) {
        return STREAM_OK;
    }
    if (st->peer_finished) {
        return STREAM_END;
    }
    return st->phase == STREAM_BROKEN ? (enum stream_error)st->error : STREAM_WOULD_BLOCK;
}

// The room is offered to the peer again when it is half of the window: often enough that a peer that sends all the time
// is never without credit, seldom enough to cost nothing.
static void consume(struct stream_table *table, struct stream *st, size_t len)
{
    st->used -= (uint32_t)len;
    st->read_at += (uint32_t)len;
    st->read_at -= st->read_at >= table->buffer_bytes ? table->buffer_bytes : 0;
    if (st->session != NULL && session_stream_window_due(st->session, st)) {
        st->window_due = true;
        session_stream_settle(st->session, st);
    }
}

enum stream_error stream_peek(const struct stream_table *table, uint32_t stream,
                              const uint8_t **bytes, size_t *len)
{
    const struct stream *st = stream_find(table, stream);
    enum stream_error error = st == NULL ? STREAM_UNKNOWN : read_error(st);

    *bytes = NULL;
    *len = 0;
    if (error == STREAM_OK) {
        *bytes = stream_buffer_front(table, st, len);
    }
    return error;
}

void stream_consume(struct stream_table *table, uint64_t now_ms, uint32_t stream, size_t len)
{
    struct stream *st = stream_find(table, stream);

    if (st == NULL || read_error(st) != STREAM_OK) {
        return;
    }
    advance_clock(st->session, now_ms);
    consume(table, st, size_min(len, st->used));
}

enum stream_error stream_read(struct stream_table *table, uint64_t now_ms, uint32_t stream,
                              uint8_t *out, size_t size, size_t *len)
{
    struct stream *st = stream_find(table, stream);
    enum stream_error error = st == NULL ? STREAM_UNKNOWN : read_error(st);

    *len = 0;
    if (error != STREAM_OK) {
        return error;
    }
    advance_clock(st->session, now_ms);
    while (*len < size && st->used > 0) { // at most two pieces
        size_t piece;
        const uint8_t *front = stream_buffer_front(table, st, &piece);
        piece = size_min(piece, size - *len);
        bytes_copy(out + *len, front, piece);
        consume(table, st, piece);
        *len += piece;
    }
    return STREAM_OK;
}

// ---- Write ----------------------------------------------------------------------------------------

static enum stream_error write_error(const struct stream *st)
{
    if (st->phase == STREAM_ASKED) {
        return STREAM_STATE;
    }
    if (st->phase == STREAM_BROKEN) {
        return (enum stream_error)st->error;
    }
    if (st->finished) {
        return STREAM_FINISHED;
    }
    return st->phase == STREAM_OPENING ? STREAM_WOULD_BLOCK : STREAM_OK;
}

// One record; how many bytes it took, 0 when it has to wait.
static size_t write_record(struct session *s, struct stream *st, const uint8_t *data, size_t len)
{
    size_t body_len = size_min(size_min(len, session_data_max(s)), st->credit);
    uint8_t *body;

    if (body_len == 0 || st->opened_due || !session_stream_may_write(s, st, body_len)) {
        return 0;
    }
    body = session_begin_record(s, RECORD_DATA, 0, st->id, body_len, OUTPUT_RESERVE_BYTES);
    if (body == NULL) {
        return 0;
    }
    bytes_copy(body, data, body_len);
    if (!session_end_record(s, body, body_len)) {
        return 0;
    }
    st->credit -= (uint32_t)body_len;
    st->bytes_out += body_len;
    session_stream_turn_done(s, st);
    return body_len;
}

enum stream_error stream_write(struct stream_table *table, uint64_t now_ms, uint32_t stream,
                               const uint8_t *data, size_t len, size_t *taken)
{
    struct stream *st = stream_find(table, stream);
    enum stream_error error = st == NULL ? STREAM_UNKNOWN : write_error(st);
    size_t piece;

    *taken = 0;
    if (error == STREAM_WOULD_BLOCK && len > 0) { // it is not accepted yet
        st->waits = st->blocked = true;
    }
    if (error != STREAM_OK || len == 0) {
        return error;
    }
    advance_clock(st->session, now_ms);
    session_flush_streams(st->session); // OPENED goes before DATA
    while (*taken < len &&
           (piece = write_record(st->session, st, data + *taken, len - *taken)) > 0) {
        *taken += piece;
    }
    st->waits = *taken < len;
    if (st->waits) {
        session_stream_wait(st->session, st);
    }
    return *taken > 0 ? STREAM_OK : STREAM_WOULD_BLOCK;
}

// ---- What may be known ----------------------------------------------------------------------------

static uint8_t ready_bits(const struct stream *st)
{
    enum stream_error read = read_error(st);
    uint8_t bits = 0;

    if (st->phase == STREAM_ASKED) {
        return STREAM_OFFERED;
    }
    if (read == STREAM_OK || read == STREAM_END) {
        bits |= STREAM_READABLE;
    }
    if (write_error(st) == STREAM_OK && st->credit > 0 &&
        session_stream_may_write(st->session, st,
                                 size_min(st->credit, session_data_max(st->session)))) {
        bits |= STREAM_WRITABLE;
    }
    if (st->phase == STREAM_UP) {
        bits |= STREAM_CONNECTED;
    }
    if (st->phase == STREAM_BROKEN) {
        bits |= STREAM_GONE;
    }
    return bits;
}

bool stream_status(const struct stream_table *table, uint32_t stream, struct stream_status *status)
{
    const struct stream *st = stream_find(table, stream);

    if (st == NULL) {
        *status = (struct stream_status){0};
        return false;
    }
    *status = (struct stream_status){
        .connection = st->connection,
        .id = st->id,
        .ready = ready_bits(st),
        .error = st->error,
        .reason = st->reason,
        .ours = st->ours,
        .finished = st->finished,
        .service = st->service,
        .tag = st->tag,
        .readable_bytes = st->used,
        .bytes_in = st->bytes_in,
        .bytes_out = st->bytes_out,
    };
    return true;
}

void stream_set_tag(struct stream_table *table, uint32_t stream, uint32_t tag)
{
    struct stream *st = stream_find(table, stream);

    if (st != NULL) {
        st->tag = tag;
    }
}
