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

// A session is replaced when its time has come, but streams on it get a while to end by themselves.
static uint64_t replacement_deadline(const struct connection *old)
{
    uint64_t grace_ms = session_streams_open(&old->session) > 0 ? SESSION_LIFE_GRACE_MS : 0;

    return time_after(old->replace_ms, grace_ms);
}

// When the peer is to be dialled, if it has an address: TIME_NEVER if that waits for something else than time.
static uint64_t dial_due_ms(const struct bus *bus, uint16_t index)
{
    const struct peer *peer = at(bus, index);
    const struct connection *old = bus_find(bus, peer->outbound);

    if (bus->stopping || peer->trust != PEER_TRUSTED || !(peer->dial || peer->dial_asked) ||
        peer->successor != 0) {
        return TIME_NEVER;
    }
    if (peer->outbound == 0) {
        return peer->dial_after_ms;
    }
    return old != NULL && old->established
               ? time_max(peer->dial_after_ms, replacement_deadline(old))
               : TIME_NEVER;
}

// Where to dial it: a session that is to be replaced has proved its address.
static bool next_address(const struct bus *bus, struct net_address *address, uint16_t index)
{
    const struct connection *old = bus_find(bus, at(bus, index)->outbound);

    if (dial_address(bus, address, index)) {
        return true;
    }
    if (old != NULL) {
        *address = old->address;
    }
    return old != NULL;
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
    uint64_t due_ms = dial_due_ms(bus, index);
    struct net_address address;

    return due_ms != TIME_NEVER && next_address(bus, &address, index) ? due_ms : TIME_NEVER;
}

void bus_dial_if_due(struct bus *bus, uint16_t index)
{
    struct peer *peer = at(bus, index);
    struct net_address address;
    struct connection *c;
    uint64_t due_ms = dial_due_ms(bus, index);

    if (due_ms == TIME_NEVER || bus->now_ms < due_ms || !next_address(bus, &address, index)) {
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
    if (peer->outbound == 0) {
        peer->outbound = bus_connection_id(bus, c);
    } else {
        peer->successor = bus_connection_id(bus, c);
    }
    bus_due(bus, c);
}

void bus_dial_succeeded(struct bus *bus, const struct connection *c)
{
    struct peer *peer = at(bus, c->peer);
    struct connection *old = NULL;

    peer->backoff_ms = 0;
    peer->dial_attempts = 0;
    discovery_authenticated(&bus->discovery, c->peer, &c->address);
    if (peer->successor == bus_connection_id(bus, c)) {
        old = bus_find(bus, peer->outbound);
        peer->outbound = peer->successor;
        peer->successor = 0;
    }
    if (old != NULL) {
        bus_connection_end(bus, old, REASON_REPLACED, BYE_REPLACED);
    }
}

void bus_dial_ended(struct bus *bus, const struct connection *c)
{
    struct peer *peer = at(bus, c->peer);
    uint32_t id = bus_connection_id(bus, c);

    if (peer->successor == id) {
        peer->successor = 0;
    } else if (peer->outbound == id) {
        peer->outbound = peer->successor; // which may be there because of it
        peer->successor = 0;
    } else {
        return;
    }
    if (!c->established) {
        peer->dial_attempts++;
        discovery_failed(&bus->discovery, c->peer, &c->address);
    }
    if (peer->outbound == 0 || !c->established) {
        back_off(bus, peer);
    }
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
        bus_discovery_set_peer(bus, added, true);
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
    bus_discovery_set_peer(bus, index, trust == PEER_TRUSTED);
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
