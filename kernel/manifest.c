// SPDX-License-Identifier: Apache-2.0
// The check of the manifest's tables at boot.
#include "kernel/manifest.h"

#include "kernel/riscv.h"

static const char *check_name(const char *name)
{
    unsigned n = 0;
    while (name != 0 && name[n] != '\0') {
        if (++n > MANIFEST_NAME_BYTES_MAX) {
            return "name too long";
        }
    }
    return n == 0 ? "no name" : 0;
}

static const char *check_cap(const struct manifest_cap *cap, const struct manifest *m)
{
    switch ((enum manifest_cap_type)cap->type) {
    case CAP_NONE:
    case CAP_POWER:
    case CAP_COUNTERS:
        return 0;
    case CAP_NOTIFICATION:
    case CAP_ENDPOINT:
    case CAP_PROCESS:
        return cap->object < m->process_count ? 0 : "capability to an unknown process";
    case CAP_MEMORY:
        return cap->object < m->memory_count ? 0 : "capability to unknown memory";
    case CAP_DEVICE:
    case CAP_IRQ:
        return cap->object < m->device_count ? 0 : "capability to an unknown device";
    }
    return "capability of unknown type";
}

static const char *check_process(const struct manifest_process *p, const struct manifest *m)
{
    if (p->priority >= NEURON_PRIORITIES) {
        return "priority";
    }
    if (p->stack_bytes == 0 || p->stack_bytes % PAGE_BYTES != 0 ||
        p->stack_bytes > MANIFEST_STACK_BYTES_MAX) {
        return "stack size";
    }
    if (p->cap_count > NEURON_CAPS_MAX) {
        return "too many capabilities";
    }
    for (unsigned i = 0; i < p->cap_count; i++) {
        const char *error = check_cap(&p->caps[i], m);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static const char *check_device(const struct manifest_device *d)
{
    if (d->base % PAGE_BYTES != 0 || d->bytes == 0 || d->bytes % PAGE_BYTES != 0 ||
        d->bytes > MEGA_BYTES || d->base >= MANIFEST_DEVICE_END ||
        d->bytes > MANIFEST_DEVICE_END - d->base) {
        return "device registers";
    }
    return d->irq < MANIFEST_IRQ_MAX ? 0 : "interrupt number";
}

const char *manifest_check(const char **culprit, const struct manifest *m)
{
    const char *error = 0;
    *culprit = "system";
    if (m->process_count == 0 || m->process_count > NEURON_PROCESSES_MAX ||
        m->memory_count > MANIFEST_MEMORIES_MAX || m->device_count > MANIFEST_DEVICES_MAX) {
        return "number of processes, memory objects or devices";
    }
    unsigned boots = 0;
    for (unsigned i = 0; i < m->process_count && error == 0; i++) {
        *culprit = m->processes[i].name != 0 ? m->processes[i].name : "?";
        error = check_name(m->processes[i].name);
        error = error != 0 ? error : check_process(&m->processes[i], m);
        boots += m->processes[i].boots;
    }
    for (unsigned i = 0; i < m->memory_count && error == 0; i++) {
        *culprit = m->memories[i].name;
        uint32_t bytes = m->memories[i].bytes;
        error = bytes == 0 || bytes % PAGE_BYTES != 0 || bytes > MEGA_BYTES ? "memory size" : 0;
    }
    for (unsigned i = 0; i < m->device_count && error == 0; i++) {
        *culprit = m->devices[i].name;
        error = check_device(&m->devices[i]);
    }
    if (error == 0 && boots != 1) {
        *culprit = "system";
        error = "not exactly one process starts at boot";
    }
    return error;
}
