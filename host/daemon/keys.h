// SPDX-License-Identifier: Apache-2.0
// The key process, seen from the daemon: requests go out in batches, results come back when they are there.
#ifndef HOST_DAEMON_KEYS_H
#define HOST_DAEMON_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dsoftbus/bus.h"
#include "host/common/fault.h"
#include "host/common/paths.h"
#include "host/daemon/child.h"

struct daemon;

struct keys {
    uv_poll_t poll;
    struct child child;
    int fd;               // its socket
    unsigned outstanding; // batches without an answer
    uint64_t batches, results, failures;
};

// Starts dsoftbus-keyd, which lies beside this program, and asks it for the public key. Blocks until it answers.
bool keys_start(struct keys *keys, struct fault *fault, const struct paths *paths,
                uint8_t static_public[static DSB_KEY_BYTES]) __attribute__((warn_unused_result));

// From now on results are taken by the loop. When the key process ends, so does the daemon.
void keys_watch(struct daemon *d);

// Hands over what the bus wants, up to KEYD_BATCHES_MAX batches. True if anything was.
bool keys_submit(struct daemon *d);

void keys_stop(struct daemon *d);

#endif
