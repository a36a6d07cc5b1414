// SPDX-License-Identifier: Apache-2.0
// A small table, searched from its beginning.
#include "services/dsoftbusd/links.h"

#include "services/lib/log.h"

void links_add(struct links *links, uint32_t connection, net_handle tcp, bool opening)
{
    struct link *link = links_find_connection(links, 0);
    if (link == NULL) {
        die("dsoftbusd: more connections than the bus may have");
    }
    *link = (struct link){connection, tcp, opening};
}

struct link *links_find_tcp(struct links *links, net_handle tcp)
{
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        if (links->links[i].connection != 0 && links->links[i].tcp == tcp) {
            return &links->links[i];
        }
    }
    return NULL;
}

struct link *links_find_connection(struct links *links, uint32_t connection)
{
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        if (links->links[i].connection == connection) {
            return &links->links[i];
        }
    }
    return NULL;
}

void links_remove(struct link *link)
{
    *link = (struct link){0};
}
