// SPDX-License-Identifier: Apache-2.0
// Building processes from the manifest and their images, starting and ending them.
#include "kernel/process.h"

#include "kernel/console.h"
#include "kernel/interrupt.h"
#include "kernel/ipc.h"
#include "kernel/schedule.h"
#include "kernel/string.h"

// Each mapped object has a window of its own, larger than the largest object: what follows it is unmapped.
enum { MAP_WINDOW_BYTES = 2 * MEGA_BYTES };

struct process processes[NEURON_PROCESSES_MAX];
uint8_t *memory_frames[MANIFEST_MEMORIES_MAX];

_Static_assert(sizeof(struct neuron_ipc_page) <= PAGE_BYTES, "one page");

static uint64_t pages(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

uint64_t process_map_address(neuron_handle handle)
{
    return NEURON_MAP_BASE + handle * MAP_WINDOW_BYTES;
}

// The bytes of the object that a MEMORY or DEVICE capability names; 0 for others.
static uint64_t mapped_bytes(const struct manifest_cap *cap)
{
    if (cap->type == CAP_MEMORY) {
        return system_manifest.memories[cap->object].bytes;
    }
    return cap->type == CAP_DEVICE ? system_manifest.devices[cap->object].bytes : 0;
}

// load_memory fills the frames at each start.
static uint8_t *take_and_map(struct process *p, uint64_t address, uint64_t bytes, uint64_t bits)
{
    uint8_t *frames = page_take(pages(bytes));
    if (frames == 0 || !page_space_prepare(p->root, address, bytes)) {
        return 0;
    }
    page_map_user(p->root, address, (uint64_t)frames, bytes, bits);
    return frames;
}

static bool setup_memory(struct process *p)
{
    p->root = page_space_new();
    if (p->root == 0) {
        return false;
    }
    for (unsigned i = 0; i < p->elf.segment_count; i++) {
        const struct elf_segment *s = &p->elf.segments[i];
        uint64_t bits =
            PTE_READ | (s->writable ? PTE_WRITE : 0) | (s->executable ? PTE_EXECUTE : 0);
        p->segment_frames[i] = take_and_map(p, s->address, s->memory_bytes, bits);
        if (p->segment_frames[i] == 0) {
            return false;
        }
    }
    uint64_t stack = p->manifest->stack_bytes;
    p->stack_frames = take_and_map(p, NEURON_STACK_TOP - stack, stack, PTE_READ | PTE_WRITE);
    p->ipc = (void *)take_and_map(p, NEURON_IPC_PAGE, PAGE_BYTES, PTE_READ | PTE_WRITE);
    if (p->stack_frames == 0 || p->ipc == 0) {
        return false;
    }
    for (unsigned i = 0; i < p->manifest->cap_count; i++) {
        uint64_t bytes = mapped_bytes(&p->manifest->caps[i]);
        if (bytes != 0 && !page_space_prepare(p->root, process_map_address(i + 1), bytes)) {
            return false;
        }
    }
    p->satp = page_satp(p->root, p->id);
    return true;
}

static void setup(struct process *p)
{
    const struct manifest_process *m = p->manifest;
    const char *error = elf_check(&p->elf, m->elf, (uint64_t)(m->elf_end - m->elf));
    if (error == 0 && !setup_memory(p)) {
        error = "not enough memory";
    }
    if (error != 0) {
        console_line("process %s refused: %s", m->name, error);
        p->state = NEURON_REFUSED;
        return;
    }
    p->state = NEURON_STOPPED;
}

void process_setup_all(void)
{
    for (uint32_t i = 0; i < system_manifest.memory_count; i++) {
        memory_frames[i] = page_take_zeroed(pages(system_manifest.memories[i].bytes));
        if (memory_frames[i] == 0) {
            panic("not enough memory for the manifest's memory objects");
        }
    }
    for (uint32_t i = 0; i < system_manifest.process_count; i++) {
        struct process *p = &processes[i];
        p->id = i;
        p->manifest = &system_manifest.processes[i];
        p->ready_queue = &schedule_queues[p->manifest->priority];
        p->state = NEURON_ABSENT;
        if (p->manifest->elf != 0) {
            setup(p);
        }
    }
}

static void load(uint8_t *to, uint64_t to_bytes, const uint8_t *from, uint64_t from_bytes)
{
    memcpy(to, from, from_bytes);
    memset(to + from_bytes, 0, pages(to_bytes) * PAGE_BYTES - from_bytes);
}

static void load_memory(struct process *p)
{
    for (unsigned i = 0; i < p->elf.segment_count; i++) {
        const struct elf_segment *s = &p->elf.segments[i];
        load(p->segment_frames[i], s->memory_bytes, p->manifest->elf + s->offset, s->file_bytes);
    }
    memset(p->stack_frames, 0, p->manifest->stack_bytes);
    memset(p->ipc, 0, PAGE_BYTES);
    __asm__ volatile("fence.i" ::: "memory");
}

// Capabilities as in the manifest, nothing mapped, no interrupt left unacknowledged from an earlier life.
static void load_caps(struct process *p)
{
    for (unsigned i = 0; i < p->manifest->cap_count; i++) {
        const struct manifest_cap *cap = &p->manifest->caps[i];
        bool of_process =
            cap->type == CAP_NOTIFICATION || cap->type == CAP_ENDPOINT || cap->type == CAP_PROCESS;
        p->caps[i] = (struct capability){cap->type, cap->object, cap->rights,
                                         of_process ? &processes[cap->object] : 0};
        uint64_t bytes = mapped_bytes(cap);
        if (bytes != 0) {
            page_map_user(p->root, process_map_address(i + 1), 0, bytes, 0);
        }
        if (cap->type == CAP_IRQ) {
            interrupt_acknowledge(cap->object);
        }
    }
}

bool process_start(struct process *p)
{
    if (p->state != NEURON_STOPPED && p->state != NEURON_EXITED && p->state != NEURON_FAULTED) {
        return false;
    }
    load_memory(p);
    load_caps(p);
    p->frame = (struct frame){0};
    p->frame.x[X_PC] = p->elf.entry;
    p->frame.x[X_SP] = NEURON_STACK_TOP;
    p->notified = 0;
    p->starts++;
    p->state = NEURON_RUNNING;
    p->waits = NOT_BLOCKED;
    schedule_ready(p);
    return true;
}

static bool may_call(const struct manifest_process *from, uint32_t to)
{
    for (unsigned i = 0; i < from->cap_count; i++) {
        const struct manifest_cap *cap = &from->caps[i];
        if (cap->type == CAP_ENDPOINT && cap->object == to &&
            (cap->rights & NEURON_SEND_RIGHT) != 0) {
            return true;
        }
    }
    return false;
}

static bool watches(const struct manifest_process *from, uint32_t to)
{
    for (unsigned i = 0; i < from->cap_count; i++) {
        if (from->caps[i].type == CAP_PROCESS && from->caps[i].object == to) {
            return true;
        }
    }
    return false;
}

// Whether `other` hears of p's end: it watches p, or one of them may call the other.
static bool hears_of(const struct process *other, const struct process *p)
{
    return watches(other->manifest, p->id) || may_call(other->manifest, p->id) ||
           may_call(p->manifest, other->id);
}

void process_stop(struct process *p, enum neuron_process_state how, uint64_t cause,
                  uint64_t address)
{
    if (p->waits != NOT_BLOCKED) {
        ipc_abandon(p, NEURON_CANCELLED);
    }
    schedule_remove(p);
    p->state = how;
    p->cause = cause;
    p->address = address;
    ipc_forget(p);
    for (uint32_t i = 0; i < system_manifest.process_count; i++) {
        if (i != p->id && hears_of(&processes[i], p)) {
            ipc_notify(&processes[i], neuron_bit_ended(p->id));
        }
    }
    if (p->manifest->boots) {
        console_line("%s has ended: nothing can go on", p->manifest->name);
        machine_off(253);
    }
}
