// SPDX-License-Identifier: Apache-2.0
// Streams that control clients have asked for and that are not there yet: the peer is dialled, the service asked.
#ifndef HOST_DAEMON_OPENINGS_H
#define HOST_DAEMON_OPENINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "host/common/control.h"

struct daemon;

struct opening {
    bool used;
    uint32_t client, request;
    uint16_t peer;
    struct service_name service;
    uint32_t stream; // 0: waits for a session
    uint64_t deadline_ms;
};

struct openings {
    struct opening places[HOST_OPENINGS_MAX];
    unsigned count;
    uint32_t last_number; // of a stream, for clients
};

// Begins, or answers with an error.
void openings_add(struct daemon *d, uint32_t client, const struct control_request *request);

void openings_event(struct daemon *d, const struct bus_event *event);

// News of the stream with this tag. False: it is none of these.
bool openings_news(struct daemon *d, const struct stream_status *status);

// The client is gone.
void openings_drop(struct daemon *d, uint32_t client);

// Answers what has waited too long; when that will next be so.
void openings_tick(struct daemon *d, uint64_t now_ms);
uint64_t openings_deadline(const struct openings *openings);

#endif
