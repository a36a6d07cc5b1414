// SPDX-License-Identifier: Apache-2.0
// What the tester asks of the server and the victim: message labels.
#pragma once

#include <stdint.h>

enum server_op {
    SERVER_ECHO = 1,       // same bytes back, label + 1
    SERVER_STAMP,          // replies the sender's stamp
    SERVER_HOLD,           // keeps the call without a reply
    SERVER_LATE,           // replies to what it kept; tells with which status, then to this call
    SERVER_FORGE,          // replies to handles that it was never given; tells the worst status
    SERVER_SIGNAL,         // signals the tester, three times
    SERVER_DIE,            // faults while it handles the call
    SERVER_MARK,           // replies with its mark in every register that has no argument
    SERVER_CHECK_PHYSICAL, // tells the statuses of NEURON_PHYSICAL on `private` and on `shared`
};

enum victim_op {
    VICTIM_LOAD = 1,        // loads from the address in the message
    VICTIM_STORE,           // stores to it
    VICTIM_JUMP,            // jumps to it
    VICTIM_ILLEGAL,         // an illegal instruction
    VICTIM_CSR,             // reads sstatus
    VICTIM_RECURSE,         // runs off its stack
    VICTIM_STORE_READ_ONLY, // maps `shared` readable and stores there
    VICTIM_STORE_UNMAPPED,  // maps it, unmaps it, stores there
    VICTIM_RANDOM_CALLS,    // system calls with random numbers and arguments; then replies
    VICTIM_EXIT,            // exits with code 42
};

// registers.S: all registers by number, as they are to be and as they were found.
struct registers {
    uint64_t in[32], out[32];
};
void registers_call(struct registers *r);
void registers_spin(struct registers *r);

#define SERVER_REGISTER_MARK UINT64_C(0x5e12e12e5e12e12e)

// What the spinner does with `shared`: counts as fast as it can.
struct shared_page {
    volatile uint64_t spins;
    volatile uint64_t pattern;
};
