// SPDX-License-Identifier: Apache-2.0
// Objects as large as what the size report tells; it reads their sizes from the symbol table.
#include "noise/ct.h"
#include "noise/noise_xk.h"

extern const char handshake_state[sizeof(struct xk_handshake)];
extern const char transport_state[sizeof(struct xk_sender) + sizeof(struct xk_receiver)];
extern const char replay_window[sizeof(struct xk_window)];
extern const char wiped_stack[CT_WIPE_STACK_LEN];

const char handshake_state[sizeof(struct xk_handshake)] = {0};
const char transport_state[sizeof(struct xk_sender) + sizeof(struct xk_receiver)] = {0};
const char replay_window[sizeof(struct xk_window)] = {0};
const char wiped_stack[CT_WIPE_STACK_LEN] = {0};
