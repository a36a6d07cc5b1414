// SPDX-License-Identifier: Apache-2.0
// One ready queue per priority, tickless: the timer is set only for a deadline, or for the end of a time slice when two
// processes of one priority compete.
#include "kernel/schedule.h"

#include "kernel/console.h"
#include "kernel/interrupt.h"
#include "kernel/ipc.h"
#include "kernel/sbi.h"

enum { SLICE_TICKS = 10 * NEURON_TICKS_PER_MS };

struct schedule_counters schedule_counters;
struct process *current;

static struct process *queues[NEURON_PRIORITIES]; // circular; the first runs
static uint64_t timer = NEURON_NEVER; // when the timer goes off; never later than a deadline
static uint64_t slice_end = NEURON_NEVER;
static struct process *loaded; // whose address space is in satp

static uint64_t now(void)
{
    return csr_read(time);
}

static void set_timer(uint64_t at)
{
    timer = at;
    sbi_set_timer(at);
}

void schedule_ready(struct process *p)
{
    uint32_t level = p->manifest->priority;
    struct process *first = queues[level];
    p->deadline = NEURON_NEVER;
    if (first == 0) {
        queues[level] = p->next = p->previous = p;
        return;
    }
    p->next = first;
    p->previous = first->previous;
    first->previous->next = p;
    first->previous = p;
}

void schedule_remove(struct process *p)
{
    uint32_t level = p->manifest->priority;
    if (p->next == p) {
        queues[level] = 0;
    } else {
        p->previous->next = p->next;
        p->next->previous = p->previous;
        queues[level] = queues[level] == p ? p->next : queues[level];
    }
    p->next = p->previous = 0;
}

void schedule_deadline(struct process *p, uint64_t deadline)
{
    p->deadline = deadline;
    if (deadline < timer) {
        set_timer(deadline);
    }
}

// The earliest deadline of all processes.
static uint64_t next_deadline(void)
{
    uint64_t earliest = NEURON_NEVER;
    for (uint32_t i = 0; i < NEURON_PROCESSES_MAX; i++) {
        const struct process *p = &processes[i];
        if (p->waits != NOT_BLOCKED && p->deadline < earliest) {
            earliest = p->deadline;
        }
    }
    return earliest;
}

void schedule_timer(void)
{
    uint64_t t = now();
    for (uint32_t i = 0; i < NEURON_PROCESSES_MAX; i++) {
        struct process *p = &processes[i];
        if (p->waits != NOT_BLOCKED && p->deadline <= t) {
            ipc_abandon(p, NEURON_TIMED_OUT);
        }
    }
    if (slice_end <= t) {
        struct process **queue = &queues[current->manifest->priority];
        *queue = *queue == current ? current->next : *queue;
        slice_end = NEURON_NEVER;
    }
    uint64_t next = next_deadline();
    set_timer(next < slice_end ? next : slice_end);
}

// Nothing is ready: sleeps until an interrupt is pending, and counts what passes meanwhile.
static void idle(void)
{
    uint64_t next = next_deadline();
    slice_end = NEURON_NEVER;
    if (next != timer) {
        set_timer(next);
    }
    uint64_t before = csr_read(instret);
    __asm__ volatile("wfi");
    schedule_counters.idle_instret += csr_read(instret) - before;
    schedule_counters.idle_entries++;
    interrupt_handle_pending();
}

// The first of the highest ready priority, or 0.
static struct process *first_ready(void)
{
    for (int level = NEURON_PRIORITIES - 1; level >= 0; level--) {
        if (queues[level] != 0) {
            return queues[level];
        }
    }
    return 0;
}

struct process *schedule_next(void)
{
    struct process *p;
    while ((p = first_ready()) == 0) {
        idle();
    }
    if (p->next == p) {
        slice_end = NEURON_NEVER;
    } else if (p != current || slice_end == NEURON_NEVER) {
        slice_end = now() + SLICE_TICKS;
        if (slice_end < timer) {
            set_timer(slice_end);
        }
    }
    current = p;
    if (p != loaded) {
        schedule_counters.switches++;
        page_load(p->satp);
        loaded = p;
    }
    return p;
}
