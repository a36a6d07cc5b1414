// SPDX-License-Identifier: Apache-2.0
// Session: life, framing, time. The handshake is in session_handshake.c, records are in session_record.c.
#include "dsoftbus/session.h"

#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"
#include "noise/ct.h"

_Static_assert(SESSION_BUFFER_BYTES < UINT16_MAX, "offsets into the buffer are 16 bits");

static const uint8_t preamble[SESSION_PREAMBLE_BYTES] = {'D', 'S', 'B', DSB_VERSION};

// ---- State ----------------------------------------------------------------------------------------

static bool transition_exists(enum session_state from, enum session_state to)
{
    switch (from) {
    case SESSION_UNUSED:
        return to == SESSION_AWAIT_PREAMBLE || to == SESSION_AWAIT_MESSAGE_2 ||
               to == SESSION_CLOSED;
    case SESSION_AWAIT_PREAMBLE:
        return to == SESSION_AWAIT_MESSAGE_1 || to == SESSION_CLOSING || to == SESSION_CLOSED;
    case SESSION_AWAIT_MESSAGE_1:
        return to == SESSION_MESSAGE_1_DH || to == SESSION_AWAIT_MESSAGE_3 || to == SESSION_CLOSED;
    case SESSION_MESSAGE_1_DH:
        return to == SESSION_AWAIT_MESSAGE_3 || to == SESSION_CLOSED;
    case SESSION_AWAIT_MESSAGE_2:
        return to == SESSION_MESSAGE_2_DH || to == SESSION_DECIDE || to == SESSION_CLOSED;
    case SESSION_MESSAGE_2_DH:
    case SESSION_AWAIT_MESSAGE_3:
        return to == SESSION_DECIDE || to == SESSION_CLOSED;
    case SESSION_DECIDE:
        return to == SESSION_AWAIT_READY || to == SESSION_UP || to == SESSION_CLOSING ||
               to == SESSION_CLOSED;
    case SESSION_AWAIT_READY:
        return to == SESSION_UP || to == SESSION_CLOSED;
    case SESSION_UP:
        return to == SESSION_CLOSING || to == SESSION_CLOSED;
    case SESSION_CLOSING:
        return to == SESSION_CLOSED;
    case SESSION_CLOSED:
        return false;
    }
    return false;
}

void session_move(struct session *s, enum session_state to)
{
    DSB_ASSERT(transition_exists((enum session_state)s->state, to));
    s->state = (uint8_t)to;
}

static bool has_ended(const struct session *s)
{
    return s->state == SESSION_UNUSED || s->state == SESSION_CLOSING || s->state == SESSION_CLOSED;
}

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
        return s->out_len != s->out_start;
    case SESSION_UNUSED:
    case SESSION_UP:
    case SESSION_CLOSING:
    case SESSION_CLOSED:
        break;
    }
    return false;
}

static void advance_clock(struct session *s, uint64_t now_ms)
{
    s->now_ms = time_max(s->now_ms, now_ms);
}

// Keys go. What a split handshake still holds, the hash and the peer's key, is public and stays for the log.
static void wipe_keys(struct session *s)
{
    uint64_t nonce;

    if (xk_sender_nonce(&s->sender, &nonce) != NOISE_OK) {
        xk_handshake_wipe(&s->handshake);
    }
    xk_sender_wipe(&s->sender);
    xk_receiver_wipe(&s->receiver);
    if (s->record != NULL) {
        ct_wipe(s->record, s->frame_used);
    }
    s->record = NULL;
}

enum session_event session_fail(struct session *s, enum close_reason reason)
{
    wipe_keys(s);
    ct_wipe(s->buffer, sizeof s->buffer);
    s->out_start = s->out_len = 0;
    s->reason = (uint8_t)reason;
    session_move(s, SESSION_CLOSED);
    return SESSION_ENDED;
}

enum session_event session_finish(struct session *s, enum close_reason reason)
{
    if (s->out_start == s->out_len) {
        return session_fail(s, reason);
    }
    wipe_keys(s);
    s->reason = (uint8_t)reason;
    s->deadline_ms = time_after(s->now_ms, LINGER_MS);
    session_move(s, SESSION_CLOSING);
    return SESSION_ENDED;
}

void session_wipe(struct session *s)
{
    if (s->record != NULL) {
        ct_wipe(s->record, s->frame_used);
    }
    ct_wipe(s, sizeof *s);
}

// ---- Start ----------------------------------------------------------------------------------------

// Noise 5.3: initialises with the prologue "DSB" | version | responder's id.
static enum noise_error init_handshake(struct session *s, const struct device_id *responder,
                                       const uint8_t *remote_static)
{
    uint8_t prologue[SESSION_PREAMBLE_BYTES + 1 + DEVICE_ID_BYTES_MAX];
    struct xk_config config = {
        .static_public = s->config->static_public,
        .static_private = s->config->static_private,
        .remote_static = remote_static,
        .prologue = prologue,
        .prologue_len = SESSION_PREAMBLE_BYTES + 1 + (size_t)responder->len,
        .random = s->config->random,
        .random_ctx = s->config->random_ctx,
    };

    bytes_copy(prologue, preamble, SESSION_PREAMBLE_BYTES);
    prologue[SESSION_PREAMBLE_BYTES] = responder->len;
    bytes_copy(prologue + SESSION_PREAMBLE_BYTES + 1, responder->bytes, responder->len);
    if (s->role == SESSION_INITIATOR) {
        return xk_initiator_init(&s->handshake, &config);
    }
    return xk_responder_init(&s->handshake, &config);
}

static void start(struct session *s, const struct session_config *config, enum session_role role,
                  uint64_t now_ms)
{
    DSB_ASSERT(config->id.len != 0 && config->record_plaintext_max >= RECORD_PLAINTEXT_BYTES_MIN &&
               config->record_plaintext_max <= RECORD_PLAINTEXT_BYTES_MAX);
    bytes_zero(s, sizeof *s);
    s->config = config;
    s->role = (uint8_t)role;
    s->now_ms = now_ms;
    s->deadline_ms = time_after(now_ms, HANDSHAKE_TIMEOUT_MS);
}

enum session_event session_start_initiator(struct session *s, const struct session_config *config,
                                           uint64_t now_ms, const struct device_id *peer_id,
                                           const uint8_t peer_key[static DSB_KEY_BYTES],
                                           uint8_t *record, size_t record_len)
{
    uint8_t *message = s->buffer + SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES;
    enum noise_error error;
    size_t message_len;

    start(s, config, SESSION_INITIATOR, now_ms);
    DSB_ASSERT(record_len >= SESSION_RECORD_BYTES(config->record_plaintext_max));
    s->record = record;
    s->peer_id = *peer_id;
    error = init_handshake(s, peer_id, peer_key);
    if (error == NOISE_OK) {
        error = xk_initiator_write_message_1(&s->handshake, message, SESSION_MESSAGE_1_BYTES,
                                             &message_len, NULL, 0);
    }
    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    bytes_copy(s->buffer, preamble, SESSION_PREAMBLE_BYTES);
    store_be16(s->buffer + SESSION_PREAMBLE_BYTES, (uint16_t)message_len);
    s->out_len = (uint16_t)(SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES + message_len);
    session_move(s, SESSION_AWAIT_MESSAGE_2);
    return SESSION_NOTHING;
}

enum session_event session_start_responder(struct session *s, const struct session_config *config,
                                           uint64_t now_ms)
{
    enum noise_error error;

    start(s, config, SESSION_RESPONDER, now_ms);
    error = init_handshake(s, &config->id, NULL);
    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    session_move(s, SESSION_AWAIT_PREAMBLE);
    return SESSION_NOTHING;
}

// ---- Bytes in -------------------------------------------------------------------------------------

static bool has_prefix(const struct session *s)
{
    return bytes_equal(s->header, preamble, SESSION_PREAMBLE_BYTES - 1);
}

// A preamble for a version that we do not speak is answered with ours, 4 bytes for 4, and the connection closed.
static enum session_event preamble_complete(struct session *s)
{
    uint8_t *answer;

    if (!has_prefix(s)) {
        return session_fail(s, REASON_BAD_PREAMBLE);
    }
    s->header_len = 0;
    if (s->header[SESSION_PREAMBLE_BYTES - 1] == DSB_VERSION) {
        session_move(s, SESSION_AWAIT_MESSAGE_1);
        return SESSION_NOTHING;
    }
    s->peer_version = s->header[SESSION_PREAMBLE_BYTES - 1];
    answer = session_reserve(s, SESSION_PREAMBLE_BYTES);
    DSB_ASSERT(answer != NULL); // nothing was queued before
    bytes_copy(answer, preamble, SESSION_PREAMBLE_BYTES);
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
    case SESSION_AWAIT_READY:
    case SESSION_UP:
        *min = DSB_TAG_BYTES + 1;
        *max = DSB_TAG_BYTES + (size_t)s->config->record_plaintext_max;
        return;
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

static bool expects_record(const struct session *s)
{
    return s->state == SESSION_AWAIT_READY || s->state == SESSION_UP;
}

static enum session_event frame_header_complete(struct session *s)
{
    size_t len = load_be16(s->header);
    size_t min, max;

    frame_bounds(s, &min, &max);
    if (len < min || len > max) {
        return expects_record(s) ? session_bad_record(s, REASON_RECORD_LENGTH)
                                 : session_fail(s, REASON_MESSAGE_LENGTH);
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
           bytes_equal(s->header, preamble, SESSION_FRAME_HEADER_BYTES);
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
    uint8_t *body = expects_record(s) ? s->record : s->buffer;
    size_t used = size_min((size_t)(s->frame_len - s->frame_used), data_len);

    bytes_copy(body + s->frame_used, data, used);
    s->frame_used = (uint16_t)(s->frame_used + used);
    if (s->frame_used < s->frame_len) {
        return used;
    }
    *event = expects_record(s) ? session_record(s) : session_handshake_message(s);
    if (s->state != SESSION_MESSAGE_1_DH) { // which reads its message again
        s->frame_len = 0;
    }
    s->frame_used = 0;
    s->header_len = 0;
    return used;
}

size_t session_receive(struct session *s, enum session_event *event, uint64_t now_ms,
                       const uint8_t *data, size_t data_len)
{
    size_t used = 0;

    advance_clock(s, now_ms);
    *event = SESSION_NOTHING;
    while (used < data_len && *event == SESSION_NOTHING) {
        if (has_ended(s)) {
            return data_len;
        }
        if (is_our_turn(s)) {
            *event = session_fail(s, REASON_OUT_OF_TURN);
        } else if (s->frame_len == 0) {
            used += receive_header(s, event, data + used, data_len - used);
        } else {
            used += receive_body(s, event, data + used, data_len - used);
        }
    }
    return has_ended(s) ? data_len : used;
}

// ---- Bytes out ------------------------------------------------------------------------------------

// The queue moved down by so many bytes.
static void shift_pongs(struct session *s, size_t by)
{
    for (size_t i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        s->pong_ends[i] = (uint16_t)(s->pong_ends[i] > by ? s->pong_ends[i] - by : 0);
    }
}

uint8_t *session_reserve(struct session *s, size_t len)
{
    uint8_t *room;

    if (s->out_start > 0) {
        for (size_t i = s->out_start; i < s->out_len; i++) {
            s->buffer[i - s->out_start] = s->buffer[i];
        }
        shift_pongs(s, s->out_start);
        s->out_len = (uint16_t)(s->out_len - s->out_start);
        s->out_start = 0;
    }
    if (len > sizeof s->buffer - s->out_len) {
        return NULL;
    }
    room = s->buffer + s->out_len;
    s->out_len = (uint16_t)(s->out_len + len);
    return room;
}

uint8_t *session_output(struct session *s, size_t *len)
{
    *len = (size_t)(s->out_len - s->out_start);
    return *len == 0 ? NULL : s->buffer + s->out_start;
}

void session_output_done(struct session *s, size_t sent)
{
    s->out_start = (uint16_t)(s->out_start + size_min(sent, (size_t)(s->out_len - s->out_start)));
    if (s->out_start < s->out_len) {
        return;
    }
    shift_pongs(s, s->out_len);
    s->out_start = s->out_len = 0;
    if (s->state == SESSION_CLOSING) {
        session_move(s, SESSION_CLOSED);
    }
}

// ---- Ends -----------------------------------------------------------------------------------------

enum session_event session_disconnected(struct session *s)
{
    if (s->state == SESSION_CLOSING) {
        s->out_start = s->out_len = 0;
        session_move(s, SESSION_CLOSED);
    }
    return has_ended(s) ? SESSION_NOTHING : session_fail(s, REASON_DISCONNECTED);
}

enum session_event session_close(struct session *s, uint64_t now_ms, enum close_reason reason,
                                 enum bye_reason bye)
{
    advance_clock(s, now_ms);
    if (has_ended(s)) {
        return SESSION_NOTHING;
    }
    return s->state == SESSION_UP ? session_say_bye(s, reason, bye) : session_fail(s, reason);
}

// ---- Time -----------------------------------------------------------------------------------------

static uint64_t probe_deadline(const struct session *s)
{
    return time_after(time_max(s->heard_ms, s->probed_ms), PING_SILENCE_MS);
}

static uint64_t silence_deadline(const struct session *s)
{
    return time_after(s->heard_ms, LOST_SILENCE_MS);
}

uint64_t session_deadline(const struct session *s)
{
    switch ((enum session_state)s->state) {
    case SESSION_UNUSED:
    case SESSION_CLOSED:
        return TIME_NEVER;
    case SESSION_UP:
        return time_min(probe_deadline(s), silence_deadline(s));
    case SESSION_AWAIT_PREAMBLE:
    case SESSION_AWAIT_MESSAGE_1:
    case SESSION_MESSAGE_1_DH:
    case SESSION_AWAIT_MESSAGE_2:
    case SESSION_MESSAGE_2_DH:
    case SESSION_AWAIT_MESSAGE_3:
    case SESSION_DECIDE:
    case SESSION_AWAIT_READY:
    case SESSION_CLOSING:
        break;
    }
    return s->deadline_ms;
}

static enum session_event tick_established(struct session *s)
{
    if (s->now_ms >= silence_deadline(s)) {
        return session_say_bye(s, REASON_SILENCE, BYE_TIMEOUT);
    }
    if (s->now_ms >= probe_deadline(s)) {
        s->probed_ms = s->now_ms;
        (void)!session_ping(s, s->now_ms); // with 4 unanswered there is nothing to add
    }
    return SESSION_NOTHING;
}

enum session_event session_tick(struct session *s, uint64_t now_ms)
{
    advance_clock(s, now_ms);
    if (s->state == SESSION_UP) {
        return tick_established(s);
    }
    if (session_deadline(s) == TIME_NEVER || s->now_ms < session_deadline(s)) {
        return SESSION_NOTHING;
    }
    if (s->state == SESSION_CLOSING) {
        s->out_start = s->out_len = 0;
        session_move(s, SESSION_CLOSED);
        return SESSION_NOTHING;
    }
    return session_fail(s, REASON_HANDSHAKE_TIMEOUT);
}

// ---- What may be known ----------------------------------------------------------------------------

enum session_state session_state(const struct session *s)
{
    return (enum session_state)s->state;
}

enum session_role session_role(const struct session *s)
{
    return (enum session_role)s->role;
}

enum close_reason session_reason(const struct session *s)
{
    return (enum close_reason)s->reason;
}

uint8_t session_peer_bye(const struct session *s)
{
    return s->peer_bye;
}

uint8_t session_peer_version(const struct session *s)
{
    return s->peer_version;
}

const struct device_id *session_peer_id(const struct session *s)
{
    return &s->peer_id;
}

bool session_peer_key(const struct session *s, uint8_t key[static DSB_KEY_BYTES])
{
    return xk_remote_static(&s->handshake, key) == NOISE_OK;
}

bool session_hash(const struct session *s, uint8_t hash[static DSB_HASH_BYTES])
{
    return xk_handshake_hash(&s->handshake, hash) == NOISE_OK;
}

uint32_t session_rtt_ms(const struct session *s)
{
    return s->rtt_ms;
}

uint8_t session_pings_received(const struct session *s)
{
    return s->pings_received;
}

uint64_t session_heard_ms(const struct session *s)
{
    return s->heard_ms;
}

const char *session_state_name(enum session_state state)
{
    switch (state) {
    case SESSION_UNUSED:
        return "unused";
    case SESSION_AWAIT_PREAMBLE:
        return "await preamble";
    case SESSION_AWAIT_MESSAGE_1:
        return "await message 1";
    case SESSION_MESSAGE_1_DH:
        return "message 1 dh";
    case SESSION_AWAIT_MESSAGE_2:
        return "await message 2";
    case SESSION_MESSAGE_2_DH:
        return "message 2 dh";
    case SESSION_AWAIT_MESSAGE_3:
        return "await message 3";
    case SESSION_DECIDE:
        return "decide";
    case SESSION_AWAIT_READY:
        return "await ready";
    case SESSION_UP:
        return "up";
    case SESSION_CLOSING:
        return "closing";
    case SESSION_CLOSED:
        return "closed";
    }
    return "unknown";
}
