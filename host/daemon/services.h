// SPDX-License-Identifier: Apache-2.0
// The services of this node: who may use which, and what an offered stream is joined to. And what peers announce.
#ifndef HOST_DAEMON_SERVICES_H
#define HOST_DAEMON_SERVICES_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dsoftbus/bus.h"
#include "host/common/control.h"
#include "host/common/fault.h"

struct daemon;

// What a peer has last announced, if it has.
struct announced {
    bool heard;
    uint8_t count;
    struct service_name names[ANNOUNCE_SERVICES_MAX];
};

struct services {
    struct announced *announced; // by peer; pages that are not touched cost nothing
    uint64_t accepted, refused;
};

// Registers what is configured. The tables of the bus are there.
void services_open(struct daemon *d);

// A peer has opened a stream to a service that is registered: accepted, or refused with a reason.
void services_offered(struct daemon *d, uint32_t stream, const struct stream_status *status);

// Reads the configuration's services again; sessions and streams stay. On a fault nothing has changed.
bool services_reload(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));

// The file process has ended: its service goes.
void services_lose_files(struct daemon *d);

// A datagram on the discovery port: if it is a known peer's announce, its services are noted.
void services_heard(struct daemon *d, const uint8_t *datagram, size_t len);

// The control operation: own services, or those that a peer has announced.
void services_list(struct daemon *d, uint32_t client, const struct control_request *request);

#endif
