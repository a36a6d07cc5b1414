// SPDX-License-Identifier: Apache-2.0
// TCP: listening sockets, and one link for each connection of the bus.
#ifndef HOST_DAEMON_LINKS_H
#define HOST_DAEMON_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dsoftbus/bus.h"
#include "host/common/config.h"
#include "host/common/fault.h"

struct daemon;

struct link {
    uv_poll_t poll;
    struct daemon *daemon;
    int fd;
    uint32_t connection; // of the bus; 0 once closed
    uint16_t peer;       // index of the peer once established, or PEER_NONE
    bool connecting;
    bool blocked; // the socket has no room; waits to become writable
    uint64_t bytes_in, bytes_out;
};

struct listener {
    uv_poll_t poll;
    struct daemon *daemon;
    int fd;
    struct net_address address;
};

struct links {
    struct link
        *by_slot[HOST_CONNECTIONS_MAX];    // a connection's slot is the lower half of its id less 1
    int dial_errors[HOST_CONNECTIONS_MAX]; // errno of the last dial in that slot
    struct listener listeners[CONFIG_LISTEN_MAX];
    size_t listener_count;
    uint64_t bytes_in, bytes_out;
    int spare_fd; // given up for a moment when descriptors run out
    uint64_t accept_errors;
};

// Opens all listening sockets; an IPv6 address that the machine does not have is left out when there is another.
bool links_open(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));

// Stops listening, for the shutdown.
void links_stop(struct daemon *d);

// What the kernel knows of the way to the other end.
struct link_path {
    struct net_address local;
    uint32_t mss, mtu;   // largest segment's data; path MTU
    uint32_t unanswered; // segments that are under way
};

// False: there is no such link, or the kernel does not tell.
bool links_path(const struct links *links, struct link_path *path, uint32_t connection)
    __attribute__((warn_unused_result));

// What the bus asks for.
void links_dial(struct daemon *d, const struct bus_action *action);
void links_output(struct daemon *d, uint32_t connection);
void links_close(struct daemon *d, uint32_t connection);

// The link of a connection, or NULL.
struct link *links_find(const struct links *links, uint32_t connection);

// errno of the last dial with this connection id; 0: it got through.
int links_dial_error(const struct links *links, uint32_t connection);

#endif
