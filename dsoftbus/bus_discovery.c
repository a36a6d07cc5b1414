// SPDX-License-Identifier: Apache-2.0
// Bus: announces heard and sent, and the services they list (WIRE section 1).
#include "dsoftbus/bus_internal.h"
#include "dsoftbus/bytes.h"

static void emit_device(struct bus *bus, enum bus_event_type type, const struct device *device)
{
    struct bus_event event = {
        .type = type,
        .peer = device->peer,
        .id = device->id,
        .address = device->addresses[0].address,
    };

    bus_emit(bus, &event);
}

static void emit_announce(struct bus *bus, enum bus_event_type type, const struct device_id *id,
                          const struct net_address *source, enum announce_error error)
{
    struct bus_event event = {
        .type = type,
        .peer = PEER_NONE,
        .id = *id,
        .address = *source,
        .announce_error = (uint8_t)error,
    };

    bus_emit(bus, &event);
}

// ---- Heard ----------------------------------------------------------------------------------------

static void expire_devices(struct bus *bus)
{
    struct device gone;

    while (discovery_expire(&bus->discovery, &gone, bus->now_ms)) {
        emit_device(bus, BUS_DEVICE_LOST, &gone);
    }
}

// A device that is not one of ours and does not pretend to be one; peer: the trusted one that it is, if any.
static void hear_device(struct bus *bus, const struct announce *announce,
                        const struct net_address *source, uint16_t peer)
{
    enum discovery_result result;
    uint16_t place;

    result = discovery_hear(&bus->discovery, &place, bus->now_ms, announce, source, peer);
    if (result == DISCOVERY_NEW) {
        emit_device(bus, peer == PEER_NONE ? BUS_DEVICE_FOUND : BUS_PEER_FOUND,
                    &bus->discovery.devices[place]);
    }
    if (result == DISCOVERY_NEW && peer != PEER_NONE) {
        bus_announce_changed(bus); // it has just come up, and need not wait for our next announce
    }
    if (peer != PEER_NONE) {
        bus_dial_if_due(bus, peer);
    }
}

void bus_discovery_set_peer(struct bus *bus, uint16_t index, bool trusted)
{
    const struct peer *peer = &bus->peers.peers[index];
    bool found = discovery_of_peer(&bus->discovery, bus->now_ms, index) != NULL;
    const struct device *device;

    discovery_set_peer(&bus->discovery, &peer->id, peer->static_key, trusted ? index : PEER_NONE);
    device = discovery_of_peer(&bus->discovery, bus->now_ms, index);
    if (device != NULL && !found) {
        emit_device(bus, BUS_PEER_FOUND, device);
        bus_announce_changed(bus);
    }
}

static void announce_mismatched(struct bus *bus, const struct announce *announce,
                                const struct net_address *source)
{
    bus->counts.announces_mismatched++;
    emit_announce(bus, BUS_ANNOUNCE_IGNORED, &announce->id, source, ANNOUNCE_OK);
}

void bus_datagram(struct bus *bus, uint64_t now_ms, const struct net_address *source,
                  const uint8_t *data, size_t data_len)
{
    enum announce_error error;
    struct announce announce;
    uint16_t peer;

    bus_clock(bus, now_ms);
    expire_devices(bus);
    error = announce_decode(&announce, data, data_len);
    if (error != ANNOUNCE_OK) {
        bus->counts.announces_bad++;
        emit_announce(bus, BUS_ANNOUNCE_IGNORED, &announce.id, source, error);
        return;
    }
    bus->counts.announces_heard++;
    switch (peers_identify(&bus->peers, &peer, &announce.id, announce.static_key)) {
    case IDENTITY_OWN_KEY:
        if (device_id_equal(&announce.id, &bus->config.session.id)) {
            emit_announce(bus, BUS_ANNOUNCE_OWN, &announce.id, source, ANNOUNCE_OK);
            return;
        }
        announce_mismatched(bus, &announce, source);
        return;
    case IDENTITY_MISMATCH:
        announce_mismatched(bus, &announce, source);
        return;
    case IDENTITY_BOUND:
        hear_device(bus, &announce, source, peer);
        return;
    case IDENTITY_UNKNOWN:
        if (device_id_equal(&announce.id, &bus->config.session.id)) {
            announce_mismatched(bus, &announce, source); // our id with another key
            return;
        }
        hear_device(bus, &announce, source, PEER_NONE);
        return;
    case IDENTITY_PENDING:
    case IDENTITY_REVOKED:
        hear_device(bus, &announce, source, PEER_NONE);
        return;
    }
}

// ---- Sent -----------------------------------------------------------------------------------------

enum {
    STEP_NONE,
    STEP_MULTICAST,
    STEP_BROADCAST,
    STEP_PEERS
}; // announce_step; from PEERS on one for each peer

static void encode_announce(struct bus *bus)
{
    const struct session_config *own = &bus->config.session;
    struct announce announce = {
        .id = own->id,
        .port = bus->config.port,
        .service_count = bus->service_count,
        .has_trailer = true,
        .seq = bus->announce_seq++,
        .ttl_s = bus->config.ttl_s,
    };
    size_t len;

    bytes_copy(announce.static_key, own->static_public, DSB_KEY_BYTES);
    bytes_copy(announce.boot_id, bus->boot_id, ANNOUNCE_BOOT_ID_BYTES);
    for (size_t i = 0; i < bus->service_count; i++) {
        announce.services[i] = bus->services[i];
    }
    DSB_ASSERT(announce_encode(bus->announce_bytes, sizeof bus->announce_bytes, &len, &announce) ==
               ANNOUNCE_OK);
    bus->announce_len = (uint16_t)len;
}

static void announce_if_due(struct bus *bus)
{
    if (!bus->announcing || bus->now_ms < bus->announce_due_ms) {
        return;
    }
    encode_announce(bus);
    bus->announce_step = STEP_MULTICAST;
    bus->announced_ms = bus->now_ms;
    bus->counts.announces_sent++;
    bus->announce_due_ms = time_after(bus->now_ms, bus->counts.announces_sent < ANNOUNCE_BURST
                                                       ? ANNOUNCE_INTERVAL_MIN_MS
                                                       : bus->config.ttl_s * UINT64_C(1000) / 3);
}

void bus_announce_changed(struct bus *bus)
{
    if (!bus->announcing) {
        return;
    }
    bus->announce_due_ms =
        time_min(bus->announce_due_ms, time_after(bus->announced_ms, ANNOUNCE_INTERVAL_MIN_MS));
    announce_if_due(bus);
}

void bus_announce(struct bus *bus, uint64_t now_ms)
{
    bus_clock(bus, now_ms);
    if (bus->stopping) {
        return;
    }
    if (!bus->announcing) {
        bus->announcing = true;
        bus->announce_due_ms = bus->counts.announces_sent == 0
                                   ? bus->now_ms
                                   : time_after(bus->announced_ms, ANNOUNCE_INTERVAL_MIN_MS);
    }
    bus_announce_changed(bus);
}

static bool next_configured(struct bus *bus, struct bus_action *action)
{
    while (bus->announce_step - STEP_PEERS < bus->peers.count) {
        const struct peer *peer = &bus->peers.peers[bus->announce_step - STEP_PEERS];
        bus->announce_step++;
        if (peer->trust == PEER_TRUSTED && peer->configured.family != NET_NONE) {
            action->to = BUS_UNICAST;
            action->address = peer->configured;
            action->address.port = ANNOUNCE_PORT;
            return true;
        }
    }
    bus->announce_step = STEP_NONE;
    return false;
}

bool bus_announce_action(struct bus *bus, struct bus_action *action)
{
    if (bus->announce_step == STEP_NONE) {
        return false;
    }
    *action = (struct bus_action){
        .type = BUS_DATAGRAM, .data = bus->announce_bytes, .data_len = bus->announce_len};
    if (bus->announce_step < STEP_PEERS) {
        action->to = bus->announce_step == STEP_MULTICAST ? BUS_MULTICAST : BUS_BROADCAST;
        bus->announce_step++;
        return true;
    }
    return next_configured(bus, action);
}

void bus_discovery_tick(struct bus *bus)
{
    expire_devices(bus);
    announce_if_due(bus);
}

uint64_t bus_discovery_deadline(const struct bus *bus)
{
    uint64_t expiry_ms = discovery_deadline(&bus->discovery);

    return bus->announcing ? time_min(bus->announce_due_ms, expiry_ms) : expiry_ms;
}

// ---- Services -------------------------------------------------------------------------------------

static uint8_t find_service(const struct bus *bus, const uint8_t *name, size_t name_len)
{
    uint8_t i = 0;

    while (i < bus->service_count && !(bus->services[i].len == name_len &&
                                       bytes_equal(bus->services[i].bytes, name, name_len))) {
        i++;
    }
    return i;
}

bool bus_has_service(const struct bus *bus, const uint8_t *name, size_t name_len)
{
    return find_service(bus, name, name_len) < bus->service_count;
}

enum bus_error bus_service_add(struct bus *bus, uint64_t now_ms, const char *name, size_t name_len)
{
    const uint8_t *bytes = (const uint8_t *)name;
    struct service_name *service;

    bus_clock(bus, now_ms);
    if (!name_plain(bytes, name_len)) {
        return BUS_ERR_NAME;
    }
    if (find_service(bus, bytes, name_len) < bus->service_count) {
        return BUS_ERR_DUPLICATE;
    }
    if (bus->service_count == ANNOUNCE_SERVICES_MAX) {
        return BUS_ERR_FULL;
    }
    service = &bus->services[bus->service_count++];
    *service = (struct service_name){.len = (uint8_t)name_len};
    bytes_copy(service->bytes, bytes, name_len);
    bus_announce_changed(bus);
    return BUS_OK;
}

enum bus_error bus_service_remove(struct bus *bus, uint64_t now_ms, const char *name,
                                  size_t name_len)
{
    const uint8_t *bytes = (const uint8_t *)name;
    uint8_t i;

    bus_clock(bus, now_ms);
    if (!name_plain(bytes, name_len)) {
        return BUS_ERR_NAME;
    }
    i = find_service(bus, bytes, name_len);
    if (i == bus->service_count) {
        return BUS_ERR_NAME;
    }
    bus->service_count--;
    for (; i < bus->service_count; i++) {
        bus->services[i] = bus->services[i + 1];
    }
    bus_announce_changed(bus);
    return BUS_OK;
}
