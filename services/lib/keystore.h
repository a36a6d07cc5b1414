// SPDX-License-Identifier: Apache-2.0
// keystored's interface: identity, peers, one seed, and Diffie-Hellman with the static key.
//
// The slot is chosen by the kernel-stamped sender: a process can only ever reach its own. The reply's
// label is an enum keystore_status.
#ifndef SERVICES_LIB_KEYSTORE_H
#define SERVICES_LIB_KEYSTORE_H

#include <stdint.h>

#include "services/lib/sys.h"

#define KEYSTORE_KEY_BYTES    32
#define KEYSTORE_ID_BYTES_MAX 64
#define KEYSTORE_PEERS_MAX    16
#define KEYSTORE_DH_MAX       8

enum keystore_op {
    KEYSTORE_SEED = 1, // {} -> 32 bytes; once per process start, then REFUSED
    KEYSTORE_IDENTITY, // {} -> struct keystore_identity
    KEYSTORE_PEER,     // u32 index -> struct keystore_peer
    KEYSTORE_DH,       // struct keystore_dh_request -> struct keystore_dh_reply
};

enum keystore_status {
    KEYSTORE_OK = 0,
    KEYSTORE_MALFORMED,     // the request's length or contents are out of range
    KEYSTORE_UNPROVISIONED, // this process has no identity
    KEYSTORE_REFUSED,       // the seed was given out already
    KEYSTORE_UNREACHABLE,   // keystored stopped, or the deadline passed (set by the stubs below)
};

struct keystore_identity {
    uint8_t public_key[KEYSTORE_KEY_BYTES];
    uint8_t id[KEYSTORE_ID_BYTES_MAX];
    uint8_t id_len;
    uint8_t peer_count;
    uint16_t port;
};

struct keystore_peer {
    uint8_t public_key[KEYSTORE_KEY_BYTES];
    uint8_t id[KEYSTORE_ID_BYTES_MAX];
    uint8_t id_len;
    uint8_t has_address;
    uint8_t dial;
    uint8_t address[4]; // IPv4
    uint16_t port;
};

struct keystore_dh_request {
    uint32_t count; // 1..KEYSTORE_DH_MAX
    uint8_t public_keys[KEYSTORE_DH_MAX][KEYSTORE_KEY_BYTES];
};

struct keystore_dh_reply {
    uint32_t failed; // bit i: result i is the all-zero point, refused
    uint8_t secrets[KEYSTORE_DH_MAX][KEYSTORE_KEY_BYTES];
};

// Stubs. `out` is written on KEYSTORE_OK only, copied out of the IPC page, which is then wiped.
MUST_USE enum keystore_status keystore_seed(uint8_t out[static 32], neuron_handle keystored);
MUST_USE enum keystore_status keystore_identity(struct keystore_identity *out, neuron_handle keystored);
MUST_USE enum keystore_status keystore_peer(struct keystore_peer *out, neuron_handle keystored,
                                            uint32_t index);
MUST_USE enum keystore_status keystore_dh(struct keystore_dh_reply *out, neuron_handle keystored,
                                          const struct keystore_dh_request *request,
                                          uint64_t deadline);

#endif
