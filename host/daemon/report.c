// SPDX-License-Identifier: Apache-2.0
// What happens on the bus, told.
#include "host/daemon/report.h"

#include <stdio.h>
#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

enum { WINDOW_MS = 1000, REASON_CHARS = 128 };

// ---- Lines that strangers cause -------------------------------------------------------------------

void report_tick(struct daemon *d, uint64_t now_ms)
{
    struct report *report = &d->report;

    if (now_ms < report->window_ends_ms) {
        return;
    }
    if (report->suppressed > 0) {
        log_line(LOG_NOTICE, "%llu more rejections", (unsigned long long)report->suppressed);
    }
    report->suppressed = 0;
    report->lines = 0;
    report->window_ends_ms = now_ms + WINDOW_MS;
}

uint64_t report_deadline(const struct report *report)
{
    return report->suppressed > 0 ? report->window_ends_ms : TIME_NEVER;
}

bool report_may_print(struct daemon *d)
{
    report_tick(d, clock_ms());
    if (d->report.lines == REPORT_LINES_PER_SECOND) {
        d->report.suppressed++;
        return false;
    }
    d->report.lines++;
    return true;
}

// ---- Sessions -------------------------------------------------------------------------------------

static void reason_text(char out[static REASON_CHARS], struct daemon *d,
                        const struct bus_event *event)
{
    const char *name = close_reason_name((enum close_reason)event->reason);
    int error = links_dial_error(&d->links, event->connection);

    if (event->reason == REASON_PEER_BYE) {
        snprintf(out, REASON_CHARS, "the peer said bye (%s)", bye_reason_name(event->peer_bye));
    } else if (event->reason == REASON_CONNECT_FAILED && error != 0) {
        snprintf(out, REASON_CHARS, "%s: %s", name, strerror(error));
    } else {
        snprintf(out, REASON_CHARS, "%s", name);
    }
}

static void established(struct daemon *d, const struct bus_event *event, const char *peer)
{
    struct peer_status *status = &d->status[event->peer];
    struct link *link = links_find(&d->links, event->connection);
    char address[ADDRESS_CHARS_MAX];

    status->established_ms = clock_ms();
    status->inbound = event->role == SESSION_RESPONDER;
    status->sessions++;
    if (link != NULL) {
        link->peer = event->peer;
        status->bytes_in += link->bytes_in;
        status->bytes_out += link->bytes_out;
    }
    address_format(address, &event->address);
    log_line(LOG_NOTICE, "session with %s established, %s %s, %02x%02x%02x%02x", peer,
             status->inbound ? "from" : "to", address, event->hash[0], event->hash[1],
             event->hash[2], event->hash[3]);
}

// Back-off retries the same dial for ever: only a new reason is news.
static void ended(struct daemon *d, const struct bus_event *event, const char *peer)
{
    struct peer_status *status = &d->status[event->peer];
    bool news = event->type == BUS_SESSION_LOST || status->reason != event->reason ||
                status->established_ms >= status->ended_ms;
    char reason[REASON_CHARS];

    status->ended_ms = clock_ms();
    status->reason = event->reason;
    status->peer_bye = event->peer_bye;
    status->dial_error = links_dial_error(&d->links, event->connection);
    reason_text(reason, d, event);
    log_line(news ? LOG_NOTICE : LOG_DEBUG, "%s %s: %s",
             event->type == BUS_SESSION_LOST ? "session lost with" : "cannot reach", peer, reason);
}

// ---- Strangers ------------------------------------------------------------------------------------

static void rejected(struct daemon *d, const struct bus_event *event, const char *peer)
{
    char address[ADDRESS_CHARS_MAX], reason[REASON_CHARS];

    metrics_rejected(&d->metrics, (enum close_reason)event->reason);
    if (!report_may_print(d)) {
        return;
    }
    address_format(address, &event->address);
    reason_text(reason, d, event);
    if (event->type == BUS_IDENTITY_MISMATCH) {
        log_line(LOG_WARNING,
                 "%s claims to be %s, but id and key are not those of one known peer: refused",
                 address, peer);
    } else if (event->type == BUS_UNKNOWN_PEER) {
        log_line(LOG_NOTICE, "%s is %s, which is not known here: refused", address, peer);
    } else {
        log_line(LOG_NOTICE, "connection from %s refused%s%s: %s", address,
                 event->id.len > 0 ? ", peer " : "", event->id.len > 0 ? peer : "", reason);
    }
}

static void announce_ignored(struct daemon *d, const struct bus_event *event, const char *peer)
{
    char address[ADDRESS_CHARS_MAX];

    if (!report_may_print(d)) {
        return;
    }
    address_format(address, &event->address);
    if (event->announce_error != ANNOUNCE_OK) {
        log_line(LOG_DEBUG, "announce from %s ignored: %s", address,
                 announce_error_name((enum announce_error)event->announce_error));
    } else {
        log_line(LOG_WARNING,
                 "%s announces %s with a key that is not the known one (or the key with another "
                 "id): ignored",
                 address, peer);
    }
}

void report_event(struct daemon *d, const struct bus_event *event)
{
    char peer[LABEL_CHARS_MAX];

    label_device(peer, &event->id);
    switch (event->type) {
    case BUS_PEER_FOUND:
        log_line(LOG_NOTICE, "found %s", peer);
        break;
    case BUS_DEVICE_FOUND:
    case BUS_DEVICE_LOST:
        log_line(LOG_DEBUG, "%s %s", bus_event_name(event->type), peer);
        break;
    case BUS_ANNOUNCE_OWN:
    case BUS_IDENTITY_BOUND:
    case BUS_SESSION_CONNECT:
    case BUS_PINGED:
        break;
    case BUS_ANNOUNCE_IGNORED:
        announce_ignored(d, event, peer);
        break;
    case BUS_ESTABLISHED:
        metrics_established(&d->metrics, (enum session_role)event->role);
        established(d, event, peer);
        break;
    case BUS_DIAL_FAILED:
        metrics_dial_failed(&d->metrics, (enum close_reason)event->reason);
        ended(d, event, peer);
        break;
    case BUS_SESSION_LOST:
        metrics_lost(&d->metrics, (enum close_reason)event->reason);
        ended(d, event, peer);
        break;
    case BUS_IDENTITY_MISMATCH:
    case BUS_UNKNOWN_PEER:
    case BUS_REJECTED:
        rejected(d, event, peer);
        break;
    case BUS_PAIR_CODE:
    case BUS_PAIR_FAILED:
        pairing_event(d, event);
        break;
    case BUS_PONGED:
        break;
    case BUS_EVENTS_DROPPED:
        log_line(LOG_WARNING, "%llu events were not shown", (unsigned long long)event->dropped);
        break;
    }
    waiting_event(d, event);
    openings_event(d, event);
}
