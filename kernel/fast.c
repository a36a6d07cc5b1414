// SPDX-License-Identifier: Apache-2.0
// The usual case of NEURON_CALL and NEURON_REPLY_WAIT: no deadline, the other end waits for just this, and is the one to
// run next. Whatever else it is goes the general way, with nothing done yet; what is done here is what it would do.
#include "kernel/capability.h"
#include "kernel/message.h"
#include "kernel/schedule.h"
#include "kernel/syscall.h"

static struct process *fast_call(struct process *p)
{
    enum neuron_status error;
    const uint64_t *in = &p->frame.x[X_A0];
    const struct capability *cap =
        capability_find(&error, p, in[0], CAP_ENDPOINT, NEURON_SEND_RIGHT);
    if (cap == 0 || in[2] > NEURON_MESSAGE_BYTES_MAX || in[3] != NEURON_NEVER) {
        return syscall_general(p);
    }
    struct process *to = cap->process;
    if (!message_awaited(to) || !schedule_is_next(p, to)) {
        return syscall_general(p);
    }
    p->calls++;
    p->peer = to;
    p->waits = AWAITING;
    p->deadline = NEURON_NEVER;
    message_deliver(to, p, true);
    to->waits = NOT_BLOCKED;
    to->frame.x[X_A0] = NEURON_OK;
    return schedule_hand_over(p, to);
}

static struct process *fast_reply_wait(struct process *p)
{
    enum neuron_status error;
    const uint64_t *in = &p->frame.x[X_A0];
    if (in[2] > NEURON_MESSAGE_BYTES_MAX || in[5] != NEURON_NEVER || p->senders != 0 ||
        capability_find(&error, p, in[3], CAP_ENDPOINT, NEURON_RECEIVE) == 0) {
        return syscall_general(p);
    }
    if (in[4] != 0 && (p->notified != 0 ||
                       capability_find(&error, p, in[4], CAP_NOTIFICATION, NEURON_RECEIVE) == 0)) {
        return syscall_general(p);
    }
    struct process *caller = message_caller(&error, p, in[0]);
    if (caller == 0 || !schedule_is_next(p, caller)) {
        return syscall_general(p);
    }
    p->waits = RECEIVING;
    p->takes_messages = true;
    p->takes_notifications = in[4] != 0;
    p->deadline = NEURON_NEVER;
    message_reply(caller, p);
    caller->waits = NOT_BLOCKED;
    caller->peer = 0;
    caller->frame.x[X_A0] = NEURON_OK;
    return schedule_hand_over(p, caller);
}

struct process *syscall_handle(struct process *p)
{
    uint64_t number = p->frame.x[X_A7];
    return number == NEURON_CALL         ? fast_call(p)
           : number == NEURON_REPLY_WAIT ? fast_reply_wait(p)
                                         : syscall_general(p);
}
