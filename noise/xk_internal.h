// SPDX-License-Identifier: Apache-2.0
// What the handshake and the transport share. Internal to noise/.
#ifndef NOISE_XK_INTERNAL_H
#define NOISE_XK_INTERNAL_H

#include "noise/noise_xk.h"
#include "noise/x25519.h"

#include <stdbool.h>

enum {
    XK_NONCE_LEN = 12,
};

// Noise 12.3: 32 zero bits, then n little-endian.
void xk_nonce_encode(uint8_t nonce[static XK_NONCE_LEN], uint64_t n);

// The first check of every call that has an output length, which is 0 until the call succeeds. `in_order` says
// whether the state allows the call. Errors: ARGUMENT, STATE.
XK_MUST_USE static inline enum noise_error xk_begin(size_t *out_len, bool in_order)
{
    if (out_len == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    *out_len = 0;
    return in_order ? NOISE_OK : NOISE_ERR_STATE;
}

// Whether `text` lies exactly `offset` into `message` or does not touch it.
bool xk_in_place_or_apart(const uint8_t *text, size_t text_len, const uint8_t *message,
                          size_t message_len, size_t offset);

// A message in two halves. True: begun, which is the only thing that turn->error NOISE_OK then says. The multiplications are
// to be done and finish is to be called, with what became of the second one.
bool xk_turn_begin(struct xk_turn *turn);
void xk_turn_finish(struct xk_turn *turn, enum noise_error error);

// The multiplications between the halves. False: there is none of the kind.
bool xk_turn_key_job(struct x25519_job *job, const struct xk_turn *turn);
bool xk_turn_dh_job(struct x25519_job *job, const struct xk_turn *turn);

// The two halves of Split.
void xk_sender_init(struct xk_sender *sender, const uint8_t key[static XK_KEY_LEN]);
void xk_receiver_init(struct xk_receiver *receiver, const uint8_t key[static XK_KEY_LEN]);

#endif
