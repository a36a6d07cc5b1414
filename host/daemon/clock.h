// SPDX-License-Identifier: Apache-2.0
// The daemon's time: monotonic, and it goes on while the machine sleeps.
#ifndef HOST_DAEMON_CLOCK_H
#define HOST_DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now); // fails for a bad clock or pointer only
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t clock_ms(void)
{
    return clock_us() / 1000;
}

#endif
