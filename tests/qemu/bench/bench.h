// SPDX-License-Identifier: Apache-2.0
// What the parts of the measuring client share.
#ifndef TESTS_QEMU_BENCH_BENCH_H
#define TESTS_QEMU_BENCH_BENCH_H

#include "services/lib/log.h"
#include "services/selftest-client/node.h"

// Everything that can fail says why; NULL is success.

static inline void figure(const char *name, uint64_t value)
{
    log_line("SELFTEST: bench %s %lu", name, value);
}

static inline bool never(const struct node *n)
{
    (void)n;
    return false;
}

// Lets time pass, and answers meanwhile.
static inline void pass(struct node *n, uint32_t ms)
{
    if (node_run(n, never, ms)) {
        log_line("SELFTEST: bench never is now FAIL");
    }
}

// What netstackd holds, to be compared. The settled one is taken after TIME_WAIT has passed.
const char *pools_settled(struct net_stats *out, struct node *n);
// Waits until everything is back where it was, and prints what is not: figures <name>_<pool>_left.
const char *pools_come_back(const struct net_stats *before, struct node *n, const char *name);
// The next good session; how long it took goes out as the figure. Failures are tried again for ten seconds.
const char *served_again(struct node *n, const char *name);

// soak.c: 1,000 sessions one after the other, 100,000 malformed datagrams, half-open connections without end.
const char *soak_cycles(struct node *n);
const char *soak_datagrams(struct node *n);
const char *soak_half_open(struct node *n);

#endif
