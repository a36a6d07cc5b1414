// SPDX-License-Identifier: Apache-2.0
// Bus: memory, time, events and actions. Connections, peers and discovery have files of their own.
#include "dsoftbus/bus.h"

#include "dsoftbus/bus_internal.h"
#include "dsoftbus/bytes.h"
#include "noise/ct.h"

// ---- Time -----------------------------------------------------------------------------------------

void bus_clock(struct bus *bus, uint64_t now_ms)
{
    bus->now_ms = time_max(bus->now_ms, now_ms);
}

// ---- Places for sessions ------------------------------------------------------------------------------

bool bus_place_take(struct bus *bus, struct connection *c)
{
    DSB_ASSERT(!c->placed);
    if (bus->counts.places_used == bus->tables.sessions_max) {
        return false;
    }
    c->placed = true;
    bus->counts.places_used++;
    return true;
}

// What the session still has to send stays in its output memory for a while. There is memory for a few of these beyond
// what sessions need; the next one is cut short, so that no session ever waits for memory.
static void let_linger(struct bus *bus, struct connection *c)
{
    if (!session_holds_output(&c->session)) {
        return;
    }
    if (bus->lingering == CONNECTIONS_CLOSING_MAX && !bus->stopping) {
        session_abandon_output(&c->session);
        return;
    }
    c->lingering = true;
    bus->lingering++;
}

void bus_place_give(struct bus *bus, struct connection *c)
{
    if (c->placed) {
        c->placed = false;
        bus->counts.places_used--;
        let_linger(bus, c);
    }
}

// ---- Connections: free ones, and those for which an action is due -------------------------------------

static uint16_t slot_plus_1(const struct bus *bus, const struct connection *c)
{
    return (uint16_t)(c - bus->tables.connections + 1);
}

uint32_t bus_connection_id(const struct bus *bus, const struct connection *c)
{
    return (uint32_t)c->generation << 16 | slot_plus_1(bus, c);
}

struct connection *bus_find(const struct bus *bus, uint32_t connection)
{
    uint32_t slot = connection & 0xffff;
    struct connection *c;

    if (slot == 0 || slot > bus->tables.connections_max) {
        return NULL;
    }
    c = &bus->tables.connections[slot - 1];
    if (c->generation != connection >> 16 ||
        (c->phase != CONNECTION_CONNECTING && c->phase != CONNECTION_OPEN)) {
        return NULL;
    }
    return c;
}

struct connection *bus_connection_take(struct bus *bus, const struct net_address *address)
{
    struct connection *c;

    if (bus->connection_free == 0) {
        return NULL;
    }
    c = &bus->tables.connections[bus->connection_free - 1];
    bus->connection_free = c->next;
    c->next = 0;
    c->address = *address;
    c->peer = PEER_NONE;
    c->started_ms = bus->now_ms;
    bus->counts.connections++;
    return c;
}

void bus_connection_give(struct bus *bus, struct connection *c)
{
    uint16_t generation = (uint16_t)(c->generation + 1);

    DSB_ASSERT(!c->placed && !c->half_open && !c->in_due_list);
    if (c->lingering) {
        bus->lingering--;
    }
    session_wipe(&c->session);
    bytes_zero(c, sizeof *c);
    c->generation = generation;
    c->next = bus->connection_free;
    bus->connection_free = slot_plus_1(bus, c);
    bus->counts.connections--;
}

static void init_connections(struct bus *bus)
{
    for (uint16_t i = bus->tables.connections_max; i > 0; i--) {
        struct connection *c = &bus->tables.connections[i - 1];
        bytes_zero(c, sizeof *c);
        c->next = bus->connection_free;
        bus->connection_free = i;
    }
}

void bus_due(struct bus *bus, struct connection *c)
{
    if (c->in_due_list) {
        return;
    }
    c->in_due_list = true;
    c->next = 0;
    if (bus->due_first == 0) {
        bus->due_first = slot_plus_1(bus, c);
    } else {
        bus->tables.connections[bus->due_last - 1].next = slot_plus_1(bus, c);
    }
    bus->due_last = slot_plus_1(bus, c);
}

static struct connection *next_due(struct bus *bus)
{
    struct connection *c;

    if (bus->due_first == 0) {
        return NULL;
    }
    c = &bus->tables.connections[bus->due_first - 1];
    bus->due_first = c->next;
    c->next = 0;
    c->in_due_list = false;
    return c;
}

// ---- Initialisation -------------------------------------------------------------------------------

static bool config_valid(const struct bus_config *config)
{
    const struct session_config *session = &config->session;

    return name_plain(session->id.bytes, session->id.len) && config->port != 0 &&
           config->ttl_s >= ANNOUNCE_TTL_MIN_S && config->ttl_s <= ANNOUNCE_TTL_MAX_S &&
           session->record_plaintext_max >= RECORD_PLAINTEXT_BYTES_MIN &&
           session->record_plaintext_max <= RECORD_PLAINTEXT_BYTES_MAX && session->random != NULL;
}

static bool stream_tables_valid(const struct bus_tables *t)
{
    bool outputs = t->outputs != NULL &&
                   t->output_bytes >= SESSION_OUTPUT_BYTES(RECORD_PLAINTEXT_BYTES_MIN, 1) &&
                   t->outputs_len / t->output_bytes >= BUS_OUTPUTS((uint32_t)t->sessions_max);

    return t->streams_max == 0 ||
           (outputs && t->streams != NULL && t->stream_buffers != NULL &&
            t->stream_buffer_bytes >= STREAM_BUFFER_BYTES_MIN &&
            t->stream_buffers_len / t->stream_buffer_bytes >= t->streams_max);
}

static bool tables_valid(const struct bus_tables *t, const struct bus_config *config)
{
    size_t record_len = BUS_RECORD_BYTES(config->session.record_plaintext_max);

    if (t->peers == NULL || t->devices == NULL || t->sources == NULL || t->connections == NULL ||
        t->records == NULL || t->events == NULL) {
        return false;
    }
    return t->peers_max > 0 && t->peers_max < PEER_NONE && t->devices_max > 0 &&
           t->devices_reserved < t->devices_max && t->half_open_max > HALF_OPEN_RESERVED &&
           t->sources_max > t->half_open_max && t->sources_max < SOURCE_NONE &&
           t->sessions_max > 0 &&
           t->connections_max >= BUS_CONNECTIONS((uint32_t)t->half_open_max, t->sessions_max) &&
           t->records_len / record_len >= t->sessions_max && t->events_max >= 2 &&
           stream_tables_valid(t);
}

static void init_memory(struct bus *bus)
{
    const struct bus_tables *t = &bus->tables;
    struct session_memory *memory = &bus->memory;

    pool_init(&memory->inputs, t->records,
              BUS_RECORD_BYTES(bus->config.session.record_plaintext_max), t->sessions_max);
    pool_init(&memory->outputs, t->outputs, t->output_bytes,
              t->streams_max == 0 ? 0 : (uint16_t)BUS_OUTPUTS(t->sessions_max));
    stream_table_init(&memory->streams, t->streams, t->streams_max, t->stream_buffers,
                      t->stream_buffer_bytes);
    bus->config.session.memory = memory;
}

enum bus_error bus_init(struct bus *bus, const struct bus_config *config,
                        const struct bus_tables *tables, uint64_t now_ms)
{
    bytes_zero(bus, sizeof *bus);
    if (!config_valid(config)) {
        return BUS_ERR_CONFIG;
    }
    if (!tables_valid(tables, config)) {
        return BUS_ERR_TABLES;
    }
    if (config->session.random(config->session.random_ctx, bus->boot_id, sizeof bus->boot_id) !=
        NOISE_OK) {
        return BUS_ERR_RANDOM;
    }
    bus->config = *config;
    bus->tables = *tables;
    bus->now_ms = now_ms;
    peers_init(&bus->peers, tables->peers, tables->peers_max, &config->session.id,
               config->session.static_public);
    discovery_init(&bus->discovery, tables->devices, tables->devices_max, tables->devices_reserved);
    sources_init(&bus->sources, tables->sources, tables->sources_max);
    init_memory(bus);
    init_connections(bus);
    return BUS_OK;
}

// ---- Events ---------------------------------------------------------------------------------------

static void append_event(struct bus *bus, const struct bus_event *event)
{
    uint32_t at = ((uint32_t)bus->event_first + bus->event_count) % bus->tables.events_max;

    bus->tables.events[at] = *event;
    bus->event_count++;
}

static struct bus_event dropped_event(struct bus *bus)
{
    struct bus_event event = {
        .type = BUS_EVENTS_DROPPED, .peer = PEER_NONE, .dropped = bus->events_dropped};

    bus->events_dropped = 0;
    return event;
}

void bus_emit(struct bus *bus, const struct bus_event *event)
{
    uint32_t room = (uint32_t)bus->tables.events_max - bus->event_count;

    if (room < (bus->events_dropped > 0 ? 2 : 1)) {
        bus->events_dropped++;
        bus->counts.events_dropped++;
        return;
    }
    if (bus->events_dropped > 0) {
        struct bus_event dropped = dropped_event(bus);
        append_event(bus, &dropped);
    }
    append_event(bus, event);
}

bool bus_next_event(struct bus *bus, struct bus_event *event)
{
    if (bus->event_count == 0) {
        if (bus->events_dropped == 0) {
            return false;
        }
        *event = dropped_event(bus);
        return true;
    }
    *event = bus->tables.events[bus->event_first];
    bus->event_first = (uint16_t)(((uint32_t)bus->event_first + 1) % bus->tables.events_max);
    bus->event_count--;
    return true;
}

const char *bus_event_name(enum bus_event_type type)
{
    switch (type) {
    case BUS_PEER_FOUND:
        return "peer found";
    case BUS_DEVICE_FOUND:
        return "device found";
    case BUS_DEVICE_LOST:
        return "device lost";
    case BUS_ANNOUNCE_OWN:
        return "own announce";
    case BUS_ANNOUNCE_IGNORED:
        return "announce ignored";
    case BUS_SESSION_CONNECT:
        return "session connect";
    case BUS_DIAL_FAILED:
        return "dial failed";
    case BUS_IDENTITY_BOUND:
        return "identity bound";
    case BUS_ESTABLISHED:
        return "established";
    case BUS_IDENTITY_MISMATCH:
        return "identity mismatch";
    case BUS_UNKNOWN_PEER:
        return "unknown peer";
    case BUS_REJECTED:
        return "rejected";
    case BUS_SESSION_LOST:
        return "session lost";
    case BUS_PINGED:
        return "ping received";
    case BUS_PONGED:
        return "pong received";
    case BUS_PAIR_CODE:
        return "pair code";
    case BUS_PAIR_FAILED:
        return "pair failed";
    case BUS_EVENTS_DROPPED:
        return "events dropped";
    }
    return "unknown";
}

// ---- Actions --------------------------------------------------------------------------------------

// What is due for this connection; it goes back into the list if more is.
static bool connection_action(struct bus *bus, struct bus_action *action, struct connection *c)
{
    *action = (struct bus_action){.connection = bus_connection_id(bus, c), .address = c->address};
    if (c->phase == CONNECTION_ENDED) {
        bool known = !c->dial_due; // a dial that was taken back before it was given just disappears
        action->type = BUS_CLOSE;
        bus_connection_give(bus, c);
        return known;
    }
    if (c->dial_due) {
        c->dial_due = false;
        action->type = BUS_DIAL;
        return true;
    }
    if (c->output_due) {
        c->output_due = false;
        action->type = BUS_OUTPUT;
        return true;
    }
    return false;
}

bool bus_next_action(struct bus *bus, uint64_t now_ms, struct bus_action *action)
{
    struct connection *c;

    bus_clock(bus, now_ms);
    while ((c = next_due(bus)) != NULL) {
        if (connection_action(bus, action, c)) {
            return true;
        }
    }
    return bus_announce_action(bus, action);
}

void bus_tick(struct bus *bus, uint64_t now_ms)
{
    bus_clock(bus, now_ms);
    for (uint16_t i = 0; i < bus->tables.connections_max; i++) {
        bus_connection_tick(bus, &bus->tables.connections[i]);
    }
    bus_discovery_tick(bus);
    bus_pairing_tick(bus);
    for (uint16_t i = 0; i < bus->peers.count; i++) {
        bus_dial_if_due(bus, i);
    }
}

uint64_t bus_next_deadline(const struct bus *bus)
{
    uint64_t deadline_ms = time_min(bus_discovery_deadline(bus), bus_pairing_deadline(bus));

    for (uint16_t i = 0; i < bus->tables.connections_max; i++) {
        deadline_ms = time_min(deadline_ms, bus_connection_deadline(&bus->tables.connections[i]));
    }
    for (uint16_t i = 0; i < bus->peers.count; i++) {
        deadline_ms = time_min(deadline_ms, bus_dial_deadline(bus, i));
    }
    return deadline_ms;
}

struct bus_counts bus_counts(const struct bus *bus)
{
    struct bus_counts counts = bus->counts;

    counts.peers = bus->peers.count;
    counts.half_open = sources_half_open(&bus->sources, false);
    counts.devices = discovery_count(&bus->discovery);
    counts.streams = bus->memory.streams.used;
    return counts;
}

void bus_shutdown(struct bus *bus, uint64_t now_ms)
{
    bus_clock(bus, now_ms);
    bus->stopping = true;
    bus->announcing = false;
    bus_pair_cancel(bus, now_ms);
    for (uint16_t i = 0; i < bus->tables.connections_max; i++) {
        struct connection *c = &bus->tables.connections[i];
        if (c->phase == CONNECTION_CONNECTING || c->phase == CONNECTION_OPEN) {
            bus_connection_end(bus, c, REASON_SHUTDOWN, BYE_SHUTTING_DOWN);
        }
    }
}
