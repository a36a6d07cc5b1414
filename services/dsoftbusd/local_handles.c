// SPDX-License-Identifier: Apache-2.0
// The handles of local clients, and what happens to them without their doing.
//
// A handle is generation << 8 | slot + 1.
#include "services/dsoftbusd/local_internal.h"

#include "services/lib/string.h"

enum { SLOT_BITS = 8, TAG_CLIENT_SHIFT = 8 };
_Static_assert((int)LOCAL_HANDLES_MAX < 1 << SLOT_BITS, "a slot fits its bits");

static const uint8_t quota[LOCAL_KINDS] = {
    [LOCAL_LISTENER] = LOCAL_LISTENERS_MAX,
    [LOCAL_STREAM] = LOCAL_STREAMS_MAX,
    [LOCAL_PING] = LOCAL_PINGS_MAX,
};

struct local_handle *local_allocate(struct local *local, struct local_client *client,
                                    enum local_kind kind)
{
    struct local_handle *room = NULL;
    unsigned used = 0;
    for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
        struct local_handle *h = &client->handles[i];
        used += h->stage != LOCAL_FREE && h->kind == kind;
        room = room == NULL && h->stage == LOCAL_FREE ? h : room;
    }
    if (used >= quota[kind] || room == NULL) {
        return NULL;
    }
    *room = (struct local_handle){.kind = (uint8_t)kind,
                                  .generation = room->generation + 1,
                                  .order = ++local->order,
                                  .peer = PEER_NONE};
    return room;
}

static void free_one(struct local *local, uint64_t now_ms, struct local_handle *h,
                     enum bye_reason reason)
{
    if (h->stream != 0) {
        bus_stream_close(local->bus, now_ms, h->stream, reason);
    }
    *h = (struct local_handle){.generation = h->generation};
}

// A listener takes with it what nobody has accepted.
void local_free(struct local *local, uint64_t now_ms, struct local_client *client,
                struct local_handle *h, enum bye_reason reason)
{
    size_t slot = (size_t)(h - client->handles);
    if (h->kind == LOCAL_LISTENER) {
        (void)!bus_service_remove(local->bus, now_ms, (const char *)h->service.bytes,
                                  h->service.len);
        for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
            struct local_handle *queued = &client->handles[i];
            if (queued->stage == LOCAL_QUEUED && queued->listener == slot) {
                free_one(local, now_ms, queued, BYE_NO_SUCH_SERVICE);
            }
        }
    }
    free_one(local, now_ms, h, reason);
}

void local_free_all(struct local *local, uint64_t now_ms, struct local_client *client)
{
    for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
        if (client->handles[i].stage != LOCAL_FREE) {
            local_free(local, now_ms, client, &client->handles[i], BYE_SHUTTING_DOWN);
        }
    }
    client->news = false;
}

dsb_handle local_name(const struct local_client *client, const struct local_handle *h)
{
    return h->generation << SLOT_BITS | (dsb_handle)(h - client->handles + 1);
}

struct local_handle *local_find(struct local_client *client, dsb_handle name)
{
    size_t slot = (name & ((1U << SLOT_BITS) - 1)) - 1;
    if (slot >= LOCAL_HANDLES_MAX) {
        return NULL;
    }
    struct local_handle *h = &client->handles[slot];
    bool known = h->stage != LOCAL_FREE && h->stage != LOCAL_QUEUED;
    return known && local_name(client, h) == name ? h : NULL;
}

struct local_handle *local_find_kind(struct local_client *client, dsb_handle name,
                                     enum local_kind kind)
{
    struct local_handle *h = local_find(client, name);
    return h != NULL && h->kind == kind ? h : NULL;
}

uint32_t local_tag(const struct local *local, const struct local_client *client,
                   const struct local_handle *h)
{
    return (uint32_t)(client - local->clients) << TAG_CLIENT_SHIFT |
           (uint32_t)(h - client->handles + 1);
}

void local_fail(struct local_client *client, struct local_handle *h, enum dsb_status error)
{
    h->stage = LOCAL_FAILED;
    h->error = (uint8_t)error;
    client->news = true;
}

enum dsb_status local_error_of(enum stream_error error, uint8_t reason)
{
    switch (error) {
    case STREAM_OK:
    case STREAM_END:
        return DSB_OK;
    case STREAM_WOULD_BLOCK:
        return DSB_WOULD_BLOCK;
    case STREAM_CLOSED:
        return reason == BYE_NOT_PERMITTED     ? DSB_NOT_PERMITTED
               : reason == BYE_NO_SUCH_SERVICE ? DSB_NO_SUCH_SERVICE
               : reason == BYE_LIMIT           ? DSB_LIMIT
               : reason == BYE_TIMEOUT         ? DSB_TIMED_OUT
                                               : DSB_CLOSED;
    case STREAM_DISCONNECTED:
    case STREAM_NO_SESSION:
    case STREAM_IDS_USED: // the session is being replaced: the client opens again
        return DSB_DISCONNECTED;
    case STREAM_LIMIT:
        return DSB_LIMIT;
    case STREAM_FINISHED:
    case STREAM_STATE:
        return DSB_INVALID_INPUT;
    case STREAM_UNKNOWN:
    case STREAM_NAME:
        return DSB_INTERNAL;
    }
    return DSB_INTERNAL;
}

uint32_t local_session(const struct local *local, uint16_t peer)
{
    uint32_t out = bus_session(local->bus, peer, SESSION_INITIATOR);
    return out != 0 ? out : bus_session(local->bus, peer, SESSION_RESPONDER);
}

static void open_stream(struct local *local, uint64_t now_ms, struct local_client *client,
                        struct local_handle *h, uint32_t session)
{
    enum stream_error error = bus_stream_open(local->bus, now_ms, &h->stream, session,
                                              (const char *)h->service.bytes, h->service.len);
    if (error != STREAM_OK) {
        h->stream = 0;
        local_fail(client, h, local_error_of(error, 0));
        return;
    }
    bus_stream_set_tag(local->bus, h->stream, local_tag(local, client, h));
    h->stage = LOCAL_OPEN;
}

// When four pings are unanswered in this session already, one of them has to come back first.
static void ask(struct local *local, uint64_t now_ms, struct local_handle *h, uint32_t session)
{
    h->number = bus_ping(local->bus, now_ms, session);
    if (h->number != 0) {
        h->connection = session;
        h->stage = LOCAL_ASKED;
    }
}

void local_go_on(struct local *local, uint64_t now_ms, struct local_client *client,
                 struct local_handle *h)
{
    uint32_t session = local_session(local, h->peer);
    if (h->stage != LOCAL_WAITING || session == 0) {
        return;
    }
    if (h->kind == LOCAL_STREAM) {
        open_stream(local, now_ms, client, h, session);
    } else {
        ask(local, now_ms, h, session);
    }
}

// ---- Events --------------------------------------------------------------------------------------------------

// What happens to one handle because something has happened in a session with its peer.
static void handle_event(struct local *local, uint64_t now_ms, struct local_client *client,
                         struct local_handle *h, const struct bus_event *event)
{
    bool asked = h->stage == LOCAL_ASKED && h->connection == event->connection;
    if (event->type == BUS_ESTABLISHED || event->type == BUS_PONGED) {
        if (asked && event->type == BUS_PONGED && h->number == event->ping) {
            h->stage = LOCAL_OPEN;
            h->round_trip_ms = event->rtt_ms;
            client->news = true;
        }
        local_go_on(local, now_ms, client, h);
    } else if (event->type == BUS_DIAL_FAILED && h->stage == LOCAL_WAITING &&
               local_session(local, h->peer) == 0) {
        local_fail(client, h, DSB_UNREACHABLE);
    } else if (event->type == BUS_SESSION_LOST && asked) {
        local_fail(client, h, DSB_DISCONNECTED);
    }
}

void local_event(struct local *local, uint64_t now_ms, const struct bus_event *event)
{
    if (event->peer == PEER_NONE) {
        return;
    }
    for (uint32_t c = 0; c < local->client_count; c++) {
        struct local_client *client = &local->clients[c];
        client->news |= event->type == BUS_ESTABLISHED; // DSB_PEER has changed
        for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
            struct local_handle *h = &client->handles[i];
            if (h->stage != LOCAL_FREE && h->kind != LOCAL_LISTENER && h->peer == event->peer) {
                handle_event(local, now_ms, client, h, event);
            }
        }
    }
}

static bool same_service(const struct service_name *a, const struct service_name *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

// Finds who listens for the service; the bus knows only services that somebody has registered.
static struct local_handle *find_listener(struct local *local, struct local_client **client,
                                          const struct service_name *service)
{
    for (uint32_t c = 0; c < local->client_count; c++) {
        for (size_t i = 0; i < LOCAL_HANDLES_MAX; i++) {
            struct local_handle *h = &local->clients[c].handles[i];
            if (h->stage != LOCAL_FREE && h->kind == LOCAL_LISTENER &&
                same_service(&h->service, service)) {
                *client = &local->clients[c];
                return h;
            }
        }
    }
    return NULL;
}

static void offered(struct local *local, uint64_t now_ms, uint32_t stream,
                    const struct stream_status *status)
{
    struct local_client *client = NULL;
    struct local_handle *listener = find_listener(local, &client, &status->service);
    struct local_handle *h = listener == NULL ? NULL : local_allocate(local, client, LOCAL_STREAM);
    if (h == NULL) {
        bus_stream_close(local->bus, now_ms, stream,
                         listener == NULL ? BYE_NO_SUCH_SERVICE : BYE_LIMIT);
        return;
    }
    h->stage = LOCAL_QUEUED;
    h->listener = (uint8_t)(listener - client->handles);
    h->stream = stream;
    bus_stream_set_tag(local->bus, stream, local_tag(local, client, h));
    client->news = true;
}

void local_stream_news(struct local *local, uint64_t now_ms, uint32_t stream,
                       const struct stream_status *status)
{
    if (status->tag == 0) {
        if (status->ready & STREAM_OFFERED) {
            offered(local, now_ms, stream, status);
        } else if (status->ready & STREAM_GONE) { // offered and withdrawn before we saw it
            bus_stream_close(local->bus, now_ms, stream, BYE_NORMAL);
        }
        return;
    }
    struct local_client *client = &local->clients[status->tag >> TAG_CLIENT_SHIFT];
    struct local_handle *h = &client->handles[(status->tag & ((1U << TAG_CLIENT_SHIFT) - 1)) - 1];
    if (h->stage == LOCAL_QUEUED && (status->ready & STREAM_GONE)) {
        local_free(local, now_ms, client, h, BYE_NORMAL);
        return;
    }
    if (!h->connected && (status->ready & STREAM_CONNECTED)) {
        h->connected = h->connected_news = true;
    }
    client->news = true;
}

// ---- What is ready -------------------------------------------------------------------------------------------

static unsigned stream_ready(const struct local *local, struct local_handle *h,
                             enum dsb_status *error)
{
    struct stream_status status;
    unsigned ready = 0;
    if (!bus_stream_status(local->bus, h->stream, &status)) {
        *error = DSB_INTERNAL;
        return DSB_READY_ERROR;
    }
    if (h->connected_news) {
        ready |= DSB_READY_CONNECTED;
        h->connected_news = false;
    }
    if (status.ready & STREAM_READABLE) {
        ready |= DSB_READY_READ;
    }
    if (h->wants_to_write && (status.ready & STREAM_WRITABLE)) {
        ready |= DSB_READY_WRITE;
    }
    if (status.ready & STREAM_GONE && !(status.ready & STREAM_READABLE)) {
        *error = local_error_of((enum stream_error)status.error, status.reason);
        ready |= DSB_READY_ERROR;
    }
    return ready;
}

unsigned local_ready(const struct local *local, struct local_handle *h, enum dsb_status *error)
{
    switch ((enum local_stage)h->stage) {
    case LOCAL_FREE:
    case LOCAL_WAITING:
    case LOCAL_QUEUED: // the listener is ready
    case LOCAL_ASKED:
        return 0;
    case LOCAL_OPEN:
        return h->kind == LOCAL_STREAM ? stream_ready(local, h, error)
               : h->kind == LOCAL_PING ? DSB_READY_READ
                                       : 0;
    case LOCAL_FAILED:
        *error = (enum dsb_status)h->error;
        return DSB_READY_ERROR;
    }
    return 0;
}
