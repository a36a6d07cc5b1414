// SPDX-License-Identifier: Apache-2.0
// Client stubs of keystored.
#include "services/lib/keystore.h"

#include "noise/ct.h"
#include "services/lib/string.h"

// Calls with message[0..len) and expects a reply of exactly out_len bytes.
static enum keystore_status call(void *out, size_t out_len, neuron_handle keystored,
                                 enum keystore_op op, size_t len, uint64_t deadline)
{
    struct sys_reply reply = sys_call(keystored, op, len, deadline);
    enum keystore_status status = KEYSTORE_UNREACHABLE;
    if (reply.status == NEURON_OK && reply.label <= KEYSTORE_REFUSED) {
        status = (enum keystore_status)reply.label;
        if (status == KEYSTORE_OK && reply.len == out_len) {
            memcpy(out, ipc_page->message, out_len);
        } else if (status == KEYSTORE_OK) {
            status = KEYSTORE_UNREACHABLE; // not our keystored's protocol
        }
    }
    ct_wipe(ipc_page->message, sizeof ipc_page->message);
    return status;
}

enum keystore_status keystore_seed(uint8_t out[static 32], neuron_handle keystored)
{
    return call(out, 32, keystored, KEYSTORE_SEED, 0, NEURON_NEVER);
}

enum keystore_status keystore_identity(struct keystore_identity *out, neuron_handle keystored)
{
    return call(out, sizeof *out, keystored, KEYSTORE_IDENTITY, 0, NEURON_NEVER);
}

enum keystore_status keystore_peer(struct keystore_peer *out, neuron_handle keystored,
                                   uint32_t index)
{
    memcpy(ipc_page->message, &index, sizeof index);
    return call(out, sizeof *out, keystored, KEYSTORE_PEER, sizeof index, NEURON_NEVER);
}

enum keystore_status keystore_dh(struct keystore_dh_reply *out, neuron_handle keystored,
                                 const struct keystore_dh_request *request, uint64_t deadline)
{
    memcpy(ipc_page->message, request, sizeof *request);
    return call(out, sizeof *out, keystored, KEYSTORE_DH, sizeof *request, deadline);
}
