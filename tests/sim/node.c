// SPDX-License-Identifier: Apache-2.0
// The simulator: the shell around one bus. It does what dsoftbus/bus.h says that a shell does, and notes what it saw.
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "noise/noise_xk.h"

enum { PORT_FIRST = 34567, TTL_S = 30, RNG_TAG = 0x5eed };

uint64_t node_clock(struct node *n)
{
    uint64_t clock_ms = (uint64_t)((int64_t)n->sim->now_ms + n->offset_ms);

    n->touched = true;
    if (clock_ms > n->clock_high_ms) {
        n->clock_high_ms = clock_ms;
    }
    return clock_ms;
}

struct wire *node_wire(struct node *n, uint32_t connection)
{
    uint32_t slot = connection & 0xffff;
    struct wire *w;

    if (slot == 0 || slot > NODE_CONNECTIONS) {
        return NULL;
    }
    w = &n->wires[slot - 1];
    return w->id == connection && !w->closed ? w : NULL;
}

static struct wire *new_wire(struct node *n, uint32_t connection, uint16_t pipe)
{
    uint32_t slot = connection & 0xffff;
    struct wire *w;

    if (slot == 0 || slot > NODE_CONNECTIONS) {
        sim_violation(n->sim, INVARIANT_EVENTS, "connection %08x has no place", connection);
        return NULL;
    }
    w = &n->wires[slot - 1];
    if (w->id == connection || (w->id != 0 && !w->closed)) {
        sim_violation(n->sim, INVARIANT_EVENTS, "connection %08x is used twice", connection);
        return NULL;
    }
    *w =
        (struct wire){.id = connection, .pipe = pipe, .peer = PEER_NONE, .since_ms = n->bus.now_ms};
    return w;
}

// ---- Beginning and end ------------------------------------------------------------------------------

static enum noise_error random_function(void *context, uint8_t *out, size_t len)
{
    struct node *n = context;

    if (n->random_fails) {
        n->random_fails = false;
        memset(out, 0, len);
        return NOISE_ERR_RANDOM;
    }
    return rng_random(&n->rng, out, len);
}

static void list_peer(struct node *n, uint8_t owner, enum peer_trust trust, bool dial,
                      bool configured)
{
    uint16_t i = n->peer_count++;

    n->peer_owner[i] = owner;
    n->peer_trust[i] = (uint8_t)trust;
    n->peer_dial[i] = dial;
    n->peer_configured[i] = configured;
    n->peer_wrong[i] = false;
}

// Whom it trusts. Node 1 is always dialled by node 0, so that there is something to look at.
static void choose_peers(struct node *n)
{
    struct sim *sim = n->sim;

    n->peer_count = 0;
    for (uint16_t i = 0; i < sim->node_count; i++) {
        bool sure = n->index + i == 1;
        uint32_t draw = sim_below(sim, 100);
        if (i == n->index || (!sure && draw >= 90)) {
            continue;
        }
        list_peer(n, (uint8_t)i,
                  sure || draw < 82 ? PEER_TRUSTED
                  : draw < 86       ? PEER_PENDING
                                    : PEER_REVOKED,
                  n->index == 0 || sim_chance(sim, 40), sim_chance(sim, 50));
        n->peer_wrong[n->peer_count - 1] = !sure && sim_chance(sim, 4);
    }
    list_peer(n, OWNER_ROGUE, PEER_TRUSTED, false, false);
    list_peer(n, OWNER_REVOKED, sim_chance(sim, 50) ? PEER_REVOKED : PEER_PENDING, false, false);
}

static void prepare_config(struct node *n)
{
    struct sim *sim = n->sim;
    struct session_config *session = &n->config.session;
    char id[16];

    n->config = (struct bus_config){.port = (uint16_t)(PORT_FIRST + n->index), .ttl_s = TTL_S};
    snprintf(id, sizeof id, "node-%u", n->index);
    (void)!device_id_set(&session->id, (const uint8_t *)id, strlen(id));
    memcpy(session->static_public, n->public_key, sizeof n->public_key);
    session->record_plaintext_max =
        (uint16_t)(RECORD_PLAINTEXT_BYTES_MIN +
                   sim_below(sim, NODE_RECORD_MAX - RECORD_PLAINTEXT_BYTES_MIN + 1));
    session->streams_max = NODE_STREAMS_PER_SESSION;
    session->random = random_function;
    session->random_ctx = n;
    if (sim_chance(sim, 50)) {
        session->rekey_records = 1 + sim_below(sim, 20);
        session->rekey_ms = 1 + sim_below(sim, 20000);
    }
}

static void prepare_tables(struct node *n)
{
    uint32_t buffer_bytes = STREAM_BUFFER_BYTES_MIN +
                            sim_below(n->sim, NODE_STREAM_BUFFER_MAX - STREAM_BUFFER_BYTES_MIN + 1);
    uint32_t output_bytes = (uint32_t)BUS_OUTPUT_BYTES(n->config.session.record_plaintext_max, 2);

    n->tables = (struct bus_tables){
        .peers = n->peers,
        .peers_max = NODE_PEERS,
        .devices = n->devices,
        .devices_max = NODE_DEVICES,
        .devices_reserved = NODE_DEVICES_RESERVED,
        .sources = n->sources,
        .sources_max = NODE_SOURCES,
        .connections = n->connections,
        .connections_max = NODE_CONNECTIONS,
        .half_open_max = NODE_HALF_OPEN,
        .records = n->records,
        .records_len = sizeof n->records,
        .sessions_max = n->sim->session_places,
        .events = n->events,
        .events_max = NODE_EVENTS,
        .streams = n->streams,
        .streams_max = NODE_STREAMS,
        .stream_buffers = n->stream_buffers,
        .stream_buffers_len = sizeof n->stream_buffers,
        .stream_buffer_bytes = buffer_bytes,
        .outputs = n->outputs,
        .outputs_len = sizeof n->outputs,
        .output_bytes = output_bytes,
    };
}

void node_prepare(struct sim *sim, uint16_t index)
{
    struct node *n = &sim->nodes[index];

    n->sim = sim;
    n->index = index;
    n->up = n->touched = n->random_fails = false;
    n->boot = 0;
    n->offset_ms = (int64_t)sim_below(sim, 1000000);
    n->group = 0;
    n->in_place = sim_chance(sim, 50);
    n->host = net_node_address(index);
    memcpy(n->secret, sim->secrets[index], sizeof n->secret);
    memcpy(n->public_key, sim->keys[index], sizeof n->public_key);
    choose_peers(n);
    prepare_config(n);
    prepare_tables(n);
}

static void add_peers(struct node *n)
{
    for (uint16_t i = 0; i < n->peer_count; i++) {
        uint8_t owner = n->peer_owner[i];
        struct peer peer = {.trust = n->peer_trust[i], .dial = n->peer_dial[i]};
        char id[16];
        uint16_t index;

        snprintf(id, sizeof id, "node-%u", owner); // an attacker that is listed has a number too
        (void)!device_id_set(&peer.id, (const uint8_t *)id, strlen(id));
        memcpy(peer.static_key, n->sim->keys[owner], sizeof peer.static_key);
        peer.static_key[0] ^= n->peer_wrong[i]; // listed with a key that nobody has
        if (n->peer_configured[i]) {
            peer.configured = net_node_address(owner);
            peer.configured.port = (uint16_t)(PORT_FIRST + owner);
        }
        n->dialled_ms[i] = TIME_NEVER;
        if (bus_peer_add(&n->bus, node_clock(n), &index, &peer) != PEERS_OK || index != i) {
            sim_violation(n->sim, INVARIANT_HARNESS, "a peer was not taken");
        }
    }
}

void node_boot(struct node *n)
{
    uint8_t seed[RNG_SEED_LEN];
    uint64_t x = sim_mix(n->sim->seed ^ RNG_TAG) + ((uint64_t)n->index << 32) + ++n->boot;

    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)sim_mix(x + ((uint64_t)i << 48));
    }
    rng_seed(&n->rng, seed);
    memset(n->wires, 0, sizeof n->wires);
    memset(n->apps, 0, sizeof n->apps);
    n->up = true;
    n->random_fails = false;
    n->clock_high_ms = 0;
    n->withdrawn = 0;
    if (bus_init(&n->bus, &n->config, &n->tables, node_clock(n)) != BUS_OK) {
        sim_violation(n->sim, INVARIANT_HARNESS, "node %u does not start", n->index);
        return;
    }
    add_peers(n);
    n->offers = false;
    traffic_offer(n, true);
    bus_announce(&n->bus, node_clock(n));
    sim_schedule(n->sim, 1 + sim_below(n->sim, 50), EVENT_APP, n->index, 0, n->boot);
    sim_say(n->sim, "node %u: starts, the %u. time", n->index, n->boot);
}

void node_stop(struct node *n, bool silent)
{
    for (size_t i = 0; i < PIPES_MAX; i++) {
        struct pipe *p = &n->sim->pipes[i];
        for (unsigned side = 0; side < 2 && p->used; side++) {
            if (p->ends[side].kind != END_NODE || p->ends[side].index != n->index ||
                !p->ends[side].open) {
                continue;
            }
            p->silent = silent && sim_chance(n->sim, 50);
            if (silent) {
                net_vanish(p, side);
            } else {
                p->ends[side].open = false;
                net_reset(n->sim, p);
            }
        }
    }
    n->up = false;
    n->touched = false;
}

// ---- Actions ----------------------------------------------------------------------------------------

static void dial(struct node *n, const struct bus_action *action)
{
    struct sim *sim = n->sim;
    struct pipe *p = net_open(sim, &action->address);
    struct wire *w =
        new_wire(n, action->connection, p == NULL ? PIPES_MAX : net_pipe_index(sim, p));
    const struct connection *c = bus_find(&n->bus, action->connection);

    if (w == NULL || c == NULL || c->peer >= n->peer_count) {
        sim_violation(sim, INVARIANT_EVENTS, "node %u dials without a connection", n->index);
        return;
    }
    w->dialled = true;
    w->peer = c->peer;
    sim_say(sim, "node %u: dials node %u at 10.%u.0.%u", n->index, n->peer_owner[c->peer],
            action->address.bytes[1], action->address.bytes[3]);
    if (n->dialled_ms[c->peer] != TIME_NEVER &&
        n->bus.now_ms < n->dialled_ms[c->peer] + DIAL_BACKOFF_FIRST_MS) {
        sim_violation(sim, INVARIANT_DIAL, "node %u dials peer %u again after %u ms", n->index,
                      c->peer, (unsigned)(n->bus.now_ms - n->dialled_ms[c->peer]));
    }
    n->dialled_ms[c->peer] = n->bus.now_ms;
    if (p == NULL) {
        return; // nobody answers
    }
    p->ends[0] = (struct pipe_end){END_NODE, true, n->index, n->boot, w->id};
    sim_schedule(sim, p->latency_ms, EVENT_CONNECT, net_pipe_index(sim, p), 0, p->serial);
}

static unsigned side_of(const struct node *n, const struct pipe *p, const struct wire *w)
{
    return p->ends[0].kind == END_NODE && p->ends[0].index == n->index &&
                   p->ends[0].connection == w->id
               ? 0
               : 1;
}

static void output(struct node *n, uint32_t connection)
{
    struct sim *sim = n->sim;
    struct wire *w = node_wire(n, connection);
    const uint8_t *bytes;
    struct pipe *p;
    size_t len;

    if (w == NULL) {
        sim_violation(sim, INVARIANT_EVENTS, "output for a connection that is not there");
        return;
    }
    p = w->pipe == PIPES_MAX ? NULL : &sim->pipes[w->pipe];
    while ((bytes = bus_output(&n->bus, connection, &len)) != NULL) {
        size_t sent = p == NULL ? len : net_send(sim, p, side_of(n, p, w), bytes, len);
        w->bytes_out += sent;
        if (w->inbound && !w->established && w->bytes_out > w->bytes_in) {
            sim_violation(sim, INVARIANT_AMPLIFY, "node %u sends %u bytes for %u", n->index,
                          (unsigned)w->bytes_out, (unsigned)w->bytes_in);
        }
        bus_output_done(&n->bus, node_clock(n), connection, sent);
        if (sent < len) {
            return;
        }
    }
}

static void close_wire(struct node *n, uint32_t connection)
{
    struct sim *sim = n->sim;
    struct wire *w = node_wire(n, connection);

    if (w == NULL) {
        sim_violation(sim, INVARIANT_EVENTS, "a close for a connection that is not there");
        return;
    }
    w->closed = true;
    if (w->pipe != PIPES_MAX) {
        struct pipe *p = &sim->pipes[w->pipe];
        net_close(sim, p, side_of(n, p, w));
    }
}

static void announce(struct node *n, const struct bus_action *action)
{
    struct sim *sim = n->sim;
    struct net_address from = n->host;

    from.port = ANNOUNCE_PORT;
    for (uint16_t i = 0; i < sim->node_count; i++) {
        const struct node *to = &sim->nodes[i];
        bool separated = sim->now_ms < sim->partition_until_ms && to->group != n->group;
        if (action->to == BUS_BROADCAST || // which here goes the way of multicast
            (action->to == BUS_UNICAST && !net_address_same_host(&to->host, &action->address))) {
            continue;
        }
        if (i != n->index && (separated || sim_chance(sim, sim->quiet ? 0 : sim->loss_percent))) {
            sim->totals->faults[FAULT_DATAGRAM_LOST]++;
            continue;
        }
        net_datagram(sim, i, &from, action->data, action->data_len);
        if (!sim->quiet && sim_chance(sim, sim->repeat_percent)) {
            sim->totals->faults[FAULT_DATAGRAM_REPEATED]++;
            net_datagram(sim, i, &from, action->data, action->data_len);
        }
    }
}

static void act(struct node *n, const struct bus_action *action)
{
    switch (action->type) {
    case BUS_DIAL:
        dial(n, action);
        return;
    case BUS_OUTPUT:
        output(n, action->connection);
        return;
    case BUS_CLOSE:
        close_wire(n, action->connection);
        return;
    case BUS_DATAGRAM:
        announce(n, action);
        return;
    }
}

// ---- Diffie-Hellman ---------------------------------------------------------------------------------

static void ask_key_holder(struct node *n, const struct bus_dh_request *request)
{
    struct sim *sim = n->sim;
    struct dh_job *job = sim->dh_jobs;

    while (job < sim->dh_jobs + DH_MAX && job->used) {
        job++;
    }
    if (job == sim->dh_jobs + DH_MAX) {
        return; // it never answers
    }
    *job = (struct dh_job){.used = true, .node = n->index, .boot = n->boot, .request = *request};
    sim_schedule(sim, sim_chance(sim, 50) ? 0 : sim_below(sim, 30), EVENT_DH,
                 (uint16_t)(job - sim->dh_jobs), 0, 0);
}

void node_answer_dh(struct sim *sim, struct dh_job *job)
{
    struct node *n = &sim->nodes[job->node];
    uint8_t secret[DSB_KEY_BYTES];
    bool good;

    job->used = false;
    if (!n->up || n->boot != job->boot) {
        return;
    }
    good = xk_dh(secret, n->secret, job->request.public_key) == NOISE_OK;
    if (!sim->quiet && sim_below(sim, 1000) < sim->dh_fail_permille) {
        sim_count(sim, FAULT_DH_FAILED);
        good = false;
    }
    bus_dh_result(&n->bus, node_clock(n), job->request.id, good ? secret : NULL);
}

// ---- What the shell does after each call --------------------------------------------------------------

static void read_events(struct node *n)
{
    struct bus_event event;

    while (!n->sim->failed && bus_next_event(&n->bus, &event)) {
        check_event(n, &event);
        if (event.type == BUS_PONGED) {
            traffic_ponged(n, &event);
        }
    }
}

void node_settle(struct node *n)
{
    struct bus_dh_request requests[BUS_DH_BATCH_MAX];
    uint64_t clock_ms = node_clock(n), deadline_ms;
    struct stream_status status;
    struct bus_action action;
    uint32_t stream;
    size_t count;

    if (n->sim->failed) {
        return;
    }
    while ((count = bus_dh_take(&n->bus, requests)) > 0) {
        for (size_t i = 0; i < count; i++) {
            ask_key_holder(n, &requests[i]);
        }
    }
    while (!n->sim->failed && bus_next_action(&n->bus, clock_ms, &action)) {
        act(n, &action);
    }
    read_events(n);
    while (!n->sim->failed && bus_next_stream(&n->bus, &stream, &status)) {
        traffic_news(n, stream, &status);
    }
    deadline_ms = bus_next_deadline(&n->bus);
    n->tick_at_ms = deadline_ms == TIME_NEVER ? TIME_NEVER
                    : deadline_ms <= clock_ms ? n->sim->now_ms
                                              : (uint64_t)((int64_t)deadline_ms - n->offset_ms);
}

void node_accept(struct node *n, struct pipe *p, const struct net_address *from)
{
    uint32_t connection;
    struct wire *w;

    if (!bus_accepted(&n->bus, node_clock(n), &connection, from)) {
        p->dirs[1].fin = true; // TCP was up for a moment
        sim_schedule(n->sim, 2 * (uint64_t)p->latency_ms, EVENT_DELIVER, net_pipe_index(n->sim, p),
                     1, p->serial);
        return;
    }
    w = new_wire(n, connection, net_pipe_index(n->sim, p));
    p->ends[1].connection = connection;
    p->ends[1].open = true;
    if (w != NULL) {
        w->inbound = w->connected = true;
    }
}

void node_deliver(struct node *n, uint32_t connection, const uint8_t *bytes, size_t len)
{
    struct wire *w = node_wire(n, connection);
    uint64_t clock_ms = node_clock(n);
    uint8_t *room;
    size_t cap;

    if (w != NULL) {
        w->bytes_in += len;
    }
    while (n->in_place && len > 0 && (room = bus_input(&n->bus, connection, &cap)) != NULL) {
        cap = cap < len ? cap : len;
        memcpy(room, bytes, cap);
        bus_input_done(&n->bus, clock_ms, connection, cap);
        bytes += cap;
        len -= cap;
    }
    if (len > 0) {
        bus_received(&n->bus, clock_ms, connection, bytes, len);
    }
}
