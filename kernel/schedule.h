// SPDX-License-Identifier: Apache-2.0
// Who runs next, and the timer.
#ifndef KERNEL_SCHEDULE_H
#define KERNEL_SCHEDULE_H

#include "kernel/process.h"

struct schedule_counters {
    uint64_t idle_instret, idle_entries, switches;
};
extern struct schedule_counters schedule_counters;

// The process whose trap is being handled, or that ran last.
extern struct process *current;

// Puts p at the end of its priority's queue: it is ready.
void schedule_ready(struct process *p);
// Takes the ready process p out: it waits, or has ended.
void schedule_remove(struct process *p);
// p waits until `deadline` at the latest.
void schedule_deadline(struct process *p, uint64_t deadline);
// The timer went off: wakes those whose deadline has passed and ends the time slice when it is over.
void schedule_timer(void);
// The first of the highest ready priority, with its address space loaded; waits for interrupts while there is none.
struct process *schedule_next(void);

#endif
