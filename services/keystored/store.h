// SPDX-License-Identifier: Apache-2.0
// The key slots: one per process, and what each process may ask of its own.
//
// A process is named by the kernel-stamped sender alone. Secrets are in this object only; what leaves it
// are public keys, Diffie-Hellman results, and one seed per process start:
//
//     BLAKE2s(root seed | process name | start count u32 | boot u32)      both big-endian
//
// The root seed and the boot number are those of the process's own provisioning, or else the device's.
#ifndef SERVICES_KEYSTORED_STORE_H
#define SERVICES_KEYSTORED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/keystored/provision.h"
#include "services/lib/keystore.h"

struct store_slot {
    struct provision identity; // meaningful when has_identity
    uint8_t public_key[KEYSTORE_KEY_BYTES];
    bool has_identity;
    uint32_t seeded_start; // the start of this process that has its seed; 0: none
};

// Holds secrets: never copied. Starts as zero bytes.
struct store {
    struct store_slot slots[NEURON_PROCESSES_MAX];
    const char *const *names; // of the processes, by id
    uint32_t count;
    uint8_t root_seed[KEYSTORE_KEY_BYTES]; // the device's; meaningful when has_root_seed
    bool has_root_seed;
    uint32_t boot;
};

// Empties the store. `names` stays in use.
void store_init(struct store *store, const char *const *names, uint32_t count);

// Gives a process an identity: parses its provisioning text straight into its slot and computes the public key.
// On an error the slot stays without an identity, and *fault says why (also field "peer" when the process lists
// its own key).
MUST_USE enum provision_error store_provision(struct store *store, struct provision_fault *fault,
                                              uint32_t process, const uint8_t *text,
                                              size_t text_len,
                                              const struct provision_option *option);

// The device's root seed and boot number, for every process that has no seed of its own.
void store_set_root(struct store *store, const uint8_t seed[static KEYSTORE_KEY_BYTES],
                    uint32_t boot);

// True when a seed can be given to this process.
bool store_has_seed(const struct store *store, uint32_t process);

// Answers a request: message[0..*len) is replaced by the reply. Nothing changes unless the status is OK, and *len is 0
// then. CT: secret = static keys, seeds, results; public = everything else.
MUST_USE enum keystore_status store_serve(struct store *store,
                                          uint8_t message[static NEURON_MESSAGE_BYTES_MAX],
                                          size_t *len, uint64_t label, uint64_t sender);

// Asks each slot for a full batch of Diffie-Hellman results, through the code that serves: with an identity the ladder
// on the base point must give what the fixed-base multiplication gave, without one it must be refused. `message` is
// overwritten. False is our own mistake, or a machine that does not multiply.
MUST_USE bool store_self_check(struct store *store,
                               uint8_t message[static NEURON_MESSAGE_BYTES_MAX]);

#endif
