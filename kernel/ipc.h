// SPDX-License-Identifier: Apache-2.0
// Messages and notifications between processes. Arguments are checked already.
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include "kernel/process.h"

// The results of a wait or call go into the frame of the process that gets them.
void ipc_send(struct process *from, struct process *to, uint64_t label, uint64_t len,
              uint64_t deadline, bool wants_reply);
void ipc_wait(struct process *p, bool messages, bool notifications, uint64_t deadline);
// The caller that `reply` names and that still waits for it, or 0 and *error.
struct process *ipc_caller(enum neuron_status *error, const struct process *server,
                           neuron_handle reply);
void ipc_reply(struct process *server, struct process *caller, uint64_t label, uint64_t len);
void ipc_notify(struct process *to, uint64_t bits);
// p's wait is over without what it waited for: status in its a0, and it is ready again.
void ipc_abandon(struct process *p, enum neuron_status status);
// p has ended: everyone who waits for it gets NEURON_PEER_DIED.
void ipc_forget(struct process *p);

#endif
