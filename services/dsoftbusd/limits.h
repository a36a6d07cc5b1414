// SPDX-License-Identifier: Apache-2.0
// The limits of dsoftbusd's local interface, each with its reason. Those of the protocol are in dsoftbus/limits.h.
#ifndef SERVICES_DSOFTBUSD_LIMITS_H
#define SERVICES_DSOFTBUSD_LIMITS_H

enum {
    // Processes with a right on the bus; scripts/bus_rights.py checks the manifest against it.
    LOCAL_CLIENTS_MAX = 8,
    // Of one client. As many services as a device may announce are shared by all, first come.
    LOCAL_LISTENERS_MAX = 4,
    // Opened by the client, or by peers to one of its services: a stream or two with each of 16 sessions' peers.
    LOCAL_STREAMS_MAX = 16,
    // A session carries at most 4 unanswered ones.
    LOCAL_PINGS_MAX = 4,
    LOCAL_HANDLES_MAX = LOCAL_LISTENERS_MAX + LOCAL_STREAMS_MAX + LOCAL_PINGS_MAX,
};

#endif
