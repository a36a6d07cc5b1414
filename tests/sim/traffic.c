// SPDX-License-Identifier: Apache-2.0
// The simulator: applications with streams. Each byte of a stream follows from the session, the stream, the writer and
// its place in the stream, so that the reader knows what has to come.
#include "tests/sim/sim.h"

#include <string.h>

enum {
    CHUNK_MAX = 3000,
    WRITE_MAX = 12000,
    PROBE_BYTES = 2000,
    PROBE_GAP_MS = 500,
    OPEN_PERCENT = 25
};

// ---- Bytes ------------------------------------------------------------------------------------------

static uint64_t flow_key(const struct sim *sim, const struct flow *flow, unsigned writer)
{
    const struct handshake *h = &sim->handshakes[flow->handshake];
    uint64_t incarnation;

    memcpy(&incarnation, h->hash, sizeof incarnation);
    return sim_mix(incarnation ^ sim->seed) +
           sim_mix((uint64_t)h->owner[writer] << 32 | (uint64_t)writer << 16 | flow->id);
}

static void fill(uint8_t *out, uint64_t key, uint64_t at, size_t len)
{
    uint64_t word = sim_mix(key + at / 8);

    for (size_t i = 0; i < len; i++) {
        if ((at + i) % 8 == 0) {
            word = sim_mix(key + (at + i) / 8);
        }
        out[i] = (uint8_t)(word >> (at + i) % 8 * 8);
    }
}

// Finds out which flow it is, once its session and number are known; false before.
static bool find_flow(struct node *n, struct app_stream *app, const struct stream_status *status)
{
    struct sim *sim = n->sim;
    const struct connection *c = bus_find(&n->bus, status->connection);
    uint16_t handshake;

    if (app->flow < FLOWS_MAX) {
        return true;
    }
    if (c == NULL || !c->established || status->id == 0) {
        return false;
    }
    handshake = check_handshake(sim, c->session.hash);
    for (size_t i = sim->flow_count; i > 0; i--) {
        const struct flow *flow = &sim->flows[i - 1];
        if (flow->handshake == handshake && flow->id == status->id) {
            app->flow = (uint16_t)(i - 1);
            return true;
        }
    }
    if (sim->flow_count == FLOWS_MAX) {
        sim_violation(sim, INVARIANT_HARNESS, "too many streams to remember");
        return false;
    }
    app->flow = (uint16_t)sim->flow_count++;
    sim->flows[app->flow] = (struct flow){.handshake = handshake, .id = status->id};
    return true;
}

// Which side of the session this end of the stream is: the initiator opens odd numbers.
static unsigned own_side(const struct stream_status *status)
{
    return (status->id % 2 == 1) == status->ours ? 0 : 1;
}

// ---- Streams of one node ------------------------------------------------------------------------------

static struct app_stream *app_find(struct node *n, uint32_t handle)
{
    for (size_t i = 0; i < NODE_STREAMS; i++) {
        if (n->apps[i].handle == handle) {
            return &n->apps[i];
        }
    }
    return NULL;
}

static struct app_stream *app_take(struct node *n, uint32_t handle, bool ours)
{
    struct sim *sim = n->sim;
    struct app_stream *app = app_find(n, 0);

    if (app == NULL || handle == 0) {
        sim_violation(sim, INVARIANT_LIMITS, "node %u has more streams than it may have", n->index);
        return NULL;
    }
    *app = (struct app_stream){.handle = handle,
                               .flow = FLOWS_MAX,
                               .probe = PROBES_MAX,
                               .ours = ours,
                               .may_write = true,
                               .to_write = sim_below(sim, WRITE_MAX),
                               .will_close = !sim->quiet && sim_chance(sim, 15),
                               .slow = !sim->quiet && sim_chance(sim, 20)};
    sim->totals->streams += ours;
    return app;
}

static void app_close(struct node *n, struct app_stream *app, enum bye_reason reason)
{
    struct sim *sim = n->sim;

    if (app->probe < PROBES_MAX && sim->probes[app->probe].stream == app->handle) {
        sim->probes[app->probe].stream = 0;
    }
    bus_stream_close(&n->bus, node_clock(n), app->handle, reason);
    app->handle = 0;
}

void traffic_close_all(struct node *n)
{
    for (size_t i = 0; i < NODE_STREAMS; i++) {
        if (n->apps[i].handle != 0) {
            app_close(n, &n->apps[i], BYE_SHUTTING_DOWN);
        }
    }
}

void traffic_offer(struct node *n, bool offers)
{
    enum bus_error error = n->offers == offers ? BUS_OK
                           : offers            ? bus_service_add(&n->bus, node_clock(n), "svc", 3)
                                    : bus_service_remove(&n->bus, node_clock(n), "svc", 3);

    if (error != BUS_OK) {
        sim_violation(n->sim, INVARIANT_HARNESS, "a service was not taken");
    }
    n->offers = offers;
}

void traffic_news(struct node *n, uint32_t stream, const struct stream_status *status)
{
    uint32_t slot = status->connection & 0xffff;
    const struct wire *w = &n->wires[slot == 0 || slot > NODE_CONNECTIONS ? 0 : slot - 1];
    struct app_stream *app = app_find(n, stream);

    if (w->id != status->connection || !w->established ||
        ((status->ready & STREAM_OFFERED) != 0 && w->ended)) {
        sim_violation(n->sim, INVARIANT_EVENTS, "node %u: news of a stream without a session",
                      n->index);
        return;
    }
    if (app == NULL && (status->ready & STREAM_OFFERED) != 0 &&
        (!n->offers || status->service.len != 3 || memcmp(status->service.bytes, "svc", 3) != 0)) {
        sim_violation(n->sim, INVARIANT_EVENTS, "node %u is offered a service that it has not",
                      n->index);
    }
    if (app == NULL) {
        app = app_take(n, stream, false);
    }
    if (app != NULL) {
        app->may_read |= (status->ready & (STREAM_READABLE | STREAM_GONE)) != 0;
        app->may_write |= (status->ready & STREAM_WRITABLE) != 0;
    }
}

// ---- Reading ------------------------------------------------------------------------------------------

// What an attacker writes is its own affair.
static bool by_foe(const struct sim *sim, const struct flow *flow, unsigned writer)
{
    return sim->handshakes[flow->handshake].owner[writer] >= NODES_MAX;
}

static void compare(struct node *n, struct flow *flow, unsigned writer, const uint8_t *bytes,
                    size_t len)
{
    struct flow_side *side = &flow->sides[writer];
    uint8_t expected[CHUNK_MAX];

    if (by_foe(n->sim, flow, writer)) {
        return;
    }
    if (len > CHUNK_MAX || side->read + len > side->written) {
        sim_violation(n->sim, INVARIANT_DATA, "node %u reads more than was written", n->index);
        return;
    }
    fill(expected, flow_key(n->sim, flow, writer), side->read, len);
    if (memcmp(expected, bytes, len) != 0) {
        sim_violation(n->sim, INVARIANT_DATA, "node %u reads other bytes than were written, at %u",
                      n->index, (unsigned)side->read);
    }
    side->read += len;
    n->sim->totals->bytes += len;
}

static enum stream_error read_piece(struct node *n, uint32_t handle, struct flow *flow,
                                    unsigned writer)
{
    uint8_t bytes[CHUNK_MAX];
    size_t want = 1 + sim_below(n->sim, CHUNK_MAX), len;
    const uint8_t *front;
    enum stream_error error;

    if (sim_chance(n->sim, 50)) {
        error = bus_stream_read(&n->bus, node_clock(n), handle, bytes, want, &len);
        if (error == STREAM_OK) {
            compare(n, flow, writer, bytes, len);
        }
        return error;
    }
    error = bus_stream_peek(&n->bus, handle, &front, &len);
    if (error == STREAM_OK) {
        len = len < want ? len : want;
        compare(n, flow, writer, front, len);
        bus_stream_consume(&n->bus, node_clock(n), handle, len);
    }
    return error;
}

// False when there is nothing more to come, for whatever reason.
static bool app_read(struct node *n, struct app_stream *app, struct flow *flow, unsigned writer)
{
    struct flow_side *side = &flow->sides[writer];
    unsigned pieces = app->slow ? sim_below(n->sim, 2) : 4;

    for (unsigned i = 0; i < pieces && !n->sim->failed; i++) {
        enum stream_error error = read_piece(n, app->handle, flow, writer);
        if (error == STREAM_WOULD_BLOCK) {
            app->may_read = false;
            return true;
        }
        if (error == STREAM_END) {
            bool complete = side->finished && side->read == side->written;
            if (!complete && !by_foe(n->sim, flow, writer)) {
                sim_violation(n->sim, INVARIANT_END,
                              "node %u is told the end after %u of %u bytes, %s", n->index,
                              (unsigned)side->read, (unsigned)side->written,
                              side->finished ? "all" : "not all");
            }
            app->read_end = side->read_end = true;
            return true;
        }
        if (error != STREAM_OK) {
            return false;
        }
    }
    return true;
}

// ---- Writing ------------------------------------------------------------------------------------------

static void app_write(struct node *n, struct app_stream *app, struct flow *flow, unsigned writer)
{
    struct flow_side *side = &flow->sides[writer];
    uint8_t bytes[CHUNK_MAX];
    size_t len = 1 + sim_below(n->sim, CHUNK_MAX), taken = 0;
    enum stream_error error;

    len = len < app->to_write ? len : app->to_write;
    fill(bytes, flow_key(n->sim, flow, writer), side->written, len);
    if (len > 0) {
        error = bus_stream_write(&n->bus, node_clock(n), app->handle, bytes, len, &taken);
        app->may_write = error == STREAM_OK && taken == len;
        side->written += taken;
        app->to_write -= (uint32_t)taken;
    }
    if (app->to_write == 0 && bus_stream_finish(&n->bus, node_clock(n), app->handle) == STREAM_OK) {
        side->finished = app->finished = true;
    }
}

// ---- What an application does when it is its time -----------------------------------------------------

static void probe_done(struct node *n, const struct app_stream *app)
{
    struct probe *probe = app->probe < PROBES_MAX ? &n->sim->probes[app->probe] : NULL;

    if (probe != NULL && probe->pinged) {
        probe->done = true;
        sim_say(n->sim, "node %u and node %u work", probe->node, probe->other);
    }
}

static void app_step(struct node *n, struct app_stream *app)
{
    struct stream_status status;
    struct flow *flow;
    unsigned own;
    bool known;

    if (!bus_stream_status(&n->bus, app->handle, &status)) {
        sim_violation(n->sim, INVARIANT_EVENTS, "node %u: a stream is gone that nobody has closed",
                      n->index);
        return;
    }
    if ((status.ready & STREAM_OFFERED) != 0 && !n->sim->quiet && sim_chance(n->sim, 10)) {
        app_close(n, app, sim_chance(n->sim, 50) ? BYE_NOT_PERMITTED : BYE_LIMIT);
        return;
    }
    if ((status.ready & STREAM_OFFERED) != 0 &&
        bus_stream_accept(&n->bus, node_clock(n), app->handle) == STREAM_OK) {
        app->accepted = app->may_read = true;
    }
    known = find_flow(n, app, &status);
    own = own_side(&status);
    if (!known || (app->will_close && sim_chance(n->sim, 10))) {
        if (known || (status.ready & STREAM_GONE) != 0) {
            app_close(n, app, BYE_NORMAL);
        }
        return;
    }
    flow = &n->sim->flows[app->flow];
    if (app->may_read && !app->read_end && !app_read(n, app, flow, 1 - own)) {
        app_close(n, app, BYE_NORMAL);
        return;
    }
    if (app->may_write && !app->finished) {
        app_write(n, app, flow, own);
    }
    if (app->finished && app->read_end) {
        probe_done(n, app);
        app_close(n, app, BYE_NORMAL);
    }
}

static void maybe_open(struct node *n)
{
    struct sim *sim = n->sim;
    uint16_t peer = (uint16_t)sim_below(sim, n->peer_count);
    uint32_t session =
        bus_session(&n->bus, peer, sim_chance(sim, 50) ? SESSION_INITIATOR : SESSION_RESPONDER);
    bool known = sim_chance(sim, 95);
    uint32_t stream;

    if (session == 0 && sim_chance(sim, 5)) { // a client wants to reach it, marked or not
        (void)!bus_peer_dial(&n->bus, node_clock(n), peer);
    }
    if (session == 0 || app_find(n, 0) == NULL) {
        return;
    }
    if (sim_chance(sim, 20) && bus_ping(&n->bus, node_clock(n), session) != 0) {
        sim->totals->pings++;
    }
    if (bus_stream_open(&n->bus, node_clock(n), &stream, session, known ? "svc" : "other",
                        known ? 3 : 5) == STREAM_OK) {
        (void)app_take(n, stream, true);
    }
}

// ---- After the faults -----------------------------------------------------------------------------------

static bool trusts(const struct node *n, uint8_t owner)
{
    for (uint16_t i = 0; i < n->peer_count; i++) {
        if (n->peer_owner[i] == owner) {
            return n->peer_trust[i] == PEER_TRUSTED && !n->peer_wrong[i];
        }
    }
    return false;
}

void traffic_want_probes(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->node_count && !sim->starved; i++) {
        const struct node *n = &sim->nodes[i];
        for (uint16_t peer = 0; peer < n->peer_count; peer++) {
            uint8_t other = n->peer_owner[peer];
            if (other < NODES_MAX && n->peer_dial[peer] && trusts(n, other) &&
                trusts(&sim->nodes[other], (uint8_t)i)) {
                sim->probes[sim->probe_count++] =
                    (struct probe){.node = i, .peer = peer, .other = other};
            }
        }
    }
}

bool traffic_converged(const struct sim *sim)
{
    for (size_t i = 0; i < sim->probe_count; i++) {
        if (!sim->probes[i].done) {
            return false;
        }
    }
    return true;
}

void traffic_ponged(struct node *n, const struct bus_event *event)
{
    for (size_t i = 0; i < n->sim->probe_count; i++) {
        struct probe *probe = &n->sim->probes[i];
        if (probe->node == n->index && probe->connection == event->connection &&
            probe->ping == event->ping && event->ping != 0) {
            probe->pinged = true;
        }
    }
}

// Tries the session that there is now, again when it was lost meanwhile: a PING first, and when that was answered a
// stream with both directions used to their ends.
static void probe_step(struct node *n, uint16_t index)
{
    struct probe *probe = &n->sim->probes[index];
    uint32_t session = bus_session(&n->bus, probe->peer, SESSION_INITIATOR);
    struct app_stream *app;

    if (probe->node != n->index || probe->done || session == 0) {
        return;
    }
    if (probe->connection != session) {
        probe->connection = session;
        probe->ping = 0;
        probe->pinged = false;
    }
    if (probe->ping == 0) {
        probe->ping = bus_ping(&n->bus, node_clock(n), session);
        n->sim->totals->pings += probe->ping != 0;
    }
    if (!probe->pinged || probe->stream != 0 || n->sim->now_ms < probe->again_ms ||
        app_find(n, 0) == NULL ||
        bus_stream_open(&n->bus, node_clock(n), &probe->stream, session, "svc", 3) != STREAM_OK) {
        return;
    }
    probe->again_ms = n->sim->now_ms + PROBE_GAP_MS;
    app = app_take(n, probe->stream, true);
    if (app != NULL) {
        app->probe = index;
        app->to_write = PROBE_BYTES;
    }
}

void traffic_step(struct node *n)
{
    for (size_t i = 0; i < NODE_STREAMS && !n->sim->failed; i++) {
        if (n->apps[i].handle != 0) {
            app_step(n, &n->apps[i]);
        }
    }
    for (uint16_t i = 0; i < n->sim->probe_count && !n->sim->failed; i++) {
        probe_step(n, i);
    }
    if (!n->sim->quiet && sim_chance(n->sim, OPEN_PERCENT)) {
        maybe_open(n);
    }
}
