// SPDX-License-Identifier: Apache-2.0
// Streams joined to something on this side: a local socket, or echo.
//
// Bytes are read from the local end only while the stream takes them, and from the stream only while the local end takes
// them; what one has given and the other not yet taken is at most HOST_LOCAL_BYTES. So a side that stalls stops its own
// stream and no other. An end in order is passed on as a half close; any other end closes the local socket at once
// (TCP: with a reset) and is reported to the control client that has the stream.
#ifndef HOST_DAEMON_CHANNELS_H
#define HOST_DAEMON_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dsoftbus/bus.h"

struct daemon;

enum channel_kind {
    CHANNEL_ECHO,  // what comes is sent back
    CHANNEL_LOCAL, // a unix socket: of a control client, or of the file process
    CHANNEL_TCP,   // a connection that is made for the stream, which is accepted when it is there
};

struct channel {
    uv_poll_t poll; // unless CHANNEL_ECHO
    struct daemon *daemon;
    enum channel_kind kind;
    int fd;
    int watched;     // events of the poll
    uint32_t stream; // 0: it is being freed
    uint16_t slot;
    uint32_t client; // control client, and the number by which it knows the stream; 0: none
    uint32_t number;
    bool file;              // it counts as a file that is being received,
    uint16_t file_peer;     // from this peer
    bool connecting;        // CHANNEL_TCP
    bool in_done, out_done; // the end was passed on: from here to the peer, from the peer to here
    bool in_cut;            // in_done, but not in order
    bool out_cut;           // the local end takes no more; what it has said is still passed on
    bool in_blocked;        // the stream takes no more of what is in `left`
    bool out_blocked;       // the local end takes no more
    uint8_t *left;
    size_t left_at, left_len;
};

struct channels {
    struct channel **by_slot;
    uint16_t max, count, files;
    uint16_t cursor;
    struct channel *ended_echo; // the last one, still to be freed
    uint64_t opened, ended_clean, ended_broken;
};

bool channels_open(struct daemon *d, uint16_t max) __attribute__((warn_unused_result));

// Joins the stream to the descriptor (CHANNEL_ECHO: none), which becomes the channel's on success. An offered
// stream is accepted, one of CHANNEL_TCP when the connection is there. NULL: no memory; nothing has changed.
struct channel *channel_new(struct daemon *d, enum channel_kind kind, uint32_t stream, int fd);

// How many files are being received from this peer.
uint16_t channels_files_of(const struct channels *channels, uint16_t peer);

// The stream belongs to a control client, which is told of its end.
void channel_give(struct channel *channel, uint32_t client, uint32_t number);

// Something has happened to the stream with this tag.
void channels_news(struct daemon *d, const struct stream_status *status);

// The client is gone, and so are its streams.
void channels_drop(struct daemon *d, uint32_t client);

// All of them, with the reason for the peer.
void channels_close(struct daemon *d);

#endif
