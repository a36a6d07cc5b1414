// SPDX-License-Identifier: Apache-2.0
// The shell around the bus: sockets, time and the key process, turned into calls on it and back.
#ifndef SERVICES_DSOFTBUSD_SHELL_H
#define SERVICES_DSOFTBUSD_SHELL_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "services/dsoftbusd/links.h"
#include "services/lib/net.h"

struct shell {
    struct bus bus;
    struct net_client net;
    net_handle udp, listener;
    struct links links;
    uint32_t announced; // datagrams of our announces that the network took
};

// Opens the discovery socket (bound, the group joined) and the listener. Dies with the reason if it cannot.
void shell_open(struct shell *shell, uint16_t port);

// True when both sockets are where peers will look for them.
MUST_USE bool shell_listens(struct shell *shell, uint16_t port);

// Takes in what the network has for us, some of each ready connection. False when there was nothing.
bool shell_receive(struct shell *shell);

// Carries out what the bus wants done: Diffie-Hellman, dials, output, closes, datagrams. True when there was any.
bool shell_act(struct shell *shell);

#endif
