// SPDX-License-Identifier: Apache-2.0
// Streams: any number of ordered byte channels, in both directions, over one session (WIRE section 2).
//
// What an owner has to know
//
// - A stream is named by a handle, which the bus gives: never 0, not reused for long, and valid until the owner calls
//   bus_stream_close, whatever happens to the session meanwhile. Each stream that exists must be closed in the end.
// - Life. One side opens (bus_stream_open), and may read and write when the other has accepted. The other finds the
//   stream OFFERED, and answers with bus_stream_accept, or refuses with bus_stream_close and a reason. The service
//   name of an offered stream is always one that this node has registered (bus_service_add): others are refused by
//   the bus.
// - Either direction ends by itself: bus_stream_finish says that we write no more; the peer reads what is left, then
//   STREAM_END. A stream is over when both sides have finished. bus_stream_close before that tells the peer (CLOSE):
//   it reads what is left, then gets STREAM_CLOSED with the reason. When the session is lost it is STREAM_DISCONNECTED,
//   never STREAM_END.
// - Reading. Each stream has a receive buffer of its own, and the peer may send only what fits in it: it fills when its
//   owner does not read, and nothing else stops. bus_stream_read copies; bus_stream_peek and bus_stream_consume
//   let the owner copy to where it likes.
// - Writing. bus_stream_write takes what it can and says how much. It encrypts at once: from then on the bytes are on
//   their way, and the caller's buffer is free. It takes fewer bytes, or none (STREAM_WOULD_BLOCK), when the peer
//   has given no more room, when the session's output area is full, or when it is another stream's turn: streams
//   that want to write to one session get turns, one record each. The owner is told when it goes on.
// - News. Whatever happens to a stream puts its handle once into the list that bus_next_stream gives out; the list
//   cannot overflow and nothing in it can be lost. News say what is true now (`ready`), not what was. Writability is
//   news only after a write that did not take everything, and then until one has.
//
//     while (bus_next_stream(&bus, &stream, &status))
//         if (status.ready & STREAM_OFFERED)   look at status.service and status.connection; accept, or close
//         if (status.ready & STREAM_READABLE)  read until STREAM_WOULD_BLOCK, STREAM_END or an error
//         if (status.ready & STREAM_WRITABLE)  write what was left over
//         if (status.ready & STREAM_GONE)      status.error and status.reason say why; read what is left, then close
//
// A handle is a public number that a stranger cannot guess into being: unknown ones are STREAM_UNKNOWN.
#ifndef DSOFTBUS_STREAM_H
#define DSOFTBUS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/announce.h"
#include "dsoftbus/limits.h"
#include "dsoftbus/reason.h"

enum stream_error {
    STREAM_OK,
    STREAM_WOULD_BLOCK,  // nothing to read yet, or nothing can be written yet; news will tell
    STREAM_END,          // reading: the peer has finished, and everything it sent has been read
    STREAM_CLOSED,       // the peer has closed or refused the stream: see the reason
    STREAM_DISCONNECTED, // the session is lost
    STREAM_FINISHED,     // writing: after our own finish
    STREAM_STATE,        // not accepted yet, or accepted already
    STREAM_UNKNOWN,      // no stream has this handle
    STREAM_NO_SESSION,   // opening: not the id of an established session
    STREAM_NAME,         // opening: a service name is 1..64 bytes of UTF-8
    STREAM_LIMIT, // opening: as many streams are open as the peer allows, or as this node has room for
    STREAM_IDS_USED, // opening: this session has no stream number left; a new session takes its place
};

// "would block" and so on, for logs. Never NULL.
const char *stream_error_name(enum stream_error error);

enum stream_ready {
    STREAM_OFFERED = 1,   // opened by the peer; answer with accept or close
    STREAM_READABLE = 2,  // a read gives bytes or STREAM_END
    STREAM_WRITABLE = 4,  // a write takes at least a byte
    STREAM_CONNECTED = 8, // both sides have agreed to it
    STREAM_GONE = 16,     // closed by the peer, or disconnected: `error`; bytes may be left to read
};

// What is true of a stream at this moment.
struct stream_status {
    uint32_t connection; // of the session, also when that has ended
    uint16_t id;         // its number on the wire
    uint8_t ready;       // bits of enum stream_ready
    uint8_t error;       // enum stream_error: STREAM_OK, or with STREAM_GONE why
    uint8_t reason;      // enum bye_reason: with STREAM_CLOSED what the peer said
    bool ours;           // we have opened it
    bool finished;       // by us
    struct service_name service;
    uint32_t tag;                 // bus_stream_set_tag
    uint32_t readable_bytes;      // in the receive buffer
    uint64_t bytes_in, bytes_out; // so far
};

// ---- Memory: the caller's, in use for the life of the bus -------------------------------------------------------

enum { STREAM_IN_SESSION, STREAM_IN_CONTROL, STREAM_IN_WRITERS, STREAM_IN_NEWS, STREAM_LISTS };

// Slots are numbered from 1 in links; 0: none.
struct stream_link {
    uint16_t next, previous;
};

struct stream_list {
    uint16_t first, last;
};

// Members are dsoftbus/'s own, here and below.
struct stream {
    struct session *session; // NULL when it has nothing more to do with one
    uint32_t connection, tag;
    uint16_t generation; // upper half of the handle
    uint16_t id;         // on the wire; 0: OPEN has not been sent
    uint8_t phase;       // enum stream_phase
    uint8_t error, reason;
    uint8_t close_reason; // of the CLOSE that is due
    bool ours : 1, over : 1, finished : 1, peer_finished : 1;
    bool open_due : 1, opened_due : 1, window_due : 1, end_due : 1, close_due : 1;
    // A write did not take everything, and since then none has; it waits for credit; it is its turn to write.
    bool waits : 1, blocked : 1, invited : 1;
    uint8_t lists; // in which it is: a bit for each
    struct stream_link links[STREAM_LISTS];
    uint32_t credit;        // bytes that we may still send
    uint32_t granted;       // bytes that the peer may still send
    uint32_t read_at, used; // the receive buffer, a ring
    uint64_t bytes_in, bytes_out;
    struct service_name service;
};

struct stream_table {
    struct stream *streams;
    uint8_t *buffers;
    uint32_t buffer_bytes;
    uint16_t max, used;
    uint16_t fresh, free; // slots from here on were never used; the one that was given back last
    struct stream_list news;
};

// max streams with a buffer of buffer_bytes each. Neither memory is touched before it is used. max 0: no streams.
void stream_table_init(struct stream_table *table, struct stream *streams, uint16_t max,
                       uint8_t *buffers, uint32_t buffer_bytes);

// ---- Streams of a session without a bus: what the calls of dsoftbus/bus.h rest on ------------------------------
//
// Whatever these queue is in session_output.

struct session;

enum stream_error stream_open(struct session *s, uint64_t now_ms, uint32_t *stream,
                              const uint8_t *service, size_t service_len)
    __attribute__((warn_unused_result));
enum stream_error stream_accept(struct stream_table *table, uint64_t now_ms, uint32_t stream)
    __attribute__((warn_unused_result));
enum stream_error stream_read(struct stream_table *table, uint64_t now_ms, uint32_t stream,
                              uint8_t *out, size_t size, size_t *len)
    __attribute__((warn_unused_result));
enum stream_error stream_peek(const struct stream_table *table, uint32_t stream,
                              const uint8_t **bytes, size_t *len)
    __attribute__((warn_unused_result));
void stream_consume(struct stream_table *table, uint64_t now_ms, uint32_t stream, size_t len);
enum stream_error stream_write(struct stream_table *table, uint64_t now_ms, uint32_t stream,
                               const uint8_t *data, size_t len, size_t *taken)
    __attribute__((warn_unused_result));
enum stream_error stream_finish(struct stream_table *table, uint64_t now_ms, uint32_t stream)
    __attribute__((warn_unused_result));
void stream_close(struct stream_table *table, uint64_t now_ms, uint32_t stream,
                  enum bye_reason reason);
bool stream_status(const struct stream_table *table, uint32_t stream, struct stream_status *status);
void stream_set_tag(struct stream_table *table, uint32_t stream, uint32_t tag);
bool stream_next(struct stream_table *table, uint32_t *stream, struct stream_status *status)
    __attribute__((warn_unused_result));

#endif
