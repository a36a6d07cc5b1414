// SPDX-License-Identifier: Apache-2.0
// The simulator: the invariants that hold at every step, whatever happens.
#include "tests/sim/sim.h"

#include <string.h>

#include "dsoftbus/stream_internal.h"
#include "noise/chacha20poly1305.h"

// ---- Nonces: every encryption of the library passes here (the linker is told to wrap it) ---------------------

static struct sim *watched;

void __real_chacha20poly1305_seal(uint8_t *ciphertext, uint8_t tag[static CHACHA20POLY1305_TAG_LEN],
                                  const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                                  const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                                  const uint8_t *ad, size_t ad_len, const uint8_t *plaintext,
                                  size_t len);
void __wrap_chacha20poly1305_seal(uint8_t *ciphertext, uint8_t tag[static CHACHA20POLY1305_TAG_LEN],
                                  const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                                  const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                                  const uint8_t *ad, size_t ad_len, const uint8_t *plaintext,
                                  size_t len);

static uint64_t hash_of(const uint8_t *key, const uint8_t *nonce)
{
    uint64_t h = 0, word;

    for (size_t i = 0; i < CHACHA20POLY1305_KEY_LEN; i += sizeof word) {
        memcpy(&word, key + i, sizeof word);
        h = sim_mix(h ^ word) + i;
    }
    memcpy(&word, nonce + 4, sizeof word); // behind 4 bytes of zero
    return sim_mix(h ^ word);
}

// REKEY (Noise 4.2) is an encryption under the reserved nonce, and both ends compute the same one.
static bool is_rekey(const uint8_t *nonce)
{
    static const uint8_t reserved[CHACHA20POLY1305_NONCE_LEN] = {
        0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    return memcmp(nonce, reserved, sizeof reserved) == 0;
}

static void note_seal(struct sim *sim, const uint8_t *key, const uint8_t *nonce)
{
    uint64_t hash = hash_of(key, nonce);
    size_t at = hash % SEALS_MAX;

    if (is_rekey(nonce)) {
        return;
    }
    for (; sim->seal_runs[at] == sim->run; at = (at + 1) % SEALS_MAX) {
        if (sim->seals[at] == hash) {
            sim_violation(sim, INVARIANT_NONCE, "a nonce is used twice with a key");
            return;
        }
    }
    sim->seals[at] = hash;
    sim->seal_runs[at] = sim->run;
    if (++sim->seal_count > SEALS_MAX - SEALS_MAX / 4) {
        sim_violation(sim, INVARIANT_HARNESS, "too many encryptions to remember");
    }
}

void __wrap_chacha20poly1305_seal(uint8_t *ciphertext, uint8_t tag[static CHACHA20POLY1305_TAG_LEN],
                                  const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                                  const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                                  const uint8_t *ad, size_t ad_len, const uint8_t *plaintext,
                                  size_t len)
{
    if (watched != NULL) {
        note_seal(watched, key, nonce);
    }
    __real_chacha20poly1305_seal(ciphertext, tag, key, nonce, ad, ad_len, plaintext, len);
}

void check_watch_seals(struct sim *sim)
{
    watched = sim;
}

// ---- Who is at the other end --------------------------------------------------------------------------

uint16_t check_handshake(struct sim *sim, const uint8_t hash[static DSB_HASH_BYTES])
{
    for (size_t i = sim->handshake_count; i > 0; i--) {
        if (memcmp(sim->handshakes[i - 1].hash, hash, DSB_HASH_BYTES) == 0) {
            return (uint16_t)(i - 1);
        }
    }
    if (sim->handshake_count == HANDSHAKES_MAX) {
        sim_violation(sim, INVARIANT_HARNESS, "too many handshakes to remember");
        return 0;
    }
    sim->handshakes[sim->handshake_count] = (struct handshake){.owner = {OWNER_NONE, OWNER_NONE}};
    memcpy(sim->handshakes[sim->handshake_count].hash, hash, DSB_HASH_BYTES);
    return (uint16_t)sim->handshake_count++;
}

// Whoever computes a handshake hash has taken part, with the key that it holds.
void check_session(struct sim *sim, uint16_t *noted, uint8_t owner, const struct session *s)
{
    uint8_t *holder;

    if (!s->split || *noted != 0) {
        return;
    }
    *noted = (uint16_t)(check_handshake(sim, s->hash) + 1);
    holder = &sim->handshakes[*noted - 1].owner[session_role(s)];
    if (*holder != OWNER_NONE && *holder != owner) {
        sim_violation(sim, INVARIANT_PEER, "two that hold different keys have the same handshake");
    }
    *holder = owner;
}

static void check_established(struct node *n, const struct bus_event *event)
{
    struct sim *sim = n->sim;
    struct handshake *h = &sim->handshakes[check_handshake(sim, event->hash)];
    unsigned own = event->role == SESSION_INITIATOR ? 0 : 1;
    bool taken = h->owner[own] != OWNER_NONE && h->owner[own] != n->index;
    uint8_t expected = n->peer_wrong[event->peer] ? OWNER_NONE : n->peer_owner[event->peer];

    h->owner[own] = (uint8_t)n->index;
    if (expected == OWNER_NONE || h->owner[1 - own] != expected || taken) {
        sim_violation(sim, INVARIANT_PEER,
                      "node %u takes the holder of key %u for the holder of key %u", n->index,
                      h->owner[1 - own], expected);
    }
    if (h->established[own] || (own == 0 && expected < NODES_MAX && !h->established[1])) {
        sim_violation(sim, INVARIANT_PEER, "node %u: %s", n->index,
                      h->established[own] ? "a handshake is established a second time"
                                          : "established before the responder");
    }
    if (n->peer_trust[event->peer] != PEER_TRUSTED) {
        sim_violation(sim, INVARIANT_PEER, "node %u has a session with a peer it does not trust",
                      n->index);
    }
    h->established[own] = true;
    sim->totals->sessions += own;
    if (own == 1 && expected < NODES_MAX) {
        const struct wire *w = &n->wires[(event->connection & 0xffff) - 1];
        if (w->pipe < PIPES_MAX) {
            foe_record(sim, &sim->pipes[w->pipe], n->index);
        }
    }
}

// ---- Events ---------------------------------------------------------------------------------------------

static bool is_session_event(enum bus_event_type type)
{
    return type >= BUS_SESSION_CONNECT && type <= BUS_PONGED;
}

// What may come now, and what it makes of the connection.
static bool legal(struct node *n, struct wire *w, const struct bus_event *event)
{
    switch (event->type) {
    case BUS_SESSION_CONNECT:
        return w->dialled && w->connected && !w->bound;
    case BUS_IDENTITY_BOUND:
        w->peer = event->peer;
        return w->connected && !w->bound && !w->established && (w->bound = true);
    case BUS_ESTABLISHED:
        if (!w->bound || w->established || w->peer != event->peer ||
            (event->role == SESSION_RESPONDER) != w->inbound) {
            return false;
        }
        check_established(n, event);
        return w->established = true;
    case BUS_PINGED:
    case BUS_PONGED:
        return w->established;
    case BUS_SESSION_LOST:
        // Bytes that arrive on a connection end this one, or one that it takes the place of.
        if (event->connection != n->delivering && event->reason != REASON_REPLACED) {
            n->lost_others++;
        }
        w->ended = true;
        return w->established;
    case BUS_DIAL_FAILED:
        w->ended = true;
        return w->dialled && !w->established;
    case BUS_IDENTITY_MISMATCH:
    case BUS_UNKNOWN_PEER:
    case BUS_REJECTED:
        w->ended = true;
        return w->inbound && !w->established;
    case BUS_PEER_FOUND:
    case BUS_DEVICE_FOUND:
    case BUS_DEVICE_LOST:
    case BUS_ANNOUNCE_OWN:
    case BUS_ANNOUNCE_IGNORED:
    case BUS_PAIR_CODE:
    case BUS_PAIR_FAILED:
    case BUS_EVENTS_DROPPED:
        break;
    }
    return false;
}

void check_event(struct node *n, const struct bus_event *event)
{
    uint32_t slot = event->connection & 0xffff;
    struct wire *w;

    sim_say(n->sim, "node %u: %s%s%s", n->index, bus_event_name(event->type),
            event->reason != 0 ? ", " : "",
            event->reason != 0 ? close_reason_name((enum close_reason)event->reason) : "");
    n->sim->digest = sim_mix(n->sim->digest ^ ((uint64_t)event->connection << 16 |
                                               (uint64_t)event->type << 8 | event->reason));
    if (event->type == BUS_EVENTS_DROPPED || event->type == BUS_PAIR_CODE ||
        event->type == BUS_PAIR_FAILED) {
        sim_violation(n->sim, INVARIANT_EVENTS, "node %u: %s", n->index,
                      bus_event_name(event->type));
    }
    if (!is_session_event(event->type)) {
        return;
    }
    if (slot == 0 || slot > NODE_CONNECTIONS) {
        sim_violation(n->sim, INVARIANT_EVENTS, "an event without a connection");
        return;
    }
    w = &n->wires[slot - 1];
    if (w->id != event->connection) { // a dial that was taken back before it was given
        if (event->type != BUS_DIAL_FAILED) {
            sim_violation(n->sim, INVARIANT_EVENTS, "'%s' for a connection that nobody knows",
                          bus_event_name(event->type));
        }
        return;
    }
    if (w->ended || !legal(n, w, event)) {
        sim_violation(n->sim, INVARIANT_EVENTS, "node %u: '%s' where it does not belong", n->index,
                      bus_event_name(event->type));
    }
}

// ---- Tables ---------------------------------------------------------------------------------------------

#define LIMIT(n, condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_violation((n)->sim, INVARIANT_LIMITS, "node %u: not %s", (n)->index, #condition);  \
        }                                                                                          \
    } while (0)

struct sums {
    uint32_t connections, half_open, up, places, lingering, dh_waiting;
    uint8_t sessions[NODE_PEERS][2];
};

static void check_up(struct node *n, const struct connection *c)
{
    const struct session *s = &c->session;

    if (c->peer >= n->peer_count || n->bus.peers.peers[c->peer].trust != PEER_TRUSTED ||
        n->peer_trust[c->peer] != PEER_TRUSTED || session_state(s) != SESSION_UP) {
        sim_violation(n->sim, INVARIANT_PEER, "node %u has a session that it may not have",
                      n->index);
    }
    LIMIT(n, s->peer_open <= n->config.session.streams_max);
    LIMIT(n, s->own_open <= s->peer_streams_max);
    LIMIT(n, c->placed && !c->half_open);
}

static void add_up(struct node *n, struct sums *sums)
{
    for (uint16_t i = 0; i < n->tables.connections_max; i++) {
        const struct connection *c = &n->connections[i];
        if (c->phase == CONNECTION_FREE) {
            continue;
        }
        sums->connections++;
        sums->half_open += c->half_open;
        sums->places += c->placed;
        sums->lingering += c->lingering;
        sums->dh_waiting += c->dh_waiting;
        check_session(n->sim, &n->wires[i].noted, (uint8_t)n->index, &c->session);
        if (!c->established) {
            continue;
        }
        sums->up++;
        check_up(n, c);
        if (c->peer < NODE_PEERS) {
            sums->sessions[c->peer][c->outbound]++;
            LIMIT(n, sums->sessions[c->peer][c->outbound] == 1);
        }
    }
}

static void check_sources(struct node *n, const struct sums *sums)
{
    uint32_t half_open = 0, untrusted = 0;

    for (uint16_t i = 0; i < n->tables.sources_max; i++) {
        const struct source *source = &n->sources[i];
        LIMIT(n, source->half_open <= HALF_OPEN_PER_SOURCE_MAX);
        LIMIT(n, source->tokens <= FAILURE_BURST);
        half_open += source->half_open;
        untrusted += source->trusted ? 0 : source->half_open;
    }
    LIMIT(n, half_open == sums->half_open);
    LIMIT(n, half_open <= NODE_HALF_OPEN);
    LIMIT(n, untrusted <= NODE_HALF_OPEN - HALF_OPEN_RESERVED);
}

static void check_devices(struct node *n)
{
    uint32_t untrusted = 0;

    for (uint16_t i = 0; i < n->tables.devices_max; i++) {
        const struct device *device = &n->devices[i];
        untrusted += device->id.len != 0 && device->peer == PEER_NONE;
        if (device->id.len != 0 && device->peer != PEER_NONE &&
            (device->peer >= n->peer_count ||
             memcmp(device->static_key, n->peers[device->peer].static_key, DSB_KEY_BYTES) != 0)) {
            sim_violation(n->sim, INVARIANT_TRUST, "node %u takes an announce for another's",
                          n->index);
        }
    }
    // A device whose peer was revoked while it was listed stays until it expires or makes room.
    LIMIT(n, untrusted <= (uint32_t)(NODE_DEVICES - NODE_DEVICES_RESERVED) + n->withdrawn);
}

static void check_streams(struct node *n)
{
    const struct stream_table *table = &n->bus.memory.streams;
    uint32_t used = 0;

    LIMIT(n, table->used <= NODE_STREAMS && table->fresh <= NODE_STREAMS);
    for (uint16_t i = 0; i < table->fresh; i++) {
        const struct stream *st = &table->streams[i];
        used += st->phase != STREAM_FREE;
        LIMIT(n,
              st->phase == STREAM_FREE || (uint64_t)st->used + st->granted <= table->buffer_bytes);
        LIMIT(n, st->phase == STREAM_FREE || st->read_at < table->buffer_bytes);
    }
    LIMIT(n, used == table->used);
}

static void check_trust(struct node *n)
{
    LIMIT(n, n->bus.peers.count == n->peer_count);
    for (uint16_t i = 0; i < n->peer_count; i++) {
        const struct peer *peer = &n->peers[i];
        const uint8_t *key = n->sim->keys[n->peer_owner[i]];
        if (peer->trust != n->peer_trust[i] || peer->static_key[0] != (key[0] ^ n->peer_wrong[i]) ||
            memcmp(peer->static_key + 1, key + 1, DSB_KEY_BYTES - 1) != 0) {
            sim_violation(n->sim, INVARIANT_TRUST, "node %u lists peer %u differently", n->index,
                          i);
        }
    }
}

static void check_wires(struct node *n)
{
    for (size_t i = 0; i < NODE_CONNECTIONS; i++) {
        if (n->wires[i].closed && !n->wires[i].ended) {
            sim_violation(n->sim, INVARIANT_EVENTS, "node %u closes a connection without a word",
                          n->index);
        }
    }
}

void check_node(struct node *n)
{
    const struct bus *bus = &n->bus;
    struct sums sums = {0};

    add_up(n, &sums);
    LIMIT(n, sums.connections == bus->counts.connections);
    LIMIT(n, sums.connections <= n->tables.connections_max);
    LIMIT(n, sums.up == bus->counts.sessions_up && sums.up <= n->sim->session_places);
    LIMIT(n, sums.places == bus->counts.places_used && sums.places <= n->sim->session_places);
    LIMIT(n, sums.lingering == bus->lingering);
    LIMIT(n, sums.lingering <= CONNECTIONS_CLOSING_MAX || bus->stopping);
    LIMIT(n, sums.dh_waiting == bus->dh_waiting);
    LIMIT(n, bus->memory.inputs.used <= bus->memory.inputs.max);
    LIMIT(n, bus->memory.outputs.used <= bus->memory.outputs.max);
    check_sources(n, &sums);
    check_devices(n);
    check_streams(n);
    check_trust(n);
    check_wires(n);
    if (bus->now_ms != n->clock_high_ms) {
        sim_violation(n->sim, INVARIANT_CLOCK, "node %u has another time than it was told",
                      n->index);
    }
}

// Whether a connection is still there when its time is over; NULL if not.
static const char *overdue(const struct connection *c, const struct wire *w, uint64_t now_ms)
{
    enum session_state state = session_state(&c->session);

    if (c->established && now_ms >= session_heard_ms(&c->session) + LOST_SILENCE_MS) {
        return "silent";
    }
    if (c->established && now_ms >= session_established_ms(&c->session) + SESSION_LIFE_MS +
                                        2 * (uint64_t)SESSION_LIFE_GRACE_MS) {
        return "older than a day";
    }
    if (state == SESSION_CLOSING && now_ms >= c->session.deadline_ms) {
        return "closing";
    }
    if (((c->phase == CONNECTION_CONNECTING && !c->dial_due) ||
         (c->phase == CONNECTION_OPEN && !c->established && state != SESSION_CLOSING)) &&
        now_ms >= w->since_ms + HANDSHAKE_TIMEOUT_MS) {
        return "half open";
    }
    return NULL;
}

// Right after a tick: nothing is due any more, and nothing has outlived its time.
void check_ticked(struct node *n)
{
    uint64_t now_ms = n->bus.now_ms;

    if (!n->sim->failed && bus_next_deadline(&n->bus) <= now_ms) {
        sim_violation(n->sim, INVARIANT_CLOCK, "node %u: something stays due", n->index);
    }
    for (uint16_t i = 0; i < n->tables.connections_max; i++) {
        const char *what = overdue(&n->connections[i], &n->wires[i], now_ms);
        if (what != NULL) {
            sim_violation(n->sim, INVARIANT_TIMEOUTS, "node %u: a connection outlives its time: %s",
                          n->index, what);
        }
    }
}

void check_idle(struct node *n)
{
    const struct bus *bus = &n->bus;
    struct bus_counts counts = bus_counts(bus);

    if (counts.connections != 0 || counts.half_open != 0 || counts.sessions_up != 0 ||
        counts.places_used != 0 || counts.streams != 0 || bus->memory.inputs.used != 0 ||
        bus->memory.outputs.used != 0 || bus->lingering != 0 || bus->dh_waiting != 0) {
        sim_violation(n->sim, INVARIANT_IDLE,
                      "node %u: %u connections, %u half open, %u places, %u streams, %u and %u "
                      "blocks are not given back",
                      n->index, counts.connections, counts.half_open, counts.places_used,
                      counts.streams, bus->memory.inputs.used, bus->memory.outputs.used);
    }
}
