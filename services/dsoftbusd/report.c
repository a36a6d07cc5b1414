// SPDX-License-Identifier: Apache-2.0
// One line per event that a person, or the harness, wants to see.
#include "services/dsoftbusd/report.h"

#include "dsoftbus/label.h"
#include "markers.h"
#include "services/lib/log.h"

enum { WINDOW_MS = 1000 };

// True when a line that a stranger has caused may be printed now; else it is counted.
static bool may_print(struct report *report, uint64_t now_ms)
{
    report_tick(report, now_ms);
    if (now_ms >= report->window_ends_ms) {
        report->window_ends_ms = now_ms + WINDOW_MS;
        report->lines = 0;
    }
    if (report->lines == REPORT_LINES_PER_SECOND) {
        report->suppressed++;
        return false;
    }
    report->lines++;
    return true;
}

uint64_t report_deadline(const struct report *report)
{
    return report->suppressed > 0 ? report->window_ends_ms : UINT64_MAX;
}

void report_tick(struct report *report, uint64_t now_ms)
{
    if (report->suppressed > 0 && now_ms >= report->window_ends_ms) {
        log_line("dsoftbusd: %u more rejections", report->suppressed);
        report->suppressed = 0;
    }
}

// The first 8 bytes of the handshake hash name a session; it is public (Noise 11.2).
static void report_session(const struct bus_event *event, const char *peer)
{
    const uint8_t *h = event->hash;
    log_line("dsoftbusd: session peer=%s role=%s hash=%02x%02x%02x%02x%02x%02x%02x%02x", peer,
             event->role == SESSION_INITIATOR ? "initiator" : "responder", h[0], h[1], h[2], h[3],
             h[4], h[5], h[6], h[7]);
}

static void established(struct report *report, struct bus *bus, uint64_t now_ms,
                        const struct bus_event *event, const char *peer)
{
    if (event->role == SESSION_RESPONDER) {
        log_line(MARKER_DSOFTBUSD_AUTH_OK);
    }
    report_session(event, peer);
    if (event->role == SESSION_INITIATOR && event->peer < OS_PEERS_MAX) {
        report->dial_failure[event->peer] = REASON_NONE;
        if (bus_ping(bus, now_ms, event->connection) != 0) {
            report->unproven[event->peer] = event->connection;
        }
    }
}

// Not by loopback: the other end is another machine.
static bool is_foreign(const struct bus_event *event)
{
    return event->address.family == NET_IPV4 && event->address.bytes[0] != 127;
}

// Strangers are no news, but that there is somebody is.
static void device_found(struct report *report, const struct bus_event *event, const char *peer)
{
    if (is_foreign(event) && !report->foreign_announce_heard) {
        report->foreign_announce_heard = true;
        log_line(MARKER_DSOFTBUSD_CROSS_VM_UP);
    }
    if (event->type == BUS_PEER_FOUND) {
        log_line(MARKER_DSOFTBUSD_PEER_FOUND, peer);
    }
}

// A PING and its PONG have crossed the session.
static void session_proven(const struct bus_event *event, const char *peer)
{
    if (event->role == SESSION_INITIATOR) {
        log_line(MARKER_DSOFTBUSD_DUAL_NODE);
    } else {
        log_line(MARKER_DSOFTBUSD_OS_SESSION);
    }
    if (is_foreign(event)) {
        log_line(MARKER_DSOFTBUSD_CROSS_VM_SESSION, peer);
    }
}

static void ponged(struct report *report, const struct bus_event *event, const char *peer)
{
    if (event->role == SESSION_INITIATOR && event->peer < OS_PEERS_MAX &&
        report->unproven[event->peer] == event->connection) {
        report->unproven[event->peer] = 0;
        session_proven(event, peer);
    }
}

// Back-off retries the same dial for ever: only a new reason is news.
static void dial_failed(struct report *report, const struct bus_event *event, const char *peer)
{
    if (event->peer < OS_PEERS_MAX && report->dial_failure[event->peer] != event->reason) {
        report->dial_failure[event->peer] = event->reason;
        log_line("dsoftbusd: dial failed peer=%s: %s", peer,
                 close_reason_name((enum close_reason)event->reason));
    }
}

static void rejected(const struct bus_event *event)
{
    const uint8_t *a = event->address.bytes;
    log_line("dsoftbusd: rejected from=%u.%u.%u.%u:%u: %s", a[0], a[1], a[2], a[3],
             event->address.port, close_reason_name((enum close_reason)event->reason));
}

static void session_lost(const struct bus_event *event, const char *peer)
{
    if (event->reason == REASON_PEER_BYE) {
        log_line("dsoftbusd: session lost peer=%s: peer said bye (%s)", peer,
                 bye_reason_name(event->peer_bye));
    } else {
        log_line("dsoftbusd: session lost peer=%s: %s", peer,
                 close_reason_name((enum close_reason)event->reason));
    }
}

void report_refusal(struct report *report, uint64_t now_ms, const char *client, const char *right,
                    const char *peer, const char *service)
{
    if (may_print(report, now_ms)) {
        log_line("dsoftbusd: refused process=%s: the manifest has no '%s %s%s%s' for it", client,
                 right, peer, peer[0] != '\0' && service[0] != '\0' ? "/" : "", service);
    }
}

void report_event(struct report *report, struct bus *bus, uint64_t now_ms,
                  const struct bus_event *event)
{
    char peer[LABEL_CHARS_MAX];
    label_device(peer, &event->id);
    switch (event->type) {
    case BUS_ANNOUNCE_OWN:
        report->own_announce_heard = true;
        break;
    case BUS_PEER_FOUND:
    case BUS_DEVICE_FOUND:
        device_found(report, event, peer);
        break;
    case BUS_SESSION_CONNECT:
        log_line(MARKER_DSOFTBUSD_SESSION_CONNECT, peer);
        break;
    case BUS_IDENTITY_BOUND:
        log_line(MARKER_DSOFTBUSD_IDENTITY_BOUND, peer);
        break;
    case BUS_ESTABLISHED:
        established(report, bus, now_ms, event, peer);
        break;
    case BUS_PINGED:
        if (event->first && event->role == SESSION_RESPONDER) {
            session_proven(event, peer);
        }
        break;
    case BUS_PONGED:
        ponged(report, event, peer);
        break;
    case BUS_SESSION_LOST:
        session_lost(event, peer);
        break;
    case BUS_DIAL_FAILED:
        dial_failed(report, event, peer);
        break;
    case BUS_IDENTITY_MISMATCH:
        if (may_print(report, now_ms)) {
            log_line(MARKER_DSOFTBUSD_IDENTITY_MISMATCH, peer);
        }
        break;
    case BUS_UNKNOWN_PEER:
        if (may_print(report, now_ms)) {
            log_line("dsoftbusd: unknown peer=%s", peer);
        }
        break;
    case BUS_REJECTED:
        if (may_print(report, now_ms)) {
            rejected(event);
        }
        break;
    case BUS_ANNOUNCE_IGNORED:
        if (may_print(report, now_ms)) {
            log_line("dsoftbusd: announce ignored: %s",
                     event->announce_error == ANNOUNCE_OK
                         ? "id and key are not those of one peer"
                         : announce_error_name(event->announce_error));
        }
        break;
    case BUS_EVENTS_DROPPED:
        log_line("dsoftbusd: %lu events not shown", event->dropped);
        break;
    case BUS_DEVICE_LOST: // of no consequence
    case BUS_PAIR_CODE:   // peers of this node are provisioned
    case BUS_PAIR_FAILED:
        break;
    }
}
