// SPDX-License-Identifier: Apache-2.0
// The bus as an application sees it: protocol and client stubs of dsoftbusd (the prefix is dsb_; bus_ is the protocol core).
//
// An application offers services, opens streams to services of peers, reads, writes and closes them, and pings peers.
// What it may do stands in the system manifest: `offers`, `opens`, `pings`. Anything else is DSB_NOT_PERMITTED, and
// dsoftbusd says on the console what was refused to whom.
//
// Requests and results travel in IPC messages; payload lies in a memory object that dsoftbusd shares with this
// application and nobody else, so plaintext has its two ends only. A call never blocks: when something becomes ready
// dsoftbusd signals the application's notification, and the application asks DSB_POLL what it is. Deadlines live in
// the application's own wait. A handle belongs to the process that opened it and is closed when that ends; when
// dsoftbusd ends, all handles have gone with it, and calls give DSB_DISCONNECTED until it is back.
//
// A stream is reliable and ordered, in both directions, with a window of its own for each: a reader that does not
// read stops its own sender and nobody else's. dsb_finish ends our direction; the peer reads to the end (len 0) and may
// go on sending. dsb_close ends both. A stream that ends in any other way than by finish is an error, never an end.
#ifndef SERVICES_LIB_BUS_H
#define SERVICES_LIB_BUS_H

#include <stdint.h>

#include "services/lib/sys.h"

typedef uint32_t dsb_handle; // 0 is never valid

// The label of each reply.
enum dsb_status {
    DSB_OK = 0,
    DSB_UNSUPPORTED, // no such operation, or this process is no client of the bus
    DSB_INVALID_INPUT,
    DSB_BAD_HANDLE,
    DSB_WOULD_BLOCK,
    DSB_NOT_PERMITTED,   // no such right in the manifest, or the peer refuses
    DSB_NO_SUCH_PEER,    // not provisioned
    DSB_NO_SUCH_SERVICE, // the peer has none of that name
    DSB_IN_USE,          // the service is registered already
    DSB_LIMIT,           // a quota of this client, or of the peer, is used up
    DSB_UNREACHABLE,     // no session with the peer came about
    DSB_TIMED_OUT,
    DSB_CLOSED,       // the peer has closed the stream
    DSB_DISCONNECTED, // the session is lost, or dsoftbusd has ended
    DSB_INTERNAL,
};
const char *dsb_status_name(enum dsb_status status);

enum dsb_op {
    DSB_REGISTER = 1, // dsb_names.service -> handle of a listener
    DSB_ACCEPT,       // listener -> struct dsb_accepted
    DSB_OPEN,         // dsb_names -> handle; then DSB_READY_CONNECTED or DSB_READY_ERROR
    DSB_READ,         // handle, offset, len -> len; 0 means end of stream
    DSB_WRITE,        // handle, offset, len -> len taken, may be fewer
    DSB_FINISH,       // handle: no more writes; what was written still arrives
    DSB_CLOSE,        // handle of any kind, reason -> nothing
    DSB_PING,         // dsb_names.peer -> handle; then DSB_READY_READ or DSB_READY_ERROR
    DSB_PING_RESULT,  // handle -> len: round trip in milliseconds; closes the handle
    DSB_POLL,         // -> struct dsb_poll_reply
    DSB_STATS,        // -> struct dsb_stats
    DSB_PEER,         // offset: index in the list of peers, from 0 -> struct dsb_peer
};

#define DSB_NAME_BYTES_MAX 64
#define DSB_POLL_MAX       32

// A request is one of these, exactly; DSB_POLL and DSB_STATS take no bytes. REGISTER, OPEN and PING name things:
struct dsb_names {
    uint8_t peer_len, service_len; // 0 where the operation takes none
    uint8_t peer[DSB_NAME_BYTES_MAX];
    uint8_t service[DSB_NAME_BYTES_MAX];
};

// ... and all others use a handle. Unused fields are zero.
struct dsb_request {
    dsb_handle handle;
    uint32_t offset; // into the shared memory
    uint32_t len;
    uint32_t reason; // WIRE section 2: 0 normal, ... 7 internal
};

struct dsb_reply {
    dsb_handle handle;
    uint32_t len;
};

struct dsb_accepted {
    dsb_handle handle;
    uint32_t peer_len;
    uint8_t peer[DSB_NAME_BYTES_MAX]; // the authenticated device id of who has opened it
};

// What DSB_POLL reports is level-triggered: true as long as it holds. WRITE is reported only after DSB_WRITE took fewer
// bytes than given, or DSB_WOULD_BLOCK. The end of a stream is reported as READ until a read has returned it.
enum dsb_ready {
    DSB_READY_READ = 1, // data, end of stream, or a ping's answer
    DSB_READY_WRITE = 2,
    DSB_READY_ACCEPT = 4,
    DSB_READY_CONNECTED = 8, // reported once
    DSB_READY_ERROR = 16,    // `error` says which; the handle is only good for closing
};

struct dsb_ready_entry {
    dsb_handle handle;
    uint16_t ready; // enum dsb_ready
    uint16_t error; // enum dsb_status
};

struct dsb_poll_reply {
    uint32_t count;
    uint32_t more; // 1: there are further ready handles, poll again
    struct dsb_ready_entry entries[DSB_POLL_MAX];
};

// What is in use now; for tests that pools come back to where they were.
struct dsb_stats {
    uint32_t handles;  // of this client
    uint32_t sessions; // established
    uint32_t half_open;
};

// A peer that this device trusts.
struct dsb_peer {
    uint32_t connected; // 1: there is an established session with it; news when there is a new one
    uint32_t id_len;
    uint8_t id[DSB_NAME_BYTES_MAX];
};

// The client's side. One per process; `memory` is the shared object, `dsoftbusd` the endpoint.
struct dsb_client {
    neuron_handle dsoftbusd;
    uint8_t *shared;
    uint32_t shared_len;
};

MUST_USE enum dsb_status dsb_connect(struct dsb_client *bus, neuron_handle dsoftbusd,
                                     neuron_handle memory);

MUST_USE enum dsb_status dsb_register(dsb_handle *listener, struct dsb_client *bus,
                                      const char *service);
MUST_USE enum dsb_status dsb_accept(struct dsb_accepted *out, struct dsb_client *bus,
                                    dsb_handle listener);
MUST_USE enum dsb_status dsb_open(dsb_handle *stream, struct dsb_client *bus, const char *peer,
                                  const char *service);

// *len: in the room in data, out the bytes written there. DSB_OK with *len == 0 is the end of the stream.
MUST_USE enum dsb_status dsb_read(void *data, uint32_t *len, struct dsb_client *bus,
                                  dsb_handle stream);
// *len: in what to write, out what was taken.
MUST_USE enum dsb_status dsb_write(struct dsb_client *bus, dsb_handle stream, const void *data,
                                   uint32_t *len);
// The same without a copy: the bytes lie at `offset` of bus->shared.
MUST_USE enum dsb_status dsb_read_at(uint32_t *len, struct dsb_client *bus, dsb_handle stream,
                                     uint32_t offset);
MUST_USE enum dsb_status dsb_write_at(struct dsb_client *bus, dsb_handle stream, uint32_t offset,
                                      uint32_t *len);

MUST_USE enum dsb_status dsb_finish(struct dsb_client *bus, dsb_handle stream);
enum dsb_status dsb_close(struct dsb_client *bus, dsb_handle handle, uint32_t reason);

MUST_USE enum dsb_status dsb_ping(dsb_handle *ping, struct dsb_client *bus, const char *peer);
MUST_USE enum dsb_status dsb_ping_result(uint32_t *round_trip_ms, struct dsb_client *bus,
                                         dsb_handle ping);

MUST_USE enum dsb_status dsb_poll(struct dsb_poll_reply *out, struct dsb_client *bus);
// DSB_NO_SUCH_PEER behind the last one.
MUST_USE enum dsb_status dsb_peer(struct dsb_peer *out, struct dsb_client *bus, uint32_t index);
MUST_USE enum dsb_status dsb_stats(struct dsb_stats *out, struct dsb_client *bus);

#endif
