// SPDX-License-Identifier: Apache-2.0
// Counters, and their text for Prometheus.
#ifndef HOST_DAEMON_METRICS_H
#define HOST_DAEMON_METRICS_H

#include <stdint.h>

#include "dsoftbus/bus.h"

struct daemon;

enum { METRICS_REASONS = REASON_INTERNAL + 1 };

struct metrics {
    uint64_t established[2]; // by enum session_role
    uint64_t rejected[METRICS_REASONS], dial_failed[METRICS_REASONS], lost[METRICS_REASONS];
    uint64_t last_ms[METRICS_REASONS]; // when something last ended for this reason; 0: never
};

void metrics_established(struct metrics *metrics, enum session_role role);
void metrics_rejected(struct metrics *metrics, enum close_reason reason);
void metrics_dial_failed(struct metrics *metrics, enum close_reason reason);
void metrics_lost(struct metrics *metrics, enum close_reason reason);

// Exposition format 0.0.4. The caller frees it; NULL: no memory.
char *metrics_format(const struct daemon *d) __attribute__((warn_unused_result));

#endif
