// SPDX-License-Identifier: Apache-2.0
// The known peers of the file and those of the bus.
#ifndef HOST_DAEMON_PEERS_H
#define HOST_DAEMON_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/common/fault.h"
#include "host/common/known_peers.h"

struct daemon;

// What has happened with one peer, by its place in the bus's table.
struct peer_status {
    uint64_t established_ms; // when the last session came up; 0: never
    uint64_t sessions;       // established so far
    uint64_t bytes_in, bytes_out;
    uint64_t rtt_us;   // of the last ping
    uint64_t ended_ms; // when the last attempt or session ended; 0: never
    uint8_t reason;    // enum close_reason of that
    uint8_t peer_bye;  // with REASON_PEER_BYE
    int dial_error;    // errno, with REASON_CONNECT_FAILED
    bool inbound;      // of the last session
};

struct peers_change {
    unsigned added, changed, revoked, unchanged, refused;
};

// Makes the bus know what the file says. A peer that is no longer in the file is revoked, one whose key has changed too;
// the new key can be used after a restart, and the log says so. False with a fault, and nothing changed: the file is
// damaged.
bool peers_apply(struct daemon *d, struct peers_change *change, struct fault *fault)
    __attribute__((warn_unused_result));

// Index of a peer, or PEER_NONE.
uint16_t peers_index(const struct daemon *d, const struct device_id *id);

#endif
