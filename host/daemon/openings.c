// SPDX-License-Identifier: Apache-2.0
// Opening streams for control clients.
#include "host/daemon/openings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"

enum { TAG_FIRST = 1 << 16 }; // tags below are those of channels

// ---- Ends -----------------------------------------------------------------------------------------

static void forget(struct daemon *d, struct opening *opening)
{
    opening->used = false;
    d->openings.count--;
}

static void fail(struct daemon *d, struct opening *opening, const char *code, const char *text,
                 enum bye_reason bye)
{
    if (opening->stream != 0) {
        bus_stream_close(&d->bus, clock_ms(), opening->stream, bye);
    }
    forget(d, opening);
    control_reply_error(d, opening->client, opening->request, code, "%s", text);
}

// The stream is there: the client gets one end of a pair of sockets, the channel the other.
static void hand_over(struct daemon *d, struct opening *opening, struct stream_status *status)
{
    uint32_t number = ++d->openings.last_number;
    struct channel *channel;
    cJSON *result;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        fail(d, opening, CONTROL_ERROR_BUSY, strerror(errno), BYE_LIMIT);
        return;
    }
    channel = channel_new(d, CHANNEL_LOCAL, opening->stream, pair[0]);
    if (channel == NULL) {
        close(pair[0]);
        close(pair[1]);
        fail(d, opening, CONTROL_ERROR_BUSY, "no room for another stream", BYE_LIMIT);
        return;
    }
    forget(d, opening);
    channel_give(channel, opening->client, number);
    result = cJSON_CreateObject();
    cJSON_AddNumberToObject(result, "stream", number);
    if (control_reply_socket(d, opening->client, opening->request, result, pair[1]) &&
        bus_stream_status(&d->bus, opening->stream, status)) {
        channels_news(d, status); // it may have ended already
    }
}

// ---- Beginning --------------------------------------------------------------------------------------

static void try_open(struct daemon *d, struct opening *opening)
{
    uint32_t connection = bus_session(&d->bus, opening->peer, SESSION_INITIATOR);
    uint32_t tag = TAG_FIRST + (uint32_t)(opening - d->openings.places);
    enum stream_error error;

    if (connection == 0) {
        connection = bus_session(&d->bus, opening->peer, SESSION_RESPONDER);
    }
    if (connection == 0) {
        return;
    }
    error = bus_stream_open(&d->bus, clock_ms(), &opening->stream, connection,
                            (const char *)opening->service.bytes, opening->service.len);
    if (error == STREAM_OK) {
        bus_stream_set_tag(&d->bus, opening->stream, tag);
    } else if (error != STREAM_IDS_USED) { // that session is being replaced
        fail(d, opening, CONTROL_ERROR_BUSY, stream_error_name(error), BYE_NORMAL);
    }
}

static struct opening *free_place(struct openings *openings)
{
    for (size_t i = 0; i < HOST_OPENINGS_MAX; i++) {
        if (!openings->places[i].used) {
            return &openings->places[i];
        }
    }
    return NULL;
}

void openings_add(struct daemon *d, uint32_t client, const struct control_request *request)
{
    struct opening *opening = free_place(&d->openings);
    uint16_t peer;

    if (!waiting_find_peer(d, &peer, client, request)) {
        return;
    }
    if (opening == NULL) {
        control_reply_error(d, client, request->id, CONTROL_ERROR_BUSY,
                            "%d streams are being opened already", HOST_OPENINGS_MAX);
        return;
    }
    *opening = (struct opening){.used = true,
                                .client = client,
                                .request = request->id,
                                .peer = peer,
                                .service = request->service,
                                .deadline_ms = clock_ms() + request->timeout_ms};
    d->openings.count++;
    try_open(d, opening);
    if (opening->used && opening->stream == 0 &&
        bus_peer_dial(&d->bus, clock_ms(), peer) != BUS_OK) {
        fail(d, opening, CONTROL_ERROR_NO_PEER, "the peer is gone", BYE_NORMAL);
    }
}

// ---- What happens -----------------------------------------------------------------------------------

void openings_event(struct daemon *d, const struct bus_event *event)
{
    char text[CONTROL_TEXT_BYTES];

    if (d->openings.count == 0 ||
        (event->type != BUS_ESTABLISHED && event->type != BUS_DIAL_FAILED)) {
        return;
    }
    for (size_t i = 0; i < HOST_OPENINGS_MAX; i++) {
        struct opening *opening = &d->openings.places[i];
        if (!opening->used || opening->stream != 0 || opening->peer != event->peer) {
            continue;
        }
        if (event->type == BUS_ESTABLISHED) {
            try_open(d, opening);
        } else {
            waiting_failure_text(text, event->reason, event->peer_bye,
                                 links_dial_error(&d->links, event->connection));
            fail(d, opening, CONTROL_ERROR_DIAL, text, BYE_NORMAL);
        }
    }
}

bool openings_news(struct daemon *d, const struct stream_status *status)
{
    struct stream_status now = *status;
    struct opening *opening;
    char text[CONTROL_TEXT_BYTES];

    if (status->tag < TAG_FIRST || status->tag >= TAG_FIRST + HOST_OPENINGS_MAX) {
        return false;
    }
    opening = &d->openings.places[status->tag - TAG_FIRST];
    if (!opening->used) {
        return true;
    }
    if ((status->ready & (STREAM_CONNECTED | STREAM_READABLE)) != 0) {
        hand_over(d, opening, &now);
    } else if ((status->ready & STREAM_GONE) != 0 && status->error == STREAM_CLOSED) {
        snprintf(text, sizeof text, "the peer refuses %.*s: %s", (int)opening->service.len,
                 (const char *)opening->service.bytes, bye_reason_name(status->reason));
        fail(d, opening, CONTROL_ERROR_REFUSED, text, BYE_NORMAL);
    } else if ((status->ready & STREAM_GONE) != 0) {
        fail(d, opening, CONTROL_ERROR_LOST, "the session is lost", BYE_NORMAL);
    }
    return true;
}

void openings_drop(struct daemon *d, uint32_t client)
{
    for (size_t i = 0; i < HOST_OPENINGS_MAX && d->openings.count > 0; i++) {
        struct opening *opening = &d->openings.places[i];
        if (opening->used && opening->client == client) {
            bus_stream_close(&d->bus, clock_ms(), opening->stream, BYE_NORMAL);
            forget(d, opening);
        }
    }
}

// ---- Time -----------------------------------------------------------------------------------------

void openings_tick(struct daemon *d, uint64_t now_ms)
{
    for (size_t i = 0; i < HOST_OPENINGS_MAX && d->openings.count > 0; i++) {
        struct opening *opening = &d->openings.places[i];
        if (!opening->used || now_ms < opening->deadline_ms) {
            continue;
        }
        if (opening->stream != 0) {
            fail(d, opening, CONTROL_ERROR_TIMEOUT, "the peer has not answered in time",
                 BYE_TIMEOUT);
        } else {
            char text[CONTROL_TEXT_BYTES];
            const char *code = waiting_no_session(d, text, opening->peer);
            fail(d, opening, code, text, BYE_TIMEOUT);
        }
    }
}

uint64_t openings_deadline(const struct openings *openings)
{
    uint64_t deadline_ms = TIME_NEVER;

    for (size_t i = 0; i < HOST_OPENINGS_MAX && openings->count > 0; i++) {
        const struct opening *opening = &openings->places[i];
        if (opening->used && opening->deadline_ms < deadline_ms) {
            deadline_ms = opening->deadline_ms;
        }
    }
    return deadline_ms;
}
