// SPDX-License-Identifier: Apache-2.0
// System calls, see kernel/abi/neuron.h.
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "kernel/process.h"

// Performs the call in p's frame and leaves its results there; p may not be ready any more afterwards.
void syscall_handle(struct process *p);

#endif
