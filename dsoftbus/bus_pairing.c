// SPDX-License-Identifier: Apache-2.0
// Bus: pairing attempts. What they exchange is in session_pairing.c; nothing here changes trust.
#include "dsoftbus/bus_internal.h"
#include "dsoftbus/bytes.h"

// Nobody came, or it was called off.
static void disarm(struct bus *bus, enum close_reason reason)
{
    struct bus_event event = {
        .type = BUS_PAIR_FAILED,
        .peer = PEER_NONE,
        .role = SESSION_RESPONDER,
        .reason = (uint8_t)reason,
    };

    bus->pair_until_ms = 0;
    bus_emit(bus, &event);
}

bool bus_pairing_take(struct bus *bus, struct connection *c)
{
    if (bus->pair_until_ms == 0 || bus->now_ms >= bus->pair_until_ms) {
        return false;
    }
    bus->pair_until_ms = 0; // one attempt
    c->pairing = true;
    return true;
}

void bus_pairing_ended(struct bus *bus, const struct connection *c)
{
    if (bus->pair_connection == bus_connection_id(bus, c)) {
        bus->pair_connection = 0;
    }
}

uint64_t bus_pairing_deadline(const struct bus *bus)
{
    return bus->pair_until_ms == 0 ? TIME_NEVER : bus->pair_until_ms;
}

void bus_pairing_tick(struct bus *bus)
{
    if (bus->now_ms >= bus_pairing_deadline(bus)) {
        disarm(bus, REASON_PAIR_TIMEOUT);
    }
}

void bus_pair_arm(struct bus *bus, uint64_t now_ms)
{
    bus_clock(bus, now_ms);
    if (!bus->stopping) {
        bus->pair_until_ms = time_after(bus->now_ms, PAIR_WINDOW_MS);
    }
}

// The id and the key belong together, or to nobody.
static bool may_pair_with(const struct bus *bus, const struct device_id *id, const uint8_t *key)
{
    uint16_t peer;
    enum identity_verdict verdict = peers_identify(&bus->peers, &peer, id, key);

    return verdict != IDENTITY_OWN_KEY && verdict != IDENTITY_MISMATCH &&
           !device_id_equal(id, &bus->config.session.id);
}

enum bus_error bus_pair_start(struct bus *bus, uint64_t now_ms, const struct device_id *id,
                              const uint8_t key[static DSB_KEY_BYTES],
                              const struct net_address *address)
{
    struct connection *c;

    bus_clock(bus, now_ms);
    if (id->len == 0 || address->family == NET_NONE || address->port == 0) {
        return BUS_ERR_NAME;
    }
    if (bus->pair_connection != 0) {
        return BUS_ERR_PAIRING;
    }
    if (!may_pair_with(bus, id, key)) {
        return BUS_ERR_DUPLICATE;
    }
    c = bus->stopping ? NULL : bus_connection_take(bus, address);
    if (c == NULL) {
        return BUS_ERR_FULL;
    }
    c->phase = CONNECTION_CONNECTING;
    c->outbound = true;
    c->pairing = true;
    c->dial_due = true;
    bus->pair_connection = bus_connection_id(bus, c);
    bus->pair_id = *id;
    bytes_copy(bus->pair_key, key, DSB_KEY_BYTES);
    bus_due(bus, c);
    return BUS_OK;
}

void bus_pair_cancel(struct bus *bus, uint64_t now_ms)
{
    bus_clock(bus, now_ms);
    if (bus->pair_until_ms != 0) {
        disarm(bus, REASON_CLOSED);
    }
    for (uint16_t i = 0; i < bus->tables.connections_max; i++) {
        struct connection *c = &bus->tables.connections[i];
        if (c->pairing && (c->phase == CONNECTION_CONNECTING || c->phase == CONNECTION_OPEN)) {
            bus_connection_end(bus, c, REASON_CLOSED, BYE_NORMAL);
        }
    }
}
