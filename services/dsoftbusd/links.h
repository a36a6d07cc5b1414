// SPDX-License-Identifier: Apache-2.0
// Which TCP handle of the facade belongs to which connection of the bus.
#ifndef SERVICES_DSOFTBUSD_LINKS_H
#define SERVICES_DSOFTBUSD_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "services/lib/net.h"

enum { LINKS_MAX = BUS_CONNECTIONS(OS_HALF_OPEN_MAX, OS_SESSIONS_MAX) };

struct link {
    uint32_t connection; // 0: free
    net_handle tcp;
    bool opening; // dialled, and TCP is not up yet
};

struct links {
    struct link links[LINKS_MAX];
};

// The bus never has more than LINKS_MAX connections at a time, so there is always room.
void links_add(struct links *links, uint32_t connection, net_handle tcp, bool opening);
// NULL when there is none.
struct link *links_find_tcp(struct links *links, net_handle tcp);
struct link *links_find_connection(struct links *links, uint32_t connection);
void links_remove(struct link *link);

#endif
