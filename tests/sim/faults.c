// SPDX-License-Identifier: Apache-2.0
// The simulator: which fault comes next, and the end of all faults.
#include "tests/sim/sim.h"

enum {
    FAULT_GAP_MS = 3500,
    CLOCK_BACK_MS_MAX = 20000, // in all: as long as that a node's timers stand still
};

static struct node *any_node(struct sim *sim)
{
    return &sim->nodes[sim_below(sim, sim->node_count)];
}

// A connection between two nodes, or through a relay; NULL if the draw finds none.
static struct pipe *any_pipe(struct sim *sim)
{
    uint32_t from = sim_below(sim, PIPES_MAX);

    for (uint32_t i = 0; i < PIPES_MAX; i++) {
        struct pipe *p = &sim->pipes[(from + i) % PIPES_MAX];
        bool ours = true;
        for (unsigned side = 0; side < 2; side++) {
            const struct pipe_end *end = &p->ends[side];
            ours = ours && end->open &&
                   (end->kind == END_NODE ||
                    (end->kind == END_FOE && sim->foes[end->index].kind == FOE_RELAY));
        }
        if (p->used && p->connected && ours) {
            return p;
        }
    }
    return NULL;
}

static void fault_broken(struct sim *sim)
{
    struct pipe *p = any_pipe(sim);

    if (p != NULL) {
        sim_count(sim, FAULT_BROKEN);
        net_reset(sim, p);
    }
}

static void fault_stalled(struct sim *sim)
{
    struct pipe *p = any_pipe(sim);

    if (p != NULL) {
        unsigned side = sim_below(sim, 2);
        sim_count(sim, FAULT_STALLED);
        p->dirs[side].stalled_until_ms =
            sim->now_ms + sim_below(sim, sim_chance(sim, 20) ? 60000 : 5000);
    }
}

static void fault_pieces(struct sim *sim)
{
    struct pipe *p = any_pipe(sim);

    if (p != NULL) {
        sim_count(sim, FAULT_PIECES);
        p->piece_max = (uint16_t)(sim_chance(sim, 20) ? 4 : 100);
    }
}

static void fault_tamper(struct sim *sim)
{
    struct pipe *p = any_pipe(sim);

    if (p != NULL) {
        p->dirs[sim_below(sim, 2)].tamper = (enum tamper)(TAMPER_DAMAGE + sim_below(sim, 4));
    }
}

static void fault_partition(struct sim *sim)
{
    sim_count(sim, FAULT_PARTITION);
    sim->partition_until_ms =
        sim->now_ms + 1000 + sim_below(sim, sim_chance(sim, 30) ? 60000 : 10000);
    for (uint16_t i = 0; i < sim->node_count; i++) {
        sim->nodes[i].group = (uint8_t)sim_below(sim, 2);
    }
}

static void fault_restart(struct sim *sim)
{
    struct node *n = any_node(sim);
    bool silent = sim_chance(sim, 50);

    if (n->up) {
        sim_count(sim, silent ? FAULT_RESTART_SILENT : FAULT_RESTART_NOTICED);
        node_stop(n, silent);
        sim_schedule(sim, sim_below(sim, 3000), EVENT_BOOT, n->index, 0, 0);
    }
}

static void fault_shutdown(struct sim *sim)
{
    struct node *n = any_node(sim);

    if (n->up) {
        sim_count(sim, FAULT_SHUTDOWN);
        bus_shutdown(&n->bus, node_clock(n));
        node_settle(n);
        node_stop(n, false);
        sim_schedule(sim, sim_below(sim, 3000), EVENT_BOOT, n->index, 0, 0);
    }
}

static void fault_closed(struct sim *sim)
{
    struct node *n = any_node(sim);
    uint16_t peer = (uint16_t)sim_below(sim, n->peer_count);
    uint32_t session;

    if (!n->up) {
        return;
    }
    session =
        bus_session(&n->bus, peer, sim_chance(sim, 50) ? SESSION_INITIATOR : SESSION_RESPONDER);
    if (session != 0) {
        sim_count(sim, FAULT_CLOSED);
        bus_close(&n->bus, node_clock(n), session);
    }
}

static void fault_clock(struct sim *sim)
{
    static const uint32_t jumps[] = {500, 12000, 50000, 3600000};
    struct node *n = any_node(sim);
    int64_t lag_ms = (int64_t)n->clock_high_ms - (int64_t)sim->now_ms - n->offset_ms;

    if (!n->up) {
        return;
    }
    if (sim_chance(sim, 50)) {
        sim_count(sim, FAULT_CLOCK_FORWARD);
        n->offset_ms += sim_below(sim, jumps[sim_below(sim, 4)]);
    } else if (lag_ms < CLOCK_BACK_MS_MAX) {
        sim_count(sim, FAULT_CLOCK_BACK);
        n->offset_ms -= sim_below(sim, (uint32_t)(CLOCK_BACK_MS_MAX - lag_ms));
    }
    (void)node_clock(n); // its deadlines come at other times now
}

static void fault_random(struct sim *sim)
{
    struct node *n = any_node(sim);

    if (n->up) {
        sim_count(sim, FAULT_RANDOM_FAILED);
        n->random_fails = true;
    }
}

static void fault_trust(struct sim *sim)
{
    struct node *n = any_node(sim);
    uint16_t peer = (uint16_t)sim_below(sim, n->peer_count);
    enum peer_trust trust =
        n->peer_trust[peer] != PEER_TRUSTED || sim_chance(sim, 10) ? PEER_TRUSTED : PEER_REVOKED;

    if (!n->up || n->peer_owner[peer] == OWNER_REVOKED) {
        return;
    }
    if (trust == PEER_REVOKED) {
        sim_count(sim, FAULT_TRUST_CHANGED);
        n->withdrawn++;
    }
    n->peer_trust[peer] = (uint8_t)trust;
    (void)!bus_peer_set_trust(&n->bus, node_clock(n), peer, trust);
}

static void fault_service(struct sim *sim)
{
    struct node *n = any_node(sim);

    if (n->up && n->offers) {
        sim_count(sim, FAULT_SERVICE_CHANGED);
    }
    if (n->up) {
        traffic_offer(n, !n->offers);
    }
}

static void fault_attack(struct sim *sim)
{
    static const enum fault calls[] = {FAULT_REPLAYED,    FAULT_WRONG_KEY,  FAULT_WRONG_ID,
                                       FAULT_UNKNOWN,     FAULT_REVOKED,    FAULT_GARBAGE,
                                       FAULT_RULE_BROKEN, FAULT_RULE_BROKEN};

    foe_call(sim, calls[sim_below(sim, sizeof calls / sizeof calls[0])]);
}

void fault_next(struct sim *sim)
{
    static void (*const kinds[])(struct sim *) = {
        fault_broken,    fault_stalled, fault_pieces,   fault_tamper, fault_tamper,
        fault_partition, fault_restart, fault_shutdown, fault_closed, fault_clock,
        fault_random,    fault_trust,   fault_service,  fault_attack, fault_attack,
        fault_attack,    foe_flood,     foe_announce,   foe_announce,
    };

    if (sim->quiet) {
        return;
    }
    kinds[sim_below(sim, sizeof kinds / sizeof kinds[0])](sim);
    sim_schedule(sim, sim_below(sim, FAULT_GAP_MS), EVENT_FAULT, 0, 0, 0);
}

void faults_stop(struct sim *sim)
{
    sim->quiet = true;
    sim->partition_until_ms = 0;
    sim->latency_max_ms = 20;
    for (size_t i = 0; i < FOES_MAX; i++) {
        if (sim->foes[i].kind != FOE_NONE) {
            foe_end(sim, &sim->foes[i]);
        }
    }
    net_calm(sim);
    for (uint16_t i = 0; i < sim->node_count; i++) {
        sim->nodes[i].random_fails = false;
        if (sim->nodes[i].up) {
            traffic_offer(&sim->nodes[i], true);
        }
        for (size_t app = 0; app < NODE_STREAMS; app++) {
            sim->nodes[i].apps[app].slow = false;
        }
    }
}
