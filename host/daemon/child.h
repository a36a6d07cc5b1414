// SPDX-License-Identifier: Apache-2.0
// Programs that dsoftbusd starts before it enters its sandbox, each on a socket of its own.
#ifndef HOST_DAEMON_CHILD_H
#define HOST_DAEMON_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "host/common/fault.h"

enum { CHILD_SOCKET_FD = 3 }; // in the child

struct child {
    int fd; // of a SOCK_SEQPACKET pair
    pid_t pid;
};

// Starts the program of this name, which lies beside this one, whatever PATH says.
bool child_start(struct child *child, struct fault *fault, const char *name, char *argument)
    __attribute__((warn_unused_result));

// Waits for it, and makes its exit code a fault: it has itself explained on standard error. Always false.
bool child_failed(const struct child *child, struct fault *fault, const char *what);

#endif
