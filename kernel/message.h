// SPDX-License-Identifier: Apache-2.0
// One message, from the sender's IPC page and frame to the receiver's. It is copied once.
#ifndef KERNEL_MESSAGE_H
#define KERNEL_MESSAGE_H

#include "kernel/process.h"

// A reply handle is the caller's call number and its process id + 1, so that an old one is recognised.
enum { REPLY_ID_BITS = 8 };

// A message's label and length lie where NEURON_CALL, _SEND, _REPLY and _REPLY_WAIT have them: in a1 and a2, also while
// its sender waits in a queue.
enum { X_LABEL = X_A0 + 1, X_LEN = X_A0 + 2, X_DEADLINE = X_A0 + 3 };

static inline void message_copy(struct process *to, const struct process *from)
{
    uint64_t len = from->frame.x[X_LEN];
    uint64_t *t = (uint64_t *)(void *)to->ipc->message;
    const uint64_t *f = (const uint64_t *)(const void *)from->ipc->message;
    for (const uint64_t *end = f + len / 32 * 4; f != end; t += 4, f += 4) {
        uint64_t a = f[0], b = f[1], c = f[2], d = f[3];
        t[0] = a;
        t[1] = b;
        t[2] = c;
        t[3] = d;
    }
    for (len %= 32; len >= 8; len -= 8) {
        *t++ = *f++;
    }
    const uint8_t *f8 = (const uint8_t *)f;
    for (uint8_t *t8 = (uint8_t *)t; len > 0; len--) {
        *t8++ = *f8++;
    }
}

static inline bool message_awaited(const struct process *p)
{
    return p->waits == RECEIVING && p->takes_messages;
}

// Hands the message to the server, whose frame gets the results of its wait.
static inline void message_deliver(struct process *server, const struct process *from,
                                   bool wants_reply)
{
    message_copy(server, from);
    uint64_t *a = &server->frame.x[X_A0];
    a[1] = NEURON_GOT_MESSAGE;
    a[2] = from->frame.x[X_LABEL];
    a[3] = from->frame.x[X_LEN];
    a[4] = from->id | (uint64_t)from->starts << 32;
    a[5] = wants_reply ? from->calls << REPLY_ID_BITS | (from->id + 1) : 0;
}

// The caller that `reply` names and that still waits for it, or 0 and *error.
static inline struct process *message_caller(enum neuron_status *error,
                                             const struct process *server, neuron_handle reply)
{
    uint64_t id = reply % (1 << REPLY_ID_BITS), number = reply >> REPLY_ID_BITS;
    *error = NEURON_BAD_HANDLE;
    if (id == 0 || id > NEURON_PROCESSES_MAX || number == 0 || number > processes[id - 1].calls) {
        return 0;
    }
    struct process *caller = &processes[id - 1];
    if (caller->waits == AWAITING && caller->peer == server && caller->calls == number) {
        return caller;
    }
    *error = NEURON_CANCELLED;
    return 0;
}

// Hands the reply to the caller, whose frame gets the results of its call.
static inline void message_reply(struct process *caller, const struct process *server)
{
    message_copy(caller, server);
    caller->frame.x[X_A0 + 1] = server->frame.x[X_LABEL];
    caller->frame.x[X_A0 + 2] = server->frame.x[X_LEN];
}

#endif
