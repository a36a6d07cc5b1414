// SPDX-License-Identifier: Apache-2.0
// The sockets facade of netstackd: protocol and client stubs.
//
// Requests and results travel in IPC messages; payload lies in a memory object that the client shares
// with netstackd (first half: what the client sends; second half: what it reads). Server calls never
// block: when something becomes ready netstackd signals the client's notification, and the client asks
// NET_POLL what it is. Deadlines live in the client's own wait. A handle belongs to the client that opened
// it and is closed when that client ends. A request is a struct net_request, exactly; NET_POLL and
// NET_STATS take no bytes.
#ifndef SERVICES_LIB_NET_H
#define SERVICES_LIB_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "services/lib/sys.h"

typedef uint32_t net_handle; // 0 is never valid

// The label of each reply.
enum net_status {
    NET_OK = 0,
    NET_UNSUPPORTED,
    NET_WOULD_BLOCK,
    NET_TIMED_OUT,
    NET_INVALID_INPUT,
    NET_BAD_HANDLE,
    NET_ADDR_IN_USE,
    NET_REFUSED,
    NET_UNREACHABLE,
    NET_RESET,
    NET_NOT_CONNECTED,
    NET_DISCONNECTED,
    NET_NO_BUFFERS, // a quota of this client, or a pool, is used up
    NET_INTERNAL,
};
const char *net_status_name(enum net_status status);

enum net_sockaddr_family { NET_SOCKADDR_IPV4 = 4 }; // dsoftbus/identity.h has NET_IPV4: both may be included

struct net_sockaddr {
    uint8_t family; // enum net_sockaddr_family
    uint8_t reserved;
    uint16_t port;
    uint8_t address[16]; // IPv4: the first four bytes, the rest zero
};
static inline struct net_sockaddr net_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct net_sockaddr){.family = NET_SOCKADDR_IPV4, .port = port, .address = {a, b, c, d}};
}

enum net_op {
    NET_UDP_BIND = 1,   // request.address (port 0: any free one) -> handle
    NET_UDP_JOIN,       // handle, address: a multicast group
    NET_UDP_SEND_TO,    // handle, address, offset, len: at most NET_UDP_PAYLOAD_MAX
    NET_UDP_RECV_FROM,  // handle, offset, len -> address, len (cut to the room; the rest is gone)
    NET_TCP_LISTEN,     // address (port 0: any free one), backlog in len: 1..NET_BACKLOG_MAX -> handle
    NET_TCP_ACCEPT,     // handle -> handle, address of the peer
    NET_TCP_CONNECT,    // address -> handle; then NET_READY_CONNECTED or NET_READY_ERROR
    NET_TCP_READ,       // handle, offset, len -> len; 0 means end of stream
    NET_TCP_WRITE,      // handle, offset, len -> len taken, may be fewer
    NET_TCP_SHUTDOWN,   // handle: no more writes, FIN after what was written
    NET_CLOSE,          // handle of any kind; TCP: FIN after what was written
    NET_ABORT,          // handle; TCP: RST
    NET_LOCAL_ADDR,     // handle, or 0 for the interface -> address
    NET_PING,           // address (port: sequence number) -> handle; then NET_READY_READ or _ERROR
    NET_PING_RESULT,    // handle -> len: round trip in microseconds; closes the handle
    NET_POLL,           // -> struct net_poll_reply
    NET_STATS,          // -> struct net_stats
};

struct net_request {
    net_handle handle;
    uint32_t offset; // into the shared memory
    uint32_t len;
    struct net_sockaddr address;
};

struct net_reply {
    net_handle handle;
    uint32_t len;
    struct net_sockaddr address;
};

// What NET_POLL reports is level-triggered: true as long as it holds. WRITE is reported only after
// NET_TCP_WRITE took fewer bytes than given, or NET_WOULD_BLOCK. The end of a stream is reported as READ
// until a read has returned it.
enum net_ready {
    NET_READY_READ = 1,      // data, end of stream, or a ping's answer
    NET_READY_WRITE = 2,
    NET_READY_ACCEPT = 4,
    NET_READY_CONNECTED = 8, // reported once
    NET_READY_ERROR = 16,    // `error` says which; the handle is only good for closing
};

#define NET_POLL_MAX        64
#define NET_UDP_PAYLOAD_MAX 1472 // one Ethernet frame; fragments are not spoken
#define NET_BACKLOG_MAX     16

struct net_ready_entry {
    net_handle handle;
    uint16_t ready; // enum net_ready
    uint16_t error; // enum net_status
};

struct net_poll_reply {
    uint32_t count;
    uint32_t more; // 1: there are further ready handles, poll again
    struct net_ready_entry entries[NET_POLL_MAX];
};

// What is in use now; for tests that pools come back to where they were.
struct net_stats {
    uint32_t handles;       // of all clients
    uint32_t tcp_active;    // connections without TIME_WAIT
    uint32_t tcp_time_wait;
    uint32_t tcp_listen;
    uint32_t udp;
    uint32_t pbufs;         // of the pool
    uint32_t segments;
    uint32_t heap_bytes;
};

// The client's side. One per process; `memory` is the shared object, `netstackd` the endpoint.
struct net_client {
    neuron_handle netstackd;
    uint8_t *shared;
    uint32_t shared_len;
};

MUST_USE enum net_status net_open(struct net_client *net, neuron_handle netstackd,
                                  neuron_handle memory);

MUST_USE enum net_status net_udp_bind(net_handle *udp, struct net_client *net, uint16_t port);
MUST_USE enum net_status net_udp_join(struct net_client *net, net_handle udp,
                                      const struct net_sockaddr *group);
MUST_USE enum net_status net_udp_send_to(struct net_client *net, net_handle udp,
                                         const struct net_sockaddr *to, const void *data, uint32_t len);
// *len: in the room in data, out the bytes written.
MUST_USE enum net_status net_udp_recv_from(void *data, uint32_t *len, struct net_sockaddr *from,
                                           struct net_client *net, net_handle udp);

MUST_USE enum net_status net_tcp_listen(net_handle *listener, struct net_client *net, uint16_t port,
                                        uint32_t backlog);
MUST_USE enum net_status net_tcp_accept(net_handle *tcp, struct net_sockaddr *peer,
                                        struct net_client *net, net_handle listener);
MUST_USE enum net_status net_tcp_connect(net_handle *tcp, struct net_client *net,
                                         const struct net_sockaddr *to);
// NET_OK with *len == 0 is the end of the stream; NET_WOULD_BLOCK: nothing there yet.
MUST_USE enum net_status net_tcp_read(void *data, uint32_t *len, struct net_client *net,
                                      net_handle tcp);
// *len: in what to write, out what was taken.
MUST_USE enum net_status net_tcp_write(struct net_client *net, net_handle tcp, const void *data,
                                       uint32_t *len);
MUST_USE enum net_status net_tcp_shutdown(struct net_client *net, net_handle tcp);
enum net_status net_close(struct net_client *net, net_handle handle);
enum net_status net_abort(struct net_client *net, net_handle handle);
// handle 0: the interface's address, NET_NOT_CONNECTED before it has one.
MUST_USE enum net_status net_local_addr(struct net_sockaddr *address, struct net_client *net,
                                        net_handle handle);
MUST_USE enum net_status net_ping(net_handle *ping, struct net_client *net,
                                  const struct net_sockaddr *to);
MUST_USE enum net_status net_ping_result(uint32_t *round_trip_us, struct net_client *net,
                                         net_handle ping);
MUST_USE enum net_status net_poll(struct net_poll_reply *out, struct net_client *net);
MUST_USE enum net_status net_stats(struct net_stats *out, struct net_client *net);

#endif
