// SPDX-License-Identifier: Apache-2.0
// Synchronous messages: copied once, from the sender's IPC page to the receiver's.
#include "kernel/ipc.h"

#include "kernel/console.h"
#include "kernel/schedule.h"

// A reply handle is the caller's call number and its process id + 1, so that an old one is recognised.
enum { REPLY_ID_BITS = 8 };

static void copy_message(struct process *to, const struct process *from, uint64_t len)
{
    uint64_t *t = (uint64_t *)(void *)to->ipc->message;
    const uint64_t *f = (const uint64_t *)(const void *)from->ipc->message;
    for (; len >= 32; len -= 32, t += 4, f += 4) {
        uint64_t a = f[0], b = f[1], c = f[2], d = f[3];
        t[0] = a;
        t[1] = b;
        t[2] = c;
        t[3] = d;
    }
    for (; len >= 8; len -= 8) {
        *t++ = *f++;
    }
    uint8_t *t8 = (uint8_t *)t;
    const uint8_t *f8 = (const uint8_t *)f;
    while (len-- > 0) {
        *t8++ = *f8++;
    }
}

static void resume(struct process *p, enum neuron_status status)
{
    p->waits = NOT_BLOCKED;
    p->peer = 0;
    p->frame.x[X_A0] = status;
    schedule_ready(p);
}

static void block(struct process *p, enum wait_state state, uint64_t deadline)
{
    schedule_remove(p);
    p->waits = state;
    schedule_deadline(p, deadline);
}

static void queue_push(struct process *server, struct process *p)
{
    if (server->senders == 0) {
        server->senders = p->next = p->previous = p;
        return;
    }
    struct process *first = server->senders;
    p->next = first;
    p->previous = first->previous;
    first->previous->next = p;
    first->previous = p;
}

static void queue_remove(struct process *server, struct process *p)
{
    if (p->next == p) {
        server->senders = 0;
    } else {
        p->previous->next = p->next;
        p->next->previous = p->previous;
        server->senders = server->senders == p ? p->next : server->senders;
    }
    p->next = p->previous = 0;
}

// Hands the message to the server, whose frame gets the results of its wait.
static void deliver(struct process *server, const struct process *from, uint64_t label,
                    uint64_t len, bool wants_reply)
{
    copy_message(server, from, len);
    uint64_t *a = &server->frame.x[X_A0];
    a[1] = NEURON_GOT_MESSAGE;
    a[2] = label;
    a[3] = len;
    a[4] = from->id | (uint64_t)from->starts << 32;
    a[5] = wants_reply ? from->calls << REPLY_ID_BITS | (from->id + 1) : 0;
}

void ipc_send(struct process *from, struct process *to, uint64_t label, uint64_t len,
              uint64_t deadline, bool wants_reply)
{
    if (to->state != NEURON_RUNNING) {
        from->frame.x[X_A0] = NEURON_PEER_DIED;
        return;
    }
    from->calls++;
    from->peer = to;
    if (to->waits != RECEIVING || !to->takes_messages) {
        from->label = label;
        from->len = len;
        block(from, wants_reply ? CALLING : SENDING, deadline);
        queue_push(to, from);
        return;
    }
    deliver(to, from, label, len, wants_reply);
    resume(to, NEURON_OK);
    if (wants_reply) {
        block(from, AWAITING, deadline);
    } else {
        from->peer = 0;
        from->frame.x[X_A0] = NEURON_OK;
    }
}

static void take_notifications(struct process *p)
{
    uint64_t *a = &p->frame.x[X_A0];
    a[0] = NEURON_OK;
    a[1] = NEURON_GOT_NOTIFICATION;
    a[2] = p->notified;
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
    queue_remove(p, from);
    deliver(p, from, from->label, from->len, from->waits == CALLING);
    p->frame.x[X_A0] = NEURON_OK;
    if (from->waits == CALLING) {
        from->waits = AWAITING;
    } else {
        resume(from, NEURON_OK);
    }
}

struct process *ipc_caller(enum neuron_status *error, const struct process *server,
                           neuron_handle reply)
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

void ipc_reply(struct process *server, struct process *caller, uint64_t label, uint64_t len)
{
    copy_message(caller, server, len);
    caller->frame.x[X_A0 + 1] = label;
    caller->frame.x[X_A0 + 2] = len;
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
        queue_remove(p->peer, p);
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
