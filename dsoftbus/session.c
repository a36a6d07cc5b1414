// SPDX-License-Identifier: Apache-2.0
// Session: life and time. Bytes are in session_input.c and session_output.c, the handshake is in session_handshake.c,
// records are in session_record.c, those of streams in session_stream.c.
#include "dsoftbus/session.h"

#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"
#include "noise/ct.h"

const uint8_t session_preamble[SESSION_PREAMBLE_BYTES] = {'D', 'S', 'B', DSB_VERSION};

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
        return to == SESSION_AWAIT_READY || to == SESSION_UP || to == SESSION_PAIR_COMMIT ||
               to == SESSION_PAIR_NONCE || to == SESSION_CLOSING || to == SESSION_CLOSED;
    case SESSION_AWAIT_READY:
        return to == SESSION_UP || to == SESSION_CLOSED;
    case SESSION_UP:
    case SESSION_PAIR_NONCE:
        return to == SESSION_CLOSING || to == SESSION_CLOSED;
    case SESSION_PAIR_COMMIT:
        return to == SESSION_PAIR_OPEN || to == SESSION_CLOSED;
    case SESSION_PAIR_OPEN:
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

bool session_has_ended(const struct session *s)
{
    return s->state == SESSION_UNUSED || s->state == SESSION_CLOSING || s->state == SESSION_CLOSED;
}

static void advance_clock(struct session *s, uint64_t now_ms)
{
    s->now_ms = time_max(s->now_ms, now_ms);
}

// Keys go. What a split handshake still holds, the hash and the peer's key, is public and stays for the log.
static void wipe_keys(struct session *s)
{
    if (s->split) {
        xk_sender_wipe(&s->sender);
        xk_receiver_wipe(&s->receiver);
    } else {
        xk_handshake_wipe(&s->handshake);
    }
    if (s->pairing) {
        ct_wipe(s->pair_nonce, sizeof s->pair_nonce);
    }
    session_input_release(s);
    session_streams_lost(s);
}

enum session_event session_fail(struct session *s, enum close_reason reason)
{
    wipe_keys(s);
    session_output_drop(s);
    ct_wipe(s->buffer, sizeof s->buffer);
    s->reason = (uint8_t)reason;
    session_move(s, SESSION_CLOSED);
    return SESSION_ENDED;
}

enum session_event session_finish(struct session *s, enum close_reason reason)
{
    if (session_output_pending(s) == 0) {
        return session_fail(s, reason);
    }
    wipe_keys(s);
    s->reason = (uint8_t)reason;
    s->deadline_ms = time_after(s->now_ms, LINGER_MS);
    session_move(s, SESSION_CLOSING);
    return SESSION_ENDED;
}

void session_abandon_output(struct session *s)
{
    if (s->state == SESSION_CLOSING) {
        session_output_drop(s);
        session_move(s, SESSION_CLOSED);
    }
}

void session_wipe(struct session *s)
{
    if (s->config != NULL) {
        session_input_release(s);
        session_streams_lost(s);
        session_output_drop(s);
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

    bytes_copy(prologue, session_preamble, SESSION_PREAMBLE_BYTES);
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
    session_output_init(s);
}

enum session_event session_start_initiator(struct session *s, const struct session_config *config,
                                           uint64_t now_ms, const struct device_id *peer_id,
                                           const uint8_t peer_key[static DSB_KEY_BYTES])
{
    uint8_t *message = s->buffer + SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES;
    enum noise_error error;
    size_t message_len;

    start(s, config, SESSION_INITIATOR, now_ms);
    s->peer_id = *peer_id;
    error = init_handshake(s, peer_id, peer_key);
    if (error == NOISE_OK) {
        error = xk_initiator_write_message_1(&s->handshake, message, SESSION_MESSAGE_1_BYTES,
                                             &message_len, NULL, 0);
    }
    if (error != NOISE_OK) {
        return session_fail(s, session_noise_reason(error));
    }
    bytes_copy(s->buffer, session_preamble, SESSION_PREAMBLE_BYTES);
    store_be16(s->buffer + SESSION_PREAMBLE_BYTES, (uint16_t)message_len);
    session_output_set(s, SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES + message_len);
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

// ---- Ends -----------------------------------------------------------------------------------------

enum session_event session_disconnected(struct session *s)
{
    session_abandon_output(s);
    if (session_has_ended(s)) {
        return SESSION_NOTHING;
    }
    return session_fail(s,
                        s->state == SESSION_PAIR_NONCE ? REASON_PAIR_REFUSED : REASON_DISCONNECTED);
}

enum session_event session_close(struct session *s, uint64_t now_ms, enum close_reason reason,
                                 enum bye_reason bye)
{
    advance_clock(s, now_ms);
    if (session_has_ended(s)) {
        return SESSION_NOTHING;
    }
    if (s->state != SESSION_UP) {
        return session_fail(s, reason);
    }
    session_flush_streams(s); // an end or a close that is due goes before
    return session_say_bye(s, reason, bye);
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

// By then its initiator should have replaced it.
static uint64_t life_deadline(const struct session *s)
{
    return time_after(s->established_ms, SESSION_LIFE_MS + 2 * (uint64_t)SESSION_LIFE_GRACE_MS);
}

uint64_t session_deadline(const struct session *s)
{
    switch ((enum session_state)s->state) {
    case SESSION_UNUSED:
    case SESSION_CLOSED:
        return TIME_NEVER;
    case SESSION_UP:
        return time_min(life_deadline(s), time_min(probe_deadline(s), silence_deadline(s)));
    case SESSION_AWAIT_PREAMBLE:
    case SESSION_AWAIT_MESSAGE_1:
    case SESSION_MESSAGE_1_DH:
    case SESSION_AWAIT_MESSAGE_2:
    case SESSION_MESSAGE_2_DH:
    case SESSION_AWAIT_MESSAGE_3:
    case SESSION_DECIDE:
    case SESSION_AWAIT_READY:
    case SESSION_PAIR_COMMIT:
    case SESSION_PAIR_NONCE:
    case SESSION_PAIR_OPEN:
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
    if (s->now_ms >= life_deadline(s)) {
        return session_say_bye(s, REASON_EXPIRED, BYE_TIMEOUT);
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
        session_abandon_output(s);
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
    if (s->split) {
        bytes_copy(key, s->peer_key, DSB_KEY_BYTES);
        return true;
    }
    return xk_remote_static(&s->handshake, key) == NOISE_OK;
}

bool session_hash(const struct session *s, uint8_t hash[static DSB_HASH_BYTES])
{
    if (s->split) {
        bytes_copy(hash, s->hash, DSB_HASH_BYTES);
        return true;
    }
    return xk_handshake_hash(&s->handshake, hash) == NOISE_OK;
}

uint32_t session_ponged(const struct session *s)
{
    return s->ponged;
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

void session_set_owner(struct session *s, uint32_t owner)
{
    s->owner = owner;
}

uint64_t session_established_ms(const struct session *s)
{
    return s->established_ms;
}

uint32_t session_offered(const struct session *s)
{
    return s->offered;
}

uint16_t session_streams_open(const struct session *s)
{
    return (uint16_t)(s->own_open + s->peer_open);
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
    case SESSION_PAIR_COMMIT:
        return "pair commit";
    case SESSION_PAIR_NONCE:
        return "pair nonce";
    case SESSION_PAIR_OPEN:
        return "pair open";
    case SESSION_CLOSING:
        return "closing";
    case SESSION_CLOSED:
        return "closed";
    }
    return "unknown";
}
