// SPDX-License-Identifier: Apache-2.0
// What dsoftbusd and its key process say to each other: the operations of the key store on the OS that need the key.
//
// Messages of fixed shape over a SOCK_SEQPACKET pair: one request, one reply, in order. Both are the same program's
// children on the same machine, so integers are in the machine's order. A request that is malformed ends the key
// process: its only client does not make mistakes.
#ifndef HOST_COMMON_KEYD_PROTOCOL_H
#define HOST_COMMON_KEYD_PROTOCOL_H

#include <stdint.h>

#include "dsoftbus/limits.h"

enum { KEYD_SOCKET_FD = 3, KEYD_DH_MAX = 8 };

enum keyd_op {
    KEYD_IDENTITY = 1, // -> the public key in secrets[0]
    KEYD_DH,           // 1..8 public keys -> as many results
};

struct keyd_request {
    uint32_t op; // enum keyd_op
    uint32_t count;
    uint64_t ids[KEYD_DH_MAX]; // come back as they are
    uint8_t public_keys[KEYD_DH_MAX][DSB_KEY_BYTES];
};

struct keyd_reply {
    uint32_t op;
    uint32_t count;
    uint32_t failed; // bit i: result i is the all-zero point, refused
    uint32_t unused;
    uint64_t ids[KEYD_DH_MAX];
    uint8_t secrets[KEYD_DH_MAX][DSB_KEY_BYTES];
};

#endif
