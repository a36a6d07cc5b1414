// SPDX-License-Identifier: Apache-2.0
// The bus against any order of what a shell can report: the input is a program of calls. After each, the bus is within
// its limits; at the end everything can be brought back to where it began.
#include "tests/fuzz/fuzz_session.h"

#include "dsoftbus/bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PEERS = 3,
    SESSIONS = 2,
    HALF_OPEN = 10,
    DEVICES = 4,
    EVENTS = 4,
    SLOTS = BUS_CONNECTIONS(HALF_OPEN, SESSIONS)
};

static struct bus bus;
static struct peer peers[PEERS];
static struct device devices[DEVICES];
static struct source sources[HALF_OPEN + 1];
static struct connection connections[SLOTS];
static struct bus_event events[EVENTS];
static uint8_t records[SESSIONS * BUS_RECORD_BYTES(FUZZ_RECORD_MAX)];
static struct fuzz_end self, friend;
static uint64_t now_ms;
static uint32_t ids[64];
static size_t id_count;

static void start(void)
{
    struct peer peer = {
        .trust = PEER_TRUSTED, .dial = true, .configured = {NET_IPV4, {10, 0, 0, 9}, 7}};
    struct bus_config config = {.port = 5, .ttl_s = 3};
    const struct bus_tables tables = {
        .peers = peers,
        .peers_max = PEERS,
        .devices = devices,
        .devices_max = DEVICES,
        .devices_reserved = 2,
        .sources = sources,
        .sources_max = HALF_OPEN + 1,
        .connections = connections,
        .connections_max = SLOTS,
        .half_open_max = HALF_OPEN,
        .records = records,
        .records_len = sizeof records,
        .sessions_max = SESSIONS,
        .events = events,
        .events_max = EVENTS,
    };

    fuzz_end_init(&self, 1);
    fuzz_end_init(&friend, 2);
    config.session = self.config;
    config.session.static_private = NULL;
    now_ms = 0;
    id_count = 0;
    require(bus_init(&bus, &config, &tables, now_ms) == BUS_OK);
    require(device_id_set(&peer.id, (const uint8_t *)"friend", 6));
    memcpy(peer.static_key, friend.public_key, 32);
    require(bus_peer_add(&bus, now_ms, NULL, &peer) == PEERS_OK);
    bus_announce(&bus, now_ms);
}

static void answer_dh(uint8_t how)
{
    struct bus_dh_request requests[BUS_DH_BATCH_MAX];
    size_t count = bus_dh_take(&bus, requests);

    require(count <= BUS_DH_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        uint8_t shared[32];
        bool good = how != 0 && x25519(shared, self.secret, requests[i].public_key) == NOISE_OK;
        bus_dh_result(&bus, now_ms, requests[i].id, good ? shared : NULL);
        bus_dh_result(&bus, now_ms, requests[i].id ^ how, shared);
    }
}

static void forget_id(uint32_t id)
{
    for (size_t i = 0; i < id_count; i++) {
        if (ids[i] == id) {
            ids[i] = ids[--id_count];
            return;
        }
    }
    abort(); // a close for an id that was never given, or a second one
}

static void do_actions(uint8_t dial_result)
{
    struct bus_action action;
    struct bus_event event;
    size_t len;

    while (bus_next_action(&bus, now_ms, &action)) {
        switch (action.type) {
        case BUS_DIAL:
            ids[id_count++] = action.connection;
            if (dial_result == 1) {
                bus_connected(&bus, now_ms, action.connection);
            } else if (dial_result == 2) {
                bus_connect_failed(&bus, now_ms, action.connection);
            }
            break;
        case BUS_OUTPUT:
            require(bus_output(&bus, action.connection, &len) != NULL && len > 0);
            bus_output_done(&bus, now_ms, action.connection,
                            len > dial_result ? len - dial_result : 0);
            break;
        case BUS_CLOSE:
            forget_id(action.connection);
            break;
        case BUS_DATAGRAM:
            require(action.data_len >= ANNOUNCE_BYTES_MIN && action.data_len <= ANNOUNCE_BYTES_MAX);
            break;
        }
        require(id_count < sizeof ids / sizeof ids[0]);
    }
    while (bus_next_event(&bus, &event)) {
        require(event.type <= BUS_EVENTS_DROPPED);
    }
}

static void check_limits(void)
{
    struct bus_counts counts = bus_counts(&bus);

    require(counts.half_open <= HALF_OPEN && counts.sessions_up <= SESSIONS);
    require(counts.places_used <= SESSIONS && counts.connections <= SLOTS);
    require(counts.devices <= DEVICES && counts.peers <= PEERS);
}

// One call; returns how many bytes of the input it used.
static size_t step(const uint8_t *data, size_t size)
{
    uint8_t op = data[0] & 15, arg = size > 1 ? data[1] : 0;
    uint32_t id = id_count > 0 ? ids[arg % id_count] : arg;
    struct net_address source = {NET_IPV4, {10, 0, 0, arg % 16}, arg};
    size_t len = size > 2 ? (data[2] < size - 2 ? data[2] : size - 2) : 0;
    const uint8_t *bytes = size > 2 ? data + 2 : data;
    uint32_t accepted;

    switch (op) {
    case 0:
    case 1:
        if (bus_accepted(&bus, now_ms, &accepted, &source)) {
            ids[id_count++] = accepted;
        }
        return 2;
    case 2:
        bus_received(&bus, now_ms, id, bytes, len);
        return 3 + len;
    case 3:
        bus_disconnected(&bus, now_ms, id);
        return 2;
    case 4:
        now_ms += (uint64_t)arg * arg;
        bus_tick(&bus, now_ms);
        return 2;
    case 5:
        bus_datagram(&bus, now_ms, &source, bytes, len);
        return 3 + len;
    case 6:
        answer_dh(arg % 3);
        return 2;
    case 7:
        do_actions(arg % 4);
        return 2;
    case 8:
        bus_close(&bus, now_ms, id);
        return 2;
    case 9:
        require(bus_peer_set_trust(&bus, now_ms, 0, (enum peer_trust)(1 + arg % 3)) == BUS_OK);
        return 2;
    case 10:
        bus_connected(&bus, now_ms, id);
        return 2;
    case 11:
        bus_writable(&bus, id);
        return 2;
    case 12:
        bus_announce(&bus, now_ms);
        return 2;
    case 13: // an honest beginning, so that message 1 authenticates
        fuzz_end_init(&friend, 2);
        fuzz_event(&friend, session_start_initiator(&friend.session, &friend.config, 0,
                                                    &self.config.id, self.public_key));
        bytes = session_output(&friend.session, &len);
        bus_received(&bus, now_ms, id, bytes, len);
        return 2;
    case 14:
        bus_tick(&bus, now_ms - arg);
        return 2;
    case 15:
        (void)!bus_ping(&bus, now_ms, id);
        return 2;
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    for (size_t used = 0; used < size;) {
        used += step(data + used, size - used);
        check_limits();
        if (id_count > sizeof ids / sizeof ids[0] - 2) {
            do_actions(2);
        }
    }
    bus_shutdown(&bus, now_ms);
    for (int i = 0; i < 3; i++) {
        do_actions(0);
        now_ms += LINGER_MS;
        bus_tick(&bus, now_ms);
    }
    struct bus_counts counts = bus_counts(&bus);
    require(counts.half_open == 0 && counts.sessions_up == 0 && counts.places_used == 0);
    require(counts.connections == 0 && id_count == 0);
    return 0;
}
