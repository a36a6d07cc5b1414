// SPDX-License-Identifier: Apache-2.0
// System calls, see kernel/abi/neuron.h.
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "kernel/process.h"

// Performs the call in p's frame and leaves its results there. Who runs next: p, or another when p waits or has ended.
struct process *syscall_handle(struct process *p);
// The same; syscall_handle keeps the usual case of the two most frequent calls from it (fast.c).
struct process *syscall_general(struct process *p);

#endif
