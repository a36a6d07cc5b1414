// SPDX-License-Identifier: Apache-2.0
// Session: encrypted records (WIRE section 2).
#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"
#include "noise/ct.h"

enum {
    FRAME_OVERHEAD = SESSION_FRAME_HEADER_BYTES + RECORD_HEADER_BYTES + DSB_TAG_BYTES,
    READY_FRAME_BYTES = FRAME_OVERHEAD + HELLO_READY_BYTES,
    PING_FRAME_BYTES = FRAME_OVERHEAD + PING_TOKEN_BYTES,
    BYE_FRAME_BYTES = FRAME_OVERHEAD + 1,
};
// So a record never waits for room: READY, every PING that may be unanswered, every PONG that may be owed, and BYE.
_Static_assert(READY_FRAME_BYTES + 2 * PINGS_UNANSWERED_MAX * PING_FRAME_BYTES + BYE_FRAME_BYTES <=
                   SESSION_BUFFER_BYTES,
               "all that can be queued at once");

// ---- Out ------------------------------------------------------------------------------------------

bool session_send_record(struct session *s, enum record_type type, const uint8_t *body,
                         size_t body_len)
{
    size_t plaintext_len = RECORD_HEADER_BYTES + body_len;
    uint8_t *frame =
        session_reserve(s, SESSION_FRAME_HEADER_BYTES + plaintext_len + (size_t)DSB_TAG_BYTES);
    uint8_t *record;
    size_t record_len;

    if (frame == NULL) {
        return false;
    }
    record = frame + SESSION_FRAME_HEADER_BYTES;
    record_encode_header(record, type);
    bytes_copy(record + RECORD_HEADER_BYTES, body, body_len);
    if (xk_sender_seal(&s->sender, record, plaintext_len + DSB_TAG_BYTES, &record_len, record,
                       plaintext_len) != NOISE_OK) {
        s->out_len = (uint16_t)(frame - s->buffer);
        return false;
    }
    store_be16(frame, (uint16_t)record_len);
    return true;
}

enum session_event session_say_bye(struct session *s, enum close_reason reason, enum bye_reason bye)
{
    uint8_t body = (uint8_t)bye;

    (void)!session_send_record(s, RECORD_BYE, &body, 1); // if it can still be sent
    return session_finish(s, reason);
}

bool session_ping(struct session *s, uint64_t now_ms)
{
    uint8_t token[PING_TOKEN_BYTES];
    size_t i = 0;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state != SESSION_UP) {
        return false;
    }
    while (i < PINGS_UNANSWERED_MAX && s->ping_tokens[i] != 0) {
        i++;
    }
    if (i == PINGS_UNANSWERED_MAX) {
        return false;
    }
    s->pings_sent = s->pings_sent == UINT32_MAX ? 1 : s->pings_sent + 1;
    store_be64(token, s->pings_sent);
    if (!session_send_record(s, RECORD_PING, token, sizeof token)) {
        return false;
    }
    s->ping_tokens[i] = s->pings_sent;
    s->ping_sent_ms[i] = s->now_ms;
    return true;
}

// ---- In -------------------------------------------------------------------------------------------

enum session_event session_established(struct session *s)
{
    s->heard_ms = s->probed_ms = s->now_ms;
    session_move(s, SESSION_UP);
    return SESSION_ESTABLISHED;
}

static enum session_event read_ready(struct session *s, const struct record *record)
{
    struct hello hello;

    if (!hello_decode(&hello, false, record->body, record->body_len)) {
        return session_fail(s, REASON_HELLO);
    }
    s->peer_record_max = hello.record_plaintext_max;
    s->peer_streams_max = hello.streams_max;
    return session_established(s);
}

// Where the end of the next PONG is noted; NULL when 4 PONGs have not even left, so that the peer has more than 4
// PINGs unanswered.
static uint16_t *free_pong(struct session *s)
{
    for (size_t i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        if (s->pong_ends[i] <= s->out_start) {
            return &s->pong_ends[i];
        }
    }
    return NULL;
}

static enum session_event read_ping(struct session *s, const struct record *record)
{
    uint16_t *pong_end = free_pong(s);

    if (pong_end == NULL) {
        return session_say_bye(s, REASON_PING_FLOOD, BYE_LIMIT);
    }
    if (!session_send_record(s, RECORD_PONG, record->body, record->body_len)) {
        return session_say_bye(s, REASON_INTERNAL, BYE_INTERNAL);
    }
    *pong_end = s->out_len;
    if (s->pings_received < UINT8_MAX) {
        s->pings_received++;
    }
    return SESSION_PINGED;
}

static enum session_event read_pong(struct session *s, const struct record *record)
{
    uint64_t token = load_be64(record->body);

    for (size_t i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        if (s->ping_tokens[i] != 0 && s->ping_tokens[i] == token) {
            s->ping_tokens[i] = 0;
            s->rtt_ms = (uint32_t)time_min(s->now_ms - s->ping_sent_ms[i], UINT32_MAX);
            return SESSION_PONGED;
        }
    }
    return session_say_bye(s, REASON_RECORD_ORDER, BYE_PROTOCOL_ERROR);
}

static enum session_event read_bye(struct session *s, const struct record *record)
{
    s->peer_bye = record->body[0];
    return session_fail(s, REASON_PEER_BYE);
}

// A bad record. The initiator says nothing before READY has come.
enum session_event session_bad_record(struct session *s, enum close_reason reason)
{
    if (s->state == SESSION_UP) {
        return session_say_bye(s, reason, BYE_PROTOCOL_ERROR);
    }
    return session_fail(s, reason);
}

// The first record to an initiator is READY or BYE, and READY comes once.
static enum session_event read_record(struct session *s, const struct record *record)
{
    bool first = s->state == SESSION_AWAIT_READY;

    switch (record->type) {
    case RECORD_READY:
        return first ? read_ready(s, record) : session_bad_record(s, REASON_RECORD_ORDER);
    case RECORD_PING:
        return first ? session_bad_record(s, REASON_RECORD_ORDER) : read_ping(s, record);
    case RECORD_PONG:
        return first ? session_bad_record(s, REASON_RECORD_ORDER) : read_pong(s, record);
    case RECORD_BYE:
        return read_bye(s, record);
    case RECORD_OPEN: // not of this version: record_decode has refused these
    case RECORD_OPENED:
    case RECORD_DATA:
    case RECORD_WINDOW:
    case RECORD_CLOSE:
    case RECORD_REKEY:
    case RECORD_PAIR_COMMIT:
    case RECORD_PAIR_NONCE:
    case RECORD_PAIR_OPEN:
        break;
    }
    return session_bad_record(s, REASON_RECORD_TYPE);
}

enum session_event session_record(struct session *s)
{
    uint8_t *plaintext = s->record;
    size_t plaintext_len, ciphertext_len = s->frame_len;
    struct record record;
    enum session_event event;
    enum close_reason reason;

    if (xk_receiver_open(&s->receiver, plaintext, ciphertext_len - DSB_TAG_BYTES, &plaintext_len,
                         plaintext, ciphertext_len) != NOISE_OK) {
        return session_bad_record(s, REASON_RECORD_AUTH);
    }
    s->records_received++;
    s->heard_ms = s->now_ms;
    reason = record_decode(&record, plaintext, plaintext_len);
    if (reason == REASON_NONE && s->records_received > RECORDS_PER_KEY_MAX) {
        reason = REASON_RECORD_COUNT;
    }
    event = reason == REASON_NONE ? read_record(s, &record) : session_bad_record(s, reason);
    ct_wipe(plaintext, plaintext_len);
    return event;
}
