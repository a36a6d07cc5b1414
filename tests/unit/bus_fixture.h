// SPDX-License-Identifier: Apache-2.0
// Nodes of the bus on a network in memory with a fake clock. Includes the ends of session_fixture.h, which play whoever
// is not a node: a foreign peer, or an attacker.
#ifndef TESTS_UNIT_BUS_FIXTURE_H
#define TESTS_UNIT_BUS_FIXTURE_H

#include "tests/unit/session_fixture.h"

#include "dsoftbus/bus.h"
#include "dsoftbus/bus_internal.h"

enum {
    NODE_PEERS = 8,
    NODE_SESSIONS = 4,
    NODE_HALF_OPEN = 64,
    NODE_CONNECTIONS = BUS_CONNECTIONS(NODE_HALF_OPEN, NODE_SESSIONS),
    NODE_EVENTS = 64,
    NODE_STREAMS = 8,
    NODE_OUTPUT_BYTES = SESSION_OUTPUT_BYTES(FIXTURE_RECORD_MAX, 2),
    NODE_LOG = 1024,
    NODE_WIRES = 256,
    WORLD_NODES = 3,
};

struct node;

// One TCP connection as a node has it. At the other side is a node, an end, or nobody (then `heard` keeps the bytes).
struct wire {
    uint32_t id; // 0: free
    struct node *other_node;
    uint32_t other_id;
    struct end *end;
    bool stalled; // takes no output
    size_t heard_len;
    uint8_t heard[1024];
};

struct node {
    struct world *world;
    struct bus bus;
    struct bus_config config;
    struct bus_tables tables;
    struct rng rng;
    uint8_t secret[32], public_key[32];
    struct net_address host;
    bool hold_dh, unreachable;
    unsigned dh_count, closes, dials, datagrams;
    struct bus_event log[NODE_LOG];
    size_t log_len, log_read;
    struct wire wires[NODE_WIRES];
    uint8_t last_datagram[ANNOUNCE_BYTES_MAX];
    size_t last_datagram_len;
    // Memory of the bus.
    struct peer peers[NODE_PEERS];
    struct device devices[OS_DEVICES_MAX];
    struct source sources[OS_SOURCES_MAX];
    struct connection connections[NODE_CONNECTIONS];
    struct bus_event events[NODE_EVENTS];
    uint8_t records[NODE_SESSIONS * SESSION_RECORD_BYTES(FIXTURE_RECORD_MAX)];
    struct stream streams[NODE_STREAMS];
    uint8_t stream_buffers[NODE_STREAMS * FIXTURE_STREAM_BUFFER];
    uint8_t outputs[BUS_OUTPUTS(NODE_SESSIONS) * NODE_OUTPUT_BYTES];
};

struct world {
    uint64_t now_ms;
    struct node nodes[WORLD_NODES];
    size_t node_count;
    bool in_place;      // nodes read to where the bus wants it
    struct end *server; // answers dials to server_address
    struct net_address server_address;
    uint8_t tcp[1 << 16]; // everything that nodes have sent over TCP
    size_t tcp_len;
};

FIXTURE struct net_address address_of(uint8_t last, uint16_t port)
{
    return (struct net_address){NET_IPV4, {10, 42, 0, last}, port};
}

// ---- Wires ----------------------------------------------------------------------------------------

FIXTURE struct wire *wire_find(struct node *n, uint32_t id)
{
    for (size_t i = 0; i < NODE_WIRES; i++) {
        if (n->wires[i].id == id) {
            return &n->wires[i];
        }
    }
    return NULL;
}

FIXTURE struct wire *wire_new(struct node *n, uint32_t id)
{
    assert_int_not_equal(id, 0);
    assert_null(wire_find(n, id)); // ids in use are different
    struct wire *w = wire_find(n, 0);
    if (w == NULL) {
        fail_msg("more wires than the fixture has");
        abort();
    }
    *w = (struct wire){.id = id};
    return w;
}

FIXTURE void require_wire(const struct wire *w)
{
    if (w == NULL) {
        fail_msg("not connected");
        abort();
    }
}

// The end at the other side says what it has to say.
FIXTURE void wire_end_speaks(struct node *n, const struct wire *w)
{
    require_wire(w);
    uint8_t bytes[FIXTURE_WIRE_MAX];
    size_t len = end_take(w->end, bytes, sizeof bytes);

    if (len > 0) {
        bus_received(&n->bus, n->world->now_ms, w->id, bytes, len);
    }
}

// Bytes from the other end, by either way in.
FIXTURE void node_deliver(struct node *n, uint32_t id, const uint8_t *bytes, size_t len)
{
    uint64_t now_ms = n->world->now_ms;
    uint8_t *room;
    size_t cap;

    while (n->world->in_place && len > 0 && (room = bus_input(&n->bus, id, &cap)) != NULL) {
        assert_true(cap > 0);
        cap = cap < len ? cap : len;
        memcpy(room, bytes, cap);
        bus_input_done(&n->bus, now_ms, id, cap);
        bytes += cap;
        len -= cap;
    }
    if (len > 0) {
        bus_received(&n->bus, now_ms, id, bytes, len);
    }
}

FIXTURE void wire_send(struct node *n, struct wire *w, const uint8_t *bytes, size_t len)
{
    if (w->other_node != NULL) {
        node_deliver(w->other_node, w->other_id, bytes, len);
    } else if (w->end != NULL) {
        w->end->now_ms = n->world->now_ms;
        end_receive(w->end, bytes, len);
        wire_end_speaks(n, w);
    } else {
        assert_true(w->heard_len + len <= sizeof w->heard);
        memcpy(w->heard + w->heard_len, bytes, len);
        w->heard_len += len;
    }
}

FIXTURE void node_output(struct node *n, uint32_t id)
{
    struct world *world = n->world;
    struct wire *w = wire_find(n, id);
    uint8_t bytes[FIXTURE_WIRE_MAX];
    size_t len;
    const uint8_t *out;

    require_wire(w);
    while (!w->stalled && (out = bus_output(&n->bus, id, &len)) != NULL) {
        assert_true(len > 0 && len <= sizeof bytes);
        memcpy(bytes, out, len);
        if (world->tcp_len + len <= sizeof world->tcp) {
            memcpy(world->tcp + world->tcp_len, bytes, len);
            world->tcp_len += len;
        }
        bus_output_done(&n->bus, world->now_ms, id, len);
        wire_send(n, w, bytes, len);
    }
}

FIXTURE void node_close(struct node *n, uint32_t id)
{
    struct wire *w = wire_find(n, id);

    require_wire(w); // exactly one close for each id
    n->closes++;
    if (w->other_node != NULL) {
        struct wire *other = wire_find(w->other_node, w->other_id);
        if (other != NULL) {
            other->other_node = NULL;
            bus_disconnected(&w->other_node->bus, n->world->now_ms, w->other_id);
        }
    }
    if (w->end != NULL) {
        end_event(w->end, session_disconnected(&w->end->session));
    }
    w->id = 0;
}

FIXTURE void node_dial(struct node *n, uint32_t id, const struct net_address *to)
{
    struct world *world = n->world;
    struct wire *w = wire_new(n, id);

    n->dials++;
    if (world->server != NULL && net_address_equal(to, &world->server_address)) {
        w->end = world->server;
        world->server->now_ms = world->now_ms;
        end_listen(world->server);
        bus_connected(&n->bus, world->now_ms, id);
        return;
    }
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *m = &world->nodes[i];
        struct net_address from = n->host;
        uint32_t accepted;
        if (!net_address_same_host(&m->host, to) || m->config.port != to->port || m->unreachable) {
            continue;
        }
        from.port = (uint16_t)(id + 1000);
        bus_connected(&n->bus, world->now_ms, id);
        if (!bus_accepted(&m->bus, world->now_ms, &accepted, &from)) {
            bus_disconnected(&n->bus, world->now_ms, id);
            return;
        }
        struct wire *other = wire_new(m, accepted);
        w->other_node = m;
        w->other_id = accepted;
        other->other_node = n;
        other->other_id = id;
        return;
    }
    bus_connect_failed(&n->bus, world->now_ms, id);
}

FIXTURE void node_datagram(struct node *n, const struct bus_action *action)
{
    struct world *world = n->world;
    uint8_t bytes[ANNOUNCE_BYTES_MAX];
    size_t len = action->data_len;
    struct net_address from = n->host;

    assert_true(len <= sizeof bytes);
    memcpy(bytes, action->data, len);
    memcpy(n->last_datagram, bytes, len);
    n->last_datagram_len = len;
    n->datagrams++;
    from.port = ANNOUNCE_PORT;
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *m = &world->nodes[i];
        if (action->to == BUS_UNICAST && !net_address_same_host(&m->host, &action->address)) {
            continue;
        }
        bus_datagram(&m->bus, world->now_ms, &from, bytes, len);
    }
}

// ---- Running --------------------------------------------------------------------------------------

FIXTURE void node_answer_dh(struct node *n, const struct bus_dh_request *request)
{
    uint8_t shared[32];
    bool good = x25519(shared, n->secret, request->public_key) == NOISE_OK;

    n->dh_count++;
    bus_dh_result(&n->bus, n->world->now_ms, request->id, good ? shared : NULL);
}

FIXTURE bool node_step(struct node *n)
{
    struct bus_dh_request requests[BUS_DH_BATCH_MAX];
    struct bus_action action;
    struct bus_event event;
    bool busy = false;
    size_t count;

    while (!n->hold_dh && (count = bus_dh_take(&n->bus, requests)) > 0) {
        for (size_t i = 0; i < count; i++) {
            node_answer_dh(n, &requests[i]);
        }
        busy = true;
    }
    while (bus_next_action(&n->bus, n->world->now_ms, &action)) {
        busy = true;
        switch (action.type) {
        case BUS_DIAL:
            node_dial(n, action.connection, &action.address);
            break;
        case BUS_OUTPUT:
            node_output(n, action.connection);
            break;
        case BUS_CLOSE:
            node_close(n, action.connection);
            break;
        case BUS_DATAGRAM:
            node_datagram(n, &action);
            break;
        }
    }
    while (bus_next_event(&n->bus, &event)) {
        assert_true(n->log_len < NODE_LOG);
        n->log[n->log_len++] = event;
    }
    return busy;
}

FIXTURE void world_run(struct world *w)
{
    bool busy = true;

    while (busy) {
        busy = false;
        for (size_t i = 0; i < w->node_count; i++) {
            busy |= node_step(&w->nodes[i]);
        }
    }
}

// To this moment, calling each bus at exactly its deadlines.
FIXTURE void world_run_until(struct world *w, uint64_t until_ms)
{
    world_run(w);
    for (;;) {
        uint64_t next_ms = TIME_NEVER;
        for (size_t i = 0; i < w->node_count; i++) {
            uint64_t deadline_ms = bus_next_deadline(&w->nodes[i].bus);
            assert_true(deadline_ms > w->now_ms); // never one that is already due
            next_ms = deadline_ms < next_ms ? deadline_ms : next_ms;
        }
        if (next_ms > until_ms) {
            break;
        }
        w->now_ms = next_ms;
        for (size_t i = 0; i < w->node_count; i++) {
            bus_tick(&w->nodes[i].bus, w->now_ms);
        }
        world_run(w);
    }
    w->now_ms = until_ms;
}

// ---- Setting up -----------------------------------------------------------------------------------

FIXTURE void node_prepare(struct node *n, struct world *w, const char *id, uint8_t last,
                          uint16_t port)
{
    uint8_t seed[RNG_SEED_LEN];

    memset(n, 0, sizeof *n);
    memset(seed, last, sizeof seed);
    rng_seed(&n->rng, seed);
    n->world = w;
    n->host = address_of(last, 0);
    assert_int_equal(rng_random(&n->rng, n->secret, 32), NOISE_OK);
    x25519_base(n->public_key, n->secret);
    n->config = (struct bus_config){.port = port, .ttl_s = 60};
    assert_true(device_id_set(&n->config.session.id, (const uint8_t *)id, strlen(id)));
    memcpy(n->config.session.static_public, n->public_key, 32);
    n->config.session.record_plaintext_max = FIXTURE_RECORD_MAX;
    n->config.session.random = rng_random;
    n->config.session.random_ctx = &n->rng;
    n->config.session.streams_max = NODE_STREAMS - 1;
    n->tables = (struct bus_tables){
        .peers = n->peers,
        .peers_max = NODE_PEERS,
        .devices = n->devices,
        .devices_max = OS_DEVICES_MAX,
        .devices_reserved = OS_DEVICES_RESERVED,
        .sources = n->sources,
        .sources_max = OS_SOURCES_MAX,
        .connections = n->connections,
        .connections_max = NODE_CONNECTIONS,
        .half_open_max = NODE_HALF_OPEN,
        .records = n->records,
        .records_len = sizeof n->records,
        .sessions_max = NODE_SESSIONS,
        .events = n->events,
        .events_max = NODE_EVENTS,
        .streams = n->streams,
        .streams_max = NODE_STREAMS,
        .stream_buffers = n->stream_buffers,
        .stream_buffers_len = sizeof n->stream_buffers,
        .stream_buffer_bytes = FIXTURE_STREAM_BUFFER,
        .outputs = n->outputs,
        .outputs_len = sizeof n->outputs,
        .output_bytes = NODE_OUTPUT_BYTES,
    };
}

FIXTURE struct node *node_start(struct world *w, const char *id, uint8_t last, uint16_t port)
{
    struct node *n = &w->nodes[w->node_count];

    assert_true(w->node_count < WORLD_NODES);
    node_prepare(n, w, id, last, port);
    assert_int_equal(bus_init(&n->bus, &n->config, &n->tables, w->now_ms), BUS_OK);
    w->node_count++;
    return n;
}

FIXTURE uint16_t node_add(struct node *n, const char *id, const uint8_t key[static 32],
                          enum peer_trust trust, bool dial)
{
    struct peer peer = {.trust = (uint8_t)trust, .dial = dial};
    uint16_t index;

    assert_true(device_id_set(&peer.id, (const uint8_t *)id, strlen(id)));
    memcpy(peer.static_key, key, 32);
    assert_int_equal(bus_peer_add(&n->bus, n->world->now_ms, &index, &peer), PEERS_OK);
    return index;
}

// ---- Looking --------------------------------------------------------------------------------------

FIXTURE size_t count_events(const struct node *n, enum bus_event_type type)
{
    size_t count = 0;

    for (size_t i = 0; i < n->log_len; i++) {
        count += n->log[i].type == type;
    }
    return count;
}

// The next event that the node logged is of this type.
FIXTURE const struct bus_event *next_event(struct node *n, enum bus_event_type type)
{
    if (n->log_read == n->log_len) {
        fail_msg("no event where '%s' was expected", bus_event_name(type));
    }
    const struct bus_event *event = &n->log[n->log_read++];
    if (event->type != type) {
        fail_msg("event '%s' (%s) where '%s' was expected", bus_event_name(event->type),
                 close_reason_name((enum close_reason)event->reason), bus_event_name(type));
    }
    return event;
}

FIXTURE const struct bus_event *next_event_because(struct node *n, enum bus_event_type type,
                                                   enum close_reason reason)
{
    const struct bus_event *event = next_event(n, type);

    assert_string_equal(close_reason_name((enum close_reason)event->reason),
                        close_reason_name(reason));
    return event;
}

FIXTURE void no_more_events(const struct node *n)
{
    if (n->log_read < n->log_len) {
        fail_msg("unexpected event '%s'", bus_event_name(n->log[n->log_read].type));
    }
}

FIXTURE void forget_events(struct node *n)
{
    n->log_len = n->log_read = 0;
}

FIXTURE void assert_idle(const struct node *n)
{
    struct bus_counts counts = bus_counts(&n->bus);

    assert_int_equal(counts.half_open, 0);
    assert_int_equal(counts.sessions_up, 0);
    assert_int_equal(counts.places_used, 0);
    assert_int_equal(counts.connections, 0);
    assert_int_equal(n->bus.memory.inputs.used, 0);
    assert_int_equal(n->bus.memory.outputs.used, 0);
}

// ---- From outside ---------------------------------------------------------------------------------

// A connection from a host that is no node, with nobody or an end behind it. NULL if it was not accepted.
FIXTURE struct wire *outside_connect(struct node *n, uint8_t from, struct end *end)
{
    struct net_address source = address_of(from, 50000);
    uint32_t id;

    if (!bus_accepted(&n->bus, n->world->now_ms, &id, &source)) {
        assert_int_equal(id, 0);
        return NULL;
    }
    struct wire *w = wire_new(n, id);
    w->end = end;
    return w;
}

FIXTURE void outside_send(struct node *n, const struct wire *w, const void *bytes, size_t len)
{
    require_wire(w);
    bus_received(&n->bus, n->world->now_ms, w->id, bytes, len);
    world_run(n->world);
}

FIXTURE void outside_hang_up(struct node *n, struct wire *w)
{
    require_wire(w);
    uint32_t id = w->id;
    w->end = NULL;
    bus_disconnected(&n->bus, n->world->now_ms, id);
    world_run(n->world);
}

// The end calls the node from this host, as far as it gets. It must be accepted.
FIXTURE struct wire *outside_call(struct node *n, uint8_t from, struct end *end)
{
    struct end callee = {.config = {.id = n->config.session.id}};
    struct wire *w = outside_connect(n, from, end);

    require_wire(w);
    memcpy(callee.public_key, n->public_key, 32);
    end->now_ms = n->world->now_ms;
    end_call(end, &callee);
    wire_end_speaks(n, w);
    world_run(n->world);
    return w;
}

#endif
