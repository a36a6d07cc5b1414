// SPDX-License-Identifier: Apache-2.0
// What each source address has in hand: half-open handshakes, and the failures charged to it.
//
// Failures are a token bucket (limits.h gives the figures): a token is taken when a connection is accepted and given
// back when its handshake completes. The table is bounded. A source with nothing half-open and a full bucket needs no
// entry; when every place is in use, the fullest bucket with nothing half-open is forgotten, which is the
// source that has behaved best. With more places than half-open handshakes there always is one.
#ifndef DSOFTBUS_SOURCES_H
#define DSOFTBUS_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/identity.h"
#include "dsoftbus/limits.h"

enum { SOURCE_NONE = 0xffff };

struct source {
    struct net_address address; // NET_NONE: free. IPv6: any address of the /64
    uint8_t tokens;             // 0..FAILURE_BURST
    bool trusted;               // a trusted peer is known at this address
    uint16_t half_open;
    uint64_t refilled_ms; // when the last token came
};

struct source_table {
    struct source *sources;
    uint16_t max;
};

// The memory is the caller's and stays in use. max is above the number of half-open handshakes.
void sources_init(struct source_table *table, struct source *memory, uint16_t max);

// The entry of this source, made if there is none, with its bucket refilled up to now_ms. SOURCE_NONE only if every
// place has something half-open. `trusted` is noted in it.
uint16_t sources_find(struct source_table *table, uint64_t now_ms,
                      const struct net_address *address, bool trusted)
    __attribute__((warn_unused_result));

// Takes a token and counts a half-open handshake; false when the source has no token, and nothing changes.
bool sources_take(struct source_table *table, uint16_t source) __attribute__((warn_unused_result));

// The handshake is over. charge: it failed, and the token stays taken.
void sources_release(struct source_table *table, uint16_t source, bool charge);

// Half-open handshakes of all sources, or of those that are not trusted.
uint16_t sources_half_open(const struct source_table *table, bool untrusted_only)
    __attribute__((warn_unused_result));

// The source with the most half-open handshakes, SOURCE_NONE if there is none; on request only among those that are
// not trusted.
uint16_t sources_greediest(const struct source_table *table, bool untrusted_only)
    __attribute__((warn_unused_result));

#endif
