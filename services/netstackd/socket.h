// SPDX-License-Identifier: Apache-2.0
// Sockets, the clients that own them, and the handles by which clients name them.
//
// A handle is the socket's index and a generation that changes whenever the socket is given up: an
// old handle never reaches a new socket. A client reaches its own sockets only.
#ifndef SERVICES_NETSTACKD_SOCKET_H
#define SERVICES_NETSTACKD_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "services/lib/net.h"
#include "services/netstackd/facade.h"
#include "services/netstackd/limits.h"
#include "services/netstackd/ring.h"

// Each kind has its own range of indexes.
enum socket_kind { SOCKET_TCP, SOCKET_LISTENER, SOCKET_UDP, SOCKET_PING, SOCKET_KINDS };

enum socket_stage {
    SOCKET_FREE,
    SOCKET_OPEN,       // UDP and listeners: in use; TCP: established, or once was
    SOCKET_CONNECTING, // TCP: SYN sent; ping: waiting for the answer
    SOCKET_QUEUED,     // TCP: established, in the listener's queue
    SOCKET_FAILED,     // `error` says why; good for closing only
    SOCKET_CLOSING,    // TCP: the client has closed it, lwIP has not finished
};

struct socket_tcp {
    struct tcp_pcb *pcb; // 0: lwIP has let go of it
    struct ring received;
    ip4_addr_t peer;
    uint16_t peer_port;
    struct socket *listener; // while QUEUED
    bool connected_news;     // CONNECTED has not been reported yet
    bool ended;              // the peer has sent its FIN
    bool end_read;           // and the client has read up to it
    bool shut;               // our FIN is on its way
    bool wants_to_write;
};

struct socket_listener {
    struct tcp_pcb *pcb;
    uint32_t queued;
    struct socket *queue[BACKLOG_MAX]; // in the order of arrival
};

struct socket_udp {
    struct udp_pcb *pcb;
    struct ring received; // struct udp_record and payload, alternating
    uint32_t group_count;
    ip4_addr_t groups[UDP_GROUPS_MAX];
};

struct socket_ping {
    ip4_addr_t to;
    uint16_t id, sequence;
    uint64_t sent;
    bool answered;
    uint32_t round_trip_us;
};

struct socket {
    enum socket_kind kind;
    enum socket_stage stage;
    enum net_status error;
    uint32_t generation;
    uint32_t closed_at; // CLOSING: order of closing
    struct facade_client *owner;
    union {
        struct socket_tcp tcp;
        struct socket_listener listener;
        struct socket_udp udp;
        struct socket_ping ping;
    };
};

struct facade_client {
    struct facade_client_config config;
    uint32_t start; // the process's start count; its sockets are closed when it changes
    uint32_t used[SOCKET_KINDS];
    bool news;                                     // to be signalled
    uint32_t poll_next;                            // where the next poll begins to look
    uint64_t maybe_ready[(SOCKETS_MAX + 63) / 64]; // sockets that something happened to
};

void socket_table_start(void);

// A free socket within the client's quota, or 0. It counts as used until socket_free.
struct socket *socket_alloc(struct facade_client *client, enum socket_kind kind);
void socket_free(struct socket *s);

net_handle socket_handle(const struct socket *s);
// The handle stops to work; the socket itself lives on (TCP: CLOSING).
void socket_revoke(struct socket *s);
// The client's socket with this handle, or 0.
struct socket *socket_find(const struct facade_client *client, net_handle handle);

// Its memory for what is received: TCP_RING_BYTES or UDP_RING_BYTES.
uint8_t *socket_ring_bytes(const struct socket *s);

// Something happened to it: its owner is signalled, and the next poll looks at it.
void socket_news(struct socket *s);

// For walks over all sockets of a kind (SOCKETS_MAX, SOCKET_KINDS: over all).
struct socket *socket_at(uint32_t index);
uint32_t socket_first(enum socket_kind kind);
uint32_t socket_end(enum socket_kind kind);

enum net_status socket_status(err_t err);

// What each kind offers to the dispatcher. Requests have been validated: handles, ranges and
// address families.
enum net_status tcp_listen_start(struct socket **out, struct facade_client *client,
                                 const ip4_addr_t *address, uint16_t port, uint32_t backlog);
enum net_status tcp_accept_one(struct socket **out, struct socket *listener);
enum net_status tcp_connect_start(struct socket **out, struct facade_client *client,
                                  const ip4_addr_t *address, uint16_t port);
enum net_status tcp_read_some(uint32_t *len, struct socket *s, uint8_t *data);
enum net_status tcp_write_some(uint32_t *len, struct socket *s, const uint8_t *data);
enum net_status tcp_shut(struct socket *s);
void tcp_socket_close(struct socket *s);
void tcp_socket_abort(struct socket *s);
void tcp_listener_close(struct socket *s);
unsigned tcp_ready(struct socket *s, bool report);

enum net_status udp_open(struct socket **out, struct facade_client *client,
                         const ip4_addr_t *address, uint16_t port);
enum net_status udp_join_group(struct socket *s, const ip4_addr_t *group);
enum net_status udp_send_one(struct socket *s, const ip4_addr_t *to, uint16_t port,
                             const uint8_t *data, uint32_t len);
enum net_status udp_receive_one(uint32_t *len, ip4_addr_t *from, uint16_t *port, struct socket *s,
                                uint8_t *data);
void udp_socket_close(struct socket *s);

void ping_start(void);
enum net_status ping_send(struct socket **out, struct facade_client *client, const ip4_addr_t *to,
                          uint16_t sequence);
enum net_status ping_take_result(uint32_t *round_trip_us, struct socket *s);

#endif
