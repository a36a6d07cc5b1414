// SPDX-License-Identifier: Apache-2.0
// Requests of control clients that are answered later: by an event of the bus, or by their time-out.
#ifndef HOST_DAEMON_WAITING_H
#define HOST_DAEMON_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "host/common/control.h"

struct daemon;

struct wait {
    bool used;
    enum control_op op;       // CONTROL_PING, CONTROL_PROBE or CONTROL_PATH
    uint32_t client, request; // who asked, and the id of the question
    uint16_t peer;
    uint32_t connection; // ping, path: the session on which it went out; 0: not yet
    uint32_t tried;      // path: bytes of one segment
    uint64_t sent_us, deadline_ms;
};

struct waiting {
    struct wait waits[CONTROL_WAITING_MAX];
};

// Begins to wait, or answers at once with an error. The peer is dialled if there is no session with it.
void waiting_add(struct daemon *d, uint32_t client, const struct control_request *request);

// The trusted peer that a request names; else the client has been answered, and it is false.
bool waiting_find_peer(struct daemon *d, uint16_t *peer, uint32_t client,
                       const struct control_request *request) __attribute__((warn_unused_result));

// Why a dial or a session has ended.
void waiting_failure_text(char out[static CONTROL_TEXT_BYTES], uint8_t reason, uint8_t bye,
                          int dial_error);

// Why there is no session with a peer after all that waiting: the code, and a text.
const char *waiting_no_session(const struct daemon *d, char text[static CONTROL_TEXT_BYTES],
                               uint16_t peer);

void waiting_event(struct daemon *d, const struct bus_event *event);

// The client is gone.
void waiting_drop(struct daemon *d, uint32_t client);

// Answers what has waited too long; when that will next be so.
void waiting_tick(struct daemon *d, uint64_t now_ms);
uint64_t waiting_deadline(const struct waiting *waiting);

#endif
