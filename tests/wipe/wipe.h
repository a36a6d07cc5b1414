// SPDX-License-Identifier: Apache-2.0
// What is left of secrets after a call: in its dead stack, in registers, in the objects, anywhere in the process.
//
// A script of calls (script.c) runs three times with the same addresses: once to learn the secrets that come up (in
// a process of its own), once with other secrets (again), and once under watch. Each call has a stack of its own, filled
// with one byte before. After it
//
//   - no 8-byte window of any secret may be anywhere in the process's writable memory or in a register, except in an
//     object that is to keep it and in the caller's own buffers. Secrets are held masked here;
//   - the dead stack and the registers must be the same as with the other secrets, so that nothing that was computed
//     from one is left either, in whatever form.
#ifndef TESTS_WIPE_WIPE_H
#define TESTS_WIPE_WIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"

enum {
    ARGUMENTS = 8,
    STACK_LEN = 64 * 1024,
    REGISTERS_LEN = 128 + 2048 + 64,
    IMAGE_LEN = STACK_LEN + REGISTERS_LEN,
    STEPS_MAX = 160,
    SECRETS_MAX = 64,
    SECRET_LEN = 32,
    WINDOW_LEN = 8,
    WINDOWS = SECRET_LEN - WINDOW_LEN + 1,
    FILL = 0xb7,
};

// For call_x86_64.S, which knows the offsets.
struct wiped_call {
    void (*function)(void);
    uint64_t arguments[ARGUMENTS];
    void *stack_top;
    uint64_t vectors; // 0: sixteen xmm, 1: ymm, 2: thirty-two zmm and the masks
    void *saved;
};
void wipe_call(const struct wiped_call *call);

// Objects that keep secrets, and what belongs to the caller of the library, which is never looked at.
struct objects {
    struct xk_handshake i, r;
    struct xk_sender i_sender, r_sender, moved_sender;
    struct xk_receiver i_receiver, r_receiver, moved_receiver;
    struct rng rng;
    uint8_t hash[256];    // a struct blake2s
    uint8_t message[256]; // a buffer of the caller's which must hold no secret after a call
};

enum { // where a secret may live
    IN_I = 1,
    IN_R = 2,
    IN_I_SENDER = 4,
    IN_R_SENDER = 8,
    IN_MOVED_SENDER = 16,
    IN_I_RECEIVER = 32,
    IN_R_RECEIVER = 64,
    IN_MOVED_RECEIVER = 128,
    IN_RNG = 256,
    IN_HASH = 512,
};

struct caller {
    uint8_t i_private[32], r_private[32], i_public[32], r_public[32];
    uint8_t key[32], chaining_key[32], seed[32], input[64], out[64], out2[64];
    uint8_t m1[64], m2[64], m3[96], text[2000], sealed[2016], plain[2016];
    uint8_t keys[8][32], points[8][32], products[8][32];
    struct x25519_job jobs[8];
    struct xk_product wanted[8];
    struct xk_turn turns[2];
    struct xk_config config;
    struct xk_window window;
    size_t len;
};

enum run { LEARN, OTHER, WATCH };

extern struct objects objects;
extern struct caller caller;
extern enum run run;

// In script.c: every call, in the order in which a user makes them.
void script(void);

// For the script. `number` names a secret; what is made by make_secret depends on the run, and what has been learnt is
// known in the other runs from the beginning.
void make_secret(uint8_t *out, unsigned number);
void learn(unsigned number, const uint8_t *secret);
// From now on, and nowhere else; 0: it must be gone after the next call.
void may_live(unsigned number, unsigned where);
void step(const char *name, int expected, void (*function)(void), const uint64_t *arguments);
void control(const char *name, void (*function)(void), const uint64_t *arguments);

enum {
    ANYTHING = -1, // for what a void function returns
};

#endif
