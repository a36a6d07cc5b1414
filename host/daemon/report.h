// SPDX-License-Identifier: Apache-2.0
// Events of the bus: into the log, the status of peers, the counters, and to clients that wait for them.
#ifndef HOST_DAEMON_REPORT_H
#define HOST_DAEMON_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"

struct daemon;

enum {
    REPORT_LINES_PER_SECOND = 10
}; // that strangers can cause; more are counted and told as one line

struct report {
    uint64_t window_ends_ms;
    unsigned lines;
    uint64_t suppressed;
};

void report_event(struct daemon *d, const struct bus_event *event);

// Whether a line that others have caused may be printed now; else it is counted.
bool report_may_print(struct daemon *d) __attribute__((warn_unused_result));

// Tells how many lines were left out, when their second is over. When that is; TIME_NEVER: nothing was.
void report_tick(struct daemon *d, uint64_t now_ms);
uint64_t report_deadline(const struct report *report);

#endif
