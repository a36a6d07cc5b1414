// SPDX-License-Identifier: Apache-2.0
// The table of discovered devices: addresses that announces have offered. It holds no trust (dsoftbus/peers.h does).
//
// An entry is a (device id, key) pair with at most two addresses. Entries die at their ttl. The least recently heard
// untrusted device makes room; some places are never taken by untrusted ones. Nothing in an announce can shorten
// the life of an entry or remove an address that has authenticated: a forged announce adds an address, no more.
#ifndef DSOFTBUS_DISCOVERY_H
#define DSOFTBUS_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/announce.h"
#include "dsoftbus/identity.h"
#include "dsoftbus/peers.h"

enum { DEVICE_ADDRESSES_MAX = 2 };

struct device_address {
    struct net_address address; // source of the datagram, announced port; NET_NONE: free
    uint64_t heard_ms;
    bool authenticated; // a session with the device was established there
    bool has_seq;
    uint8_t boot_id[ANNOUNCE_BOOT_ID_BYTES];
    uint32_t seq;
};

struct device {
    struct device_id id; // empty: free
    uint8_t static_key[DSB_KEY_BYTES];
    uint16_t peer; // index of the trusted peer with exactly this id and key, or PEER_NONE
    uint64_t heard_ms, expires_ms;
    struct device_address addresses[DEVICE_ADDRESSES_MAX]; // in the order in which to try them
};

struct discovery_table {
    struct device *devices;
    uint16_t max, reserved; // of max, places for trusted devices only
};

enum discovery_result {
    DISCOVERY_NEW,       // a device that was not in the table
    DISCOVERY_REFRESHED, // known; perhaps with a new address
    DISCOVERY_DUPLICATE, // the same announce again, by boot id and seq, from the same address
    DISCOVERY_FULL,      // no place for it
};

// The memory is the caller's and stays in use. reserved < max.
void discovery_init(struct discovery_table *table, struct device *memory, uint16_t max,
                    uint16_t reserved);

// Takes an announce that came from `source` (its port is ignored, the announced one counts). `peer` is the trusted
// peer with exactly the announced id and key, or PEER_NONE. The entry's index is in *index unless FULL.
enum discovery_result discovery_hear(struct discovery_table *table, uint16_t *index,
                                     uint64_t now_ms, const struct announce *announce,
                                     const struct net_address *source, uint16_t peer)
    __attribute__((warn_unused_result));

// The live entry of a trusted peer, or NULL.
const struct device *discovery_of_peer(const struct discovery_table *table, uint64_t now_ms,
                                       uint16_t peer);

// A session with the peer was established at this address: it is tried first from now on.
void discovery_authenticated(struct discovery_table *table, uint16_t peer,
                             const struct net_address *address);

// The address failed: the other one is tried first.
void discovery_failed(struct discovery_table *table, uint16_t peer,
                      const struct net_address *address);

// Trust in a (id, key) pair was added (its index) or withdrawn (PEER_NONE).
void discovery_set_peer(struct discovery_table *table, const struct device_id *id,
                        const uint8_t key[static DSB_KEY_BYTES], uint16_t peer);

// Removes one entry whose ttl has passed and gives it in *gone; false when there is none.
bool discovery_expire(struct discovery_table *table, struct device *gone, uint64_t now_ms)
    __attribute__((warn_unused_result));

// How many entries are in use.
uint16_t discovery_count(const struct discovery_table *table);

// When the next entry expires, or TIME_NEVER.
uint64_t discovery_deadline(const struct discovery_table *table);

#endif
