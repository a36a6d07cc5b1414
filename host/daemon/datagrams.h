// SPDX-License-Identifier: Apache-2.0
// UDP: the discovery socket, and the network interfaces over which announces go out.
#ifndef HOST_DAEMON_DATAGRAMS_H
#define HOST_DAEMON_DATAGRAMS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dsoftbus/bus.h"
#include "host/common/fault.h"
#include "host/common/limits.h"

struct daemon;

struct interface {
    unsigned index;
    char name[IF_NAMESIZE];
    bool multicast, joined;
    struct in_addr broadcast; // 0: none
};

struct datagrams {
    uv_poll_t poll, changes_poll;
    int fd;         // -1: discovery is off
    int changes_fd; // the kernel's news about interfaces; -1: not available
    bool changed;   // interfaces are to be looked at again
    struct interface interfaces[HOST_INTERFACES_MAX];
    size_t interface_count;
    uint64_t sent, send_errors, received;
};

// Opens the sockets and joins the group on every interface.
bool datagrams_open(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));

// One announce's datagram, to where the action says.
void datagrams_send(struct daemon *d, const struct bus_action *action);

// Looks at the interfaces again if something has changed; an announce follows.
void datagrams_refresh(struct daemon *d);

#endif
