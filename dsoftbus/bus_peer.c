// SPDX-License-Identifier: Apache-2.0
// Bus: trusted peers, and when and where they are dialled.
#include "dsoftbus/bus_internal.h"
#include "dsoftbus/bytes.h"

static struct peer *at(const struct bus *bus, uint16_t peer)
{
    DSB_ASSERT(peer < bus->peers.count);
    return &bus->peers.peers[peer];
}

const struct peer *bus_peer(const struct bus *bus, uint16_t index)
{
    return index < bus->peers.count ? &bus->peers.peers[index] : NULL;
}

bool bus_address_trusted(const struct bus *bus, const struct net_address *address)
{
    for (uint16_t i = 0; i < bus->peers.count; i++) {
        const struct peer *peer = &bus->peers.peers[i];
        if (peer->trust == PEER_TRUSTED && (net_address_same_host(&peer->configured, address) ||
                                            net_address_same_host(&peer->last_bound, address))) {
            return true;
        }
    }
    return false;
}

// ---- Where ----------------------------------------------------------------------------------------

// The address to try next: what has authenticated comes first, then what was configured, then what was announced;
// after a failure the other one, so that neither a stale configuration nor a forged announce stands in the way.
static bool dial_address(const struct bus *bus, struct net_address *address, uint16_t index)
{
    const struct peer *peer = at(bus, index);
    const struct device *device = discovery_of_peer(&bus->discovery, bus->now_ms, index);
    bool announced = device != NULL && device->addresses[0].address.family != NET_NONE;
    bool configured = peer->configured.family != NET_NONE && peer->configured.port != 0;

    if (announced && configured) {
        configured = device->addresses[0].authenticated == (peer->dial_attempts % 2 == 1);
    }
    if (!announced && !configured) {
        return false;
    }
    *address = configured ? peer->configured : device->addresses[0].address;
    return true;
}

// ---- When -----------------------------------------------------------------------------------------

static bool dial_wanted(const struct bus *bus, uint16_t index)
{
    const struct peer *peer = at(bus, index);

    return !bus->stopping && peer->trust == PEER_TRUSTED && (peer->dial || peer->dial_asked) &&
           peer->outbound == 0;
}

static void back_off(struct bus *bus, struct peer *peer)
{
    peer->backoff_ms = peer->backoff_ms == 0 ? DIAL_BACKOFF_FIRST_MS : 2 * peer->backoff_ms;
    if (peer->backoff_ms > DIAL_BACKOFF_MAX_MS) {
        peer->backoff_ms = DIAL_BACKOFF_MAX_MS;
    }
    peer->dial_after_ms = time_after(bus->now_ms, peer->backoff_ms);
}

uint64_t bus_dial_deadline(const struct bus *bus, uint16_t index)
{
    struct net_address address;

    return dial_wanted(bus, index) && dial_address(bus, &address, index)
               ? at(bus, index)->dial_after_ms
               : TIME_NEVER;
}

void bus_dial_if_due(struct bus *bus, uint16_t index)
{
    struct peer *peer = at(bus, index);
    struct net_address address;
    struct connection *c;

    if (!dial_wanted(bus, index) || bus->now_ms < peer->dial_after_ms ||
        !dial_address(bus, &address, index)) {
        return;
    }
    c = bus_connection_take(bus, &address);
    if (c == NULL || !bus_place_take(bus, c)) {
        if (c != NULL) {
            bus_connection_give(bus, c);
        }
        back_off(bus, peer);
        return;
    }
    c->phase = CONNECTION_CONNECTING;
    c->outbound = true;
    c->peer = index;
    c->dial_due = true;
    peer->outbound = bus_connection_id(bus, c);
    bus_due(bus, c);
}

void bus_dial_succeeded(struct bus *bus, const struct connection *c)
{
    struct peer *peer = at(bus, c->peer);

    peer->backoff_ms = 0;
    peer->dial_attempts = 0;
    discovery_authenticated(&bus->discovery, c->peer, &c->address);
}

void bus_dial_ended(struct bus *bus, const struct connection *c)
{
    struct peer *peer = at(bus, c->peer);

    if (peer->outbound != bus_connection_id(bus, c)) {
        return;
    }
    peer->outbound = 0;
    if (!c->established) {
        peer->dial_attempts++;
        discovery_failed(&bus->discovery, c->peer, &c->address);
    }
    back_off(bus, peer);
}

// ---- What the owner changes -----------------------------------------------------------------------

enum peers_error bus_peer_add(struct bus *bus, uint64_t now_ms, uint16_t *index,
                              const struct peer *peer)
{
    uint16_t added;
    enum peers_error error = peers_add(&bus->peers, &added, peer);

    bus_clock(bus, now_ms);
    if (error != PEERS_OK) {
        return error;
    }
    if (peer->trust == PEER_TRUSTED) {
        discovery_set_peer(&bus->discovery, &peer->id, peer->static_key, added);
    }
    bus_dial_if_due(bus, added);
    if (index != NULL) {
        *index = added;
    }
    return PEERS_OK;
}

static void end_sessions(struct bus *bus, uint16_t index, enum close_reason reason)
{
    for (uint16_t i = 0; i < bus->tables.connections_max; i++) {
        struct connection *c = &bus->tables.connections[i];
        if (c->peer == index &&
            (c->phase == CONNECTION_CONNECTING || c->phase == CONNECTION_OPEN)) {
            bus_connection_end(bus, c, reason, BYE_NOT_PERMITTED);
        }
    }
}

enum bus_error bus_peer_set_trust(struct bus *bus, uint64_t now_ms, uint16_t index,
                                  enum peer_trust trust)
{
    struct peer *peer;

    bus_clock(bus, now_ms);
    if (index >= bus->peers.count || trust == PEER_UNSET) {
        return BUS_ERR_NO_PEER;
    }
    peer = at(bus, index);
    peer->trust = (uint8_t)trust;
    discovery_set_peer(&bus->discovery, &peer->id, peer->static_key,
                       trust == PEER_TRUSTED ? index : PEER_NONE);
    if (trust != PEER_TRUSTED) {
        end_sessions(bus, index, trust == PEER_PENDING ? REASON_PEER_PENDING : REASON_PEER_REVOKED);
    }
    bus_dial_if_due(bus, index);
    return BUS_OK;
}

enum bus_error bus_peer_dial(struct bus *bus, uint64_t now_ms, uint16_t index)
{
    bus_clock(bus, now_ms);
    if (index >= bus->peers.count) {
        return BUS_ERR_NO_PEER;
    }
    at(bus, index)->dial_asked = true;
    bus_dial_if_due(bus, index);
    return BUS_OK;
}

uint32_t bus_session(const struct bus *bus, uint16_t index, enum session_role role)
{
    const struct peer *peer = bus_peer(bus, index);
    const struct connection *c;

    if (peer == NULL) {
        return 0;
    }
    c = bus_find(bus, role == SESSION_INITIATOR ? peer->outbound : peer->inbound);
    return c != NULL && c->established ? bus_connection_id(bus, c) : 0;
}
