// SPDX-License-Identifier: Apache-2.0
// Session: the Noise XK handshake over frames, and the identity decision (WIRE section 2).
#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"

_Static_assert(SESSION_FRAME_HEADER_BYTES + XK_MESSAGE_3_OVERHEAD + HELLO_BYTES_MAX <=
                   SESSION_BUFFER_BYTES,
               "our message 3 fits");

enum close_reason session_noise_reason(enum noise_error error)
{
    switch (error) {
    case NOISE_ERR_RANDOM:
        return REASON_RANDOM_FAILED;
    case NOISE_ERR_EXTERNAL:
        return REASON_DH_FAILED;
    case NOISE_ERR_LENGTH:
        return REASON_MESSAGE_LENGTH;
    case NOISE_ERR_AUTH:
        return REASON_HANDSHAKE_AUTH;
    case NOISE_ERR_LOW_ORDER:
        return REASON_LOW_ORDER;
    case NOISE_OK:
    case NOISE_NEED_DH:
    case NOISE_ERR_ARGUMENT:
    case NOISE_ERR_STATE:
    case NOISE_ERR_STALE:
    case NOISE_ERR_REPLAY:
    case NOISE_ERR_NONCE:
        break;
    }
    return REASON_INTERNAL;
}

// The whole buffer is free for the frame of a message that is to be written.
static uint8_t *message_out(struct session *s)
{
    return s->buffer + SESSION_FRAME_HEADER_BYTES;
}

static void message_written(struct session *s, size_t message_len)
{
    store_be16(s->buffer, (uint16_t)message_len);
    session_output_set(s, SESSION_FRAME_HEADER_BYTES + message_len);
}

// ---- Responder: -> e, es; <- e, ee; -> s, se --------------------------------------------------------

// Message 1 has been read with this result, at once or with the help of the key's holder.
static enum session_event message_1_read(struct session *s, enum noise_error error)
{
    size_t message_len;

    if (error == NOISE_NEED_DH) {
        session_move(s, SESSION_MESSAGE_1_DH);
        return SESSION_NEED_DH;
    }
    if (error == NOISE_OK) {
        error = xk_responder_write_message_2(&s->handshake, message_out(s), SESSION_MESSAGE_2_BYTES,
                                             &message_len, NULL, 0);
    }
    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    message_written(s, message_len);
    session_move(s, SESSION_AWAIT_MESSAGE_3);
    return SESSION_NOTHING;
}

static enum session_event read_message_3(struct session *s)
{
    uint8_t *payload = s->buffer + XK_MESSAGE_3_OFFSET;
    struct hello hello;
    size_t payload_len;
    enum noise_error error = xk_responder_read_message_3(
        &s->handshake, payload, s->frame_len - (size_t)XK_MESSAGE_3_OVERHEAD, &payload_len,
        s->buffer, s->frame_len);

    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    if (!hello_decode(&hello, true, payload, payload_len)) {
        return session_fail(s, REASON_HELLO);
    }
    s->peer_id = hello.id;
    s->peer_record_max = hello.record_plaintext_max;
    s->peer_streams_max = hello.streams_max;
    session_move(s, SESSION_DECIDE);
    return SESSION_IDENTITY;
}

// ---- Initiator: -> e, es; <- e, ee; -> s, se --------------------------------------------------------

static enum session_event message_2_read(struct session *s, enum noise_error error)
{
    if (error == NOISE_NEED_DH) {
        session_move(s, SESSION_MESSAGE_2_DH);
        return SESSION_NEED_DH;
    }
    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    session_move(s, SESSION_DECIDE);
    return SESSION_IDENTITY;
}

// Ours for message 3 and READY: how much we take. Without memory for streams we take none.
static struct hello own_hello(const struct session *s)
{
    const struct session_memory *memory = s->config->memory;

    return (struct hello){
        .record_plaintext_max = s->config->record_plaintext_max,
        .streams_max = memory->streams.max == 0 ? 0 : s->config->streams_max,
    };
}

// The keys of the transport take the place of the handshake, whose public results stay.
static bool split(struct session *s)
{
    struct xk_sender sender;
    struct xk_receiver receiver;
    uint8_t peer_key[DSB_KEY_BYTES], hash[DSB_HASH_BYTES];

    if (xk_remote_static(&s->handshake, peer_key) != NOISE_OK ||
        xk_handshake_hash(&s->handshake, hash) != NOISE_OK ||
        xk_split(&s->handshake, &sender, &receiver) != NOISE_OK) {
        return false;
    }
    xk_handshake_wipe(&s->handshake); // zero, also under what is written from here on
    s->split = true;
    s->rekeyed_ms = s->now_ms;
    s->records_sent = s->records_received = 0;
    bytes_copy(s->peer_key, peer_key, DSB_KEY_BYTES);
    bytes_copy(s->hash, hash, DSB_HASH_BYTES);
    return xk_sender_move(&s->sender, &sender) == NOISE_OK &&
           xk_receiver_move(&s->receiver, &receiver) == NOISE_OK;
}

static enum session_event write_message_3(struct session *s)
{
    struct hello hello;
    uint8_t *payload = message_out(s) + XK_MESSAGE_3_OFFSET;
    size_t payload_len, message_len;
    enum noise_error error;

    if (s->config->memory == NULL) {
        return session_fail(s, REASON_NO_RECORD_MEMORY);
    }
    hello = own_hello(s);
    hello.id = s->config->id;
    payload_len = hello_encode(payload, &hello);
    error = xk_initiator_write_message_3(&s->handshake, message_out(s),
                                         XK_MESSAGE_3_OVERHEAD + payload_len, &message_len, payload,
                                         payload_len);
    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    if (!split(s)) {
        return session_fail(s, REASON_INTERNAL);
    }
    message_written(s, message_len);
    return SESSION_NOTHING;
}

// ---- Both -------------------------------------------------------------------------------------------

enum session_event session_handshake_message(struct session *s)
{
    size_t payload_len; // messages 1 and 2 have their exact length: it is 0

    switch ((enum session_state)s->state) {
    case SESSION_AWAIT_MESSAGE_1:
        return message_1_read(s, xk_responder_read_message_1(&s->handshake, NULL, 0, &payload_len,
                                                             s->buffer, s->frame_len));
    case SESSION_AWAIT_MESSAGE_2:
        return message_2_read(s, xk_initiator_read_message_2(&s->handshake, NULL, 0, &payload_len,
                                                             s->buffer, s->frame_len));
    case SESSION_AWAIT_MESSAGE_3:
        return read_message_3(s);
    case SESSION_PAIR_COMMIT:
    case SESSION_PAIR_NONCE:
    case SESSION_PAIR_OPEN:
        return session_pairing_record(s);
    case SESSION_UNUSED:
    case SESSION_AWAIT_PREAMBLE:
    case SESSION_MESSAGE_1_DH:
    case SESSION_MESSAGE_2_DH:
    case SESSION_DECIDE:
    case SESSION_AWAIT_READY:
    case SESSION_UP:
    case SESSION_CLOSING:
    case SESSION_CLOSED:
        break;
    }
    return session_fail(s, REASON_INTERNAL);
}

bool session_dh_request(const struct session *s, struct xk_dh_request *request)
{
    return xk_dh_request(&s->handshake, request) == NOISE_OK;
}

enum session_event session_dh_result(struct session *s, uint64_t now_ms, uint64_t id,
                                     const uint8_t *secret)
{
    enum noise_error error;
    size_t payload_len;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state == SESSION_MESSAGE_1_DH) {
        error = xk_responder_dh_result(&s->handshake, id, secret, NULL, 0, &payload_len, s->buffer,
                                       s->frame_len);
        if (error != NOISE_ERR_STALE) {
            s->frame_len = 0;
            return message_1_read(s, error);
        }
    } else if (s->state == SESSION_MESSAGE_2_DH) {
        error = xk_initiator_dh_result(&s->handshake, id, secret);
        if (error != NOISE_ERR_STALE) {
            return message_2_read(s, error);
        }
    }
    return SESSION_NOTHING;
}

static enum session_event accept_initiator(struct session *s)
{
    struct hello hello;
    uint8_t ready[HELLO_BYTES_MAX];
    size_t ready_len;

    if (s->config->memory == NULL) {
        return session_fail(s, REASON_NO_RECORD_MEMORY);
    }
    if (!split(s)) {
        return session_fail(s, REASON_INTERNAL);
    }
    hello = own_hello(s);
    ready_len = hello_encode(ready, &hello);
    if (!session_send_record(s, RECORD_READY, 0, ready, ready_len, 0)) {
        return session_fail(s, REASON_INTERNAL);
    }
    return session_established(s);
}

enum session_event session_accept(struct session *s, uint64_t now_ms)
{
    enum session_event event;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state != SESSION_DECIDE) {
        return SESSION_NOTHING;
    }
    if (s->role == SESSION_RESPONDER) {
        return accept_initiator(s);
    }
    event = write_message_3(s);
    if (event == SESSION_NOTHING) {
        session_move(s, SESSION_AWAIT_READY);
    }
    return event;
}

enum session_event session_pair(struct session *s, uint64_t now_ms)
{
    enum session_event event = SESSION_NOTHING;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state != SESSION_DECIDE) {
        return SESSION_NOTHING;
    }
    if (s->role == SESSION_INITIATOR) {
        event = write_message_3(s);
    } else if (!split(s)) {
        event = session_fail(s, REASON_INTERNAL);
    }
    return event == SESSION_NOTHING ? session_pairing_begin(s) : event;
}

// A peer that is listed is told why not, in its one record; for others there is no number here.
static bool last_words(enum bye_reason *bye, enum close_reason reason)
{
    if (reason == REASON_PEER_PENDING || reason == REASON_PEER_REVOKED) {
        *bye = BYE_NOT_PERMITTED;
        return true;
    }
    if (reason == REASON_NO_RECORD_MEMORY) {
        *bye = BYE_LIMIT;
        return true;
    }
    return false;
}

enum session_event session_refuse(struct session *s, uint64_t now_ms, enum close_reason reason)
{
    enum bye_reason bye;

    s->now_ms = time_max(s->now_ms, now_ms);
    if (s->state != SESSION_DECIDE) {
        return SESSION_NOTHING;
    }
    if (s->role == SESSION_RESPONDER && last_words(&bye, reason) && split(s)) {
        return session_say_bye(s, reason, bye);
    }
    return session_fail(s, reason);
}
