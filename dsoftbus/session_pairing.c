// SPDX-License-Identifier: Apache-2.0
// Session: pairing (WIRE section 2). The handshake goes on with three messages, in turns like its own, and then ends.
//
//   I -> R  COMMIT = BLAKE2s("DSB pair" | h | nI)
//   R -> I  NONCE  = nR
//   I -> R  OPEN   = nI
//   code = the first 8 bytes of BLAKE2s("DSB code" | h | nI | nR), as a number modulo 1,000,000
//
// Whoever stands between two devices has two sessions with two hashes h, and must choose its nonce in each before it
// learns the other side's: so its codes agree by chance alone, once in a million attempts.
//
// CT: secret = nothing once it is sent; a nonce is secret before, and is only hashed and copied.
#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"
#include "noise/blake2s.h"
#include "noise/ct.h"

enum { LABEL_BYTES = 8, CODES = 1000000 };

static void hash_with(uint8_t out[static DSB_HASH_BYTES], const char *label,
                      const struct session *s, const uint8_t *first, const uint8_t *second)
{
    struct blake2s hash;

    blake2s_init(&hash, DSB_HASH_BYTES, NULL, 0);
    blake2s_update(&hash, (const uint8_t *)label, LABEL_BYTES);
    blake2s_update(&hash, s->hash, DSB_HASH_BYTES);
    blake2s_update(&hash, first, DSB_HASH_BYTES);
    if (second != NULL) {
        blake2s_update(&hash, second, DSB_HASH_BYTES);
    }
    blake2s_final(&hash, out);
}

static void commitment_to(uint8_t out[static DSB_HASH_BYTES], const struct session *s,
                          const uint8_t nonce[static DSB_HASH_BYTES])
{
    hash_with(out, "DSB pair", s, nonce, NULL);
}

static void make_code(struct session *s, const uint8_t *initiator_nonce,
                      const uint8_t *responder_nonce)
{
    uint8_t digest[DSB_HASH_BYTES];

    hash_with(digest, "DSB code", s, initiator_nonce, responder_nonce);
    s->pair_code = (uint32_t)(load_be64(digest) % CODES);
}

static bool draw_nonce(struct session *s)
{
    return s->config->random(s->config->random_ctx, s->pair_nonce, DSB_HASH_BYTES) == NOISE_OK;
}

// The code is known. It ends, after what is still to be sent.
static enum session_event paired(struct session *s)
{
    (void)session_finish(s, REASON_PAIRED);
    return SESSION_PAIRED;
}

enum session_event session_pairing_begin(struct session *s)
{
    uint8_t commitment[DSB_HASH_BYTES];

    s->pairing = true;
    if (s->role == SESSION_RESPONDER) {
        session_move(s, SESSION_PAIR_COMMIT);
        return SESSION_NOTHING;
    }
    if (!draw_nonce(s)) {
        return session_fail(s, REASON_RANDOM_FAILED);
    }
    commitment_to(commitment, s, s->pair_nonce);
    if (!session_send_record(s, RECORD_PAIR_COMMIT, 0, commitment, DSB_HASH_BYTES, 0)) {
        return session_fail(s, REASON_INTERNAL);
    }
    session_move(s, SESSION_PAIR_NONCE);
    return SESSION_NOTHING;
}

// Responder: the commitment is kept, and our nonce shown.
static enum session_event read_commit(struct session *s, const struct record *record)
{
    bytes_copy(s->pair_commitment, record->body, DSB_HASH_BYTES);
    if (!draw_nonce(s)) {
        return session_fail(s, REASON_RANDOM_FAILED);
    }
    if (!session_send_record(s, RECORD_PAIR_NONCE, 0, s->pair_nonce, DSB_HASH_BYTES, 0)) {
        return session_fail(s, REASON_INTERNAL);
    }
    s->pair_guessed = true;
    session_move(s, SESSION_PAIR_OPEN);
    return SESSION_NOTHING;
}

// Initiator: now ours may be seen.
static enum session_event read_nonce(struct session *s, const struct record *record)
{
    make_code(s, s->pair_nonce, record->body);
    s->pair_guessed = true;
    if (!session_send_record(s, RECORD_PAIR_OPEN, 0, s->pair_nonce, DSB_HASH_BYTES, 0)) {
        return session_fail(s, REASON_INTERNAL);
    }
    return paired(s);
}

// Responder: is it what was committed to?
static enum session_event read_open(struct session *s, const struct record *record)
{
    uint8_t commitment[DSB_HASH_BYTES];

    commitment_to(commitment, s, record->body);
    if (!bytes_equal(commitment, s->pair_commitment, DSB_HASH_BYTES)) {
        return session_fail(s, REASON_PAIR_COMMITMENT);
    }
    make_code(s, record->body, s->pair_nonce);
    return paired(s);
}

static enum record_type expected(const struct session *s)
{
    return s->state == SESSION_PAIR_COMMIT  ? RECORD_PAIR_COMMIT
           : s->state == SESSION_PAIR_NONCE ? RECORD_PAIR_NONCE
                                            : RECORD_PAIR_OPEN;
}

enum session_event session_pairing_record(struct session *s)
{
    struct record record;
    enum close_reason reason;
    size_t plaintext_len;

    if (xk_receiver_open(&s->receiver, s->buffer, sizeof s->buffer, &plaintext_len, s->buffer,
                         s->frame_len) != NOISE_OK) {
        return session_fail(s, REASON_RECORD_AUTH);
    }
    reason = record_decode(&record, s->buffer, plaintext_len);
    if (reason == REASON_NONE && record.type != expected(s)) {
        reason = REASON_RECORD_ORDER;
    }
    if (reason != REASON_NONE) {
        return session_fail(s, reason);
    }
    switch (record.type) {
    case RECORD_PAIR_COMMIT:
        return read_commit(s, &record);
    case RECORD_PAIR_NONCE:
        return read_nonce(s, &record);
    case RECORD_PAIR_OPEN:
        return read_open(s, &record);
    case RECORD_READY:
    case RECORD_PING:
    case RECORD_PONG:
    case RECORD_OPEN:
    case RECORD_OPENED:
    case RECORD_DATA:
    case RECORD_WINDOW:
    case RECORD_CLOSE:
    case RECORD_BYE:
    case RECORD_REKEY:
        break;
    }
    return session_fail(s, REASON_INTERNAL);
}

uint32_t session_pair_code(const struct session *s)
{
    return s->pair_code;
}

bool session_pair_guessed(const struct session *s)
{
    return s->pair_guessed;
}
