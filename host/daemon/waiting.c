// SPDX-License-Identifier: Apache-2.0
// Pings and probes under way.
#include "host/daemon/waiting.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/limits.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"

// ---- Answers --------------------------------------------------------------------------------------

static void answer_error(struct daemon *d, struct wait *wait, const char *code, const char *text)
{
    wait->used = false;
    control_reply_error(d, wait->client, wait->request, code, "%s", text);
}

static void answer_ping(struct daemon *d, struct wait *wait, uint64_t rtt_us,
                        const struct bus_event *event)
{
    cJSON *result = cJSON_CreateObject();
    char address[ADDRESS_CHARS_MAX];

    address_format(address, &event->address);
    cJSON_AddNumberToObject(result, "rtt_us", (double)rtt_us);
    cJSON_AddStringToObject(result, "address", address);
    cJSON_AddStringToObject(result, "role",
                            event->role == SESSION_INITIATOR ? "initiator" : "responder");
    wait->used = false;
    control_reply(d, wait->client, wait->request, result);
}

// Whether a full segment got there: what the kernel knows now.
static void answer_path(struct daemon *d, struct wait *wait, bool through)
{
    cJSON *result = cJSON_CreateObject();
    char address[ADDRESS_CHARS_MAX];
    struct link_path path = {0};

    cJSON_AddBoolToObject(result, "through", through);
    cJSON_AddNumberToObject(result, "tried", wait->tried);
    if (links_path(&d->links, &path, wait->connection)) {
        address_format(address, &path.local);
        cJSON_AddStringToObject(result, "local", address);
        cJSON_AddNumberToObject(result, "mss", path.mss);
        cJSON_AddNumberToObject(result, "mtu", path.mtu);
        cJSON_AddNumberToObject(result, "unanswered", path.unanswered);
    }
    wait->used = false;
    control_reply(d, wait->client, wait->request, result);
    if (!through && path.unanswered > 0) { // nothing that stands behind it would get there
        bus_close(&d->bus, clock_ms(), wait->connection);
    }
}

// What a dial has come to: everything that a person needs to find the step that fails.
static void answer_probe(struct daemon *d, struct wait *wait, const struct bus_event *event)
{
    cJSON *result = cJSON_CreateObject();
    char address[ADDRESS_CHARS_MAX];
    bool up = event->type == BUS_ESTABLISHED;

    address_format(address, &event->address);
    cJSON_AddBoolToObject(result, "established", up);
    cJSON_AddStringToObject(result, "address", address);
    if (!up) {
        cJSON_AddNumberToObject(result, "reason_code", event->reason);
        cJSON_AddStringToObject(result, "reason",
                                close_reason_name((enum close_reason)event->reason));
        cJSON_AddNumberToObject(result, "errno", links_dial_error(&d->links, event->connection));
        if (event->reason == REASON_PEER_BYE) {
            cJSON_AddStringToObject(result, "bye", bye_reason_name(event->peer_bye));
        }
        if (event->reason == REASON_VERSION) {
            cJSON_AddNumberToObject(result, "peer_version", event->peer_version);
        }
    }
    wait->used = false;
    control_reply(d, wait->client, wait->request, result);
}

void waiting_failure_text(char out[static CONTROL_TEXT_BYTES], uint8_t reason, uint8_t bye,
                          int dial_error)
{
    const char *name = close_reason_name((enum close_reason)reason);

    if (reason == REASON_PEER_BYE) {
        snprintf(out, CONTROL_TEXT_BYTES, "the peer said bye (%s)", bye_reason_name(bye));
    } else if (reason == REASON_CONNECT_FAILED && dial_error != 0) {
        snprintf(out, CONTROL_TEXT_BYTES, "%s: %s", name, strerror(dial_error));
    } else {
        snprintf(out, CONTROL_TEXT_BYTES, "%s", name);
    }
}

// ---- Beginning ------------------------------------------------------------------------------------

// One ping of ours at a time and session: the answers carry no mark that we see.
static bool session_taken(const struct daemon *d, uint32_t connection)
{
    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        const struct wait *wait = &d->waiting.waits[i];
        if (wait->used && wait->connection == connection) {
            return true;
        }
    }
    return false;
}

// A PING behind so much else that at least one segment is a full one.
static bool ping_full(struct daemon *d, struct wait *wait, uint32_t connection)
{
    struct link_path path;

    if (!links_path(&d->links, &path, connection)) {
        return false;
    }
    wait->tried = path.mss < HOST_PATH_BYTES_MAX ? path.mss : HOST_PATH_BYTES_MAX;
    return bus_ping_large(&d->bus, clock_ms(), connection, 2 * (size_t)wait->tried) != 0;
}

static void try_send(struct daemon *d, struct wait *wait)
{
    uint32_t connection = bus_session(&d->bus, wait->peer, SESSION_INITIATOR);

    if (connection == 0) {
        connection = bus_session(&d->bus, wait->peer, SESSION_RESPONDER);
    }
    if (connection == 0 || session_taken(d, connection)) {
        return;
    }
    wait->sent_us = clock_us();
    if (wait->op == CONTROL_PATH ? ping_full(d, wait, connection)
                                 : bus_ping(&d->bus, clock_ms(), connection) != 0) {
        wait->connection = connection;
    }
}

static struct wait *free_wait(struct daemon *d)
{
    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        if (!d->waiting.waits[i].used) {
            return &d->waiting.waits[i];
        }
    }
    return NULL;
}

static void begin(struct daemon *d, struct wait *wait)
{
    bool up = bus_session(&d->bus, wait->peer, SESSION_INITIATOR) != 0;

    if (wait->op != CONTROL_PROBE) {
        try_send(d, wait);
        if (wait->connection != 0) {
            return;
        }
    } else if (up) {
        uint32_t connection = bus_session(&d->bus, wait->peer, SESSION_INITIATOR);
        struct bus_event event = {.type = BUS_ESTABLISHED,
                                  .connection = connection,
                                  .address = bus_peer(&d->bus, wait->peer)->last_bound};
        answer_probe(d, wait, &event);
        return;
    }
    if (!up && bus_peer_dial(&d->bus, clock_ms(), wait->peer) != BUS_OK) {
        answer_error(d, wait, CONTROL_ERROR_NO_PEER, "the peer is gone");
    }
}

bool waiting_find_peer(struct daemon *d, uint16_t *peer, uint32_t client,
                       const struct control_request *request)
{
    char label[LABEL_CHARS_MAX];

    *peer = peers_index(d, &request->peer);
    label_device(label, &request->peer);
    if (*peer == PEER_NONE) {
        control_reply_error(d, client, request->id, CONTROL_ERROR_NO_PEER,
                            "%s is not a known peer; `dsoftbus peers` lists them", label);
        return false;
    }
    if (bus_peer(&d->bus, *peer)->trust != PEER_TRUSTED) {
        control_reply_error(
            d, client, request->id, CONTROL_ERROR_NOT_TRUSTED, "%s is known, but not trusted (%s)",
            label, known_peer_state_name((enum peer_trust)bus_peer(&d->bus, *peer)->trust));
        return false;
    }
    return true;
}

void waiting_add(struct daemon *d, uint32_t client, const struct control_request *request)
{
    struct wait *wait = free_wait(d);
    uint16_t peer;

    if (!waiting_find_peer(d, &peer, client, request)) {
        return;
    }
    if (wait == NULL) {
        control_reply_error(d, client, request->id, CONTROL_ERROR_BUSY,
                            "%d requests are waiting already", CONTROL_WAITING_MAX);
        return;
    }
    *wait = (struct wait){.used = true,
                          .op = request->op,
                          .client = client,
                          .request = request->id,
                          .peer = peer,
                          .deadline_ms = clock_ms() + request->timeout_ms};
    begin(d, wait);
}

// ---- Events ---------------------------------------------------------------------------------------

static void on_established(struct daemon *d, struct wait *wait, const struct bus_event *event)
{
    if (wait->peer != event->peer) {
        return;
    }
    if (wait->op == CONTROL_PROBE && event->role == SESSION_INITIATOR) {
        answer_probe(d, wait, event);
    } else if (wait->op != CONTROL_PROBE && wait->connection == 0) {
        try_send(d, wait);
    }
}

// A PONG may also answer a PING of the session's own, sent before ours: then its round trip is longer than ours can be.
static void on_pong(struct daemon *d, struct wait *wait, const struct bus_event *event)
{
    uint64_t rtt_us = clock_us() - wait->sent_us;

    if (wait->connection != event->connection || rtt_us / 1000 + 2 <= event->rtt_ms) {
        return;
    }
    if (wait->op == CONTROL_PATH) {
        answer_path(d, wait, true);
    } else {
        answer_ping(d, wait, rtt_us, event);
    }
}

static void on_end(struct daemon *d, struct wait *wait, const struct bus_event *event)
{
    bool dial = event->type == BUS_DIAL_FAILED;
    char text[CONTROL_TEXT_BYTES];

    if (dial ? wait->peer != event->peer || wait->connection != 0
             : wait->connection != event->connection) {
        return;
    }
    if (wait->op == CONTROL_PROBE) {
        answer_probe(d, wait, event);
        return;
    }
    waiting_failure_text(text, event->reason, event->peer_bye,
                         dial ? links_dial_error(&d->links, event->connection) : 0);
    answer_error(d, wait, dial ? CONTROL_ERROR_DIAL : CONTROL_ERROR_LOST, text);
}

void waiting_event(struct daemon *d, const struct bus_event *event)
{
    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        struct wait *wait = &d->waiting.waits[i];
        if (!wait->used) {
            continue;
        }
        if (event->type == BUS_PONGED) {
            on_pong(d, wait, event);
        } else if (event->type == BUS_DIAL_FAILED || event->type == BUS_SESSION_LOST) {
            on_end(d, wait, event);
        }
    }
    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) { // after the others have made place
        struct wait *wait = &d->waiting.waits[i];
        if (wait->used && event->type == BUS_ESTABLISHED) {
            on_established(d, wait, event);
        } else if (wait->used && event->type == BUS_PONGED && wait->peer == event->peer &&
                   wait->op != CONTROL_PROBE && wait->connection == 0) {
            try_send(d, wait);
        }
    }
}

void waiting_drop(struct daemon *d, uint32_t client)
{
    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        struct wait *wait = &d->waiting.waits[i];
        wait->used = wait->used && wait->client != client;
    }
}

// ---- Time -----------------------------------------------------------------------------------------

const char *waiting_no_session(const struct daemon *d, char text[static CONTROL_TEXT_BYTES],
                               uint16_t peer)
{
    const struct peer_status *status = &d->status[peer];
    char why[CONTROL_TEXT_BYTES];

    if (bus_peer(&d->bus, peer)->configured.family == NET_NONE &&
        discovery_of_peer(&d->bus.discovery, d->bus.now_ms, peer) == NULL) {
        snprintf(text, CONTROL_TEXT_BYTES,
                 "no address is known: it has not announced itself, and none is configured "
                 "(`dsoftbus trust --address HOST:PORT`)");
        return CONTROL_ERROR_NO_ADDRESS;
    }
    if (status->reason == REASON_NONE) {
        snprintf(text, CONTROL_TEXT_BYTES, "no session in time");
        return CONTROL_ERROR_TIMEOUT;
    }
    waiting_failure_text(why, status->reason, status->peer_bye, status->dial_error);
    snprintf(text, CONTROL_TEXT_BYTES, "no session in time; the last attempt ended with: %.180s",
             why);
    return CONTROL_ERROR_TIMEOUT;
}

static void time_out(struct daemon *d, struct wait *wait)
{
    char text[CONTROL_TEXT_BYTES];

    if (wait->connection != 0 && wait->op == CONTROL_PATH) {
        answer_path(d, wait, false);
    } else if (wait->connection != 0) {
        answer_error(d, wait, CONTROL_ERROR_TIMEOUT, "no answer in time");
    } else if (bus_session(&d->bus, wait->peer, SESSION_INITIATOR) != 0) {
        answer_error(d, wait, CONTROL_ERROR_BUSY, "the session has too much to send already");
    } else {
        const char *code = waiting_no_session(d, text, wait->peer);
        answer_error(d, wait, code, text);
    }
}

void waiting_tick(struct daemon *d, uint64_t now_ms)
{
    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        struct wait *wait = &d->waiting.waits[i];
        if (wait->used && now_ms >= wait->deadline_ms) {
            time_out(d, wait);
        }
    }
}

uint64_t waiting_deadline(const struct waiting *waiting)
{
    uint64_t deadline_ms = TIME_NEVER;

    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        const struct wait *wait = &waiting->waits[i];
        if (wait->used && wait->deadline_ms < deadline_ms) {
            deadline_ms = wait->deadline_ms;
        }
    }
    return deadline_ms;
}
