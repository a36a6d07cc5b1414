// SPDX-License-Identifier: Apache-2.0
// Requests of local clients: who asks, whether the request is well formed, whether it is permitted; then it is done.
#include "services/dsoftbusd/local.h"

#include "dsoftbus/label.h"
#include "services/dsoftbusd/local_internal.h"
#include "services/lib/string.h"

void local_start(struct local *local, struct bus *bus, struct report *report,
                 const struct rights *rights, uint32_t first_generation)
{
    *local = (struct local){.bus = bus, .report = report, .rights = *rights};
    for (size_t c = 0; c < LOCAL_CLIENTS_MAX; c++) {
        for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
            local->clients[c].handles[i].generation = first_generation;
        }
    }
}

bool local_add_client(struct local *local, const struct local_client_config *config)
{
    if (local->client_count == LOCAL_CLIENTS_MAX) {
        return false;
    }
    local->clients[local->client_count++].config = *config;
    return true;
}

// ---- Who asks ------------------------------------------------------------------------------------------------

static struct local_client *client_of(struct local *local, uint32_t process)
{
    for (uint32_t c = 0; c < local->client_count; c++) {
        if (local->clients[c].config.process == process) {
            return &local->clients[c];
        }
    }
    return NULL;
}

// The client behind a stamp. If it has been started again since, what its predecessor had is closed first.
static struct local_client *sender_client(struct local *local, uint64_t now_ms, uint64_t sender)
{
    struct local_client *client = client_of(local, neuron_sender_process(sender));
    if (client != NULL && client->start != neuron_sender_start(sender)) {
        local_free_all(local, now_ms, client);
        client->start = neuron_sender_start(sender);
    }
    return client;
}

void local_client_ended(struct local *local, uint64_t now_ms, uint32_t process)
{
    struct local_client *client = client_of(local, process);
    if (client != NULL) {
        local_free_all(local, now_ms, client);
    }
}

uint32_t local_take_signals(struct local *local)
{
    uint32_t signals = 0;
    for (uint32_t c = 0; c < local->client_count; c++) {
        signals |= (uint32_t)local->clients[c].news << c;
        local->clients[c].news = false;
    }
    return signals;
}

// ---- Requests that name things -------------------------------------------------------------------------------

struct names {
    struct label peer, service;
};

// Rights first: what a client may not do, it learns nothing about.
static bool permitted(struct local *local, uint64_t now_ms, const struct local_client *client,
                      enum right_kind kind, const struct names *names)
{
    if (rights_allow(&local->rights, client->config.process, kind, names->peer, names->service)) {
        return true;
    }
    char peer[LABEL_CHARS_MAX], service[LABEL_CHARS_MAX];
    label_escape(peer, sizeof peer, names->peer.bytes, names->peer.len);
    label_escape(service, sizeof service, names->service.bytes, names->service.len);
    report_refusal(local->report, now_ms, client->config.name, right_kind_name(kind), peer,
                   service);
    return false;
}

static void take_service(struct service_name *out, struct label service)
{
    out->len = (uint8_t)service.len;
    memcpy(out->bytes, service.bytes, service.len);
}

static enum dsb_status register_service(struct dsb_reply *reply, struct local *local,
                                        uint64_t now_ms, struct local_client *client,
                                        const struct names *names)
{
    if (!permitted(local, now_ms, client, RIGHT_OFFERS, names)) {
        return DSB_NOT_PERMITTED;
    }
    struct local_handle *h = local_allocate(local, client, LOCAL_LISTENER);
    if (h == NULL) {
        return DSB_LIMIT;
    }
    switch (bus_service_add(local->bus, now_ms, (const char *)names->service.bytes,
                            names->service.len)) {
    case BUS_OK:
        break;
    case BUS_ERR_DUPLICATE:
        return DSB_IN_USE;
    case BUS_ERR_FULL:
        return DSB_LIMIT;
    case BUS_ERR_NAME:
        return DSB_INVALID_INPUT;
    case BUS_ERR_CONFIG:
    case BUS_ERR_TABLES:
    case BUS_ERR_RANDOM:
    case BUS_ERR_NO_PEER:
    case BUS_ERR_PAIRING:
        return DSB_INTERNAL;
    }
    take_service(&h->service, names->service);
    h->stage = LOCAL_OPEN;
    reply->handle = local_name(client, h);
    return DSB_OK;
}

// OPEN and PING: a handle that waits for a session with the peer, which may be there already.
static enum dsb_status reach_peer(struct dsb_reply *reply, struct local *local, uint64_t now_ms,
                                  struct local_client *client, const struct names *names,
                                  enum local_kind kind)
{
    struct device_id id;
    enum right_kind right = kind == LOCAL_STREAM ? RIGHT_OPENS : RIGHT_PINGS;
    if (!permitted(local, now_ms, client, right, names)) {
        return DSB_NOT_PERMITTED;
    }
    if (!device_id_set(&id, names->peer.bytes, names->peer.len)) {
        return DSB_INVALID_INPUT;
    }
    uint16_t peer = peers_find_id(&local->bus->peers, &id);
    if (peer == PEER_NONE) {
        return DSB_NO_SUCH_PEER;
    }
    struct local_handle *h = local_allocate(local, client, kind);
    if (h == NULL) {
        return DSB_LIMIT;
    }
    h->stage = LOCAL_WAITING;
    h->peer = peer;
    take_service(&h->service, names->service);
    if (local_session(local, peer) == 0 && bus_peer_dial(local->bus, now_ms, peer) != BUS_OK) {
        local_free(local, now_ms, client, h, BYE_NORMAL);
        return DSB_INTERNAL;
    }
    local_go_on(local, now_ms, client, h);
    reply->handle = local_name(client, h);
    return DSB_OK;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum |= bytes[i];
    }
    return sum == 0;
}

// A name is there exactly when the operation takes one; what lies behind it is zero.
static bool good_name(const uint8_t *bytes, size_t len, bool wanted)
{
    return len <= DSB_NAME_BYTES_MAX && wanted == (len > 0) &&
           all_zero(bytes + len, DSB_NAME_BYTES_MAX - len);
}

static enum dsb_status serve_names(struct dsb_reply *reply, struct local *local, uint64_t now_ms,
                                   struct local_client *client, enum dsb_op op,
                                   const struct dsb_names *q)
{
    if (!good_name(q->peer, q->peer_len, op != DSB_REGISTER) ||
        !good_name(q->service, q->service_len, op != DSB_PING)) {
        return DSB_INVALID_INPUT;
    }
    struct names names = {{q->peer, q->peer_len}, {q->service, q->service_len}};
    if (op == DSB_REGISTER) {
        return register_service(reply, local, now_ms, client, &names);
    }
    return reach_peer(reply, local, now_ms, client, &names,
                      op == DSB_OPEN ? LOCAL_STREAM : LOCAL_PING);
}

// ---- Requests on handles -------------------------------------------------------------------------------------

static enum dsb_status accept_stream(struct dsb_accepted *reply, struct local *local,
                                     uint64_t now_ms, struct local_client *client, dsb_handle name)
{
    struct local_handle *listener = local_find_kind(client, name, LOCAL_LISTENER);
    struct local_handle *first = NULL;
    struct stream_status status;
    if (listener == NULL) {
        return DSB_BAD_HANDLE;
    }
    for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
        struct local_handle *h = &client->handles[i];
        bool queued = h->stage == LOCAL_QUEUED && h->listener == listener - client->handles;
        first = queued && (first == NULL || h->order < first->order) ? h : first;
    }
    if (first == NULL) {
        return DSB_WOULD_BLOCK;
    }
    if (!bus_stream_status(local->bus, first->stream, &status) ||
        bus_stream_accept(local->bus, now_ms, first->stream) != STREAM_OK) {
        local_free(local, now_ms, client, first, BYE_INTERNAL);
        return DSB_WOULD_BLOCK;
    }
    first->stage = LOCAL_OPEN;
    first->peer = bus_connection_peer(local->bus, status.connection);
    const struct peer *peer = bus_peer(local->bus, first->peer);
    *reply = (struct dsb_accepted){.handle = local_name(client, first)};
    if (peer != NULL) {
        reply->peer_len = peer->id.len;
        memcpy(reply->peer, peer->id.bytes, peer->id.len);
    }
    return DSB_OK;
}

static enum dsb_status read_stream(struct dsb_reply *reply, struct local *local, uint64_t now_ms,
                                   struct local_client *client, struct local_handle *h,
                                   const struct dsb_request *q)
{
    size_t len = 0;
    enum stream_error error = bus_stream_read(local->bus, now_ms, h->stream,
                                              client->config.shared + q->offset, q->len, &len);
    struct stream_status status;
    reply->len = (uint32_t)len;
    if (error == STREAM_OK || error == STREAM_END) {
        return DSB_OK;
    }
    return local_error_of(error,
                          bus_stream_status(local->bus, h->stream, &status) ? status.reason : 0);
}

static enum dsb_status write_stream(struct dsb_reply *reply, struct local *local, uint64_t now_ms,
                                    struct local_client *client, struct local_handle *h,
                                    const struct dsb_request *q)
{
    size_t taken = 0;
    enum stream_error error = bus_stream_write(local->bus, now_ms, h->stream,
                                               client->config.shared + q->offset, q->len, &taken);
    struct stream_status status;
    reply->len = (uint32_t)taken;
    h->wants_to_write = error == STREAM_WOULD_BLOCK || (error == STREAM_OK && taken < q->len);
    return local_error_of(error,
                          bus_stream_status(local->bus, h->stream, &status) ? status.reason : 0);
}

static enum dsb_status transfer(struct dsb_reply *reply, struct local *local, uint64_t now_ms,
                                struct local_client *client, enum dsb_op op,
                                const struct dsb_request *q)
{
    struct local_handle *h = local_find_kind(client, q->handle, LOCAL_STREAM);
    uint32_t room = client->config.shared_len;
    if (h == NULL) {
        return DSB_BAD_HANDLE;
    }
    if (q->reason != 0 || q->len == 0 || q->offset > room || q->len > room - q->offset) {
        return DSB_INVALID_INPUT;
    }
    if (h->stage != LOCAL_OPEN) {
        return h->stage == LOCAL_FAILED ? (enum dsb_status)h->error : DSB_WOULD_BLOCK;
    }
    return op == DSB_READ ? read_stream(reply, local, now_ms, client, h, q)
                          : write_stream(reply, local, now_ms, client, h, q);
}

static enum dsb_status finish_stream(struct local *local, uint64_t now_ms,
                                     struct local_client *client, const struct dsb_request *q)
{
    struct local_handle *h = local_find_kind(client, q->handle, LOCAL_STREAM);
    if (h == NULL) {
        return DSB_BAD_HANDLE;
    }
    if (h->stage != LOCAL_OPEN) {
        return h->stage == LOCAL_FAILED ? (enum dsb_status)h->error : DSB_WOULD_BLOCK;
    }
    return local_error_of(bus_stream_finish(local->bus, now_ms, h->stream), 0);
}

static enum dsb_status ping_result(struct dsb_reply *reply, struct local *local, uint64_t now_ms,
                                   struct local_client *client, const struct dsb_request *q)
{
    struct local_handle *h = local_find_kind(client, q->handle, LOCAL_PING);
    if (h == NULL) {
        return DSB_BAD_HANDLE;
    }
    enum dsb_status status = h->stage == LOCAL_OPEN     ? DSB_OK
                             : h->stage == LOCAL_FAILED ? (enum dsb_status)h->error
                                                        : DSB_WOULD_BLOCK;
    if (status != DSB_WOULD_BLOCK) {
        reply->len = h->round_trip_ms;
        local_free(local, now_ms, client, h, BYE_NORMAL);
    }
    return status;
}

static enum dsb_status close_handle(struct local *local, uint64_t now_ms,
                                    struct local_client *client, const struct dsb_request *q)
{
    struct local_handle *h = local_find(client, q->handle);
    if (h == NULL) {
        return DSB_BAD_HANDLE;
    }
    if (q->reason > BYE_INTERNAL) {
        return DSB_INVALID_INPUT;
    }
    local_free(local, now_ms, client, h, (enum bye_reason)q->reason);
    return DSB_OK;
}

static enum dsb_status tell_peer(struct dsb_peer *reply, const struct local *local,
                                 const struct dsb_request *q)
{
    const struct peer *peer =
        q->offset < PEER_NONE ? bus_peer(local->bus, (uint16_t)q->offset) : NULL;
    if (q->handle != 0 || q->len != 0 || q->reason != 0) {
        return DSB_INVALID_INPUT;
    }
    if (peer == NULL) {
        return DSB_NO_SUCH_PEER;
    }
    reply->connected = local_session(local, (uint16_t)q->offset) != 0;
    reply->id_len = peer->id.len;
    memcpy(reply->id, peer->id.bytes, peer->id.len);
    return DSB_OK;
}

static enum dsb_status serve_handle(union local_reply *reply, struct local *local, uint64_t now_ms,
                                    struct local_client *client, enum dsb_op op,
                                    const struct dsb_request *q)
{
    bool bare = q->offset == 0 && q->len == 0;
    if (op == DSB_READ || op == DSB_WRITE) {
        return transfer(&reply->one, local, now_ms, client, op, q);
    }
    if (!bare || (op != DSB_CLOSE && q->reason != 0)) {
        return DSB_INVALID_INPUT;
    }
    if (op == DSB_ACCEPT) {
        return accept_stream(&reply->accepted, local, now_ms, client, q->handle);
    }
    if (op == DSB_FINISH) {
        return finish_stream(local, now_ms, client, q);
    }
    if (op == DSB_PING_RESULT) {
        return ping_result(&reply->one, local, now_ms, client, q);
    }
    return close_handle(local, now_ms, client, q);
}

// ---- What is ready -------------------------------------------------------------------------------------------

static bool has_queued(const struct local_client *client, const struct local_handle *listener)
{
    for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
        const struct local_handle *h = &client->handles[i];
        if (h->stage == LOCAL_QUEUED && h->listener == listener - client->handles) {
            return true;
        }
    }
    return false;
}

// Goes round, so that a busy handle does not hide the ones behind it.
static void poll_handles(struct dsb_poll_reply *reply, const struct local *local,
                         struct local_client *client)
{
    uint32_t begin = client->poll_next;
    *reply = (struct dsb_poll_reply){0};
    for (uint32_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
        uint32_t slot = (begin + i) % LOCAL_HANDLES_MAX;
        struct local_handle *h = &client->handles[slot];
        enum dsb_status error = DSB_OK;
        unsigned ready = local_ready(local, h, &error);
        if (h->stage == LOCAL_OPEN && h->kind == LOCAL_LISTENER && has_queued(client, h)) {
            ready |= DSB_READY_ACCEPT;
        }
        if (ready == 0) {
            continue;
        }
        reply->entries[reply->count++] = (struct dsb_ready_entry){
            .handle = local_name(client, h), .ready = (uint16_t)ready, .error = (uint16_t)error};
        client->poll_next = slot + 1;
    }
    _Static_assert((int)LOCAL_HANDLES_MAX <= DSB_POLL_MAX, "one reply has room for all");
}

static void count_stats(struct dsb_stats *reply, const struct local *local,
                        const struct local_client *client)
{
    struct bus_counts counts = bus_counts(local->bus);
    *reply = (struct dsb_stats){.sessions = counts.sessions_up, .half_open = counts.half_open};
    for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
        reply->handles += client->handles[i].stage != LOCAL_FREE;
    }
}

// ---- Any request ---------------------------------------------------------------------------------------------

enum dsb_status local_serve(union local_reply *reply, size_t *reply_len, struct local *local,
                            uint64_t now_ms, uint64_t sender, uint64_t op, const uint8_t *message,
                            size_t len)
{
    struct local_client *client = sender_client(local, now_ms, sender);
    struct dsb_request request;
    struct dsb_names names;
    *reply = (union local_reply){0};
    *reply_len = sizeof reply->one;
    if (client == NULL || op < DSB_REGISTER || op > DSB_PEER) {
        return DSB_UNSUPPORTED;
    }
    if (op == DSB_POLL || op == DSB_STATS) {
        if (len != 0) {
            return DSB_INVALID_INPUT;
        }
        *reply_len = op == DSB_POLL ? sizeof reply->poll : sizeof reply->stats;
        if (op == DSB_POLL) {
            poll_handles(&reply->poll, local, client);
        } else {
            count_stats(&reply->stats, local, client);
        }
        return DSB_OK;
    }
    if (op == DSB_REGISTER || op == DSB_OPEN || op == DSB_PING) {
        if (len != sizeof names) {
            return DSB_INVALID_INPUT;
        }
        memcpy(&names, message, sizeof names);
        return serve_names(&reply->one, local, now_ms, client, (enum dsb_op)op, &names);
    }
    if (len != sizeof request) {
        return DSB_INVALID_INPUT;
    }
    memcpy(&request, message, sizeof request);
    *reply_len = op == DSB_ACCEPT ? sizeof reply->accepted
                 : op == DSB_PEER ? sizeof reply->peer
                                  : sizeof reply->one;
    if (op == DSB_PEER) {
        return tell_peer(&reply->peer, local, &request);
    }
    return serve_handle(reply, local, now_ms, client, (enum dsb_op)op, &request);
}
