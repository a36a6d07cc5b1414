// SPDX-License-Identifier: Apache-2.0
// Session: bytes that come in: preamble and frames, the handshake's into the session itself, records into a block.
#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"

// It is our turn, or our owner's: nothing that the peer could honestly send exists.
static bool is_our_turn(const struct session *s)
{
    switch ((enum session_state)s->state) {
    case SESSION_MESSAGE_1_DH:
    case SESSION_MESSAGE_2_DH:
    case SESSION_DECIDE:
        return true;
    case SESSION_AWAIT_PREAMBLE:
    case SESSION_AWAIT_MESSAGE_1:
    case SESSION_AWAIT_MESSAGE_2:
    case SESSION_AWAIT_MESSAGE_3:
    case SESSION_AWAIT_READY:
    case SESSION_PAIR_COMMIT:
    case SESSION_PAIR_NONCE:
    case SESSION_PAIR_OPEN:
        return session_output_pending(s) > 0;
    case SESSION_UNUSED:
    case SESSION_UP:
    case SESSION_CLOSING:
    case SESSION_CLOSED:
        break;
    }
    return false;
}

// ---- Handshake ------------------------------------------------------------------------------------

static bool has_prefix(const struct session *s)
{
    return bytes_equal(s->header, session_preamble, SESSION_PREAMBLE_BYTES - 1);
}

// A preamble for a version that we do not speak is answered with ours, 4 bytes for 4, and the connection closed.
static enum session_event preamble_complete(struct session *s)
{
    if (!has_prefix(s)) {
        return session_fail(s, REASON_BAD_PREAMBLE);
    }
    s->header_len = 0;
    if (s->header[SESSION_PREAMBLE_BYTES - 1] == DSB_VERSION) {
        session_move(s, SESSION_AWAIT_MESSAGE_1);
        return SESSION_NOTHING;
    }
    s->peer_version = s->header[SESSION_PREAMBLE_BYTES - 1];
    bytes_copy(s->buffer, session_preamble, SESSION_PREAMBLE_BYTES);
    session_output_set(s, SESSION_PREAMBLE_BYTES);
    return session_finish(s, REASON_VERSION);
}

// The lengths that are legal now.
static void frame_bounds(const struct session *s, size_t *min, size_t *max)
{
    switch ((enum session_state)s->state) {
    case SESSION_AWAIT_MESSAGE_1:
        *min = *max = SESSION_MESSAGE_1_BYTES;
        return;
    case SESSION_AWAIT_MESSAGE_2:
        *min = *max = SESSION_MESSAGE_2_BYTES;
        return;
    case SESSION_AWAIT_MESSAGE_3:
        *min = XK_MESSAGE_3_OVERHEAD;
        *max = HANDSHAKE_MESSAGE_BYTES_MAX;
        return;
    case SESSION_PAIR_COMMIT:
    case SESSION_PAIR_NONCE:
    case SESSION_PAIR_OPEN:
        *min = *max = RECORD_HEADER_BYTES + PAIR_BODY_BYTES + DSB_TAG_BYTES;
        return;
    case SESSION_AWAIT_READY:
    case SESSION_UP:
    case SESSION_UNUSED:
    case SESSION_AWAIT_PREAMBLE:
    case SESSION_MESSAGE_1_DH:
    case SESSION_MESSAGE_2_DH:
    case SESSION_DECIDE:
    case SESSION_CLOSING:
    case SESSION_CLOSED:
        break;
    }
    *min = 1;
    *max = 0;
}

static enum session_event frame_header_complete(struct session *s)
{
    size_t len = load_be16(s->header);
    size_t min, max;

    frame_bounds(s, &min, &max);
    if (len < min ||
        len > max) { // READY, or BYE, where a nonce should be: it does not want to pair
        return session_fail(s, s->state == SESSION_PAIR_NONCE ? REASON_PAIR_REFUSED
                                                              : REASON_MESSAGE_LENGTH);
    }
    s->frame_len = (uint16_t)len;
    return SESSION_NOTHING;
}

// The responder's answer to a version it does not speak, where message 2 was expected.
static enum session_event version_answer_complete(struct session *s)
{
    if (!has_prefix(s)) {
        return session_fail(s, REASON_MESSAGE_LENGTH);
    }
    s->peer_version = s->header[SESSION_PREAMBLE_BYTES - 1];
    return session_fail(s, REASON_VERSION);
}

static bool is_version_answer(const struct session *s)
{
    return s->state == SESSION_AWAIT_MESSAGE_2 && s->header_len >= SESSION_FRAME_HEADER_BYTES &&
           bytes_equal(s->header, session_preamble, SESSION_FRAME_HEADER_BYTES);
}

static size_t receive_header(struct session *s, enum session_event *event, const uint8_t *data,
                             size_t data_len)
{
    bool wants_preamble = s->state == SESSION_AWAIT_PREAMBLE || is_version_answer(s);
    size_t want = wants_preamble ? SESSION_PREAMBLE_BYTES : SESSION_FRAME_HEADER_BYTES;
    size_t used = size_min(want - s->header_len, data_len);

    bytes_copy(s->header + s->header_len, data, used);
    s->header_len = (uint8_t)(s->header_len + used);
    if (s->header_len < want) {
        return used;
    }
    if (s->state == SESSION_AWAIT_PREAMBLE) {
        *event = preamble_complete(s);
    } else if (wants_preamble) {
        *event = version_answer_complete(s);
    } else if (!is_version_answer(s)) {
        *event = frame_header_complete(s);
    }
    return used;
}

static size_t receive_body(struct session *s, enum session_event *event, const uint8_t *data,
                           size_t data_len)
{
    size_t used = size_min((size_t)(s->frame_len - s->frame_used), data_len);

    bytes_copy(s->buffer + s->frame_used, data, used);
    s->frame_used = (uint16_t)(s->frame_used + used);
    if (s->frame_used < s->frame_len) {
        return used;
    }
    *event = session_handshake_message(s);
    if (s->state != SESSION_MESSAGE_1_DH) { // which reads its message again
        s->frame_len = 0;
    }
    s->frame_used = 0;
    s->header_len = 0;
    return used;
}

// ---- Records --------------------------------------------------------------------------------------
//
// They are received into a block, where they are decrypted, one after the other. The session has the block only while a
// record is incomplete or bytes are being handed in.

static struct pool *input_pool(const struct session *s)
{
    return &s->config->memory->inputs;
}

static bool expects_record(const struct session *s)
{
    return s->state == SESSION_AWAIT_READY || s->state == SESSION_UP;
}

void session_input_release(struct session *s)
{
    if (s->in_block != 0) {
        bytes_wipe(pool_block(input_pool(s), s->in_block), s->in_high);
        pool_give(input_pool(s), s->in_block);
    }
    s->in_block = 0;
    s->in_start = s->in_end = s->in_high = 0;
}

// So that the plaintext of the first record is aligned.
static uint32_t first_offset(const struct session *s)
{
    uintptr_t plaintext =
        (uintptr_t)pool_block(input_pool(s), s->in_block) + SESSION_FRAME_HEADER_BYTES;

    return (uint32_t)(-plaintext % SESSION_ALIGNMENT);
}

static bool take_block(struct session *s)
{
    if (s->in_block == 0) {
        s->in_block = pool_take(input_pool(s));
        if (s->in_block == 0) {
            return false;
        }
        s->in_start = s->in_end = s->in_high = first_offset(s);
    }
    return true;
}

// What is there of the next frame moves to the beginning, so that all of it has room.
static void make_room(struct session *s)
{
    uint8_t *block = pool_block(input_pool(s), s->in_block);
    uint32_t to = first_offset(s), len = s->in_end - s->in_start;

    if (s->in_start != to) {
        __builtin_memmove(block + to, block + s->in_start, len);
        s->in_start = to;
        s->in_end = to + len;
    }
}

// How many bytes the next frame still needs: of its header, or of all of it.
static size_t frame_needs(const struct session *s)
{
    size_t have = s->in_end - s->in_start, want = SESSION_FRAME_HEADER_BYTES;

    if (have >= SESSION_FRAME_HEADER_BYTES) {
        want += load_be16(pool_block(input_pool(s), s->in_block) + s->in_start);
    }
    return want > have ? want - have : 0;
}

uint8_t *session_input(struct session *s, size_t *len)
{
    *len = 0;
    if (!expects_record(s) || is_our_turn(s) || !take_block(s)) {
        return NULL;
    }
    make_room(s);
    *len = SESSION_RECORD_BYTES(s->config->record_plaintext_max) - s->in_end;
    if (s->in_end - s->in_start >= SESSION_FRAME_HEADER_BYTES && frame_needs(s) > *len / 2) {
        *len = frame_needs(s); // up to the end of a large record: nothing is left over to be moved
    }
    return pool_block(input_pool(s), s->in_block) + s->in_end;
}

// The first complete frame, if there is one. False when more bytes are needed.
static bool next_frame(struct session *s, enum session_event *event)
{
    uint8_t *frame = pool_block(input_pool(s), s->in_block) + s->in_start;
    size_t have = s->in_end - s->in_start, len;

    if (have < SESSION_FRAME_HEADER_BYTES) {
        return false;
    }
    len = load_be16(frame);
    if (len < DSB_TAG_BYTES + 1 || len > DSB_TAG_BYTES + (size_t)s->config->record_plaintext_max) {
        *event = session_bad_record(s, REASON_RECORD_LENGTH);
        return true;
    }
    if (have - SESSION_FRAME_HEADER_BYTES < len) {
        return false;
    }
    s->in_start += (uint32_t)(SESSION_FRAME_HEADER_BYTES + len);
    *event = session_record(s, frame + SESSION_FRAME_HEADER_BYTES, len);
    return true;
}

enum session_event session_input_done(struct session *s, uint64_t now_ms, size_t put)
{
    enum session_event event = SESSION_NOTHING;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (!expects_record(s) || s->in_block == 0) {
        return SESSION_NOTHING;
    }
    DSB_ASSERT(put <= SESSION_RECORD_BYTES(s->config->record_plaintext_max) - s->in_end);
    s->in_end += (uint32_t)put;
    s->in_high = s->in_end > s->in_high ? s->in_end : s->in_high;
    while (event == SESSION_NOTHING && expects_record(s) && next_frame(s, &event)) {
    }
    if (s->in_start == s->in_end) {
        session_input_release(s);
    }
    return event;
}

// Up to the end of one frame, so that nothing stays behind when an event is given out.
static size_t receive_record(struct session *s, enum session_event *event, const uint8_t *data,
                             size_t data_len)
{
    size_t used;

    if (!take_block(s)) {
        *event = session_say_bye(s, REASON_NO_RECORD_MEMORY, BYE_LIMIT);
        return data_len;
    }
    make_room(s);
    used = size_min(frame_needs(s), data_len);
    bytes_copy(pool_block(input_pool(s), s->in_block) + s->in_end, data, used);
    *event = session_input_done(s, s->now_ms, used);
    return used;
}

// ---- Bytes in -------------------------------------------------------------------------------------

size_t session_receive(struct session *s, enum session_event *event, uint64_t now_ms,
                       const uint8_t *data, size_t data_len)
{
    size_t used = 0;

    s->now_ms = time_max(s->now_ms, now_ms);
    *event = SESSION_NOTHING;
    while (used < data_len && *event == SESSION_NOTHING) {
        if (session_has_ended(s)) {
            return data_len;
        }
        if (is_our_turn(s)) {
            *event = session_fail(s, REASON_OUT_OF_TURN);
        } else if (expects_record(s)) {
            used += receive_record(s, event, data + used, data_len - used);
        } else if (s->frame_len == 0) {
            used += receive_header(s, event, data + used, data_len - used);
        } else {
            used += receive_body(s, event, data + used, data_len - used);
        }
    }
    return session_has_ended(s) ? data_len : used;
}
