// SPDX-License-Identifier: Apache-2.0
// Session: encrypted records (WIRE section 2).
#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"
#include "noise/ct.h"

enum {
    READY_FRAME_BYTES = FRAME_OVERHEAD + HELLO_READY_BYTES,
    PING_FRAME_BYTES = FRAME_OVERHEAD + PING_TOKEN_BYTES,
    BYE_FRAME_BYTES = FRAME_OVERHEAD + 1,
    REKEY_FRAME_BYTES = FRAME_OVERHEAD,
    // Every PING that may be unanswered, every PONG that may be owed, and BYE.
    PRIORITY_RECORDS = 2 * PINGS_UNANSWERED_MAX + 1,
    PRIORITY_BYTES = 2 * PINGS_UNANSWERED_MAX * PING_FRAME_BYTES + BYE_FRAME_BYTES,
};
// So these never wait for room: neither in the small buffer, behind READY, nor behind DATA in a block.
_Static_assert(READY_FRAME_BYTES + PRIORITY_BYTES <= SESSION_BUFFER_BYTES, "in the buffer");
_Static_assert(PRIORITY_BYTES + PRIORITY_RECORDS * REKEY_FRAME_BYTES <= OUTPUT_RESERVE_BYTES,
               "in what DATA leaves, even if the key changed before each of them");

// ---- Out ------------------------------------------------------------------------------------------

static uint32_t limit_or(uint32_t configured, uint32_t otherwise)
{
    return configured != 0 ? configured : otherwise;
}

static bool rekey_due(const struct session *s)
{
    return s->records_sent >= limit_or(s->config->rekey_records, REKEY_RECORDS) ||
           s->now_ms >= time_after(s->rekeyed_ms, limit_or(s->config->rekey_ms, REKEY_MS));
}

size_t session_record_needs(const struct session *s, size_t body_len)
{
    return FRAME_OVERHEAD + body_len + (rekey_due(s) ? (size_t)REKEY_FRAME_BYTES : 0);
}

// Encrypts the record whose header and body stand in the frame, and queues the frame. False if the sender is not alive:
// that is so in a copy of a session, which encrypts nothing, so that no nonce is used twice.
static bool seal(struct session *s, uint8_t *frame, size_t body_len)
{
    uint8_t *record = frame + SESSION_FRAME_HEADER_BYTES;
    size_t plaintext_len = RECORD_HEADER_BYTES + body_len, record_len;

    if (xk_sender_seal(&s->sender, record, plaintext_len + DSB_TAG_BYTES, &record_len, record,
                       plaintext_len) != NOISE_OK) {
        return false;
    }
    store_be16(frame, (uint16_t)record_len);
    session_commit(s, frame, SESSION_FRAME_HEADER_BYTES + record_len);
    s->records_sent++;
    return true;
}

// Noise 11.3: the last record under the old key says so.
static bool rekey(struct session *s, uint8_t *frame)
{
    record_encode_header(frame + SESSION_FRAME_HEADER_BYTES, RECORD_REKEY, 0, 0);
    if (!seal(s, frame, 0) || xk_sender_rekey(&s->sender) != NOISE_OK) {
        return false;
    }
    s->records_sent = 0;
    s->rekeyed_ms = s->now_ms;
    return true;
}

uint8_t *session_begin_record(struct session *s, enum record_type type, uint8_t flags,
                              uint16_t stream, size_t body_len, size_t keep)
{
    uint8_t *frame = session_reserve(s, session_record_needs(s, body_len), keep);

    if (frame == NULL) {
        return NULL;
    }
    if (rekey_due(s)) {
        if (!rekey(s, frame)) {
            return NULL;
        }
        frame += REKEY_FRAME_BYTES;
    }
    record_encode_header(frame + SESSION_FRAME_HEADER_BYTES, type, flags, stream);
    return frame + SESSION_FRAME_HEADER_BYTES + RECORD_HEADER_BYTES;
}

bool session_end_record(struct session *s, uint8_t *body, size_t body_len)
{
    return seal(s, body - RECORD_HEADER_BYTES - SESSION_FRAME_HEADER_BYTES, body_len);
}

bool session_send_record(struct session *s, enum record_type type, uint16_t stream,
                         const uint8_t *body, size_t body_len, size_t keep)
{
    uint8_t *room = session_begin_record(s, type, 0, stream, body_len, keep);

    if (room == NULL) {
        return false;
    }
    bytes_copy(room, body, body_len);
    return session_end_record(s, room, body_len);
}

enum session_event session_say_bye(struct session *s, enum close_reason reason, enum bye_reason bye)
{
    uint8_t body = (uint8_t)bye;

    (void)!session_send_record(s, RECORD_BYE, 0, &body, 1, 0); // if it can still be sent
    return session_finish(s, reason);
}

// Where the next PING is noted; PINGS_UNANSWERED_MAX when so many are unanswered.
static size_t free_ping(const struct session *s)
{
    size_t i = 0;

    while (i < PINGS_UNANSWERED_MAX && s->ping_tokens[i] != 0) {
        i++;
    }
    return i;
}

uint32_t session_ping(struct session *s, uint64_t now_ms)
{
    uint8_t token[PING_TOKEN_BYTES];
    size_t i = free_ping(s);

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state != SESSION_UP || i == PINGS_UNANSWERED_MAX) {
        return 0;
    }
    s->pings_sent = s->pings_sent == UINT32_MAX ? 1 : s->pings_sent + 1;
    store_be64(token, s->pings_sent);
    if (!session_send_record(s, RECORD_PING, 0, token, sizeof token, 0)) {
        return 0;
    }
    s->ping_tokens[i] = s->pings_sent;
    s->ping_sent_ms[i] = s->now_ms;
    return s->pings_sent;
}

uint32_t session_ping_large(struct session *s, uint64_t now_ms, size_t bytes)
{
    size_t rekeys = bytes / REKEY_FRAME_BYTES;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state != SESSION_UP || free_ping(s) == PINGS_UNANSWERED_MAX ||
        !session_has_room(s, rekeys * REKEY_FRAME_BYTES, OUTPUT_RESERVE_BYTES)) {
        return 0;
    }
    for (size_t i = 0; i < rekeys; i++) {
        uint8_t *frame = session_reserve(s, REKEY_FRAME_BYTES, OUTPUT_RESERVE_BYTES);
        if (frame == NULL || !rekey(s, frame)) {
            return 0;
        }
    }
    return session_ping(s, now_ms);
}

// ---- In -------------------------------------------------------------------------------------------

enum session_event session_established(struct session *s)
{
    s->established_ms = s->heard_ms = s->probed_ms = s->now_ms;
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
static uint64_t *free_pong(struct session *s)
{
    for (size_t i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        if (s->pong_ends[i] <= s->out_sent) {
            return &s->pong_ends[i];
        }
    }
    return NULL;
}

static enum session_event read_ping(struct session *s, const struct record *record)
{
    uint64_t *pong_end = free_pong(s);

    if (pong_end == NULL) {
        return session_say_bye(s, REASON_PING_FLOOD, BYE_LIMIT);
    }
    if (!session_send_record(s, RECORD_PONG, 0, record->body, record->body_len, 0)) {
        return session_say_bye(s, REASON_INTERNAL, BYE_INTERNAL);
    }
    *pong_end = s->out_queued;
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
            s->ponged = s->ping_tokens[i];
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

static enum session_event read_rekey(struct session *s)
{
    DSB_ASSERT(xk_receiver_rekey(&s->receiver) == NOISE_OK);
    s->records_received = 0;
    return SESSION_NOTHING;
}

static enum session_event read_record(struct session *s, const struct record *record)
{
    switch (record->type) {
    case RECORD_READY: // comes once
        return session_bad_record(s, REASON_RECORD_ORDER);
    case RECORD_PING:
        return read_ping(s, record);
    case RECORD_PONG:
        return read_pong(s, record);
    case RECORD_BYE:
        return read_bye(s, record);
    case RECORD_REKEY:
        return read_rekey(s);
    case RECORD_OPEN:
    case RECORD_OPENED:
    case RECORD_DATA:
    case RECORD_WINDOW:
    case RECORD_CLOSE:
        return session_stream_record(s, record);
    case RECORD_PAIR_COMMIT: // only in a pairing session
    case RECORD_PAIR_NONCE:
    case RECORD_PAIR_OPEN:
        break;
    }
    return session_bad_record(s, REASON_RECORD_TYPE);
}

// The first record to an initiator is READY or BYE.
static enum session_event read_first_record(struct session *s, const struct record *record)
{
    if (record->type == RECORD_READY) {
        return read_ready(s, record);
    }
    return record->type == RECORD_BYE ? read_bye(s, record)
                                      : session_bad_record(s, REASON_RECORD_ORDER);
}

enum session_event session_record(struct session *s, uint8_t *bytes, size_t len)
{
    struct record record;
    enum close_reason reason;
    size_t plaintext_len;

    if (xk_receiver_open(&s->receiver, bytes, len - DSB_TAG_BYTES, &plaintext_len, bytes, len) !=
        NOISE_OK) {
        return session_bad_record(s, REASON_RECORD_AUTH);
    }
    s->records_received++;
    s->heard_ms = s->now_ms;
    reason = record_decode(&record, bytes, plaintext_len);
    if (reason == REASON_NONE &&
        s->records_received > limit_or(s->config->records_per_key_max, RECORDS_PER_KEY_MAX)) {
        reason = REASON_RECORD_COUNT;
    }
    if (reason != REASON_NONE) {
        return session_bad_record(s, reason);
    }
    return s->state == SESSION_AWAIT_READY ? read_first_record(s, &record)
                                           : read_record(s, &record);
}
