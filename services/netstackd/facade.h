// SPDX-License-Identifier: Apache-2.0
// The sockets facade: what services/lib/net.h promises to clients, over lwIP. No system calls in
// here: the loop passes in requests and passes out replies and signals.
#ifndef SERVICES_NETSTACKD_FACADE_H
#define SERVICES_NETSTACKD_FACADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/lib/net.h"

struct facade_client_config {
    uint32_t process; // its id
    uint8_t *shared;  // what it shares with netstackd; even number of bytes
    uint32_t shared_len;
    uint32_t quota[4]; // connections, listeners, datagram sockets, pings (enum socket_kind)
};

union facade_reply {
    struct net_reply one; // of most operations
    struct net_poll_reply poll;
    struct net_stats stats;
};

// The quotas together must not exceed limits.h; count is at most CLIENTS_MAX. Starts with no
// client's sockets.
void facade_start(const struct facade_client_config *clients, uint32_t count);

// Serves one request: operation `op` of the process that the kernel has stamped on it. Returns the
// reply's label; the reply has *reply_len bytes, none unless NET_OK.
enum net_status facade_serve(union facade_reply *reply, size_t *reply_len, uint64_t sender,
                             uint64_t op, const uint8_t *message, size_t len);

// The process has ended: all that it held is closed.
void facade_client_ended(uint32_t process);

// Bit i: something has become ready for client i since the last call.
uint32_t facade_take_signals(void);

#endif
