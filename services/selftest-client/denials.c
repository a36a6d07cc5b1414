// SPDX-License-Identifier: Apache-2.0
// Tries every handle there could be, for everything it was not given for.
#include "services/selftest-client/denials.h"

#include <stdbool.h>

#include "selftest-client_caps.h"
#include "services/lib/sys.h"

// Handles that cannot be: 0, all behind the last one, and numbers that no table has.
static const neuron_handle never_held[] = {0, NEURON_CAPS_MAX + 1, UINT32_MAX, UINT64_C(1) << 63,
                                           UINT64_MAX};
enum { NEVER_HELD = sizeof never_held / sizeof never_held[0], CALL_DEADLINE_MS = 100 };

// What a call on this handle has to answer; NEURON_OK for the endpoints that it may call.
static enum neuron_status expected_of_call(neuron_handle handle)
{
    switch (handle) {
    case HANDLE_CALL_INIT:
    case HANDLE_CALL_KEYSTORED:
    case HANDLE_CALL_NETSTACKD:
    case HANDLE_CALL_DSOFTBUSD:
        return NEURON_OK;
    case HANDLE_ENDPOINT: // its own: it may receive there, not call itself
        return NEURON_NO_RIGHT;
    case HANDLE_NOTIFICATION:
    case HANDLE_MEMORY_NET_SELFTEST:
    case HANDLE_MEMORY_BUS_SELFTEST:
    case HANDLE_COUNTERS:
        return NEURON_WRONG_TYPE;
    default:
        return NEURON_BAD_HANDLE;
    }
}

// A refusal comes at once; the deadline is for a kernel that lets it through. Without one a call goes another way.
static bool call_refused(neuron_handle handle)
{
    enum neuron_status expected = expected_of_call(handle);
    return expected == NEURON_OK ||
           (sys_call(handle, 0, 0, deadline_in_ms(CALL_DEADLINE_MS)).status == expected &&
            sys_send(handle, 0, 0, deadline_in_ms(CALL_DEADLINE_MS)) == expected &&
            sys_call(handle, 0, 0, NEURON_NEVER).status == expected);
}

const char *check_ipc_denied(void)
{
    for (neuron_handle handle = 1; handle <= NEURON_CAPS_MAX; handle++) {
        if (!call_refused(handle)) {
            return "a call without the capability is not refused";
        }
    }
    for (unsigned i = 0; i < NEVER_HELD; i++) {
        if (!call_refused(never_held[i])) {
            return "a call on an impossible handle is not refused";
        }
    }
    // An endpoint that it may call is not one at which it may receive.
    if (sys_wait(HANDLE_CALL_NETSTACKD, 0, 0).status != NEURON_NO_RIGHT ||
        sys_wait(HANDLE_CALL_KEYSTORED, HANDLE_NOTIFICATION, 0).status != NEURON_NO_RIGHT) {
        return "receiving at a server's endpoint is not refused";
    }
    // Nobody has called it, so there is nobody to answer.
    for (neuron_handle handle = 0; handle <= NEURON_CAPS_MAX; handle++) {
        if (sys_reply(handle, 0, 0) == NEURON_OK) {
            return "an answer to no call is not refused";
        }
    }
    return NULL;
}

static enum neuron_status expected_of_map(neuron_handle handle)
{
    switch (handle) {
    case HANDLE_MEMORY_NET_SELFTEST:
    case HANDLE_MEMORY_BUS_SELFTEST:
        return NEURON_OK;
    case HANDLE_NOTIFICATION:
    case HANDLE_ENDPOINT:
    case HANDLE_CALL_INIT:
    case HANDLE_CALL_KEYSTORED:
    case HANDLE_CALL_NETSTACKD:
    case HANDLE_CALL_DSOFTBUSD:
    case HANDLE_COUNTERS:
        return NEURON_WRONG_TYPE;
    default:
        return NEURON_BAD_HANDLE;
    }
}

// No handle gives it registers, an interrupt, physical addresses, another process or the power switch.
static bool device_refused(neuron_handle handle)
{
    void *address;
    uint64_t physical;
    enum neuron_status expected = expected_of_map(handle);
    return sys_map(&address, NULL, handle, NEURON_READ | NEURON_WRITE) == expected &&
           sys_irq_ack(handle) != NEURON_OK && sys_physical(&physical, handle) != NEURON_OK &&
           sys_process_start(handle) != NEURON_OK && sys_power_off(handle, 0) != NEURON_OK;
}

const char *check_mmio_denied(void)
{
    void *address;
    for (neuron_handle handle = 1; handle <= NEURON_CAPS_MAX; handle++) {
        if (!device_refused(handle)) {
            return "a device is not refused";
        }
    }
    for (unsigned i = 0; i < NEVER_HELD; i++) {
        if (!device_refused(never_held[i])) {
            return "an impossible handle is not refused";
        }
    }
    if (sys_map(&address, NULL, HANDLE_MEMORY_NET_SELFTEST, NEURON_READ | NEURON_PHYSICAL_RIGHT) ==
            NEURON_OK ||
        sys_map(&address, NULL, HANDLE_MEMORY_NET_SELFTEST, ~0U) == NEURON_OK) {
        return "rights that no mapping has are not refused";
    }
    return NULL;
}
