// SPDX-License-Identifier: Apache-2.0
// A process that has an identity, and every secret that follows from its provisioning (WIRE section 3).
#ifndef TESTS_QEMU_KEYSCAN_PARTY_H
#define TESTS_QEMU_KEYSCAN_PARTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/identity.h"
#include "dsoftbus/record.h"
#include "services/keystored/provision.h"
#include "tests/qemu/keyscan/needles.h"

enum {
    PARTY_STATICS_MAX = 3, // its own, and those of the attackers that it plays
    STARTS_MAX = 16,       // of one process in one run
    DRAWS_MAX = 1024,      // per start: a run of ours needs a fraction of it
    DRAWS_BEYOND =
        8, // that count behind the last one seen in use: what became of them, nobody has printed
};

// One unit of a generator (noise/rng.h): its state before, and what it gave.
struct draw {
    uint8_t state[32];
    uint8_t key[32];
    uint8_t public_key[32];
    bool is_public; // not drawn for a key
};

// A generator from one start of its process.
struct generator {
    uint8_t seed[32];
    uint8_t state[32];  // behind the last draw
    struct draw *draws; // room for DRAWS_MAX: they stay where they are
    size_t count;
    size_t used; // one more than the last draw seen in use
};

struct key_pair {
    uint8_t secret[32];
    uint8_t public_key[32];
};

struct party {
    char *process;
    char *name;                                 // the device id
    struct key_pair statics[PARTY_STATICS_MAX]; // the first is its own
    size_t static_count;
    struct hello hello; // what it says in message 3
    bool seeded;        // the text brings the root seed; else nothing of the following is known
    uint8_t root_seed[32];
    uint32_t boot;
    struct generator generators[STARTS_MAX];
    uint32_t starts;
};

// From the text of a provisioning file. On an error *out is empty and *fault says why (PROVISION_UNKNOWN, field
// "process": nothing is known of a process of this name).
bool party_parse(struct party *out, struct provision_fault *fault, const char *process,
                 const uint8_t *text, size_t text_len) __attribute__((warn_unused_result));

void party_free(struct party *party);

// Seeds one generator for each start, 1 to STARTS_MAX. False above that.
bool party_start(struct party *party, uint32_t starts) __attribute__((warn_unused_result));

// Makes the first `count` draws of each generator known, DRAWS_MAX at most.
void party_draw(struct party *party, size_t count);

// The draw that this public key belongs to, or NULL. What is found counts as used.
const struct draw *party_find(struct party *party, const uint8_t public_key[static 32]);

// How many draws of a generator count: those used and a few more. They are known.
size_t party_window(struct party *party, uint32_t generator);

// Statics, root seed, process seeds, and states and keys of the draws in the windows.
void party_add_needles(struct party *party, struct needles *needles);

// Seeds and states of a process that has no identity and takes the root seed of the device, party `device`.
void process_add_needles(struct needles *needles, const struct party *device, const char *process,
                         uint32_t starts);

#endif
