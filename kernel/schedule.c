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

struct process *schedule_queues[NEURON_PRIORITIES];
struct process **schedule_top = schedule_queues;
uint64_t schedule_earliest = NEURON_NEVER;

static uint64_t timer =
    NEURON_NEVER; // when it goes off; while a process runs not later than a deadline
static uint64_t slice_end = NEURON_NEVER;

static uint64_t now(void)
{
    return csr_read(time);
}

static void set_timer(uint64_t at)
{
    timer = at;
    sbi_set_timer(at);
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
        struct process **queue = current->ready_queue;
        *queue = *queue == current ? current->next : *queue;
        slice_end = NEURON_NEVER;
    }
    schedule_earliest = next_deadline();
    set_timer(schedule_earliest < slice_end ? schedule_earliest : slice_end);
}

// Nothing is ready: sleeps until an interrupt is pending, and counts what passes meanwhile.
static void idle(void)
{
    schedule_earliest = next_deadline();
    slice_end = NEURON_NEVER;
    if (schedule_earliest != timer) {
        set_timer(schedule_earliest);
    }
    uint64_t before = csr_read(instret);
    __asm__ volatile("wfi");
    schedule_counters.idle_instret += csr_read(instret) - before;
    schedule_counters.idle_entries++;
    interrupt_handle_pending();
}

// The first of the highest ready priority, or 0.
static inline struct process *first_ready(void)
{
    while (*schedule_top == 0 && schedule_top > schedule_queues) {
        schedule_top--;
    }
    return *schedule_top;
}

static inline struct process *run(struct process *p)
{
    if (p != current) {
        schedule_counters.switches++;
        page_load(p->satp);
        current = p;
    }
    return p;
}

// Also when nothing is ready, a deadline has come closer, or p shares its priority with others.
__attribute__((noinline)) static struct process *next_in_time(void)
{
    struct process *p;
    while ((p = first_ready()) == 0) {
        idle();
    }
    if (p->next == p) {
        slice_end = NEURON_NEVER;
    } else if (p != current || slice_end == NEURON_NEVER) {
        slice_end = now() + SLICE_TICKS;
    }
    uint64_t due = schedule_earliest < slice_end ? schedule_earliest : slice_end;
    if (due < timer) {
        set_timer(due);
    }
    return run(p);
}

struct process *schedule_next(void)
{
    struct process *p = first_ready();
    if (p == 0 || p->next != p || schedule_earliest < timer) {
        return next_in_time();
    }
    slice_end = NEURON_NEVER;
    return run(p);
}

bool schedule_is_next(const struct process *from, const struct process *to)
{
    if (from->next != from) {
        return false;
    }
    for (struct process **queue = from->ready_queue; queue > to->ready_queue;) {
        if (*--queue != 0) {
            return false;
        }
    }
    return true;
}

struct process *schedule_hand_over(struct process *from, struct process *to)
{
    *from->ready_queue = 0;
    *to->ready_queue = to->next = to->previous = to;
    schedule_top = to->ready_queue;
    return run(to);
}
