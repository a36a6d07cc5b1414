// SPDX-License-Identifier: Apache-2.0
// The Ethernet interface: lwIP on top, the virtio device below; and how it gets its address.
#ifndef SERVICES_NETSTACKD_INTERFACE_H
#define SERVICES_NETSTACKD_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "services/netstackd/virtio_net.h"

struct interface_stats {
    uint32_t receive_dropped;  // no memory for a frame, or a malformed one
    uint32_t transmit_dropped; // the queue was full: lwIP was told ERR_MEM
    uint32_t device_restarts;
};

// Starts the device (dies when there is none), prints MARKER_NET_VIRTIO_UP, and begins to ask for
// an address.
void interface_start(const struct virtio_net_memory *memory);

// After the device's interrupt, or when interface_receive said that there is more.
void interface_interrupt(void);

// Passes on what has arrived, at most one ring full; true when there may be more.
bool interface_receive(void);

// Whether the interface is up, with an address from DHCP or a static one. Prints MARKER_NET_DHCP_BOUND and
// MARKER_NET_IFACE_UP when there is a new one. Call it after each step of the loop.
bool interface_update(void);

// When interface_update must be called next: the end of the wait for a DHCP offer.
uint64_t interface_deadline(void);

struct interface_stats interface_stats(void);

#endif
