// SPDX-License-Identifier: Apache-2.0
// The counters over HTTP, for a collector on this machine: GET /metrics on 127.0.0.1, when [metrics] port says so.
#ifndef HOST_DAEMON_METRICS_HTTP_H
#define HOST_DAEMON_METRICS_HTTP_H

#include <stdbool.h>
#include <uv.h>

#include "host/common/fault.h"

struct daemon;
struct MHD_Daemon;

struct metrics_http {
    struct MHD_Daemon *server; // NULL: not wanted
    uv_poll_t poll;
    uv_timer_t timer; // runs while there are connections, so that silent ones end
};

// Before the sandbox: it makes the sockets. No port: nothing happens.
bool metrics_http_open(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));
void metrics_http_close(struct daemon *d);

#endif
