// SPDX-License-Identifier: Apache-2.0
// What the network process gives up before it reads the first byte from the network.
//
//   capabilities      all of them
//   no_new_privs      nothing that it starts could have more; it can start nothing anyway
//   core dumps        none; no debugger of the same user
//   landlock          files: reading the node directory and the configuration, removing the control socket; no key
//                     file, no program, no device, not the directory of received files: that is the file process's.
//                     TCP: no new listening port (ABI 4). Connecting stays possible, since peers are dialled
//   seccomp           the system calls of its loop: no execve, no fork, no ptrace, no open for writing, no signal to another
//                     process, no connection to a unix stream socket, nothing typed into the terminal that it was started from
//
// What a kernel does not have is left out and said in the log. (Without seccomp the key process does not start.)
#ifndef HOST_DAEMON_SANDBOX_H
#define HOST_DAEMON_SANDBOX_H

#include <stdbool.h>

#include "host/common/fault.h"

struct daemon;

struct sandbox_state {
    int landlock_abi; // 0: none
    bool seccomp;
};

// Keys and sessions are no business of core dumps and debuggers. Before anything is read.
bool sandbox_hide_memory(struct fault *fault) __attribute__((warn_unused_result));

// Everything else, after all files and sockets have been opened. With [security] sandbox = no: capabilities and
// no_new_privs only, and a warning.
bool sandbox_enter(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));

// landlock.c: the ABI that is in force; 0: the kernel has none; -1 with a fault when it has and refuses.
int sandbox_landlock(const struct daemon *d, struct fault *fault)
    __attribute__((warn_unused_result));

// seccomp.c: 0, or a negative errno: the kernel has no such filters. The caller has set no_new_privs.
int sandbox_seccomp(void) __attribute__((warn_unused_result));

#endif
