// SPDX-License-Identifier: Apache-2.0
// Never gives up the processor.
#include "services/lib/log.h"
#include "services/lib/sys.h"
#include "spinner_caps.h"
#include "tests/qemu/kernel/protocol.h"

int main(void)
{
    void *address;
    if (sys_map(&address, NULL, HANDLE_MEMORY_SHARED, NEURON_READ | NEURON_WRITE) != NEURON_OK) {
        die("# spinner: cannot map");
    }
    for (struct shared_page *page = address;;) {
        page->spins++;
    }
}
