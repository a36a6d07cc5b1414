// SPDX-License-Identifier: Apache-2.0
// The simulator: randomness, the queue of events, and one seed from beginning to end.
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "noise/noise_xk.h"

#define SIM_NAME(name, text, meaning) text,
#define SIM_FAULT_NAME(name, text)    text,
const char *const sim_invariant_names[INVARIANTS] = {SIM_INVARIANTS(SIM_NAME)};
const char *const sim_fault_names[FAULTS] = {SIM_FAULTS(SIM_FAULT_NAME)};

enum {
    STEPS_MAX = 1000000, // of one seed; a run that does not come to an end is a mistake
    HOUR_MS = 3600000,
    AGING_EVERY = 500, // so many seeds one lives for more than a day
    AGING_MS = 26 * HOUR_MS,
    // From the last fault to a session that works: what was lost may be noticed after 45 s only, and then the peer is
    // dialled after up to 60 s, at each of two addresses of which one may be an attacker's.
    CONVERGENCE_MS_MAX = 240000,
    SHUTDOWN_MS_MAX = 30000,
};

// ---- Randomness -----------------------------------------------------------------------------------

uint64_t sim_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t sim_random(struct sim *sim)
{
    sim->random += UINT64_C(0x9e3779b97f4a7c15);
    return sim_mix(sim->random);
}

uint32_t sim_below(struct sim *sim, uint32_t limit)
{
    return (uint32_t)((sim_random(sim) >> 32) * limit >> 32);
}

bool sim_chance(struct sim *sim, uint32_t percent)
{
    return sim_below(sim, 100) < percent;
}

void sim_random_bytes(struct sim *sim, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)sim_random(sim);
    }
}

// ---- What is told -----------------------------------------------------------------------------------

void sim_say(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (!sim->trace) {
        return;
    }
    printf("%10.3f  ", (double)sim->now_ms / 1000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void sim_violation(struct sim *sim, enum invariant invariant, const char *format, ...)
{
    va_list arguments;

    if (sim->failed) {
        return;
    }
    sim->failed = true;
    sim->broken = invariant;
    va_start(arguments, format);
    vsnprintf(sim->why, sizeof sim->why, format, arguments);
    va_end(arguments);
    sim_say(sim, "VIOLATION of '%s': %s", sim_invariant_names[invariant], sim->why);
}

void sim_count(struct sim *sim, enum fault fault)
{
    sim->totals->faults[fault]++;
    sim_say(sim, "fault: %s", sim_fault_names[fault]);
}

// ---- The queue: a heap, in the order of time and then of scheduling ---------------------------------

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap_events(struct event *a, struct event *b)
{
    struct event c = *a;

    *a = *b;
    *b = c;
}

void sim_schedule(struct sim *sim, uint64_t delay_ms, enum event_type type, uint16_t index,
                  uint16_t side, uint32_t serial)
{
    size_t i = sim->queue_len;

    if (i == QUEUE_MAX) {
        sim_violation(sim, INVARIANT_HARNESS, "the queue is full");
        return;
    }
    sim->queue[sim->queue_len++] = (struct event){.at_ms = sim->now_ms + delay_ms,
                                                  .order = sim->order++,
                                                  .type = type,
                                                  .index = index,
                                                  .side = side,
                                                  .serial = serial};
    for (; i > 0 && earlier(&sim->queue[i], &sim->queue[(i - 1) / 2]); i = (i - 1) / 2) {
        swap_events(&sim->queue[i], &sim->queue[(i - 1) / 2]);
    }
}

static struct event take_event(struct sim *sim)
{
    struct event first = sim->queue[0];
    size_t i = 0;

    sim->queue[0] = sim->queue[--sim->queue_len];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < sim->queue_len && earlier(&sim->queue[child + 1], &sim->queue[child])) {
            child++;
        }
        if (child >= sim->queue_len || !earlier(&sim->queue[child], &sim->queue[i])) {
            return first;
        }
        swap_events(&sim->queue[i], &sim->queue[child]);
        i = child;
    }
}

// The next thing that happens: a node's deadline, or the first event of the queue.
static struct event next_event(struct sim *sim)
{
    struct event tick = {.at_ms = TIME_NEVER, .type = EVENT_TICK};

    for (uint16_t i = 0; i < sim->node_count; i++) {
        const struct node *n = &sim->nodes[i];
        if (n->up && n->tick_at_ms < tick.at_ms) {
            tick.at_ms = n->tick_at_ms;
            tick.index = i;
        }
    }
    if (sim->queue_len > 0 && sim->queue[0].at_ms <= tick.at_ms) {
        return take_event(sim);
    }
    return tick;
}

// ---- One event ----------------------------------------------------------------------------------------

static void tick(struct node *n)
{
    bus_tick(&n->bus, node_clock(n));
    node_settle(n);
    check_ticked(n);
}

static void pipe_event(struct sim *sim, const struct event *event)
{
    struct pipe *p = &sim->pipes[event->index];

    if (!p->used || p->serial != event->serial) {
        return;
    }
    if (event->type == EVENT_CONNECT) {
        net_connect(sim, p);
    } else if (event->type == EVENT_DELIVER) {
        net_deliver(sim, p, event->side);
    } else {
        net_connected(sim, p, event->type == EVENT_REFUSED);
    }
}

static void datagram_event(struct sim *sim, struct datagram *d)
{
    struct node *n = &sim->nodes[d->node];

    d->used = false;
    if (n->up) {
        bus_datagram(&n->bus, node_clock(n), &d->from, d->bytes, d->len);
    }
}

static void app_event(struct sim *sim, const struct event *event)
{
    struct node *n = &sim->nodes[event->index];

    if (!n->up || n->boot != event->serial) {
        return;
    }
    traffic_step(n);
    sim_schedule(sim,
                 1 + sim_below(sim, sim->aging   ? HOUR_MS
                                    : sim->quiet ? 40
                                                 : 400),
                 EVENT_APP, n->index, 0, n->boot);
}

static void dispatch(struct sim *sim, const struct event *event)
{
    switch (event->type) {
    case EVENT_TICK:
        tick(&sim->nodes[event->index]);
        return;
    case EVENT_CONNECT:
    case EVENT_CONNECTED:
    case EVENT_REFUSED:
    case EVENT_DELIVER:
        pipe_event(sim, event);
        return;
    case EVENT_DATAGRAM:
        datagram_event(sim, &sim->datagrams[event->index]);
        return;
    case EVENT_DH:
        node_answer_dh(sim, &sim->dh_jobs[event->index]);
        return;
    case EVENT_APP:
        app_event(sim, event);
        return;
    case EVENT_BOOT:
        if (!sim->nodes[event->index].up && !sim->over) {
            node_boot(&sim->nodes[event->index]);
        }
        return;
    case EVENT_FAULT:
        fault_next(sim);
        return;
    case EVENT_FOE:
        if (sim->foes[event->index].serial == event->serial) {
            foe_end(sim, &sim->foes[event->index]);
        }
        return;
    }
}

// Calls one thing, lets the nodes that it has touched do what they want to do, and looks at them.
static void step(struct sim *sim, const struct event *event)
{
    sim->steps++;
    sim->totals->steps++;
    sim->digest = sim_mix(sim->digest ^ event->at_ms) ^
                  ((uint64_t)event->type << 40 | (uint64_t)event->index << 20 | event->side);
    dispatch(sim, event);
    for (uint16_t i = 0; i < sim->node_count && !sim->failed; i++) {
        struct node *n = &sim->nodes[i];
        if (!n->touched) {
            continue;
        }
        n->touched = false;
        if (n->up) {
            node_settle(n);
            check_node(n);
        }
    }
    for (size_t i = 0; i < FOES_MAX && !sim->failed; i++) {
        struct foe *f = &sim->foes[i];
        if (f->has_session) {
            check_session(sim, &f->noted, f->owner, &f->session);
        }
    }
}

static bool run_until(struct sim *sim, uint64_t until_ms, bool (*done)(const struct sim *sim))
{
    uint64_t steps_max = sim->steps + STEPS_MAX;

    while (!sim->failed && (done == NULL || !done(sim))) {
        struct event event = next_event(sim);
        if (event.at_ms > until_ms) {
            sim->now_ms = until_ms;
            if (event.type != EVENT_TICK) { // it was taken out
                sim_schedule(sim, event.at_ms - until_ms, event.type, event.index, event.side,
                             event.serial);
            }
            return false;
        }
        if (sim->steps == steps_max) {
            sim_violation(sim, INVARIANT_CLOCK, "it does not come to an end");
        }
        sim->now_ms = event.at_ms > sim->now_ms ? event.at_ms : sim->now_ms;
        step(sim, &event);
    }
    return !sim->failed;
}

// ---- One seed -----------------------------------------------------------------------------------------

static void reset(struct sim *sim, uint64_t seed)
{
    bool trace = sim->trace;
    struct sim_totals *totals = sim->totals;

    // Everything but the large arrays, which start as they are used.
    memset(sim, 0, offsetof(struct sim, queue));
    sim->trace = trace;
    sim->totals = totals;
    sim->seed = seed;
    sim->random = sim_mix(seed + UINT64_C(0x9e3779b97f4a7c15));
    sim->now_ms = 1000000;
    sim->queue_len = sim->recording_count = sim->handshake_count = sim->flow_count = 0;
    sim->seal_count = sim->probe_count = 0;
    sim->serial = 0;
    sim->run++;
    for (size_t i = 0; i < PIPES_MAX; i++) {
        sim->pipes[i].used = false;
    }
    for (size_t i = 0; i < FOES_MAX; i++) {
        sim->foes[i].kind = FOE_NONE;
        sim->foes[i].has_session = false;
        sim->foes[i].serial = 0;
    }
    for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
        sim->datagrams[i].used = false;
    }
    for (size_t i = 0; i < DH_MAX; i++) {
        sim->dh_jobs[i].used = false;
    }
}

static void plan(struct sim *sim)
{
    static const uint32_t losses[] = {0, 5, 20, 60};

    sim->node_count = (uint16_t)(2 + sim_below(sim, NODES_MAX - 1));
    sim->faults_end_ms = sim->now_ms + 10000 + sim_below(sim, 40000);
    sim->loss_percent = losses[sim_below(sim, 4)];
    sim->repeat_percent = sim_below(sim, 20);
    sim->dh_fail_permille = sim_chance(sim, 20) ? 100 : 0;
    sim->latency_max_ms = (uint16_t)(1 + sim_below(sim, sim_chance(sim, 20) ? 2000 : 50));
    sim->starved = sim_chance(sim, 10);
    sim->session_places =
        (uint16_t)(sim->starved ? 1 + sim_below(sim, 3) : (uint32_t)NODE_SESSIONS);
    for (size_t i = 0; i < OWNERS; i++) {
        sim_random_bytes(sim, sim->secrets[i], sizeof sim->secrets[i]);
        xk_public_key(sim->keys[i], sim->secrets[i]);
    }
    for (uint16_t i = 0; i < sim->node_count; i++) {
        node_prepare(sim, i);
    }
    for (uint16_t i = 0; i < sim->node_count; i++) {
        sim_schedule(sim, sim_chance(sim, 50) ? 0 : sim_below(sim, 5000), EVENT_BOOT, i, 0, 0);
    }
    sim_schedule(sim, sim_below(sim, 4000), EVENT_FAULT, 0, 0, 0);
}

static void converge(struct sim *sim)
{
    uint64_t begin_ms = sim->now_ms;

    sim->probe_count = 0;
    traffic_want_probes(sim);
    sim_say(sim, "the faults are over; %zu pairs have to find each other", sim->probe_count);
    if (!run_until(sim, begin_ms + CONVERGENCE_MS_MAX, traffic_converged) && !sim->failed) {
        for (size_t i = 0; i < sim->probe_count; i++) {
            const struct probe *probe = &sim->probes[i];
            if (!probe->done) {
                sim_violation(sim, INVARIANT_CONVERGENCE,
                              "node %u has no working session with node %u %u s after the faults",
                              probe->node, probe->other, CONVERGENCE_MS_MAX / 1000);
            }
        }
    }
    if (sim->now_ms - begin_ms > sim->totals->converged_ms_max) {
        sim->totals->converged_ms_max = sim->now_ms - begin_ms;
    }
}

// Sessions are replaced after a day. Nothing else happens meanwhile, but that a PING is sent now and then.
static void age(struct sim *sim)
{
    sim->aging = true;
    run_until(sim, sim->now_ms + AGING_MS, NULL);
    sim->aging = false;
    for (uint16_t i = 0; i < sim->node_count; i++) {
        struct node *n = &sim->nodes[i];
        sim_schedule(sim, 1, EVENT_APP, i, 0, n->boot);
        for (uint16_t peer = 0; peer < n->peer_count && !sim->failed; peer++) {
            sim->totals->replaced += n->up && bus_session(&n->bus, peer, SESSION_INITIATOR) != 0;
        }
    }
}

static bool all_idle(const struct sim *sim)
{
    for (uint16_t i = 0; i < sim->node_count; i++) {
        if (sim->nodes[i].up && sim->nodes[i].bus.counts.connections > 0) {
            return false;
        }
    }
    return true;
}

static void shut_down(struct sim *sim)
{
    sim->over = true;
    for (uint16_t i = 0; i < sim->node_count && !sim->failed; i++) {
        struct node *n = &sim->nodes[i];
        if (!n->up) {
            continue;
        }
        bus_shutdown(&n->bus, node_clock(n));
        node_settle(n);
        traffic_close_all(n);
        node_settle(n);
        check_node(n);
    }
    run_until(sim, sim->now_ms + SHUTDOWN_MS_MAX, all_idle);
    for (uint16_t i = 0; i < sim->node_count && !sim->failed; i++) {
        if (sim->nodes[i].up) {
            check_idle(&sim->nodes[i]);
        }
    }
}

bool sim_run(struct sim *sim, uint64_t seed, bool trace, struct sim_totals *totals)
{
    sim->trace = trace;
    sim->totals = totals;
    reset(sim, seed);
    check_watch_seals(sim);
    plan(sim);
    run_until(sim, sim->faults_end_ms, NULL);
    faults_stop(sim);
    if (!sim->failed) {
        converge(sim);
    }
    if (!sim->failed && seed % AGING_EVERY == 0) {
        age(sim);
        converge(sim);
    }
    if (!sim->failed) {
        shut_down(sim);
    }
    check_watch_seals(NULL);
    totals->seeds++;
    totals->simulated_ms += sim->now_ms - 1000000;
    totals->seals += sim->seal_count;
    return !sim->failed;
}
