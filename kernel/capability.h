// SPDX-License-Identifier: Apache-2.0
// What a process names by a handle.
#ifndef KERNEL_CAPABILITY_H
#define KERNEL_CAPABILITY_H

#include "kernel/process.h"

// The capability at `handle`, when it has that type and all of those rights; else 0 and *error.
static inline struct capability *capability_find(enum neuron_status *error, struct process *p,
                                                 neuron_handle handle, enum manifest_cap_type type,
                                                 unsigned rights)
{
    // Behind the process's own there is CAP_NONE; and handle 0 wraps round.
    if (handle - 1 >= NEURON_CAPS_MAX || p->caps[handle - 1].type == CAP_NONE) {
        *error = NEURON_BAD_HANDLE;
        return 0;
    }
    struct capability *cap = &p->caps[handle - 1];
    if (cap->type != type) {
        *error = NEURON_WRONG_TYPE;
    } else if ((cap->rights & rights) != rights) {
        *error = NEURON_NO_RIGHT;
    } else {
        return cap;
    }
    return 0;
}

#endif
