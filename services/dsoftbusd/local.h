// SPDX-License-Identifier: Apache-2.0
// The bus for other processes of this device: their handles, their requests (services/lib/bus.h), their events.
//
// A client is a process with a right on the bus. Its handles are in a table of its own, so no request can reach
// another's. A request is validated as a whole, then performed; nothing here blocks or does I/O: the shell sends what
// the bus wants sent, and signals the clients that local_take_signals names.
#ifndef SERVICES_DSOFTBUSD_LOCAL_H
#define SERVICES_DSOFTBUSD_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "services/dsoftbusd/limits.h"
#include "services/dsoftbusd/report.h"
#include "services/dsoftbusd/rights.h"
#include "services/lib/bus.h"

enum local_kind { LOCAL_LISTENER, LOCAL_STREAM, LOCAL_PING, LOCAL_KINDS };

enum local_stage {
    LOCAL_FREE,
    LOCAL_WAITING, // stream or ping: for a session with the peer
    LOCAL_QUEUED,  // stream: offered by the peer, not accepted by the client yet
    LOCAL_ASKED,   // ping: its PONG is awaited
    LOCAL_OPEN,    // in use; ping: answered
    LOCAL_FAILED,  // `error` says why; good for closing only
};

struct local_handle {
    uint8_t kind;        // enum local_kind
    uint8_t stage;       // enum local_stage
    uint8_t error;       // enum dsb_status
    uint8_t listener;    // stream, QUEUED: slot
    uint32_t generation; // changes with each use of the slot, so that an old handle names nothing
    uint64_t order;      // of allocation: who came first is served first
    uint16_t peer;       // index in the bus's table
    bool connected, connected_news; // it has been accepted; that is still to be told
    bool wants_to_write;
    struct service_name service; // listener: what it offers; stream, WAITING: what it is for
    uint32_t stream;             // the bus's handle, from QUEUED or OPEN on
    uint32_t connection, number; // ping: in which session, and which one
    uint32_t round_trip_ms;      // ping, OPEN
};

struct local_client_config {
    uint32_t process;
    const char *name;
    uint8_t *shared; // payload: this client's and ours
    uint32_t shared_len;
};

struct local_client {
    struct local_client_config config;
    uint32_t start; // the process's start count; its handles are closed when it changes
    bool news;      // to be signalled
    uint32_t poll_next;
    struct local_handle handles[LOCAL_HANDLES_MAX];
};

struct local {
    struct bus *bus;
    struct report *report;
    struct rights rights;
    uint64_t order;
    uint32_t client_count;
    struct local_client clients[LOCAL_CLIENTS_MAX];
};

union local_reply {
    struct dsb_reply one;
    struct dsb_accepted accepted;
    struct dsb_poll_reply poll;
    struct dsb_stats stats;
    struct dsb_peer peer;
};

// The first generation of handles is random, so that a handle from before a restart names nothing after it.
void local_start(struct local *local, struct bus *bus, struct report *report,
                 const struct rights *rights, uint32_t first_generation);
// Before the first request; false when there are too many.
MUST_USE bool local_add_client(struct local *local, const struct local_client_config *config);

// Serves one request of the sender that the kernel has stamped. The reply is meaningful for DSB_OK only.
MUST_USE enum dsb_status local_serve(union local_reply *reply, size_t *reply_len,
                                     struct local *local, uint64_t now_ms, uint64_t sender,
                                     uint64_t op, const uint8_t *message, size_t len);

// What an event of the bus means to handles.
void local_event(struct local *local, uint64_t now_ms, const struct bus_event *event);

// The same for the bus's news of one stream (bus_next_stream).
void local_stream_news(struct local *local, uint64_t now_ms, uint32_t stream,
                       const struct stream_status *status);

// The process has ended: everything that it had is closed.
void local_client_ended(struct local *local, uint64_t now_ms, uint32_t process);

// Bit i: client number i is to be signalled. Cleared by the call.
MUST_USE uint32_t local_take_signals(struct local *local);

#endif
