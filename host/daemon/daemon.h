// SPDX-License-Identifier: Apache-2.0
// The daemon as one object: the bus, and everything around it that does I/O.
//
// One thread, one loop. Callbacks tell the bus what has happened and return; before the loop sleeps, daemon_settle does
// everything that has become due: results and requests of the key process, actions, events, the next deadline.
#ifndef HOST_DAEMON_DAEMON_H
#define HOST_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dsoftbus/bus.h"
#include "host/common/config.h"
#include "host/common/identity_files.h"
#include "host/common/paths.h"
#include "host/daemon/channels.h"
#include "host/daemon/control.h"
#include "host/daemon/datagrams.h"
#include "host/daemon/files.h"
#include "host/daemon/keys.h"
#include "host/daemon/links.h"
#include "host/daemon/metrics.h"
#include "host/daemon/metrics_http.h"
#include "host/daemon/openings.h"
#include "host/daemon/pairing.h"
#include "host/daemon/peers.h"
#include "host/daemon/report.h"
#include "host/daemon/sandbox.h"
#include "host/daemon/services.h"
#include "host/daemon/waiting.h"

struct daemon {
    struct paths paths;
    struct config config;
    struct card own;
    int node_directory, run_directory;
    uv_loop_t loop;
    uv_prepare_t settle;
    uv_poll_t timer;
    uv_signal_t stop_signals[2], reload_signal;
    int timer_fd;
    uint64_t armed_ms; // what the timer is set to; TIME_NEVER: nothing
    uint64_t looked_ms,
        bus_due_ms; // when the bus was last asked for its deadline, and what it said
    uint64_t started_ms, stop_by_ms, watchdog_due_ms;
    bool stopping;
    int exit_code;
    struct bus bus;
    struct links links;
    struct datagrams datagrams;
    struct keys keys;
    struct control control;
    struct waiting waiting;
    struct pairing pairing;
    struct openings openings;
    struct channels channels;
    struct services services;
    struct files files;
    struct peer_status *status; // one per place in the peer table
    struct report report;
    struct metrics metrics;
    struct metrics_http metrics_http;
    struct sandbox_state sandbox;
};

// Ends all sessions with BYE, then the loop. Again: no further effect.
void daemon_stop(struct daemon *d, int exit_code);

// Our own mistake, or something without which nothing works: says so and ends the process.
_Noreturn void daemon_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
