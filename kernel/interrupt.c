// SPDX-License-Identifier: Apache-2.0
// RISC-V PLIC specification 1.0, with QEMU `virt`'s contexts: hart h in S-mode is context 2h + 1.
#include "kernel/interrupt.h"

#include <stdbool.h>

#include "kernel/ipc.h"
#include "kernel/layout.h"
#include "kernel/schedule.h"

enum {
    PRIORITY = 0,
    ENABLE = 0x2000,
    ENABLE_STRIDE = 0x80,
    THRESHOLD = 0x200000,
    THRESHOLD_STRIDE = 0x1000,
    CLAIM = 4,
};

static uint64_t context;
static struct process *drivers[MANIFEST_DEVICES_MAX];
static uint64_t bits[MANIFEST_DEVICES_MAX];
static bool claimed[MANIFEST_DEVICES_MAX]; // waits for its acknowledgement

static volatile uint32_t *plic(uint64_t offset)
{
    return (volatile uint32_t *)(PLIC_VIRTUAL + offset);
}

// Finds the process that drives device d, and the bit that its interrupt sets there.
static void find_driver(uint32_t d)
{
    for (uint32_t i = 0; i < system_manifest.process_count; i++) {
        const struct manifest_process *m = &system_manifest.processes[i];
        uint32_t devices_before = 0;
        for (unsigned c = 0; c < m->cap_count; c++) {
            if (m->caps[c].type == CAP_DEVICE && m->caps[c].object == d) {
                drivers[d] = &processes[i];
                bits[d] = neuron_bit_irq(devices_before);
            }
            devices_before += m->caps[c].type == CAP_DEVICE;
        }
    }
}

void interrupt_start(uint64_t hart)
{
    context = 2 * hart + 1;
    for (uint32_t d = 0; d < system_manifest.device_count; d++) {
        uint32_t irq = system_manifest.devices[d].irq;
        find_driver(d);
        if (irq != 0 && drivers[d] != 0) {
            *plic(PRIORITY + 4 * (uint64_t)irq) = 1;
            *plic(ENABLE + context * ENABLE_STRIDE + 4 * (uint64_t)(irq / 32)) |= UINT32_C(1)
                                                                                  << irq % 32;
        }
    }
    *plic(THRESHOLD + context * THRESHOLD_STRIDE) = 0;
    csr_write(sie, SIE_TIMER | SIE_EXTERNAL);
}

static void handle_device(void)
{
    uint32_t irq = *plic(THRESHOLD + context * THRESHOLD_STRIDE + CLAIM);
    for (uint32_t d = 0; irq != 0 && d < system_manifest.device_count; d++) {
        if (system_manifest.devices[d].irq == irq) {
            claimed[d] = true;
            ipc_notify(drivers[d], bits[d]);
        }
    }
}

void interrupt_handle_pending(void)
{
    uint64_t pending = csr_read(sip);
    if ((pending & SIE_EXTERNAL) != 0) {
        handle_device();
    }
    if ((pending & SIE_TIMER) != 0) {
        schedule_timer();
    }
}

void interrupt_acknowledge(uint32_t d)
{
    if (claimed[d]) {
        claimed[d] = false;
        *plic(THRESHOLD + context * THRESHOLD_STRIDE + CLAIM) = system_manifest.devices[d].irq;
    }
}
