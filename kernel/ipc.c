// SPDX-License-Identifier: Apache-2.0
// Synchronous messages: copied once, from the sender's IPC page to the receiver's.
#include "kernel/ipc.h"

#include "kernel/console.h"
#include "kernel/message.h"
#include "kernel/schedule.h"

static inline void resume(struct process *p, enum neuron_status status)
{
    p->waits = NOT_BLOCKED;
    p->peer = 0;
    p->frame.x[X_A0] = status;
    schedule_ready(p);
}

static inline void block(struct process *p, enum wait_state state, uint64_t deadline)
{
    p->waits = state;
    schedule_wait(p, deadline);
}

enum neuron_status ipc_send(struct process *from, struct process *to, bool wants_reply)
{
    if (to->state != NEURON_RUNNING) {
        return NEURON_PEER_DIED;
    }
    from->calls++;
    from->peer = to;
    if (!message_awaited(to)) {
        block(from, wants_reply ? CALLING : SENDING, from->frame.x[X_DEADLINE]);
        queue_push(&to->senders, from);
        return NEURON_OK;
    }
    message_deliver(to, from, wants_reply);
    resume(to, NEURON_OK);
    if (wants_reply) {
        block(from, AWAITING, from->frame.x[X_DEADLINE]);
    } else {
        from->peer = 0;
        from->frame.x[X_A0] = NEURON_OK;
    }
    return NEURON_OK;
}

static void take_notifications(struct process *p)
{
    uint64_t *a = &p->frame.x[X_A0];
    a[0] = NEURON_OK;
    a[1] = NEURON_GOT_NOTIFICATION;
    a[2] = p->notified;
    a[3] = a[4] = a[5] = 0;
    p->notified = 0;
}

void ipc_wait(struct process *p, bool messages, bool notifications, uint64_t deadline)
{
    if (notifications && p->notified != 0) {
        take_notifications(p);
        return;
    }
    struct process *from = messages ? p->senders : 0;
    if (from == 0 && deadline != NEURON_NEVER && deadline <= csr_read(time)) {
        p->frame.x[X_A0] = NEURON_TIMED_OUT;
        return;
    }
    if (from == 0) {
        p->takes_messages = messages;
        p->takes_notifications = notifications;
        block(p, RECEIVING, deadline);
        return;
    }
    queue_remove(&p->senders, from);
    message_deliver(p, from, from->waits == CALLING);
    p->frame.x[X_A0] = NEURON_OK;
    if (from->waits == CALLING) {
        from->waits = AWAITING;
    } else {
        resume(from, NEURON_OK);
    }
}

void ipc_reply(struct process *server, struct process *caller)
{
    message_reply(caller, server);
    resume(caller, NEURON_OK);
    server->frame.x[X_A0] = NEURON_OK;
}

void ipc_notify(struct process *to, uint64_t bits)
{
    if (to->state != NEURON_RUNNING) {
        return;
    }
    to->notified |= bits;
    if (to->waits == RECEIVING && to->takes_notifications) {
        take_notifications(to);
        resume(to, NEURON_OK);
    }
}

void ipc_abandon(struct process *p, enum neuron_status status)
{
    if (p->waits == SENDING || p->waits == CALLING) {
        queue_remove(&p->peer->senders, p);
    }
    resume(p, status);
}

void ipc_forget(struct process *p)
{
    for (uint32_t i = 0; i < NEURON_PROCESSES_MAX; i++) {
        struct process *other = &processes[i];
        if (other != p && other->peer == p && other->waits != NOT_BLOCKED) {
            ipc_abandon(other, NEURON_PEER_DIED);
        }
    }
    ASSERT(p->senders == 0);
}
