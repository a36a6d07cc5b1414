// SPDX-License-Identifier: Apache-2.0
// What has happened on the bus, said in lines on the console.
//
// Names that others chose are escaped. Lines that a stranger can cause are limited to a few per second; the rest is
// counted, and the count is printed when the second is over. Repeated failures to reach one peer are said once.
#ifndef SERVICES_DSOFTBUSD_REPORT_H
#define SERVICES_DSOFTBUSD_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"

enum { REPORT_LINES_PER_SECOND = 10 };

// Starts as zero bytes.
struct report {
    uint64_t window_ends_ms;
    uint32_t lines; // of strangers, in this window
    uint32_t suppressed;
    bool own_announce_heard;
    bool foreign_announce_heard;
    uint8_t dial_failure
        [OS_PEERS_MAX]; // enum close_reason that was printed last; REASON_NONE after a success
    uint32_t unproven[OS_PEERS_MAX]; // outbound session whose first PONG has not come yet
};

// Says what there is to say about one event; also sends the PING that proves a new outbound session.
void report_event(struct report *report, struct bus *bus, uint64_t now_ms,
                  const struct bus_event *event);

// A local client wanted what the manifest does not allow. Limited as lines of strangers are. Names are escaped already.
void report_refusal(struct report *report, uint64_t now_ms, const char *client, const char *right,
                    const char *peer, const char *service);

// When report_tick has something to say, else NEURON_NEVER's equivalent in ms, UINT64_MAX.
uint64_t report_deadline(const struct report *report);
void report_tick(struct report *report, uint64_t now_ms);

#endif
