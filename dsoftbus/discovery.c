// SPDX-License-Identifier: Apache-2.0
// The table of discovered devices.
#include "dsoftbus/discovery.h"

#include "dsoftbus/bytes.h"

enum { PLACE_NONE = 0xffff };

void discovery_init(struct discovery_table *table, struct device *memory, uint16_t max,
                    uint16_t reserved)
{
    *table = (struct discovery_table){.devices = memory, .max = max, .reserved = reserved};
    for (uint16_t i = 0; i < max; i++) {
        memory[i] = (struct device){.peer = PEER_NONE};
    }
}

static bool in_use(const struct device *device)
{
    return device->id.len != 0;
}

static uint16_t find(const struct discovery_table *table, const struct device_id *id,
                     const uint8_t key[static DSB_KEY_BYTES])
{
    for (uint16_t i = 0; i < table->max; i++) {
        if (device_id_equal(&table->devices[i].id, id) &&
            bytes_equal(table->devices[i].static_key, key, DSB_KEY_BYTES)) {
            return i;
        }
    }
    return PLACE_NONE;
}

// The least recently heard device of one kind, and how many there are of it.
static uint16_t find_oldest(const struct discovery_table *table, bool trusted, uint16_t *count)
{
    uint16_t oldest = PLACE_NONE;

    *count = 0;
    for (uint16_t i = 0; i < table->max; i++) {
        const struct device *device = &table->devices[i];
        if (!in_use(device) || (device->peer != PEER_NONE) != trusted) {
            continue;
        }
        (*count)++;
        if (oldest == PLACE_NONE || device->heard_ms < table->devices[oldest].heard_ms) {
            oldest = i;
        }
    }
    return oldest;
}

static uint16_t find_free(const struct discovery_table *table)
{
    for (uint16_t i = 0; i < table->max; i++) {
        if (!in_use(&table->devices[i])) {
            return i;
        }
    }
    return PLACE_NONE;
}

static uint16_t find_place(const struct discovery_table *table, bool trusted)
{
    uint16_t free_place = find_free(table);
    uint16_t trusted_count, untrusted_count;
    uint16_t oldest_trusted = find_oldest(table, true, &trusted_count);
    uint16_t oldest_untrusted = find_oldest(table, false, &untrusted_count);

    if (!trusted && untrusted_count >= table->max - table->reserved) {
        return oldest_untrusted;
    }
    if (free_place != PLACE_NONE) {
        return free_place;
    }
    if (oldest_untrusted != PLACE_NONE) {
        return oldest_untrusted;
    }
    return trusted ? oldest_trusted : PLACE_NONE;
}

static struct device_address *find_address(struct device *device, const struct net_address *address)
{
    for (size_t i = 0; i < DEVICE_ADDRESSES_MAX; i++) {
        if (net_address_equal(&device->addresses[i].address, address)) {
            return &device->addresses[i];
        }
    }
    return NULL;
}

// Where a new address goes: a free place, else that of the one heard longest ago. Never the authenticated one, of
// which there is at most one.
static struct device_address *make_room(struct device *device)
{
    struct device_address *room = NULL;

    for (size_t i = 0; i < DEVICE_ADDRESSES_MAX; i++) {
        struct device_address *candidate = &device->addresses[i];
        if (candidate->address.family == NET_NONE) {
            return candidate;
        }
        if (!candidate->authenticated && (room == NULL || candidate->heard_ms < room->heard_ms)) {
            room = candidate;
        }
    }
    DSB_ASSERT(room != NULL);
    return room;
}

static bool is_duplicate(const struct device_address *place, const struct announce *announce)
{
    return place->has_seq && announce->has_trailer && place->seq == announce->seq &&
           bytes_equal(place->boot_id, announce->boot_id, ANNOUNCE_BOOT_ID_BYTES);
}

// Notes the address; true when this very announce was heard from it before.
static bool hear_address(struct device *device, uint64_t now_ms, const struct announce *announce,
                         const struct net_address *source)
{
    struct net_address address = *source;
    struct device_address *place;

    address.port = announce->port;
    if (address.port == 0 || address.family == NET_NONE) {
        return false;
    }
    place = find_address(device, &address);
    if (place == NULL) {
        place = make_room(device);
        *place = (struct device_address){.address = address};
    } else if (is_duplicate(place, announce)) {
        return true;
    }
    place->heard_ms = now_ms;
    place->has_seq = announce->has_trailer;
    place->seq = announce->seq;
    bytes_copy(place->boot_id, announce->boot_id, ANNOUNCE_BOOT_ID_BYTES);
    return false;
}

enum discovery_result discovery_hear(struct discovery_table *table, uint16_t *index,
                                     uint64_t now_ms, const struct announce *announce,
                                     const struct net_address *source, uint16_t peer)
{
    uint16_t place = find(table, &announce->id, announce->static_key);
    bool known = place != PLACE_NONE;
    struct device *device;
    bool duplicate;

    if (!known) {
        place = find_place(table, peer != PEER_NONE);
        if (place == PLACE_NONE) {
            return DISCOVERY_FULL;
        }
        table->devices[place] = (struct device){.id = announce->id};
        bytes_copy(table->devices[place].static_key, announce->static_key, DSB_KEY_BYTES);
    }
    device = &table->devices[place];
    device->peer = peer;
    device->heard_ms = now_ms;
    device->expires_ms =
        time_max(device->expires_ms, time_after(now_ms, announce->ttl_s * UINT64_C(1000)));
    duplicate = hear_address(device, now_ms, announce, source);
    *index = place;
    if (!known) {
        return DISCOVERY_NEW;
    }
    return duplicate ? DISCOVERY_DUPLICATE : DISCOVERY_REFRESHED;
}

static struct device *device_of_peer(const struct discovery_table *table, uint16_t peer)
{
    for (uint16_t i = 0; i < table->max && peer != PEER_NONE; i++) {
        if (in_use(&table->devices[i]) && table->devices[i].peer == peer) {
            return &table->devices[i];
        }
    }
    return NULL;
}

const struct device *discovery_of_peer(const struct discovery_table *table, uint64_t now_ms,
                                       uint16_t peer)
{
    const struct device *device = device_of_peer(table, peer);

    return device != NULL && now_ms < device->expires_ms ? device : NULL;
}

static void swap_addresses(struct device *device)
{
    struct device_address first = device->addresses[0];

    device->addresses[0] = device->addresses[1];
    device->addresses[1] = first;
}

void discovery_authenticated(struct discovery_table *table, uint16_t peer,
                             const struct net_address *address)
{
    struct device *device = device_of_peer(table, peer);

    if (device == NULL || find_address(device, address) == NULL) {
        return;
    }
    if (!net_address_equal(&device->addresses[0].address, address)) {
        swap_addresses(device);
    }
    device->addresses[0].authenticated = true;
    device->addresses[1].authenticated = false;
}

void discovery_failed(struct discovery_table *table, uint16_t peer,
                      const struct net_address *address)
{
    struct device *device = device_of_peer(table, peer);

    if (device != NULL && device->addresses[1].address.family != NET_NONE &&
        net_address_equal(&device->addresses[0].address, address)) {
        swap_addresses(device);
    }
}

void discovery_set_peer(struct discovery_table *table, const struct device_id *id,
                        const uint8_t key[static DSB_KEY_BYTES], uint16_t peer)
{
    uint16_t place = find(table, id, key);

    if (place != PLACE_NONE) {
        table->devices[place].peer = peer;
    }
}

bool discovery_expire(struct discovery_table *table, struct device *gone, uint64_t now_ms)
{
    for (uint16_t i = 0; i < table->max; i++) {
        if (in_use(&table->devices[i]) && now_ms >= table->devices[i].expires_ms) {
            *gone = table->devices[i];
            table->devices[i] = (struct device){.peer = PEER_NONE};
            return true;
        }
    }
    return false;
}

uint64_t discovery_deadline(const struct discovery_table *table)
{
    uint64_t deadline_ms = TIME_NEVER;

    for (uint16_t i = 0; i < table->max; i++) {
        if (in_use(&table->devices[i])) {
            deadline_ms = time_min(deadline_ms, table->devices[i].expires_ms);
        }
    }
    return deadline_ms;
}

uint16_t discovery_count(const struct discovery_table *table)
{
    uint16_t count = 0;

    for (uint16_t i = 0; i < table->max; i++) {
        count = (uint16_t)(count + in_use(&table->devices[i]));
    }
    return count;
}
