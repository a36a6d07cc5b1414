// SPDX-License-Identifier: Apache-2.0
// What the three parts of a session (framing and time, handshake, records) share. Internal to dsoftbus/.
#ifndef DSOFTBUS_SESSION_INTERNAL_H
#define DSOFTBUS_SESSION_INTERNAL_H

#include "dsoftbus/record.h"
#include "dsoftbus/session.h"

// The one place where the state changes. Traps on a transition that does not exist: that is our own mistake.
void session_move(struct session *s, enum session_state to);

// Ends without words: keys wiped, output dropped. SESSION_ENDED.
enum session_event session_fail(struct session *s, enum close_reason reason);

// Ends after what is queued: keys wiped, output kept for LINGER_MS. SESSION_ENDED.
enum session_event session_finish(struct session *s, enum close_reason reason);

// Room for len bytes to be sent, at the end of what is queued; NULL if there is none.
uint8_t *session_reserve(struct session *s, size_t len);

// A complete handshake message of frame_len bytes is in the buffer.
enum session_event session_handshake_message(struct session *s);

// Reason for a failure of noise/.
enum close_reason session_noise_reason(enum noise_error error);

// A complete record of frame_len bytes, still encrypted, is in the record memory.
enum session_event session_record(struct session *s);

// Encrypts and queues a record on stream 0; false if there is no room.
bool session_send_record(struct session *s, enum record_type type, const uint8_t *body,
                         size_t body_len) __attribute__((warn_unused_result));

// Ends an established session: BYE if it fits, then session_finish.
enum session_event session_say_bye(struct session *s, enum close_reason reason,
                                   enum bye_reason bye);

// A bad record, or a length that no record has: BYE 1 and the end. Before READY without words.
enum session_event session_bad_record(struct session *s, enum close_reason reason);

// The session is established now, in either role.
enum session_event session_established(struct session *s);

#endif
