// SPDX-License-Identifier: Apache-2.0
// The trusted peers, and the identity policy: who may be at the other end of a session. It fails closed.
#ifndef DSOFTBUS_PEERS_H
#define DSOFTBUS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/identity.h"

// 0 is not a trust: an entry that was never filled in binds nothing.
enum peer_trust { PEER_UNSET, PEER_TRUSTED, PEER_PENDING, PEER_REVOKED };

enum { PEER_NONE = 0xffff }; // "no peer", where a peer is named by its index

// Device id <-> key, one to one.
struct peer {
    struct device_id id;
    uint8_t static_key[DSB_KEY_BYTES];
    uint8_t trust;                 // enum peer_trust
    bool dial;                     // dial it when it can be reached, without being asked
    struct net_address configured; // NET_NONE: reachable through its announce only
    struct net_address last_bound; // where it last authenticated; NET_NONE: nowhere yet
    // Run-time state of the bus (dsoftbus/bus.h); zero outside it.
    bool dial_asked;            // a local client asked for a session
    uint32_t outbound, inbound; // connection ids; 0: none
    uint32_t successor;         // being dialled, to take the place of the outbound session
    uint8_t dial_attempts;      // since the last success; wraps
    uint32_t backoff_ms;        // what the next failure will wait; 0: none yet
    uint64_t dial_after_ms;     // not before
};

struct peer_table {
    struct peer
        *peers; // count used of max, no gaps; an index stays valid for the life of the table
    uint16_t count, max;
    struct device_id own_id;
    uint8_t own_key[DSB_KEY_BYTES];
};

enum peers_error {
    PEERS_OK,
    PEERS_FULL,
    PEERS_BAD_ID, // empty
    PEERS_BAD_TRUST,
    PEERS_OWN_IDENTITY, // our own id or our own key
    PEERS_DUPLICATE, // the id or the key is listed already: trust is one to one, and is not overwritten
};

// The memory is the caller's and stays in use. Starts empty: every peer is unknown.
void peers_init(struct peer_table *table, struct peer *memory, uint16_t max,
                const struct device_id *own_id, const uint8_t own_key[static DSB_KEY_BYTES]);

// Adds a peer (id, key, trust, dial, configured address are taken). Index in *index (may be NULL). On an error
// nothing changes.
enum peers_error peers_add(struct peer_table *table, uint16_t *index, const struct peer *peer)
    __attribute__((warn_unused_result));

// Index, or PEER_NONE.
uint16_t peers_find_id(const struct peer_table *table, const struct device_id *id);
uint16_t peers_find_key(const struct peer_table *table, const uint8_t key[static DSB_KEY_BYTES]);

enum identity_verdict {
    IDENTITY_BOUND,    // id and key are listed together, and trusted: the only pass
    IDENTITY_OWN_KEY,  // somebody presents our own key
    IDENTITY_MISMATCH, // the id or the key is listed, but not the two together
    IDENTITY_UNKNOWN,  // neither is listed
    IDENTITY_PENDING,
    IDENTITY_REVOKED,
};

// The policy. *index is the peer for BOUND, PENDING and REVOKED, else PEER_NONE.
// CT: secret = nothing; both keys are public.
enum identity_verdict peers_identify(const struct peer_table *table, uint16_t *index,
                                     const struct device_id *claimed_id,
                                     const uint8_t authenticated_key[static DSB_KEY_BYTES])
    __attribute__((warn_unused_result));

#endif
