// SPDX-License-Identifier: Apache-2.0
// Who runs next, and the timer.
#ifndef KERNEL_SCHEDULE_H
#define KERNEL_SCHEDULE_H

#include "kernel/process.h"

struct schedule_counters {
    uint64_t idle_instret, idle_entries, switches;
};
extern struct schedule_counters schedule_counters;

// The process whose trap is being handled, or that ran last; its address space is loaded.
extern struct process *current;

// Queues are circular lists, and the pointer to the first is the queue. What follows is on the way of each message.
static inline void queue_push(struct process **queue, struct process *p)
{
    struct process *first = *queue;
    if (first == 0) {
        *queue = p->next = p->previous = p;
        return;
    }
    p->next = first;
    p->previous = first->previous;
    first->previous->next = p;
    first->previous = p;
}

static inline void queue_remove(struct process **queue, const struct process *p)
{
    if (p->next == p) {
        *queue = 0;
        return;
    }
    p->previous->next = p->next;
    p->next->previous = p->previous;
    *queue = *queue == p ? p->next : *queue;
}

extern struct process *schedule_queues[NEURON_PRIORITIES]; // of the ready; the first of each runs
extern struct process **schedule_top;                      // the queues above it are empty
extern uint64_t schedule_earliest;                         // no deadline is earlier

// Puts p at the end of its priority's queue: it is ready.
static inline void schedule_ready(struct process *p)
{
    schedule_top = p->ready_queue > schedule_top ? p->ready_queue : schedule_top;
    queue_push(p->ready_queue, p);
}

// Takes the ready process p out: it has ended, or waits until `deadline` at the latest.
static inline void schedule_remove(const struct process *p)
{
    queue_remove(p->ready_queue, p);
}
static inline void schedule_wait(struct process *p, uint64_t deadline)
{
    schedule_remove(p);
    p->deadline = deadline;
    schedule_earliest = deadline < schedule_earliest ? deadline : schedule_earliest;
}

// Whether `to` is the one to run when `from`, which runs, waits and `to` gets ready; no deadline being set.
bool schedule_is_next(const struct process *from, const struct process *to);
// Then: takes `from` out, puts `to` in and switches to it.
struct process *schedule_hand_over(struct process *from, struct process *to);
// The timer went off: wakes those whose deadline has passed and ends the time slice when it is over.
void schedule_timer(void);
// The first of the highest ready priority, with its address space loaded; waits for interrupts while there is none.
struct process *schedule_next(void);

#endif
