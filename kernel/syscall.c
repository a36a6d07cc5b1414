// SPDX-License-Identifier: Apache-2.0
// Each call decodes and checks everything first, then performs without failing. `in` points to the arguments a0..a5 in the
// frame, where the results go too, so a call reads all arguments before it writes a result.
#include "kernel/syscall.h"

#include "kernel/console.h"
#include "kernel/interrupt.h"
#include "kernel/ipc.h"
#include "kernel/schedule.h"

// The capability at `handle`, when it has that type and all of those rights; else 0 and *error.
static struct manifest_cap *find(enum neuron_status *error, struct process *p, neuron_handle handle,
                                 enum manifest_cap_type type, unsigned rights)
{
    struct manifest_cap *cap = &p->caps[handle - 1];
    if (handle == 0 || handle > p->manifest->cap_count || cap->type == CAP_NONE) {
        *error = NEURON_BAD_HANDLE;
    } else if (cap->type != type) {
        *error = NEURON_WRONG_TYPE;
    } else if ((cap->rights & rights) != rights) {
        *error = NEURON_NO_RIGHT;
    } else {
        return cap;
    }
    return 0;
}

static enum neuron_status do_send(struct process *p, const uint64_t *in, bool wants_reply)
{
    enum neuron_status error;
    struct manifest_cap *cap = find(&error, p, in[0], CAP_ENDPOINT, NEURON_SEND_RIGHT);
    if (cap == 0) {
        return error;
    }
    if (in[2] > NEURON_MESSAGE_BYTES_MAX) {
        return NEURON_INVALID;
    }
    if (in[3] != NEURON_NEVER && in[3] <= csr_read(time)) {
        return NEURON_TIMED_OUT;
    }
    ipc_send(p, &processes[cap->object], in[1], in[2], in[3], wants_reply);
    return NEURON_OK;
}

// The endpoint and notification of a wait, either of which may be 0.
static enum neuron_status check_wait(struct process *p, neuron_handle endpoint,
                                     neuron_handle notification, uint64_t deadline)
{
    enum neuron_status error;
    if (endpoint != 0 && find(&error, p, endpoint, CAP_ENDPOINT, NEURON_RECEIVE) == 0) {
        return error;
    }
    if (notification != 0 && find(&error, p, notification, CAP_NOTIFICATION, NEURON_RECEIVE) == 0) {
        return error;
    }
    // Waiting for nothing, for ever, can only be a mistake.
    return endpoint == 0 && notification == 0 && deadline == NEURON_NEVER ? NEURON_INVALID
                                                                          : NEURON_OK;
}

static enum neuron_status do_wait(struct process *p, const uint64_t *in)
{
    enum neuron_status error = check_wait(p, in[0], in[1], in[2]);
    if (error == NEURON_OK) {
        ipc_wait(p, in[0] != 0, in[1] != 0, in[2]);
    }
    return error;
}

static enum neuron_status do_reply(struct process *p, const uint64_t *in, bool then_wait)
{
    enum neuron_status error = NEURON_OK;
    if (in[2] > NEURON_MESSAGE_BYTES_MAX) {
        return NEURON_INVALID;
    }
    if (then_wait) {
        error = check_wait(p, in[3], in[4], in[5]);
        if (error != NEURON_OK) {
            return error;
        }
    }
    struct process *caller = ipc_caller(&error, p, in[0]);
    if (caller == 0) {
        return error;
    }
    ipc_reply(p, caller, in[1], in[2]);
    if (then_wait) {
        ipc_wait(p, in[3] != 0, in[4] != 0, in[5]);
    }
    return NEURON_OK;
}

static enum neuron_status do_signal(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct manifest_cap *cap = find(&error, p, in[0], CAP_NOTIFICATION, NEURON_SEND_RIGHT);
    if (cap == 0) {
        return error;
    }
    p->frame.x[X_A0] = NEURON_OK;
    ipc_notify(&processes[cap->object], neuron_bit_signal(p->id));
    return NEURON_OK;
}

// A memory object or device that can be mapped: its capability, where it lies and how long it is.
static struct manifest_cap *find_mappable(enum neuron_status *error, uint64_t *physical,
                                          uint64_t *bytes, struct process *p, neuron_handle handle,
                                          unsigned rights)
{
    struct manifest_cap *cap = find(error, p, handle, CAP_DEVICE, rights);
    if (cap != 0) {
        *physical = system_manifest.devices[cap->object].base;
        *bytes = system_manifest.devices[cap->object].bytes;
    } else if (*error == NEURON_WRONG_TYPE) {
        cap = find(error, p, handle, CAP_MEMORY, rights);
        if (cap != 0) {
            *physical = (uint64_t)memory_frames[cap->object];
            *bytes = system_manifest.memories[cap->object].bytes;
        }
    }
    return cap;
}

static enum neuron_status do_map(struct process *p, const uint64_t *in, bool map)
{
    enum neuron_status error;
    uint64_t physical, bytes, bits = 0;
    unsigned rights = map ? (unsigned)in[1] : 0;
    if (map && in[1] != NEURON_READ && in[1] != (NEURON_READ | NEURON_WRITE)) {
        return NEURON_INVALID;
    }
    if (find_mappable(&error, &physical, &bytes, p, in[0], rights) == 0) {
        return error;
    }
    uint64_t address = process_map_address(in[0]);
    bits |= (rights & NEURON_READ) != 0 ? PTE_READ : 0;
    bits |= (rights & NEURON_WRITE) != 0 ? PTE_WRITE : 0;
    page_map_user(p->root, address, physical, bytes, bits);
    p->frame.x[X_A0] = NEURON_OK;
    p->frame.x[X_A0 + 1] = address;
    p->frame.x[X_A0 + 2] = bytes;
    return NEURON_OK;
}

static enum neuron_status do_physical(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct manifest_cap *cap = find(&error, p, in[0], CAP_MEMORY, NEURON_PHYSICAL_RIGHT);
    if (cap == 0) {
        return error;
    }
    p->frame.x[X_A0] = NEURON_OK;
    p->frame.x[X_A0 + 1] = (uint64_t)memory_frames[cap->object];
    return NEURON_OK;
}

static enum neuron_status do_irq_ack(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct manifest_cap *cap = find(&error, p, in[0], CAP_IRQ, NEURON_RECEIVE);
    if (cap == 0) {
        return error;
    }
    interrupt_acknowledge(cap->object);
    p->frame.x[X_A0] = NEURON_OK;
    return NEURON_OK;
}

static bool has_prefix(const uint8_t *line, uint64_t len, const char *prefix)
{
    uint64_t i = 0;
    while (prefix != 0 && prefix[i] != '\0' && i < len && line[i] == (uint8_t)prefix[i]) {
        i++;
    }
    return prefix != 0 && prefix[i] == '\0';
}

static enum neuron_status do_log(struct process *p, const uint64_t *in)
{
    const uint8_t *line = p->ipc->log_line;
    bool permitted = false;
    if (in[0] > NEURON_LOG_LINE_BYTES_MAX) {
        return NEURON_INVALID;
    }
    for (uint64_t i = 0; i < in[0]; i++) {
        if (line[i] < 0x20 || line[i] > 0x7e) {
            return NEURON_INVALID;
        }
    }
    for (unsigned i = 0; i < MANIFEST_PREFIXES_MAX; i++) {
        permitted |= has_prefix(line, in[0], p->manifest->prefixes[i]);
    }
    if (!permitted) {
        return NEURON_NO_RIGHT;
    }
    console_write(line, in[0]);
    console_write((const uint8_t *)"\n", 1);
    p->frame.x[X_A0] = NEURON_OK;
    return NEURON_OK;
}

static enum neuron_status do_cap_shrink(struct process *p, const uint64_t *in)
{
    neuron_handle handle = in[0];
    if (handle == 0 || handle > p->manifest->cap_count || p->caps[handle - 1].type == CAP_NONE) {
        return NEURON_BAD_HANDLE;
    }
    struct manifest_cap *cap = &p->caps[handle - 1];
    uint8_t kept = (uint8_t)in[1];
    if (cap->type == CAP_MEMORY || cap->type == CAP_DEVICE) {
        (void)do_map(p, in, false);
    }
    cap->rights &= kept;
    if (cap->rights == 0) {
        cap->type = CAP_NONE;
    }
    p->frame.x[X_A0] = NEURON_OK;
    return NEURON_OK;
}

static enum neuron_status do_process_start(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct manifest_cap *cap = find(&error, p, in[0], CAP_PROCESS, NEURON_SEND_RIGHT);
    if (cap == 0) {
        return error;
    }
    p->frame.x[X_A0] = process_start(&processes[cap->object]) ? NEURON_OK : NEURON_INVALID;
    return NEURON_OK;
}

static enum neuron_status do_process_status(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct manifest_cap *cap = find(&error, p, in[0], CAP_PROCESS, NEURON_RECEIVE);
    if (cap == 0) {
        return error;
    }
    const struct process *other = &processes[cap->object];
    uint64_t *a = &p->frame.x[X_A0];
    a[0] = NEURON_OK;
    a[1] = other->state;
    a[2] = other->cause;
    a[3] = other->address;
    a[4] = other->starts;
    return NEURON_OK;
}

static enum neuron_status do_power_off(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    if (find(&error, p, in[0], CAP_POWER, NEURON_SEND_RIGHT) == 0) {
        return error;
    }
    if (in[1] > 255) {
        return NEURON_INVALID;
    }
    machine_off(in[1]);
}

static enum neuron_status do_counters(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    if (find(&error, p, in[0], CAP_COUNTERS, NEURON_RECEIVE) == 0) {
        return error;
    }
    uint64_t *a = &p->frame.x[X_A0];
    a[0] = NEURON_OK;
    a[1] = schedule_counters.idle_instret;
    a[2] = schedule_counters.idle_entries;
    a[3] = schedule_counters.switches;
    return NEURON_OK;
}

// NEURON_OK: performed, and the frame holds whatever results there are. Anything else: refused, nothing changed.
static enum neuron_status dispatch(struct process *p, uint64_t number, const uint64_t *in)
{
    if (number < NEURON_CALL || number > NEURON_COUNTERS) {
        return NEURON_BAD_SYSCALL;
    }
    switch ((enum neuron_syscall)number) {
    case NEURON_CALL:
        return do_send(p, in, true);
    case NEURON_SEND:
        return do_send(p, in, false);
    case NEURON_WAIT:
        return do_wait(p, in);
    case NEURON_REPLY:
        return do_reply(p, in, false);
    case NEURON_REPLY_WAIT:
        return do_reply(p, in, true);
    case NEURON_SIGNAL:
        return do_signal(p, in);
    case NEURON_MAP:
        return do_map(p, in, true);
    case NEURON_UNMAP:
        return do_map(p, in, false);
    case NEURON_PHYSICAL:
        return do_physical(p, in);
    case NEURON_IRQ_ACK:
        return do_irq_ack(p, in);
    case NEURON_LOG:
        return do_log(p, in);
    case NEURON_EXIT:
        process_stop(p, NEURON_EXITED, in[0], 0);
        return NEURON_OK;
    case NEURON_CAP_SHRINK:
        return do_cap_shrink(p, in);
    case NEURON_PROCESS_START:
        return do_process_start(p, in);
    case NEURON_PROCESS_STATUS:
        return do_process_status(p, in);
    case NEURON_POWER_OFF:
        return do_power_off(p, in);
    case NEURON_COUNTERS:
        return do_counters(p, in);
    }
    return NEURON_BAD_SYSCALL;
}

void syscall_handle(struct process *p)
{
    p->frame.x[X_PC] += 4;
    enum neuron_status refused = dispatch(p, p->frame.x[X_A7], &p->frame.x[X_A0]);
    if (refused != NEURON_OK) {
        p->frame.x[X_A0] = refused;
    }
}
