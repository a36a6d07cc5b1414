// SPDX-License-Identifier: Apache-2.0
// Messages and notifications between processes. Arguments are checked already.
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include "kernel/process.h"

// The results of a wait or call go into the frame of the process that gets them.
enum neuron_status ipc_send(struct process *from, struct process *to, bool wants_reply);
void ipc_wait(struct process *p, bool messages, bool notifications, uint64_t deadline);
void ipc_reply(struct process *server, struct process *caller);
void ipc_notify(struct process *to, uint64_t bits);
// p's wait is over without what it waited for: status in its a0, and it is ready again.
void ipc_abandon(struct process *p, enum neuron_status status);
// p has ended: everyone who waits for it gets NEURON_PEER_DIED.
void ipc_forget(struct process *p);

#endif
