// SPDX-License-Identifier: Apache-2.0
// Objects as large as what the size report tells; it reads their sizes from the symbol table. X_wipes is as large as the
// stack that X wipes.
#include "noise/ct.h"
#include "noise/noise_xk.h"

extern const char handshake_state[sizeof(struct xk_handshake)];
extern const char transport_state[sizeof(struct xk_sender) + sizeof(struct xk_receiver)];
extern const char replay_window[sizeof(struct xk_window)];
extern const char ct_zero_stack_hash_wipes[CT_WIPE_HASH_LEN];
extern const char ct_zero_stack_wipes[CT_WIPE_LEN];
extern const char ct_zero_stack_dh_wipes[CT_WIPE_DH_LEN];

const char handshake_state[sizeof(struct xk_handshake)] = {0};
const char transport_state[sizeof(struct xk_sender) + sizeof(struct xk_receiver)] = {0};
const char replay_window[sizeof(struct xk_window)] = {0};
const char ct_zero_stack_hash_wipes[CT_WIPE_HASH_LEN] = {0};
const char ct_zero_stack_wipes[CT_WIPE_LEN] = {0};
const char ct_zero_stack_dh_wipes[CT_WIPE_DH_LEN] = {0};
