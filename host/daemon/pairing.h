// SPDX-License-Identifier: Apache-2.0
// Pairing at the word of a control client: one attempt at a time, and so many in a while. The daemon pins nothing: it
// hands out the code, and the client writes the file when its user has compared.
#ifndef HOST_DAEMON_PAIRING_H
#define HOST_DAEMON_PAIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "host/common/control.h"

struct daemon;

struct pairing {
    bool on;                  // a client waits for the outcome of an attempt
    uint32_t client, request; // which
    uint8_t role;             // enum session_role
    unsigned guesses; // attempts since the window began that gave somebody in between a guess
    uint64_t window_ends_ms;
};

// Opens this node for pairing (no peer), or calls one. Answers at once with an error, or later with the outcome.
void pairing_begin(struct daemon *d, uint32_t client, const struct control_request *request);

// BUS_PAIR_CODE or BUS_PAIR_FAILED.
void pairing_event(struct daemon *d, const struct bus_event *event);

// The client is gone: so is its attempt.
void pairing_drop(struct daemon *d, uint32_t client);

#endif
