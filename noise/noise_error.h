// SPDX-License-Identifier: Apache-2.0
// The one set of results that every function of noise/ answers with.
#ifndef NOISE_NOISE_ERROR_H
#define NOISE_NOISE_ERROR_H

// C++ may include the public headers. It has no `static` in an array parameter, and another word for an assertion.
#ifdef __cplusplus
#define NOISE_AT_LEAST
#define NOISE_STATIC_ASSERT static_assert
extern "C" {
#else
#define NOISE_AT_LEAST      static
#define NOISE_STATIC_ASSERT _Static_assert
#endif

// Every function that can fail returns one of these, and its result must be used.
//
// These codes are exact, for the local log and for counters. To a peer all of them look the same:
// the connection ends.
enum noise_error {
    NOISE_OK = 0,

    // Not a failure: a handshake waits for a Diffie-Hellman result (noise_xk.h, "External key").
    NOISE_NEED_DH,

    // Mistakes of the caller. Nothing has changed; the same object can be used on.
    NOISE_ERR_ARGUMENT, // NULL with a length, a buffer too small, a payload too long, a bad overlap
    NOISE_ERR_STATE, // a call out of order, or on an object that is dead or was never initialised
    NOISE_ERR_STALE, // a Diffie-Hellman result that nobody waits for any more

    // Something outside did not deliver.
    NOISE_ERR_RANDOM,   // the random function failed; nothing has changed, the call may be repeated
    NOISE_ERR_EXTERNAL, // the holder of the static key failed; the handshake is dead

    // What came from the network is bad. A handshake that meets one of these is dead and wiped.
    NOISE_ERR_LENGTH,    // no legal message has this length
    NOISE_ERR_AUTH,      // a tag did not verify: wrong key, wrong prologue, or altered bytes
    NOISE_ERR_LOW_ORDER, // a public key of low order: the shared secret would be all zero

    // Transport only; nothing has changed.
    NOISE_ERR_REPLAY, // the nonce was seen before, or is older than the window
    NOISE_ERR_NONCE,  // the nonce 2^64-1 is reserved: this direction has sent all it can
};

// A short name for logs, such as "auth". Never NULL. Linked only where it is used.
const char *noise_error_name(enum noise_error error);

#ifdef __cplusplus
}
#endif

#endif
