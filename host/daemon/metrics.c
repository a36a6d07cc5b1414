// SPDX-License-Identifier: Apache-2.0
// Counters for Prometheus.
#include "host/daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"

static void count(struct metrics *metrics, uint64_t counters[static METRICS_REASONS],
                  enum close_reason reason)
{
    unsigned index = (int)reason < METRICS_REASONS ? reason : REASON_INTERNAL;

    counters[index]++;
    metrics->last_ms[index] = clock_ms();
}

void metrics_established(struct metrics *metrics, enum session_role role)
{
    metrics->established[role]++;
}

void metrics_rejected(struct metrics *metrics, enum close_reason reason)
{
    count(metrics, metrics->rejected, reason);
}

void metrics_dial_failed(struct metrics *metrics, enum close_reason reason)
{
    count(metrics, metrics->dial_failed, reason);
}

void metrics_lost(struct metrics *metrics, enum close_reason reason)
{
    count(metrics, metrics->lost, reason);
}

// ---- Text -----------------------------------------------------------------------------------------

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP dsoftbus_%s %s\n# TYPE dsoftbus_%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    fprintf(out, "dsoftbus_%s %" PRIu64 "\n", name, value);
}

static void by_reason(FILE *out, const char *name, const char *help,
                      const uint64_t counters[static METRICS_REASONS])
{
    head(out, name, "counter", help);
    for (unsigned i = REASON_NONE + 1; i < METRICS_REASONS; i++) {
        if (counters[i] > 0) {
            fprintf(out, "dsoftbus_%s{reason=\"%s\"} %" PRIu64 "\n", name,
                    close_reason_name((enum close_reason)i), counters[i]);
        }
    }
}

static void last_ends(FILE *out, const struct metrics *metrics)
{
    head(out, "last_end_age_seconds", "gauge",
         "Since a connection, attempt or session last ended for this reason.");
    for (unsigned i = REASON_NONE + 1; i < METRICS_REASONS; i++) {
        if (metrics->last_ms[i] > 0) {
            fprintf(out, "dsoftbus_last_end_age_seconds{reason=\"%s\"} %" PRIu64 "\n",
                    close_reason_name((enum close_reason)i),
                    (clock_ms() - metrics->last_ms[i]) / 1000);
        }
    }
}

static uint64_t used_waits(const struct daemon *d)
{
    uint64_t count_used = 0;

    for (size_t i = 0; i < CONTROL_WAITING_MAX; i++) {
        count_used += d->waiting.waits[i].used;
    }
    return count_used;
}

static void print_levels(FILE *out, const struct daemon *d)
{
    struct bus_counts counts = bus_counts(&d->bus);

    one(out, "uptime_seconds", "gauge", "Since the daemon started.",
        (clock_ms() - d->started_ms) / 1000);
    one(out, "sessions", "gauge", "Established now.", counts.sessions_up);
    one(out, "half_open", "gauge", "Inbound handshakes that are not finished.", counts.half_open);
    one(out, "connections", "gauge", "Connections of any kind.", counts.connections);
    one(out, "peers", "gauge", "Known peers.", counts.peers);
    one(out, "devices", "gauge", "Discovered devices.", counts.devices);
    one(out, "key_requests_waiting", "gauge", "Batches at the key process.", d->keys.outstanding);
    one(out, "control_requests_waiting", "gauge", "Pings and probes that wait for their answer.",
        used_waits(d));
    one(out, "accepted_total", "counter", "Inbound connections taken.", counts.accepted);
    one(out, "refused_rate_total", "counter", "Refused at accept: the source has failed too often.",
        counts.refused_rate);
    one(out, "refused_full_total", "counter", "Refused at accept: no place.", counts.refused_full);
    one(out, "evicted_total", "counter", "Half-open handshakes that made room.", counts.evicted);
    one(out, "announces_sent_total", "counter", "Announces sent.", counts.announces_sent);
    one(out, "announces_heard_total", "counter", "Well-formed announces heard.",
        counts.announces_heard);
    one(out, "announces_bad_total", "counter", "Datagrams that are no announce.",
        counts.announces_bad);
    one(out, "announces_mismatched_total", "counter",
        "Announces with the id or key of a known peer, not both.", counts.announces_mismatched);
    one(out, "key_results_total", "counter", "Diffie-Hellman results.", d->keys.results);
    one(out, "key_batches_total", "counter", "Messages in which they were asked for.",
        d->keys.batches);
}

static void print_streams(FILE *out, const struct daemon *d)
{
    const struct channels *channels = &d->channels;

    one(out, "streams", "gauge", "Open now.", bus_counts(&d->bus).streams);
    one(out, "streams_opening", "gauge", "That local programs wait for.", d->openings.count);
    one(out, "files_receiving", "gauge", "Files under way.", channels->files);
    one(out, "services_accepted_total", "counter", "Streams of peers to services.",
        d->services.accepted);
    one(out, "services_refused_total", "counter", "The same, refused.", d->services.refused);
    head(out, "streams_ended_total", "counter", "Streams that were joined to a local end.");
    fprintf(out, "dsoftbus_streams_ended_total{how=\"in order\"} %" PRIu64 "\n",
            channels->ended_clean);
    fprintf(out, "dsoftbus_streams_ended_total{how=\"broken off\"} %" PRIu64 "\n",
            channels->ended_broken);
}

char *metrics_format(const struct daemon *d)
{
    const struct metrics *metrics = &d->metrics;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        return NULL;
    }
    print_levels(out, d);
    print_streams(out, d);
    head(out, "bytes_total", "counter", "Bytes of all connections, as TCP carried them.");
    fprintf(out, "dsoftbus_bytes_total{direction=\"in\"} %" PRIu64 "\n", d->links.bytes_in);
    fprintf(out, "dsoftbus_bytes_total{direction=\"out\"} %" PRIu64 "\n", d->links.bytes_out);
    head(out, "handshakes_total", "counter", "Sessions that were established.");
    fprintf(out, "dsoftbus_handshakes_total{role=\"initiator\"} %" PRIu64 "\n",
            metrics->established[SESSION_INITIATOR]);
    fprintf(out, "dsoftbus_handshakes_total{role=\"responder\"} %" PRIu64 "\n",
            metrics->established[SESSION_RESPONDER]);
    by_reason(out, "rejected_total", "Inbound connections that ended before a session.",
              metrics->rejected);
    by_reason(out, "dials_failed_total", "Outbound attempts that ended before a session.",
              metrics->dial_failed);
    by_reason(out, "sessions_lost_total", "Sessions that have ended.", metrics->lost);
    last_ends(out, metrics);
    return fclose(out) == 0 ? text : (free(text), NULL);
}
