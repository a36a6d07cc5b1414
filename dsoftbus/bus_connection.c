// SPDX-License-Identifier: Apache-2.0
// Bus: connections from accept or dial to their end, and the identity policy applied to them.
#include "dsoftbus/bus_internal.h"
#include "dsoftbus/bytes.h"

static bool is_up(const struct connection *c)
{
    return c->established;
}

static void emit(struct bus *bus, const struct connection *c, enum bus_event_type type,
                 enum close_reason reason)
{
    struct bus_event event = {
        .type = type,
        .connection = bus_connection_id(bus, c),
        .peer = c->peer,
        .role = c->outbound ? SESSION_INITIATOR : SESSION_RESPONDER,
        .reason = (uint8_t)reason,
        .address = c->address,
    };

    if (c->peer != PEER_NONE) {
        event.id = bus->peers.peers[c->peer].id;
    } else {
        event.id = c->pairing && c->outbound ? bus->pair_id : *session_peer_id(&c->session);
    }
    event.peer_bye = session_peer_bye(&c->session);
    event.peer_version = session_peer_version(&c->session);
    if (is_up(c) && !session_hash(&c->session, event.hash)) {
        bytes_zero(event.hash, sizeof event.hash);
    }
    if (type == BUS_PAIR_CODE) {
        event.code = session_pair_code(&c->session);
        if (!session_peer_key(&c->session, event.key)) {
            bytes_zero(event.key, sizeof event.key);
        }
    }
    event.guess = session_pair_guessed(&c->session);
    if (type == BUS_PINGED) {
        event.first = session_pings_received(&c->session) == 1;
    }
    if (type == BUS_PONGED) {
        event.rtt_ms = session_rtt_ms(&c->session);
        event.ping = session_ponged(&c->session);
    }
    bus_emit(bus, &event);
}

// ---- Ends -----------------------------------------------------------------------------------------

// What went wrong here is not the source's fault.
static bool is_local_fault(enum close_reason reason)
{
    return reason == REASON_DH_FAILED || reason == REASON_RANDOM_FAILED ||
           reason == REASON_INTERNAL || reason == REASON_NO_RECORD_MEMORY ||
           reason == REASON_CLOSED || reason == REASON_SHUTDOWN;
}

static enum bus_event_type end_type(const struct connection *c, enum close_reason reason)
{
    if (is_up(c)) {
        return BUS_SESSION_LOST;
    }
    if (c->pairing) {
        return BUS_PAIR_FAILED;
    }
    if (c->outbound) {
        return BUS_DIAL_FAILED;
    }
    if (reason == REASON_IDENTITY_MISMATCH) {
        return BUS_IDENTITY_MISMATCH;
    }
    return reason == REASON_UNKNOWN_PEER ? BUS_UNKNOWN_PEER : BUS_REJECTED;
}

// What the connection held as somebody's session, handshake or dial goes back; last words may still have to leave.
static void let_go(struct bus *bus, struct connection *c, bool charge)
{
    if (c->half_open) {
        sources_release(&bus->sources, c->source, charge);
        c->half_open = false;
    }
    if (c->dh_waiting) {
        c->dh_waiting = false;
        bus->dh_waiting--;
    }
    bus_place_give(bus, c);
    if (c->pairing) {
        bus_pairing_ended(bus, c);
    } else if (c->outbound) {
        bus_dial_ended(bus, c);
    } else if (c->peer != PEER_NONE &&
               bus->peers.peers[c->peer].inbound == bus_connection_id(bus, c)) {
        bus->peers.peers[c->peer].inbound = 0;
    }
}

// The session, handshake or dial is over, for this reason.
static void ended(struct bus *bus, struct connection *c, enum close_reason reason)
{
    emit(bus, c, end_type(c, reason), reason);
    let_go(bus, c, !is_local_fault(reason));
    if (is_up(c)) {
        bus->counts.sessions_up--;
        bus->counts.lost++;
    } else if (!c->outbound) {
        bus->counts.rejected++;
    }
    c->established = false;
}

// The pairing has led to a code.
static void paired(struct bus *bus, struct connection *c)
{
    emit(bus, c, BUS_PAIR_CODE, REASON_NONE);
    let_go(bus, c, false);
}

// The transport is to be closed.
static void close_transport(struct bus *bus, struct connection *c)
{
    c->phase = CONNECTION_ENDED;
    bus_due(bus, c);
}

// After every call on a session: its transport is closed when it has nothing more to say.
void bus_settle(struct bus *bus, struct connection *c)
{
    if (c->phase != CONNECTION_OPEN) {
        return;
    }
    if (session_state(&c->session) == SESSION_CLOSED) {
        close_transport(bus, c);
        return;
    }
    if (session_has_output(&c->session)) {
        c->output_due = true;
        bus_due(bus, c);
    }
}

void bus_connection_end(struct bus *bus, struct connection *c, enum close_reason reason,
                        enum bye_reason bye)
{
    if (c->phase == CONNECTION_CONNECTING) {
        ended(bus, c, reason);
        close_transport(bus, c);
        return;
    }
    bus_session_event(bus, c, session_close(&c->session, bus->now_ms, reason, bye));
}

// ---- Identity policy ------------------------------------------------------------------------------

static enum close_reason verdict_reason(enum identity_verdict verdict)
{
    switch (verdict) {
    case IDENTITY_BOUND:
        return REASON_NONE;
    case IDENTITY_OWN_KEY:
        return REASON_OWN_KEY;
    case IDENTITY_MISMATCH:
        return REASON_IDENTITY_MISMATCH;
    case IDENTITY_UNKNOWN:
        return REASON_UNKNOWN_PEER;
    case IDENTITY_PENDING:
        return REASON_PEER_PENDING;
    case IDENTITY_REVOKED:
        return REASON_PEER_REVOKED;
    }
    return REASON_INTERNAL;
}

// The older session with this peer in the same direction goes.
static void replace(struct bus *bus, uint16_t peer)
{
    struct connection *old = bus_find(bus, bus->peers.peers[peer].inbound);

    if (old != NULL) {
        bus_connection_end(bus, old, REASON_REPLACED, BYE_REPLACED);
    }
}

static enum session_event bind_inbound(struct bus *bus, struct connection *c, uint16_t peer)
{
    c->peer = peer;
    emit(bus, c, BUS_IDENTITY_BOUND, REASON_NONE);
    replace(bus, peer);
    if (!bus_place_take(bus, c)) {
        return session_refuse(&c->session, bus->now_ms, REASON_NO_RECORD_MEMORY);
    }
    return session_accept(&c->session, bus->now_ms);
}

// Id and key have authenticated together: are they a trusted peer's? It fails closed.
static enum session_event decide(struct bus *bus, struct connection *c)
{
    uint8_t key[DSB_KEY_BYTES];
    enum close_reason reason;
    uint16_t peer;

    if (!session_peer_key(&c->session, key)) {
        return session_refuse(&c->session, bus->now_ms, REASON_INTERNAL);
    }
    reason = verdict_reason(peers_identify(&bus->peers, &peer, session_peer_id(&c->session), key));
    if (c->outbound ? c->pairing
                    : (reason == REASON_UNKNOWN_PEER || reason == REASON_PEER_PENDING) &&
                          bus_pairing_take(bus, c)) {
        return session_pair(&c->session, bus->now_ms);
    }
    if (reason != REASON_NONE) {
        return session_refuse(&c->session, bus->now_ms, reason);
    }
    if (!c->outbound) {
        return bind_inbound(bus, c, peer);
    }
    DSB_ASSERT(peer == c->peer); // whose id and key were called
    emit(bus, c, BUS_IDENTITY_BOUND, REASON_NONE);
    return session_accept(&c->session, bus->now_ms);
}

static void established(struct bus *bus, struct connection *c)
{
    struct peer *peer = &bus->peers.peers[c->peer];

    c->established = true;
    c->replace_ms = time_after(bus->now_ms, SESSION_LIFE_MS);
    session_set_owner(&c->session, bus_connection_id(bus, c));
    bus->counts.sessions_up++;
    bus->counts.established++;
    peer->last_bound = c->address;
    if (c->outbound) {
        bus_dial_succeeded(bus, c);
    } else {
        sources_release(&bus->sources, c->source, false);
        c->half_open = false;
        peer->inbound = bus_connection_id(bus, c);
    }
    emit(bus, c, BUS_ESTABLISHED, REASON_NONE);
}

void bus_session_event(struct bus *bus, struct connection *c, enum session_event event)
{
    while (event == SESSION_IDENTITY) {
        event = decide(bus, c);
    }
    switch (event) {
    case SESSION_NOTHING:
    case SESSION_IDENTITY:
        break;
    case SESSION_NEED_DH:
        c->dh_waiting = true;
        bus->dh_waiting++;
        break;
    case SESSION_ESTABLISHED:
        established(bus, c);
        break;
    case SESSION_PINGED:
        emit(bus, c, BUS_PINGED, REASON_NONE);
        break;
    case SESSION_PONGED:
        emit(bus, c, BUS_PONGED, REASON_NONE);
        break;
    case SESSION_PAIRED:
        paired(bus, c);
        break;
    case SESSION_OFFERED:
        bus_stream_offered(bus, c);
        break;
    case SESSION_ENDED:
        ended(bus, c, session_reason(&c->session));
        break;
    }
    bus_settle(bus, c);
}

// ---- Accept, and the limits on the unauthenticated ------------------------------------------------

static void evict_oldest_of(struct bus *bus, uint16_t source)
{
    struct connection *oldest = NULL;

    for (uint16_t i = 0; i < bus->tables.connections_max; i++) {
        struct connection *c = &bus->tables.connections[i];
        if (c->half_open && c->source == source &&
            (oldest == NULL || c->started_ms < oldest->started_ms)) {
            oldest = c;
        }
    }
    DSB_ASSERT(oldest != NULL);
    bus->counts.evicted++;
    bus_connection_end(bus, oldest, REASON_EVICTED, BYE_LIMIT);
}

// Makes one more half-open handshake from this source possible: at most 8 of one source; places kept for addresses of
// trusted peers; when full, the oldest of the greediest source goes.
static void make_room(struct bus *bus, uint16_t source)
{
    const struct source *entry = &bus->sources.sources[source];
    uint16_t max = bus->tables.half_open_max;
    uint16_t greediest = sources_greediest(&bus->sources, true);

    if (entry->half_open >= HALF_OPEN_PER_SOURCE_MAX) {
        evict_oldest_of(bus, source);
    } else if (!entry->trusted &&
               sources_half_open(&bus->sources, true) >= max - HALF_OPEN_RESERVED) {
        evict_oldest_of(bus, greediest);
    } else if (sources_half_open(&bus->sources, false) >= max) {
        evict_oldest_of(bus, greediest != SOURCE_NONE ? greediest
                                                      : sources_greediest(&bus->sources, false));
    }
}

static bool family_known(const struct net_address *address)
{
    return address->family == NET_IPV4 || address->family == NET_IPV6;
}

bool bus_accepted(struct bus *bus, uint64_t now_ms, uint32_t *connection,
                  const struct net_address *source)
{
    struct connection *c;
    uint16_t place;

    bus_clock(bus, now_ms);
    *connection = 0;
    if (bus->stopping || !family_known(source)) {
        return false;
    }
    place = sources_find(&bus->sources, bus->now_ms, source, bus_address_trusted(bus, source));
    if (place == SOURCE_NONE || bus->connection_free == 0) {
        bus->counts.refused_full++;
        return false;
    }
    if (bus->sources.sources[place].tokens == 0) {
        bus->counts.refused_rate++;
        return false;
    }
    make_room(bus, place);
    if (!sources_take(&bus->sources, place)) {
        return false;
    }
    c = bus_connection_take(bus, source);
    c->phase = CONNECTION_OPEN;
    c->half_open = true;
    c->source = place;
    bus->counts.accepted++;
    *connection = bus_connection_id(bus, c);
    bus_session_event(bus, c,
                      session_start_responder(&c->session, &bus->config.session, bus->now_ms));
    return true;
}

// ---- What the shell reports -----------------------------------------------------------------------

// Calls the peer, or whom we want to pair with.
static enum session_event call(struct bus *bus, struct connection *c)
{
    const struct peer *peer;

    if (c->pairing) {
        return session_start_initiator(&c->session, &bus->config.session, bus->now_ms,
                                       &bus->pair_id, bus->pair_key);
    }
    peer = &bus->peers.peers[c->peer];
    emit(bus, c, BUS_SESSION_CONNECT, REASON_NONE);
    return session_start_initiator(&c->session, &bus->config.session, bus->now_ms, &peer->id,
                                   peer->static_key);
}

void bus_connected(struct bus *bus, uint64_t now_ms, uint32_t connection)
{
    struct connection *c = bus_find(bus, connection);

    bus_clock(bus, now_ms);
    if (c != NULL && c->phase == CONNECTION_CONNECTING) {
        c->phase = CONNECTION_OPEN;
        bus_session_event(bus, c, call(bus, c));
    }
}

void bus_connect_failed(struct bus *bus, uint64_t now_ms, uint32_t connection)
{
    struct connection *c = bus_find(bus, connection);

    bus_clock(bus, now_ms);
    if (c != NULL && c->phase == CONNECTION_CONNECTING) {
        bus_connection_end(bus, c, REASON_CONNECT_FAILED, BYE_NORMAL);
    }
}

void bus_received(struct bus *bus, uint64_t now_ms, uint32_t connection, const uint8_t *data,
                  size_t data_len)
{
    struct connection *c = bus_find(bus, connection);

    bus_clock(bus, now_ms);
    while (data_len > 0 && c != NULL && c->phase == CONNECTION_OPEN) {
        enum session_event event;
        size_t used = session_receive(&c->session, &event, bus->now_ms, data, data_len);
        data += used;
        data_len -= used;
        bus_session_event(bus, c, event);
    }
}

uint8_t *bus_input(struct bus *bus, uint32_t connection, size_t *len)
{
    struct connection *c = bus_find(bus, connection);

    *len = 0;
    return c == NULL || c->phase != CONNECTION_OPEN ? NULL : session_input(&c->session, len);
}

void bus_input_done(struct bus *bus, uint64_t now_ms, uint32_t connection, size_t put)
{
    struct connection *c = bus_find(bus, connection);
    enum session_event event = SESSION_PINGED;

    bus_clock(bus, now_ms);
    while (event != SESSION_NOTHING && c != NULL && c->phase == CONNECTION_OPEN) {
        event = session_input_done(&c->session, bus->now_ms, put);
        put = 0;
        bus_session_event(bus, c, event);
    }
}

const uint8_t *bus_output(struct bus *bus, uint32_t connection, size_t *len)
{
    struct connection *c = bus_find(bus, connection);

    *len = 0;
    return c == NULL || c->phase != CONNECTION_OPEN ? NULL : session_output(&c->session, len);
}

void bus_output_done(struct bus *bus, uint64_t now_ms, uint32_t connection, size_t sent)
{
    struct connection *c = bus_find(bus, connection);

    bus_clock(bus, now_ms);
    if (c == NULL || c->phase != CONNECTION_OPEN) {
        return;
    }
    session_output_done(&c->session, sent);
    if (session_state(&c->session) == SESSION_CLOSED) {
        close_transport(bus, c);
    }
}

void bus_writable(struct bus *bus, uint32_t connection)
{
    struct connection *c = bus_find(bus, connection);

    if (c != NULL) {
        bus_settle(bus, c);
    }
}

void bus_disconnected(struct bus *bus, uint64_t now_ms, uint32_t connection)
{
    struct connection *c = bus_find(bus, connection);

    bus_clock(bus, now_ms);
    if (c == NULL) {
        return;
    }
    if (c->phase == CONNECTION_CONNECTING) {
        bus_connection_end(bus, c, REASON_CONNECT_FAILED, BYE_NORMAL);
    } else {
        bus_session_event(bus, c, session_disconnected(&c->session));
    }
}

uint16_t bus_connection_peer(const struct bus *bus, uint32_t connection)
{
    const struct connection *c = bus_find(bus, connection);

    return c != NULL && is_up(c) ? c->peer : PEER_NONE;
}

uint32_t bus_ping(struct bus *bus, uint64_t now_ms, uint32_t connection)
{
    return bus_ping_large(bus, now_ms, connection, 0);
}

uint32_t bus_ping_large(struct bus *bus, uint64_t now_ms, uint32_t connection, size_t bytes)
{
    struct connection *c = bus_find(bus, connection);
    uint32_t number;

    bus_clock(bus, now_ms);
    if (c == NULL || !is_up(c)) {
        return 0;
    }
    number = bytes == 0 ? session_ping(&c->session, bus->now_ms)
                        : session_ping_large(&c->session, bus->now_ms, bytes);
    bus_settle(bus, c);
    return number;
}

void bus_close(struct bus *bus, uint64_t now_ms, uint32_t connection)
{
    struct connection *c = bus_find(bus, connection);

    bus_clock(bus, now_ms);
    if (c != NULL) {
        bus_connection_end(bus, c, REASON_CLOSED, BYE_NORMAL);
    }
}

// ---- Static Diffie-Hellman ------------------------------------------------------------------------

// The connection's id above, so that the result finds it; of the handshake's own id what fits below.
static uint64_t dh_id(const struct bus *bus, const struct connection *c,
                      const struct xk_dh_request *request)
{
    return (uint64_t)bus_connection_id(bus, c) << 32 | (request->id & UINT32_MAX);
}

size_t bus_dh_take(struct bus *bus, struct bus_dh_request requests[static BUS_DH_BATCH_MAX])
{
    uint16_t max = bus->tables.connections_max;
    size_t count = 0;

    for (uint16_t i = 0; i < max && count < BUS_DH_BATCH_MAX && bus->dh_waiting > 0; i++) {
        struct connection *c = &bus->tables.connections[bus->dh_cursor];
        struct xk_dh_request request;

        bus->dh_cursor = (uint16_t)((bus->dh_cursor + 1) % max);
        if (!c->dh_waiting) {
            continue;
        }
        c->dh_waiting = false;
        bus->dh_waiting--;
        if (session_dh_request(&c->session, &request)) {
            requests[count].id = dh_id(bus, c, &request);
            bytes_copy(requests[count].public_key, request.public_key, DSB_KEY_BYTES);
            count++;
        }
    }
    return count;
}

void bus_dh_result(struct bus *bus, uint64_t now_ms, uint64_t id, const uint8_t *secret)
{
    struct connection *c = bus_find(bus, (uint32_t)(id >> 32));
    struct xk_dh_request request;

    bus_clock(bus, now_ms);
    if (c == NULL || c->phase != CONNECTION_OPEN || !session_dh_request(&c->session, &request) ||
        dh_id(bus, c, &request) != id) {
        return;
    }
    bus_session_event(bus, c, session_dh_result(&c->session, bus->now_ms, request.id, secret));
}

// ---- Time -----------------------------------------------------------------------------------------

uint64_t bus_connection_deadline(const struct connection *c)
{
    switch ((enum connection_phase)c->phase) {
    case CONNECTION_FREE:
    case CONNECTION_ENDED:
        break;
    case CONNECTION_CONNECTING:
        return time_after(c->started_ms, CONNECT_TIMEOUT_MS);
    case CONNECTION_OPEN:
        return session_deadline(&c->session);
    }
    return TIME_NEVER;
}

void bus_connection_tick(struct bus *bus, struct connection *c)
{
    if (bus->now_ms < bus_connection_deadline(c)) {
        return;
    }
    if (c->phase == CONNECTION_CONNECTING) {
        bus_connection_end(bus, c, REASON_CONNECT_TIMEOUT, BYE_NORMAL);
    } else if (c->phase == CONNECTION_OPEN) {
        bus_session_event(bus, c, session_tick(&c->session, bus->now_ms));
    }
}
