// SPDX-License-Identifier: Apache-2.0
// Checking in with init.
#include "services/lib/init.h"

#include "services/lib/log.h"
#include "services/lib/string.h"

void init_check_in(neuron_handle init, uint32_t refused)
{
    struct init_check_in message = {.refused = refused};
    memcpy(ipc_page->message, &message, sizeof message);
    struct sys_reply r = sys_call(init, INIT_CHECK_IN, sizeof message, NEURON_NEVER);
    if (r.status != NEURON_OK || r.label != 0) {
        sys_exit(1); // init reports that, with this process's name
    }
}
