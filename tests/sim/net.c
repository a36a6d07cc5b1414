// SPDX-License-Identifier: Apache-2.0
// The simulator: connections that carry bytes in order, late, in pieces, damaged or not at all; and datagrams.
#include "tests/sim/sim.h"

#include <string.h>

enum { FOE_HOST = 66, EPHEMERAL_PORT = 40000 };

struct net_address net_node_address(uint16_t node)
{
    return (struct net_address){NET_IPV4, {10, 42, 0, (uint8_t)(10 + node)}, 0};
}

// Attackers have a network of their own; the number says what kind of attacker answers there.
struct net_address net_foe_address(uint16_t foe, uint16_t port)
{
    return (struct net_address){NET_IPV4, {10, FOE_HOST, 0, (uint8_t)foe}, port};
}

uint16_t net_pipe_index(const struct sim *sim, const struct pipe *p)
{
    return (uint16_t)(p - sim->pipes);
}

static uint32_t latency(struct sim *sim)
{
    return 1 + sim_below(sim, sim->latency_max_ms);
}

struct pipe *net_open(struct sim *sim, const struct net_address *to)
{
    static const uint32_t caps[] = {64, 1024, PIPE_BYTES, PIPE_BYTES};
    struct pipe *p = sim->pipes;

    while (p < sim->pipes + PIPES_MAX && p->used) {
        p++;
    }
    if (p == sim->pipes + PIPES_MAX) {
        return NULL;
    }
    memset(p, 0, offsetof(struct pipe, dirs));
    for (unsigned i = 0; i < 2; i++) {
        memset(&p->dirs[i], 0, offsetof(struct direction, recorded));
        p->dirs[i].cap = caps[sim_below(sim, 4)];
    }
    p->used = true;
    p->serial = ++sim->serial;
    p->to = *to;
    p->piece_max = PIPE_BYTES;
    p->latency_ms = (uint16_t)latency(sim);
    return p;
}

static void free_if_over(struct pipe *p)
{
    if (!p->ends[0].open && !p->ends[1].open) {
        p->used = false;
    }
}

// The node or attacker at this end, if it is still the same one.
static struct node *node_at(struct sim *sim, const struct pipe_end *end)
{
    struct node *n = &sim->nodes[end->index];

    return end->kind == END_NODE && end->open && n->up && n->boot == end->boot ? n : NULL;
}

static struct foe *foe_at(struct sim *sim, const struct pipe_end *end)
{
    struct foe *f = &sim->foes[end->index];

    return end->kind == END_FOE && end->open && f->serial == end->boot ? f : NULL;
}

static void schedule_delivery(struct sim *sim, struct pipe *p, unsigned side, uint32_t delay_ms)
{
    if (!p->dirs[side].scheduled) {
        p->dirs[side].scheduled = true;
        sim_schedule(sim, delay_ms, EVENT_DELIVER, net_pipe_index(sim, p), (uint16_t)side,
                     p->serial);
    }
}

// ---- Bytes ------------------------------------------------------------------------------------------

static void put(struct direction *d, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        d->bytes[(d->first + d->len + i) % PIPE_BYTES] = bytes[i];
    }
    d->len += (uint32_t)len;
}

size_t net_send(struct sim *sim, struct pipe *p, unsigned side, const uint8_t *bytes, size_t len)
{
    struct direction *d = &p->dirs[side];
    size_t room = d->len < d->cap ? d->cap - d->len : 0;

    if (d->fin || !p->used) {
        return 0;
    }
    if (len > room) {
        len = room;
        d->blocked = true;
    }
    for (size_t i = 0; i < len && d->recorded_len < PIPE_RECORDED; i++) {
        d->recorded[d->recorded_len++] = bytes[i];
    }
    put(d, bytes, len);
    d->taken += len;
    if (len > 0) {
        schedule_delivery(sim, p, side, p->latency_ms);
    }
    return len;
}

// What somebody on the way does to the next piece. Returns its new length.
static size_t tampered(struct sim *sim, struct direction *d, uint8_t *piece, size_t len, size_t cap)
{
    size_t at = sim_below(sim, (uint32_t)len), count;

    switch (d->tamper) {
    case TAMPER_NONE:
        return len;
    case TAMPER_DAMAGE:
        piece[at] ^= (uint8_t)(1 << sim_below(sim, 8));
        sim_count(sim, FAULT_DAMAGED);
        break;
    case TAMPER_DROP:
        count = 1 + sim_below(sim, (uint32_t)(len - at));
        memmove(piece + at, piece + at + count, len - at - count);
        len -= count;
        sim_count(sim, FAULT_DROPPED);
        break;
    case TAMPER_REPEAT:
        count = len <= cap - len ? len : cap - len;
        memcpy(piece + len, piece, count);
        len += count;
        sim_count(sim, FAULT_REPEATED);
        break;
    case TAMPER_INSERT:
        count = 1 + sim_below(sim, 64);
        count = count <= cap - len ? count : cap - len;
        memmove(piece + at + count, piece + at, len - at);
        sim_random_bytes(sim, piece + at, count);
        len += count;
        sim_count(sim, FAULT_INSERTED);
        break;
    }
    d->tamper = TAMPER_NONE;
    return len;
}

static size_t take_piece(struct sim *sim, struct pipe *p, struct direction *d, uint8_t *piece)
{
    size_t len = p->whole ? d->len : 1 + sim_below(sim, p->piece_max), count;

    len = len < d->len ? len : d->len;
    count = len;
    for (size_t i = 0; i < len; i++) {
        piece[i] = d->bytes[(d->first + i) % PIPE_BYTES];
    }
    d->first = (uint32_t)((d->first + len) % PIPE_BYTES);
    d->len -= (uint32_t)len;
    d->delivered += count;
    return tampered(sim, d, piece, len, 2 * (size_t)PIPE_BYTES);
}

static void check_rules(struct sim *sim, struct pipe *p, struct node *n, uint32_t connection)
{
    if (p->needs_stream && (!n->offers || n->bus.memory.streams.used == NODE_STREAMS)) {
        return; // its stream was refused, and what comes on that is dropped
    }
    if (p->must_end_at != 0 && p->dirs[0].delivered >= p->must_end_at &&
        bus_connection_peer(&n->bus, connection) != PEER_NONE) {
        sim_violation(sim, INVARIANT_RULES, "node %u goes on with a peer that has broken a rule",
                      n->index);
    }
}

static void arrive(struct sim *sim, struct pipe *p, unsigned side, const uint8_t *piece, size_t len)
{
    const struct pipe_end *end = &p->ends[1 - side];
    uint32_t connection = end->connection;
    struct node *n = node_at(sim, end);
    struct foe *f = foe_at(sim, end);

    if (n != NULL) {
        n->delivering = connection;
        n->lost_others = 0;
        node_deliver(n, connection, piece, len);
        node_settle(n);
        check_rules(sim, p, n, connection);
        if (n->lost_others > 0) {
            sim_violation(sim, INVARIANT_RULES, "bytes on one connection ended another at node %u",
                          n->index);
        }
    } else if (f != NULL) {
        foe_heard(sim, f, p, piece, len);
    } else if (end->kind == END_NODE && !p->silent) {
        net_reset(sim, p); // there is nobody who knows of this connection
    }
}

static void disconnect(struct sim *sim, struct pipe *p, unsigned side)
{
    struct pipe_end *end = &p->ends[side];
    struct node *n = node_at(sim, end);
    struct foe *f = foe_at(sim, end);

    if (!end->open) {
        return;
    }
    end->open = false;
    if (n != NULL) {
        struct wire *w = node_wire(n, end->connection);
        if (w != NULL) {
            w->pipe = PIPES_MAX;
        }
        bus_disconnected(&n->bus, node_clock(n), end->connection);
    } else if (f != NULL) {
        foe_gone(sim, f, p);
    }
}

// The other side's sending end has been read: whoever waited for room is told.
static void made_room(struct sim *sim, struct pipe *p, unsigned side)
{
    struct node *n = node_at(sim, &p->ends[side]);
    struct foe *f = foe_at(sim, &p->ends[side]);

    p->dirs[side].blocked = false;
    if (n != NULL) {
        (void)node_clock(n);
        bus_writable(&n->bus, p->ends[side].connection);
    } else if (f != NULL) {
        foe_flush(sim, f);
    }
}

bool net_separated(const struct sim *sim, const struct pipe *p)
{
    return sim->now_ms < sim->partition_until_ms && p->ends[0].kind == END_NODE &&
           p->ends[1].kind == END_NODE &&
           sim->nodes[p->ends[0].index].group != sim->nodes[p->ends[1].index].group;
}

void net_deliver(struct sim *sim, struct pipe *p, unsigned side)
{
    static uint8_t piece[2 * PIPE_BYTES + 64];
    struct direction *d = &p->dirs[side];
    uint32_t serial = p->serial;
    size_t len;

    d->scheduled = false;
    if (sim->now_ms < d->stalled_until_ms || net_separated(sim, p)) {
        uint64_t until_ms = d->stalled_until_ms;
        if (net_separated(sim, p) && sim->partition_until_ms > until_ms) {
            until_ms = sim->partition_until_ms;
        }
        schedule_delivery(sim, p, side, (uint32_t)(until_ms - sim->now_ms));
        return;
    }
    if (d->len > 0) {
        len = take_piece(sim, p, d, piece);
        arrive(sim, p, side, piece, len);
        if (!p->used || p->serial != serial) {
            return;
        }
        if (d->blocked) {
            made_room(sim, p, side);
        }
    }
    if (d->len > 0) {
        schedule_delivery(sim, p, side, sim_below(sim, 4));
    } else if (d->fin) {
        disconnect(sim, p, 1 - side);
        free_if_over(p);
    }
}

// ---- Beginning and end ------------------------------------------------------------------------------

void net_close(struct sim *sim, struct pipe *p, unsigned side)
{
    if (!p->ends[side].open) {
        return;
    }
    p->ends[side].open = false;
    p->dirs[side].fin = true;
    if (!p->connected || p->ends[1 - side].kind == END_NONE) {
        p->used = false;
        return;
    }
    schedule_delivery(sim, p, side, p->latency_ms);
    free_if_over(p);
}

void net_reset(struct sim *sim, struct pipe *p)
{
    p->used = false;
    disconnect(sim, p, 0);
    disconnect(sim, p, 1);
}

void net_vanish(struct pipe *p, unsigned side)
{
    const struct pipe_end *other = &p->ends[1 - side];

    p->ends[side].open = false;
    if (other->kind == END_NONE || other->kind == END_MUTE || !other->open) {
        p->used = false;
    }
}

static struct net_address source_of(const struct pipe *p)
{
    struct net_address from = p->ends[0].kind == END_NODE
                                  ? net_node_address(p->ends[0].index)
                                  : net_foe_address((uint16_t)(200 + p->ends[0].index), 0);

    from.port = (uint16_t)(EPHEMERAL_PORT + p->serial % 20000);
    return from;
}

void net_connect(struct sim *sim, struct pipe *p)
{
    uint16_t index = net_pipe_index(sim, p);
    bool for_foe = p->to.bytes[1] == FOE_HOST;
    struct net_address from = source_of(p);

    if (for_foe) {
        foe_called(sim, p);
    }
    for (uint16_t i = 0; i < sim->node_count && !for_foe; i++) {
        struct node *n = &sim->nodes[i];
        if (net_address_same_host(&n->host, &p->to) && n->config.port == p->to.port && n->up) {
            p->ends[1] = (struct pipe_end){.kind = END_NODE, .index = i, .boot = n->boot};
            if (net_separated(sim, p)) {
                p->ends[1].kind = END_NONE;
                return; // nobody answers
            }
            node_accept(n, p, &from);
        }
    }
    if (p->ends[1].kind == END_NONE) {
        sim_schedule(sim, p->latency_ms, EVENT_REFUSED, index, 0, p->serial);
        return;
    }
    p->connected = true;
    sim_schedule(sim, p->latency_ms, EVENT_CONNECTED, index, 0, p->serial);
}

void net_connected(struct sim *sim, struct pipe *p, bool refused)
{
    struct node *n = node_at(sim, &p->ends[0]);
    struct wire *w = n == NULL ? NULL : node_wire(n, p->ends[0].connection);

    if (refused) {
        p->used = false;
        if (foe_at(sim, &p->ends[0]) != NULL) {
            foe_gone(sim, foe_at(sim, &p->ends[0]), p);
        }
    }
    if (w == NULL) {
        if (!refused && p->ends[0].kind == END_NODE) {
            net_reset(sim, p);
        }
        return;
    }
    if (refused) {
        w->pipe = PIPES_MAX;
        bus_connect_failed(&n->bus, node_clock(n), w->id);
        return;
    }
    w->connected = true;
    bus_connected(&n->bus, node_clock(n), w->id);
    w->since_ms = n->bus.now_ms;
}

// All is well from now on, also for what is on its way.
void net_calm(struct sim *sim)
{
    for (size_t i = 0; i < PIPES_MAX; i++) {
        struct pipe *p = &sim->pipes[i];
        if (!p->used) {
            continue;
        }
        p->latency_ms = (uint16_t)latency(sim);
        p->piece_max = PIPE_BYTES;
        for (unsigned side = 0; side < 2; side++) {
            struct direction *d = &p->dirs[side];
            d->tamper = TAMPER_NONE;
            d->cap = PIPE_BYTES;
            d->stalled_until_ms = 0;
            if (d->scheduled) { // perhaps for much later
                d->scheduled = false;
                schedule_delivery(sim, p, side, p->latency_ms);
            }
        }
    }
}

// ---- Datagrams ----------------------------------------------------------------------------------------

void net_datagram(struct sim *sim, uint16_t node, const struct net_address *from,
                  const uint8_t *bytes, size_t len)
{
    struct datagram *d = sim->datagrams;

    while (d < sim->datagrams + DATAGRAMS_MAX && d->used) {
        d++;
    }
    if (d == sim->datagrams + DATAGRAMS_MAX || len > DATAGRAM_BYTES) {
        sim_violation(sim, INVARIANT_HARNESS, "no place for a datagram of %zu bytes", len);
        return;
    }
    *d = (struct datagram){.used = true, .node = node, .from = *from, .len = len};
    memcpy(d->bytes, bytes, len);
    sim_schedule(sim, latency(sim), EVENT_DATAGRAM, (uint16_t)(d - sim->datagrams), 0, 0);
}
