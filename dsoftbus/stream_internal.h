// SPDX-License-Identifier: Apache-2.0
// What the parts of streams share. Internal to dsoftbus/.
#ifndef DSOFTBUS_STREAM_INTERNAL_H
#define DSOFTBUS_STREAM_INTERNAL_H

#include "dsoftbus/session_internal.h"
#include "dsoftbus/stream.h"

enum stream_phase {
    STREAM_FREE,
    STREAM_OPENING, // ours; the peer has not answered
    STREAM_ASKED,   // the peer's; its owner has not answered
    STREAM_UP,
    STREAM_BROKEN,  // closed by the peer, or the session is lost; `error` says which
    STREAM_LEAVING, // its owner has given it back; something is still to be sent
};

// ---- stream_table.c -------------------------------------------------------------------------------

// A free stream, filled with zero but for its generation; NULL if there is none.
struct stream *stream_take(struct stream_table *table);

// Back to the free ones, out of the news; its handle is unknown from now on, and its buffer wiped.
void stream_release(struct stream_table *table, struct stream *st);

uint32_t stream_handle(const struct stream_table *table, const struct stream *st);

// By its handle; NULL if it names nothing, or the owner has given it back.
struct stream *stream_find(const struct stream_table *table, uint32_t handle);

struct stream *stream_at(const struct stream_table *table, uint16_t slot_plus_1);
bool stream_is_in(const struct stream *st, unsigned which);
void stream_list_add(struct stream_table *table, struct stream_list *list, unsigned which,
                     struct stream *st); // at the end, if it is not in it
void stream_list_remove(struct stream_table *table, struct stream_list *list, unsigned which,
                        struct stream *st); // if it is in it

void stream_news(struct stream_table *table, struct stream *st);

// Puts received bytes into the ring. There is room.
void stream_buffer_put(struct stream_table *table, struct stream *st, const uint8_t *data,
                       size_t len);
// The bytes at its front, as far as they lie together.
const uint8_t *stream_buffer_front(const struct stream_table *table, const struct stream *st,
                                   size_t *len);

// ---- session_stream.c -----------------------------------------------------------------------------

// Notes that something is due, or nothing any more; and when the stream is over and nothing is due, it leaves
// its session.
void session_stream_settle(struct session *s, struct stream *st);

// Neither side will say anything more on it.
void session_stream_over(struct session *s, struct stream *st);

// So much has been read that the peer is to be told.
bool session_stream_window_due(const struct session *s, const struct stream *st);

// Whether a write is possible now: credit apart, is there room, and is it this stream's turn?
bool session_stream_may_write(const struct session *s, const struct stream *st, size_t body_len);

// The stream waits for its turn, or for credit.
void session_stream_wait(struct session *s, struct stream *st);

// It has used its turn, or will not.
void session_stream_turn_done(struct session *s, struct stream *st);

// The longest body of DATA on this session.
size_t session_data_max(const struct session *s);

#endif
