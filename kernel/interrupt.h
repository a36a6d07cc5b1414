// SPDX-License-Identifier: Apache-2.0
// The platform-level interrupt controller. An interrupt becomes a notification of the process that drives the device,
// and does not come again before that process has acknowledged it.
#ifndef KERNEL_INTERRUPT_H
#define KERNEL_INTERRUPT_H

#include <stdint.h>

void interrupt_start(uint64_t hart);
// Handles whatever is pending now: timer, devices.
void interrupt_handle_pending(void);
// The driver has served device `d` (index in the manifest).
void interrupt_acknowledge(uint32_t d);

#endif
