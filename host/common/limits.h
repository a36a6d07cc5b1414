// SPDX-License-Identifier: Apache-2.0
// Limits of the Linux side, each with its reason. Those of the protocol are in dsoftbus/limits.h.
#ifndef HOST_COMMON_LIMITS_H
#define HOST_COMMON_LIMITS_H

#include "dsoftbus/limits.h"

enum {
    // ---- Known peers -----------------------------------------------------------------------------------

    // A peer is named by 16 bits in the core, of which 0xffff means "none".
    HOST_PEERS_MAX = 65534,
    HOST_PEER_COMMENT_MAX = 120,    // a line in a terminal
    HOST_PEER_LINE_MAX = 1024,      // an id of 64 escaped bytes, a key, and every option
    HOST_PEERS_FILE_MAX = 32 << 20, // 65,534 long lines

    // ---- Sessions ----------------------------------------------------------------------------------------

    HOST_SESSIONS_MAX =
        16384, // a file descriptor each; well below the 65,535 connections of the core
    HOST_HALF_OPEN_MAX = 4096, // 1 KiB each
    HOST_CONNECTIONS_MAX = HOST_SESSIONS_MAX + HOST_HALF_OPEN_MAX + CONNECTIONS_CLOSING_MAX,
    HOST_RECORD_DEFAULT =
        16384, // four pages: a record costs 20 bytes, 0.1 % of it; untouched pages cost nothing
    HOST_READ_BYTES =
        262144,             // at a time and connection, so that a busy one does not starve the rest
    HOST_ACCEPT_BURST = 32, // at a time, for the same reason
    HOST_DATAGRAM_BURST = 64,
    HOST_PATH_BYTES_MAX = 9000, // of a segment that tries a path: jumbo frames; loopbacks take more
    HOST_LISTEN_BACKLOG = 1024,
    HOST_FILES_SPARE =
        64, // descriptors beside those of connections: sockets, control clients, libraries

    // ---- Streams -----------------------------------------------------------------------------------------

    HOST_LOCAL_BYTES = 131072, // read from a local end at a time: what waits when the stream stalls
    HOST_OUTPUT_RECORDS = 16,  // of a session under way: a large piece costs one system call
    HOST_STREAMS_MAX = 16384,  // a file descriptor each, and buffers while they are used
    HOST_OPENINGS_MAX = 256,   // streams of local clients that are being opened
    HOST_RECEIVING_MAX = 16,   // files at once, a process each
    HOST_RECEIVING_OF_PEER_MAX = 8, // of them: one peer that stalls does not keep out the rest
    HOST_FILE_PROCESSES_MAX = 2 * HOST_RECEIVING_MAX, // with those whose stream has ended already
    HOST_FILES_TOLD_PER_SECOND = 10, // lines of the log about files that were not stored
    HOST_FILE_NAME_MAX = 255,        // bytes: what file systems take

    // ---- Network interfaces ------------------------------------------------------------------------------

    HOST_INTERFACES_MAX =
        64, // to which announces are sent; IP_MAX_MEMBERSHIPS has to allow as many

    // ---- Control socket ----------------------------------------------------------------------------------

    CONTROL_CLIENTS_MAX = 32,
    CONTROL_REQUEST_BYTES_MAX = 4096, // a request names a peer and a few numbers
    CONTROL_REPLY_BYTES_MAX = 1 << 20,
    CONTROL_PAGE_MAX = 256,         // peers or devices in one reply; the rest with the next request
    CONTROL_WAITING_MAX = 64,       // pings and probes that wait for their answer
    CONTROL_TIMEOUT_MAX_MS = 60000, // of such a wait
    CONTROL_HANDED_MAX = 32,        // sockets of streams that a client has not fetched yet

    // ---- Pairing -----------------------------------------------------------------------------------------

    // Attempts that gave whoever stands in between his guess. At 10 in 10 minutes he needs 480 days without a pause, and
    // a user who keeps trying, for even odds of one hit.
    HOST_PAIR_GUESSES_MAX = 10,
    HOST_PAIR_WINDOW_MS = 600000,

    // ---- Key process -------------------------------------------------------------------------------------

    KEYD_BATCHES_MAX =
        8, // on their way to the key process at once: 64 results, a few ms of its time
};

#endif
