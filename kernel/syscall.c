// SPDX-License-Identifier: Apache-2.0
// Each call decodes and checks everything first, then performs without failing. `in` points to the arguments a0..a5 in the
// frame, where the results go too, so a call reads all arguments before it writes a result.
#include "kernel/syscall.h"

#include "kernel/capability.h"
#include "kernel/console.h"
#include "kernel/interrupt.h"
#include "kernel/ipc.h"
#include "kernel/message.h"
#include "kernel/schedule.h"

static enum neuron_status send(struct process *p, const uint64_t *in, bool wants_reply)
{
    enum neuron_status error;
    struct capability *cap = capability_find(&error, p, in[0], CAP_ENDPOINT, NEURON_SEND_RIGHT);
    if (cap == 0) {
        return error;
    }
    if (in[2] > NEURON_MESSAGE_BYTES_MAX) {
        return NEURON_INVALID;
    }
    if (in[3] != NEURON_NEVER && in[3] <= csr_read(time)) {
        return NEURON_TIMED_OUT;
    }
    return ipc_send(p, cap->process, wants_reply);
}

static enum neuron_status do_call(struct process *p, const uint64_t *in)
{
    return send(p, in, true);
}

static enum neuron_status do_send(struct process *p, const uint64_t *in)
{
    return send(p, in, false);
}

// The endpoint and notification of a wait, either of which may be 0.
static enum neuron_status check_wait(struct process *p, neuron_handle endpoint,
                                     neuron_handle notification, uint64_t deadline)
{
    enum neuron_status error;
    if (endpoint != 0 && capability_find(&error, p, endpoint, CAP_ENDPOINT, NEURON_RECEIVE) == 0) {
        return error;
    }
    if (notification != 0 &&
        capability_find(&error, p, notification, CAP_NOTIFICATION, NEURON_RECEIVE) == 0) {
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

static enum neuron_status reply(struct process *p, const uint64_t *in, bool then_wait)
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
    struct process *caller = message_caller(&error, p, in[0]);
    if (caller == 0) {
        return error;
    }
    ipc_reply(p, caller);
    if (then_wait) {
        ipc_wait(p, in[3] != 0, in[4] != 0, in[5]);
    }
    return NEURON_OK;
}

static enum neuron_status do_reply(struct process *p, const uint64_t *in)
{
    return reply(p, in, false);
}

static enum neuron_status do_reply_wait(struct process *p, const uint64_t *in)
{
    return reply(p, in, true);
}

static enum neuron_status do_signal(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct capability *cap = capability_find(&error, p, in[0], CAP_NOTIFICATION, NEURON_SEND_RIGHT);
    if (cap == 0) {
        return error;
    }
    p->frame.x[X_A0] = NEURON_OK;
    ipc_notify(cap->process, neuron_bit_signal(p->id));
    return NEURON_OK;
}

// A memory object or device that can be mapped: its capability, where it lies and how long it is.
static struct capability *find_mappable(enum neuron_status *error, uint64_t *physical,
                                        uint64_t *bytes, struct process *p, neuron_handle handle,
                                        unsigned rights)
{
    struct capability *cap = capability_find(error, p, handle, CAP_DEVICE, rights);
    if (cap != 0) {
        *physical = system_manifest.devices[cap->object].base;
        *bytes = system_manifest.devices[cap->object].bytes;
    } else if (*error == NEURON_WRONG_TYPE) {
        cap = capability_find(error, p, handle, CAP_MEMORY, rights);
        if (cap != 0) {
            *physical = (uint64_t)memory_frames[cap->object];
            *bytes = system_manifest.memories[cap->object].bytes;
        }
    }
    return cap;
}

static enum neuron_status map_or_unmap(struct process *p, const uint64_t *in, bool map)
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

static enum neuron_status do_map(struct process *p, const uint64_t *in)
{
    return map_or_unmap(p, in, true);
}

static enum neuron_status do_unmap(struct process *p, const uint64_t *in)
{
    return map_or_unmap(p, in, false);
}

static enum neuron_status do_physical(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct capability *cap = capability_find(&error, p, in[0], CAP_MEMORY, NEURON_PHYSICAL_RIGHT);
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
    struct capability *cap = capability_find(&error, p, in[0], CAP_IRQ, NEURON_RECEIVE);
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
    struct capability *cap = &p->caps[handle - 1];
    uint8_t kept = (uint8_t)in[1];
    if (cap->type == CAP_MEMORY || cap->type == CAP_DEVICE) {
        (void)do_unmap(p, in);
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
    struct capability *cap = capability_find(&error, p, in[0], CAP_PROCESS, NEURON_SEND_RIGHT);
    if (cap == 0) {
        return error;
    }
    p->frame.x[X_A0] = process_start(cap->process) ? NEURON_OK : NEURON_INVALID;
    return NEURON_OK;
}

static enum neuron_status do_process_status(struct process *p, const uint64_t *in)
{
    enum neuron_status error;
    struct capability *cap = capability_find(&error, p, in[0], CAP_PROCESS, NEURON_RECEIVE);
    if (cap == 0) {
        return error;
    }
    const struct process *other = cap->process;
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
    if (capability_find(&error, p, in[0], CAP_POWER, NEURON_SEND_RIGHT) == 0) {
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
    if (capability_find(&error, p, in[0], CAP_COUNTERS, NEURON_RECEIVE) == 0) {
        return error;
    }
    uint64_t *a = &p->frame.x[X_A0];
    a[0] = NEURON_OK;
    a[1] = schedule_counters.idle_instret;
    a[2] = schedule_counters.idle_entries;
    a[3] = schedule_counters.switches;
    return NEURON_OK;
}

static enum neuron_status do_exit(struct process *p, const uint64_t *in)
{
    process_stop(p, NEURON_EXITED, in[0], 0);
    return NEURON_OK;
}

// NEURON_OK: performed, and the frame holds whatever results there are. Anything else: refused, nothing changed.
static enum neuron_status (*const calls[])(struct process *p, const uint64_t *in) = {
    [NEURON_CALL] = do_call,
    [NEURON_SEND] = do_send,
    [NEURON_WAIT] = do_wait,
    [NEURON_REPLY] = do_reply,
    [NEURON_REPLY_WAIT] = do_reply_wait,
    [NEURON_SIGNAL] = do_signal,
    [NEURON_MAP] = do_map,
    [NEURON_UNMAP] = do_unmap,
    [NEURON_PHYSICAL] = do_physical,
    [NEURON_IRQ_ACK] = do_irq_ack,
    [NEURON_LOG] = do_log,
    [NEURON_EXIT] = do_exit,
    [NEURON_CAP_SHRINK] = do_cap_shrink,
    [NEURON_PROCESS_START] = do_process_start,
    [NEURON_PROCESS_STATUS] = do_process_status,
    [NEURON_POWER_OFF] = do_power_off,
    [NEURON_COUNTERS] = do_counters,
};

// Not inline: its registers would be saved on the way of each message.
__attribute__((noinline)) struct process *syscall_general(struct process *p)
{
    uint64_t number = p->frame.x[X_A7];
    enum neuron_status refused = NEURON_BAD_SYSCALL;
    if (number < sizeof calls / sizeof calls[0] && calls[number] != 0) {
        refused = calls[number](p, &p->frame.x[X_A0]);
    }
    if (refused != NEURON_OK) {
        p->frame.x[X_A0] = refused;
    }
    return schedule_next();
}
