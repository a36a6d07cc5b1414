// SPDX-License-Identifier: Apache-2.0
// What the parts of a session share. Internal to dsoftbus/.
#ifndef DSOFTBUS_SESSION_INTERNAL_H
#define DSOFTBUS_SESSION_INTERNAL_H

#include "dsoftbus/record.h"
#include "dsoftbus/session.h"

// ---- session.c ------------------------------------------------------------------------------------

extern const uint8_t session_preamble[SESSION_PREAMBLE_BYTES];

// The one place where the state changes. Traps on a transition that does not exist: that is our own mistake.
void session_move(struct session *s, enum session_state to);

// It was never started, or is over, though last words may still have to leave.
bool session_has_ended(const struct session *s);

// Ends without words: keys wiped, output dropped. SESSION_ENDED.
enum session_event session_fail(struct session *s, enum close_reason reason);

// Ends after what is queued: keys wiped, output kept for LINGER_MS. SESSION_ENDED.
enum session_event session_finish(struct session *s, enum close_reason reason);

// ---- session_input.c ------------------------------------------------------------------------------

// Wipes and gives back the block that records come in.
void session_input_release(struct session *s);

// ---- session_output.c -----------------------------------------------------------------------------

void session_output_init(struct session *s);

// The first len bytes of the session's buffer are to be sent; nothing else was.
void session_output_set(struct session *s, size_t len);

// Bytes queued that have not left.
size_t session_output_pending(const struct session *s);

void session_output_drop(struct session *s);

// Whether a block has room for len bytes with `keep` bytes left behind them.
bool session_has_room(const struct session *s, size_t len, size_t keep);

// The same room, in the session's own buffer if that will do; NULL if there is none. It is queued by session_commit.
uint8_t *session_reserve(struct session *s, size_t len, size_t keep);
void session_commit(struct session *s, const uint8_t *room, size_t len);

// ---- session_handshake.c --------------------------------------------------------------------------

// A complete handshake message of frame_len bytes is in the buffer.
enum session_event session_handshake_message(struct session *s);

// Reason for a failure of noise/.
enum close_reason session_noise_reason(enum noise_error error);

// ---- session_record.c -----------------------------------------------------------------------------

enum {
    FRAME_OVERHEAD = SESSION_FRAME_HEADER_BYTES + RECORD_HEADER_BYTES + DSB_TAG_BYTES,
};

// A complete record, still encrypted, is in the input block. It is decrypted there, and not used afterwards.
enum session_event session_record(struct session *s, uint8_t *bytes, size_t len);

// Bytes that a record with this body needs in the output: its frame, and that of a REKEY if one is due.
size_t session_record_needs(const struct session *s, size_t body_len);

// Begins a record: returns where its body goes, or NULL if there is no room for it with `keep` bytes left behind it.
// session_end_record then encrypts and queues it; false if this is a copy of a session, which cannot.
uint8_t *session_begin_record(struct session *s, enum record_type type, uint8_t flags,
                              uint16_t stream, size_t body_len, size_t keep);
bool session_end_record(struct session *s, uint8_t *body, size_t body_len)
    __attribute__((warn_unused_result));

// Encrypts and queues a record; false if there is no room.
bool session_send_record(struct session *s, enum record_type type, uint16_t stream,
                         const uint8_t *body, size_t body_len, size_t keep)
    __attribute__((warn_unused_result));

// Ends an established session: BYE if it fits, then session_finish.
enum session_event session_say_bye(struct session *s, enum close_reason reason,
                                   enum bye_reason bye);

// A bad record, or a length that no record has: BYE 1 and the end. Before READY without words.
enum session_event session_bad_record(struct session *s, enum close_reason reason);

// The session is established now, in either role.
enum session_event session_established(struct session *s);

// ---- session_pairing.c ----------------------------------------------------------------------------

// The keys are there. The initiator commits itself; the responder waits for that.
enum session_event session_pairing_begin(struct session *s);

// A complete PAIR record, still encrypted, is in the buffer.
enum session_event session_pairing_record(struct session *s);

// ---- session_stream.c -----------------------------------------------------------------------------

// A record on a stream, in state UP.
enum session_event session_stream_record(struct session *s, const struct record *record);

// Queues what is due on streams, as far as there is room.
void session_flush_streams(struct session *s);

// Output has left: whoever waits for room is told.
void session_writers_go_on(struct session *s);

// The session has ended: every stream that is not over is disconnected.
void session_streams_lost(struct session *s);

#endif
