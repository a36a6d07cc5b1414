// SPDX-License-Identifier: Apache-2.0
// The file process, seen from the daemon: it gets the socket of each stream of the file service.
#ifndef HOST_DAEMON_FILES_H
#define HOST_DAEMON_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dsoftbus/identity.h"
#include "dsoftbus/reason.h"
#include "host/common/fault.h"
#include "host/daemon/child.h"

struct daemon;

struct files {
    uv_poll_t poll;
    struct child child;
    bool running;
};

// Starts dsoftbus-filed if a directory is configured, and waits until it is ready.
bool files_start(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));

// From now on its end is noticed: the service goes, the daemon stays.
void files_watch(struct daemon *d);

bool files_running(const struct files *files);

// Hands an offered stream over. BYE_NORMAL, or why it is to be refused.
enum bye_reason files_join(struct daemon *d, uint32_t stream, uint16_t peer)
    __attribute__((warn_unused_result));

void files_stop(struct daemon *d);

#endif
