// SPDX-License-Identifier: Apache-2.0
// Checking in with init: what a service does last before it serves.
#ifndef SERVICES_LIB_INIT_H
#define SERVICES_LIB_INIT_H

#include <stdint.h>

#include "services/lib/sys.h"

enum init_op { INIT_CHECK_IN = 1 };

struct init_check_in {
    // Bit i: the process with id i must not be started (keystored: it has no identity).
    uint32_t refused;
};

// Tells init that this process answers requests. Returns when init has printed `init: up X`.
void init_check_in(neuron_handle init, uint32_t refused);

#endif
