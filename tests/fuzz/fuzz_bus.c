// SPDX-License-Identifier: Apache-2.0
// The bus against any order of what a shell can report and an owner can ask, with a peer that can establish a session and
// then encrypts whatever it likes: the input is a program of calls. After each, the bus is within its limits; at the end
// everything can be brought back to where it began.
#include "tests/fuzz/fuzz_session.h"

#include "dsoftbus/bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PEERS = 3,
    SESSIONS = 2,
    HALF_OPEN = 10,
    DEVICES = 4,
    EVENTS = 4,
    SLOTS = BUS_CONNECTIONS(HALF_OPEN, SESSIONS),
    STREAMS = 4,
    OUTPUT_BYTES = SESSION_OUTPUT_BYTES(FUZZ_RECORD_MAX, 2),
    HANDLES = 8,
    OPERATIONS = 29,
};

static struct bus bus;
static struct peer peers[PEERS];
static struct device devices[DEVICES];
static struct source sources[HALF_OPEN + 1];
static struct connection connections[SLOTS];
static struct bus_event events[EVENTS];
static uint8_t records[SESSIONS * BUS_RECORD_BYTES(FUZZ_RECORD_MAX)];
static struct stream streams[STREAMS];
static uint8_t stream_buffers[STREAMS * FUZZ_STREAM_BUFFER];
static uint8_t outputs[BUS_OUTPUTS(SESSIONS) * OUTPUT_BYTES];
static struct fuzz_end self, friend;
static uint32_t friend_connection; // 0: none
static bool talked;
static uint32_t handles[HANDLES]; // of streams, now or once
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
        .streams = streams,
        .streams_max = STREAMS,
        .stream_buffers = stream_buffers,
        .stream_buffers_len = sizeof stream_buffers,
        .stream_buffer_bytes = FUZZ_STREAM_BUFFER,
        .outputs = outputs,
        .outputs_len = sizeof outputs,
        .output_bytes = OUTPUT_BYTES,
    };

    fuzz_end_init(&self, 1);
    fuzz_end_init(&friend, 2);
    config.session = self.config;
    config.session.static_private = NULL;
    now_ms = 0;
    id_count = 0;
    friend_connection = 0;
    talked = false;
    memset(handles, 0, sizeof handles);
    require(bus_init(&bus, &config, &tables, now_ms) == BUS_OK);
    require(device_id_set(&peer.id, (const uint8_t *)"friend", 6));
    memcpy(peer.static_key, friend.public_key, 32);
    require(bus_peer_add(&bus, now_ms, NULL, &peer) == PEERS_OK);
    require(bus_service_add(&bus, now_ms, "svc", 3) == BUS_OK);
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
    if (id == friend_connection) {
        friend_connection = 0;
    }
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
            require((bus_output(&bus, action.connection, &len) != NULL && len > 0) ||
                    talked); // which may have taken it
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

// ---- A trusted peer -------------------------------------------------------------------------------

static bool friend_is_up(void)
{
    return friend_connection != 0 && session_state(&friend.session) == SESSION_UP;
}

// What the bus and the peer have to say to each other, until nothing is left.
static void talk(void)
{
    uint8_t bytes[FUZZ_OUTPUT_MAX];
    bool more = true;

    talked = true;
    while (more && friend_connection != 0) {
        size_t len = fuzz_take(&friend, bytes);
        more = len > 0;
        bus_received(&bus, now_ms, friend_connection, bytes, len);
        answer_dh(1);
        const uint8_t *out;
        while (friend_connection != 0 &&
               (out = bus_output(&bus, friend_connection, &len)) != NULL) {
            require(len > 0 && len <= sizeof bytes);
            memcpy(bytes, out, len);
            bus_output_done(&bus, now_ms, friend_connection, len);
            fuzz_receive(&friend, bytes, len);
            more = true;
        }
    }
}

// It calls, and says who it is.
static void friend_calls(void)
{
    struct net_address source = {NET_IPV4, {10, 0, 0, 77}, 1};

    if (friend_connection != 0 || !bus_accepted(&bus, now_ms, &friend_connection, &source)) {
        friend_connection = friend_is_up() ? friend_connection : 0;
        return;
    }
    ids[id_count++] = friend_connection;
    fuzz_end_init(&friend, 2);
    require(device_id_set(&friend.config.id, (const uint8_t *)"friend", 6));
    fuzz_event(&friend, session_start_initiator(&friend.session, &friend.config, 0, &self.config.id,
                                                self.public_key));
    talk();
}

// One record of its choice, by either way in.
static void friend_sends(const uint8_t *plaintext, size_t len, bool in_place)
{
    uint8_t frame[2 + 255 + DSB_TAG_BYTES];
    size_t sealed_len, room = 0;
    uint8_t *to = NULL;

    if (!friend_is_up()) {
        return;
    }
    require(xk_sender_seal(&friend.session.sender, frame + 2, len + DSB_TAG_BYTES, &sealed_len,
                           plaintext, len) == NOISE_OK);
    frame[0] = (uint8_t)(sealed_len >> 8);
    frame[1] = (uint8_t)sealed_len;
    len = 2 + sealed_len;
    if (in_place && (to = bus_input(&bus, friend_connection, &room)) != NULL && room >= len) {
        memcpy(to, frame, len);
        bus_input_done(&bus, now_ms, friend_connection, len);
    } else {
        bus_received(&bus, now_ms, friend_connection, frame, len);
    }
}

// ---- Streams and pairing --------------------------------------------------------------------------

static void take_news(void)
{
    struct stream_status status;
    uint32_t stream;

    while (bus_next_stream(&bus, &stream, &status)) {
        require(stream != 0 && status.ready != 0x80);
        handles[(stream & 0xffff) % HANDLES] = stream;
    }
}

static void call_stream(uint8_t op, uint8_t arg, uint32_t id)
{
    static uint8_t bytes[2 * FUZZ_STREAM_BUFFER];
    uint32_t *handle = &handles[arg % HANDLES];
    size_t len;

    switch (op) {
    case 0:
        (void)!bus_stream_open(&bus, now_ms, handle, arg & 1 ? id : friend_connection, "x", 1);
        break;
    case 1:
        (void)!bus_stream_accept(&bus, now_ms, *handle);
        break;
    case 2:
        (void)!bus_stream_write(&bus, now_ms, *handle, bytes, (size_t)arg * 8, &len);
        break;
    case 3:
        (void)!bus_stream_read(&bus, now_ms, *handle, bytes, (size_t)arg * 8 + 1, &len);
        break;
    case 4:
        (void)!bus_stream_finish(&bus, now_ms, *handle);
        break;
    case 5:
        bus_stream_close(&bus, now_ms, *handle, (enum bye_reason)(arg % 9));
        break;
    default:
        take_news();
        break;
    }
}

static void call_pairing(uint8_t op, uint8_t arg)
{
    struct net_address address = {NET_IPV4, {10, 0, 0, arg}, arg};
    struct device_id id;

    if (op == 0) {
        bus_pair_arm(&bus, now_ms);
    } else if (op == 1) {
        bus_pair_cancel(&bus, now_ms);
    } else {
        require(device_id_set(&id, (const uint8_t *)"other", 5));
        (void)!bus_pair_start(&bus, now_ms, &id, self.secret, &address);
    }
}

static void check_limits(void)
{
    struct bus_counts counts = bus_counts(&bus);

    require(counts.half_open <= HALF_OPEN && counts.sessions_up <= SESSIONS);
    require(counts.places_used <= SESSIONS && counts.connections <= SLOTS);
    require(counts.devices <= DEVICES && counts.peers <= PEERS);
    require(counts.streams <= STREAMS && bus.lingering <= CONNECTIONS_CLOSING_MAX);
    require(bus.memory.inputs.used <= counts.places_used);
    require(bus.memory.outputs.used <= counts.places_used + bus.lingering);
}

// A call that has to do with the trusted peer, streams or pairing; returns how many bytes of the input it used.
static size_t step_further(uint8_t op, uint8_t arg, uint32_t id, const uint8_t *bytes, size_t len)
{
    switch (op) {
    case 16:
        friend_calls();
        return 1;
    case 17:
        talk();
        return 1;
    case 18:
        friend_sends(bytes, len, arg & 1);
        return 3 + len;
    case 26:
    case 27:
    case 28:
        call_pairing((uint8_t)(op - 26), arg);
        return 2;
    default:
        call_stream((uint8_t)(op - 19), arg, id);
        return 2;
    }
}

// One call; returns how many bytes of the input it used.
static size_t step(const uint8_t *data, size_t size)
{
    uint8_t op = data[0] % OPERATIONS, arg = size > 1 ? data[1] : 0;
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
        friend_connection = 0;
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
    default:
        return step_further(op, arg, id, bytes, len);
    }
}

// ---- A beginning ----------------------------------------------------------------------------------
//
// Handshakes take most of the time, so that of the peer is done once; an input that wants it starts from a copy.

struct part {
    void *memory;
    size_t len;
};

static const struct part parts[] = {
    {&bus, sizeof bus},        {peers, sizeof peers},
    {devices, sizeof devices}, {sources, sizeof sources},
    {events, sizeof events},   {connections, sizeof connections},
    {records, sizeof records}, {streams, sizeof streams},
    {outputs, sizeof outputs}, {stream_buffers, sizeof stream_buffers},
    {&friend, sizeof friend},  {&friend_connection, sizeof friend_connection},
    {handles, sizeof handles}, {&talked, sizeof talked},
    {ids, sizeof ids},         {&id_count, sizeof id_count},
};

static uint8_t saved[sizeof bus + sizeof peers + sizeof devices + sizeof sources + sizeof events +
                     sizeof connections + sizeof records + sizeof streams + sizeof outputs +
                     sizeof stream_buffers + sizeof friend + sizeof friend_connection +
                     sizeof handles + sizeof talked + sizeof ids + sizeof id_count];

static void copy_parts(bool save)
{
    uint8_t *at = saved;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(save ? (void *)at : parts[i].memory, save ? parts[i].memory : (void *)at,
               parts[i].len);
        at += parts[i].len;
    }
}

// A session with the peer, and one stream that it has opened.
static void start_established(void)
{
    static bool done;
    uint32_t stream;

    if (!done) {
        start();
        friend_calls();
        require(friend_is_up());
        require(stream_open(&friend.session, 0, &stream, (const uint8_t *)"svc", 3) == STREAM_OK);
        talk();
        take_news();
        call_stream(1, 1, 0);
        talk();
        require(bus_counts(&bus).streams == 1);
        copy_parts(true);
        done = true;
    }
    now_ms = 0;
    copy_parts(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] & 1) {
        start_established();
    } else {
        start();
    }
    for (size_t used = size > 0 ? 1 : 0; used < size;) {
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
    take_news();
    for (size_t i = 0; i < HANDLES; i++) {
        bus_stream_close(&bus, now_ms, handles[i], BYE_NORMAL);
    }
    require(bus.memory.inputs.used == 0 && bus.memory.outputs.used == 0 && bus.lingering == 0);
    return 0;
}
