// SPDX-License-Identifier: Apache-2.0
// The simulator: attackers. They know every public key and all that was ever sent, and hold the keys of OWNER_STRANGER,
// OWNER_ROGUE (a trusted peer that behaves badly) and OWNER_REVOKED.
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "noise/noise_xk.h"

enum {
    FOE_LIFE_MS = 20000,
    FOE_PORT = 4444,
    OPENING_BYTES = SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_1_BYTES,
    ANSWER_BYTES = SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_2_BYTES,
};

static struct foe *foe_new(struct sim *sim, enum foe_kind kind)
{
    struct foe *f = sim->foes;

    while (f < sim->foes + FOES_MAX && f->kind != FOE_NONE) {
        f++;
    }
    if (f == sim->foes + FOES_MAX) {
        return NULL;
    }
    memset(f, 0, offsetof(struct foe, session));
    f->kind = kind;
    f->serial = ++sim->serial;
    f->pipe = f->pipe_2 = PIPES_MAX;
    sim_schedule(sim, FOE_LIFE_MS, EVENT_FOE, (uint16_t)(f - sim->foes), 0, f->serial);
    return f;
}

static struct pipe *pipe_of(struct sim *sim, uint16_t index)
{
    return index < PIPES_MAX ? &sim->pipes[index] : NULL;
}

void foe_end(struct sim *sim, struct foe *f)
{
    struct pipe *p = pipe_of(sim, f->pipe), *p2 = pipe_of(sim, f->pipe_2);

    f->pipe = f->pipe_2 = PIPES_MAX;
    f->kind = FOE_NONE;
    f->serial = 0;
    if (f->has_session) {
        f->has_session = false;
        session_wipe(&f->session);
    }
    if (p != NULL) {
        net_close(sim, p, f->end);
    }
    if (p2 != NULL) {
        net_close(sim, p2, 0);
    }
}

void foe_gone(struct sim *sim, struct foe *f, struct pipe *p)
{
    if (pipe_of(sim, f->pipe) == p) {
        f->pipe = PIPES_MAX;
    } else if (pipe_of(sim, f->pipe_2) == p) {
        f->pipe_2 = PIPES_MAX;
    }
    foe_end(sim, f);
}

static void send_bytes(struct sim *sim, struct foe *f, const uint8_t *bytes, size_t len)
{
    struct pipe *p = pipe_of(sim, f->pipe);

    if (p != NULL) {
        (void)net_send(sim, p, f->end, bytes, len);
    }
}

static void send_garbage(struct sim *sim, struct foe *f)
{
    uint8_t bytes[200];
    size_t len = 1 + sim_below(sim, sizeof bytes);

    sim_random_bytes(sim, bytes, sizeof bytes);
    if (f->end == 0 && sim_chance(sim, 70)) { // it looks good at first, or is of another version
        memcpy(bytes, (const uint8_t[]){'D', 'S', 'B', DSB_VERSION, 0, SESSION_MESSAGE_1_BYTES}, 6);
        bytes[3] = (uint8_t)(sim_chance(sim, 30) ? DSB_VERSION + 1 : DSB_VERSION);
    } else if (sim_chance(sim, 50)) {
        memcpy(bytes, (const uint8_t[]){0, SESSION_MESSAGE_2_BYTES}, 2);
    }
    sim_count(sim, FAULT_GARBAGE);
    send_bytes(sim, f, bytes, len);
}

// ---- Handshakes of their own ------------------------------------------------------------------------------

static void prepare_session(struct sim *sim, struct foe *f, uint8_t owner, const char *id)
{
    struct session_config *config = &f->config;
    uint8_t seed[RNG_SEED_LEN];

    sim_random_bytes(sim, seed, sizeof seed);
    rng_seed(&f->rng, seed);
    pool_init(&f->memory.inputs, f->input, sizeof f->input, 1);
    pool_init(&f->memory.outputs, f->output, sizeof f->output, 1);
    stream_table_init(&f->memory.streams, f->streams, 2, f->buffers, STREAM_BUFFER_BYTES_MIN);
    *config = (struct session_config){.static_private = sim->secrets[owner],
                                      .record_plaintext_max = NODE_RECORD_MAX,
                                      .streams_max = 2,
                                      .random = rng_random,
                                      .random_ctx = &f->rng,
                                      .memory = &f->memory};
    memcpy(config->static_public, sim->keys[owner], DSB_KEY_BYTES);
    (void)!device_id_set(&config->id, (const uint8_t *)id, strlen(id));
    f->owner = owner;
    f->has_session = true;
}

void foe_flush(struct sim *sim, struct foe *f)
{
    struct pipe *p = pipe_of(sim, f->pipe);
    const uint8_t *bytes;
    size_t len;

    while (f->has_session && p != NULL && (bytes = session_output(&f->session, &len)) != NULL) {
        size_t sent = net_send(sim, p, f->end, bytes, len);
        session_output_done(&f->session, sent);
        if (sent < len) {
            return;
        }
    }
}

static void foe_event(struct sim *sim, struct foe *f, enum session_event event)
{
    while (event == SESSION_IDENTITY) {
        event = session_accept(&f->session, sim->now_ms);
    }
    foe_flush(sim, f);
    if (event == SESSION_ESTABLISHED && f->kind == FOE_RULES && f->pipe < PIPES_MAX) {
        sim_count(sim, FAULT_RULE_BROKEN);
        rules_break(sim, f);
    }
}

static void session_heard(struct sim *sim, struct foe *f, const uint8_t *bytes, size_t len)
{
    while (len > 0 && f->has_session) {
        enum session_event event;
        size_t used = session_receive(&f->session, &event, sim->now_ms, bytes, len);
        bytes += used;
        len -= used;
        foe_event(sim, f, event);
    }
}

// ---- What they do when they hear something ------------------------------------------------------------------

static void replay_on(struct sim *sim, struct foe *f)
{
    const struct recording *r = &sim->recordings[f->recording];
    unsigned way = f->end == 0 ? 0 : 1; // as the initiator once, or as the responder
    size_t upto = r->len[way];

    if (f->kind == FOE_REPLAY && f->heard < ANSWER_BYTES && f->flushed >= OPENING_BYTES) {
        return; // message 3 waits for its turn
    }
    if (f->flushed == 0 && f->rule == 0 && upto > OPENING_BYTES && f->kind == FOE_REPLAY) {
        upto = OPENING_BYTES;
    }
    if (f->flushed < upto) {
        send_bytes(sim, f, r->bytes[way] + f->flushed, upto - f->flushed);
        f->flushed = (uint16_t)upto;
    }
}

static void pass_on(struct sim *sim, struct foe *f, const struct pipe *p, const uint8_t *bytes,
                    size_t len)
{
    bool forth = pipe_of(sim, f->pipe) == p;
    struct pipe *other = pipe_of(sim, forth ? f->pipe_2 : f->pipe);

    if (other == NULL || net_send(sim, other, forth ? 0 : f->end, bytes, len) < len) {
        foe_end(sim, f);
    }
}

void foe_heard(struct sim *sim, struct foe *f, struct pipe *p, const uint8_t *bytes, size_t len)
{
    f->heard += len;
    switch (f->kind) {
    case FOE_REPLAY:
        replay_on(sim, f);
        return;
    case FOE_ANSWER:
        if (f->heard >= OPENING_BYTES) {
            sim->totals->faults[FAULT_ANSWER_REPLAYED] += f->flushed == 0;
            replay_on(sim, f);
        }
        return;
    case FOE_CALLER:
    case FOE_RULES:
    case FOE_WRONG_KEY:
        session_heard(sim, f, bytes, len);
        return;
    case FOE_GARBAGE:
        if (f->heard < 1000) {
            send_garbage(sim, f);
        }
        return;
    case FOE_RELAY:
    case FOE_REFLECTION:
        pass_on(sim, f, p, bytes, len);
        return;
    case FOE_NONE:
    case FOE_SILENT:
        return;
    }
}

// ---- Called -------------------------------------------------------------------------------------------------

static bool relay_to(struct sim *sim, struct foe *f, struct pipe *p, uint16_t node)
{
    struct net_address to = sim->nodes[node].host;
    struct pipe *p2;

    to.port = sim->nodes[node].config.port;
    p2 = net_open(sim, &to);
    if (p2 == NULL) {
        return false;
    }
    p2->ends[0] = (struct pipe_end){END_FOE, true, (uint16_t)(f - sim->foes), f->serial, 0};
    p->dirs[1].cap = p2->dirs[0].cap = PIPE_BYTES;
    f->pipe_2 = net_pipe_index(sim, p2);
    sim_schedule(sim, p2->latency_ms, EVENT_CONNECT, f->pipe_2, 0, p2->serial);
    return true;
}

// The address says what kind of attacker answers, and for which node it was announced.
void foe_called(struct sim *sim, struct pipe *p)
{
    enum foe_kind kind = (enum foe_kind)(p->to.bytes[3] / 16);
    uint16_t meant = p->to.bytes[3] % 16;
    struct foe *f;
    char id[16];

    if (sim->quiet || (kind == FOE_ANSWER && sim->recording_count == 0) ||
        (f = foe_new(sim, kind)) == NULL) {
        return; // nobody is there
    }
    f->end = 1;
    f->meant = meant;
    if ((kind == FOE_RELAY && !relay_to(sim, f, p, meant)) ||
        (kind == FOE_REFLECTION && !relay_to(sim, f, p, p->ends[0].index))) {
        foe_end(sim, f);
        return;
    }
    f->pipe = net_pipe_index(sim, p);
    p->ends[1] = (struct pipe_end){END_FOE, true, (uint16_t)(f - sim->foes), f->serial, 0};
    if (kind == FOE_RELAY || kind == FOE_REFLECTION) {
        sim_count(sim, kind == FOE_RELAY ? FAULT_RELAYED : FAULT_REFLECTED);
    } else if (kind == FOE_WRONG_KEY) {
        snprintf(id, sizeof id, "node-%u", meant);
        prepare_session(sim, f, OWNER_STRANGER, id);
        sim_count(sim, FAULT_WRONG_KEY);
        foe_event(sim, f, session_start_responder(&f->session, &f->config, sim->now_ms));
    } else if (kind == FOE_ANSWER) {
        f->recording = (uint16_t)sim_below(sim, (uint32_t)sim->recording_count);
    }
}

// ---- Calling ------------------------------------------------------------------------------------------------

static struct node *any_node(struct sim *sim)
{
    return &sim->nodes[sim_below(sim, sim->node_count)];
}

static struct pipe *connect_to(struct sim *sim, struct foe *f, const struct node *n)
{
    struct net_address to = n->host;
    struct pipe *p;

    to.port = n->config.port;
    p = net_open(sim, &to);
    if (p == NULL) {
        return NULL;
    }
    p->dirs[0].cap = PIPE_BYTES;
    if (f != NULL) {
        p->ends[0] = (struct pipe_end){END_FOE, true, (uint16_t)(f - sim->foes), f->serial, 0};
        f->pipe = net_pipe_index(sim, p);
    } else {
        p->ends[0] = (struct pipe_end){.kind = END_MUTE, .open = true};
    }
    sim_schedule(sim, p->latency_ms, EVENT_CONNECT, net_pipe_index(sim, p), 0, p->serial);
    return p;
}

static void call_with(struct sim *sim, struct foe *f, const struct node *n, uint8_t owner,
                      const char *id)
{
    prepare_session(sim, f, owner, id);
    foe_event(sim, f,
              session_start_initiator(&f->session, &f->config, sim->now_ms, &n->config.session.id,
                                      n->public_key));
}

static void choose_identity(struct sim *sim, enum fault fault, uint8_t *owner, char id[16])
{
    uint32_t listed = sim_below(sim, sim->node_count);

    switch ((int)fault) {
    case FAULT_WRONG_KEY:
        *owner = OWNER_STRANGER;
        snprintf(id, 16, "node-%u", listed);
        return;
    case FAULT_WRONG_ID:
        *owner = sim_chance(sim, 50) ? OWNER_ROGUE : OWNER_REVOKED;
        snprintf(id, 16, sim_chance(sim, 70) ? "node-%u" : "node-x%u", listed);
        return;
    case FAULT_REVOKED:
        *owner = OWNER_REVOKED;
        snprintf(id, 16, "node-%d", OWNER_REVOKED);
        return;
    case FAULT_RULE_BROKEN:
        *owner = OWNER_ROGUE;
        snprintf(id, 16, "node-%d", OWNER_ROGUE);
        return;
    default:
        *owner = OWNER_STRANGER;
        snprintf(id, 16, "stranger");
        return;
    }
}

void foe_call(struct sim *sim, enum fault fault)
{
    struct node *n = any_node(sim);
    enum foe_kind kind = fault == FAULT_REPLAYED      ? FOE_REPLAY
                         : fault == FAULT_GARBAGE     ? FOE_GARBAGE
                         : fault == FAULT_RULE_BROKEN ? FOE_RULES
                                                      : FOE_CALLER;
    struct foe *f;
    uint8_t owner;
    char id[16];

    if (!n->up || (kind == FOE_REPLAY && sim->recording_count == 0) ||
        (f = foe_new(sim, kind)) == NULL) {
        return;
    }
    if (kind == FOE_REPLAY) {
        f->recording = (uint16_t)sim_below(sim, (uint32_t)sim->recording_count);
        f->rule = sim_chance(sim, 20); // all at once
        n = &sim->nodes[sim->recordings[f->recording].node];
    }
    if (connect_to(sim, f, n) == NULL) {
        foe_end(sim, f);
        return;
    }
    if (kind == FOE_REPLAY) {
        sim_count(sim, fault);
        replay_on(sim, f);
    } else if (kind == FOE_GARBAGE) {
        send_garbage(sim, f);
    } else {
        f->rule = (uint16_t)sim_below(sim, rules_count());
        if (kind != FOE_RULES) {
            sim_count(sim, fault);
        }
        choose_identity(sim, fault, &owner, id);
        call_with(sim, f, n, owner, id);
    }
}

// Connections that say nothing, or just enough to cost a Diffie-Hellman.
void foe_flood(struct sim *sim)
{
    const struct node *n = any_node(sim);
    uint32_t count = 5 + sim_below(sim, 30), sources = 1 + sim_below(sim, 3);
    uint8_t opening[OPENING_BYTES] = {'D', 'S', 'B', DSB_VERSION, 0, SESSION_MESSAGE_1_BYTES};

    for (uint32_t i = 0; i < count; i++) {
        struct pipe *p = connect_to(sim, NULL, n);
        if (p == NULL) {
            return;
        }
        p->ends[0].index = (uint16_t)(1 + i % sources);
        p->latency_ms = (uint16_t)(1 + i % 4);
        sim_count(sim, FAULT_FLOOD);
        if (sim_chance(sim, 20)) {
            sim_random_bytes(sim, opening + 6, sizeof opening - 6);
            (void)net_send(sim, p, 0, opening, 1 + sim_below(sim, sizeof opening));
        }
    }
}

// ---- Announces ----------------------------------------------------------------------------------------------

static void forge(struct sim *sim, struct announce *a, const struct node *victim, uint16_t meant)
{
    uint32_t variant = sim_below(sim, 8);
    uint16_t whose = variant == 4 ? victim->index : meant;
    char id[16];

    snprintf(id, sizeof id, "node-%u", (unsigned)whose);
    memcpy(a->static_key, sim->keys[whose], DSB_KEY_BYTES);
    if (variant == 1) { // the id with another key
        memcpy(a->static_key, sim->keys[OWNER_STRANGER], DSB_KEY_BYTES);
    } else if (variant == 2 || variant == 3) { // any id with the key, or with any key
        snprintf(id, sizeof id, "device-%u", sim_below(sim, 100));
        a->static_key[0] ^= variant == 3;
    }
    (void)!device_id_set(&a->id, (const uint8_t *)id, strlen(id));
    a->port = (uint16_t)(variant == 5 ? 0 : FOE_PORT + sim_below(sim, 2));
    a->ttl_s = (uint16_t)(ANNOUNCE_TTL_MIN_S + sim_below(sim, 3000));
    a->has_trailer = sim_chance(sim, 80);
    a->seq = sim_below(sim, 10);
    sim_random_bytes(sim, a->boot_id, sizeof a->boot_id);
}

void foe_announce(struct sim *sim)
{
    static const enum foe_kind kinds[] = {FOE_ANSWER,    FOE_GARBAGE, FOE_SILENT,
                                          FOE_WRONG_KEY, FOE_RELAY,   FOE_REFLECTION};
    const struct node *victim = any_node(sim);
    uint32_t meant = sim_below(sim, sim->node_count);
    uint32_t copies = sim_chance(sim, 20) ? 4 + sim_below(sim, 12) : 1 + sim_below(sim, 3);
    uint16_t kind = (uint16_t)kinds[sim_below(sim, 6)];
    struct net_address from = net_foe_address((uint16_t)(16 * kind + meant), ANNOUNCE_PORT);
    uint8_t bytes[ANNOUNCE_BYTES_MAX];

    for (uint32_t i = 0; i < copies; i++) {
        struct announce a = {0};
        size_t len;
        forge(sim, &a, victim, (uint16_t)meant);
        if (announce_encode(bytes, sizeof bytes, &len, &a) != ANNOUNCE_OK) {
            sim_violation(sim, INVARIANT_HARNESS, "an announce was not made");
            return;
        }
        if (sim_chance(sim, 10)) {
            bytes[sim_below(sim, (uint32_t)len)] ^= 0x40;
        }
        sim_count(sim, FAULT_FORGED_ANNOUNCE);
        net_datagram(sim, victim->index, &from, bytes, len);
    }
}

// ---- What they have seen --------------------------------------------------------------------------------------

void foe_record(struct sim *sim, const struct pipe *p, uint16_t node)
{
    struct recording *r;

    if (sim->recording_count == RECORDINGS_MAX) {
        return;
    }
    r = &sim->recordings[sim->recording_count++];
    r->node = node;
    for (unsigned way = 0; way < 2; way++) {
        r->len[way] = p->dirs[way].recorded_len;
        memcpy(r->bytes[way], p->dirs[way].recorded, r->len[way]);
    }
}
