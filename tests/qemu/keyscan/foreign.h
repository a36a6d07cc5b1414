// SPDX-License-Identifier: Apache-2.0
// sessions.json of the foreign-peer run (tests/qemu/foreign_run.py): what nodes of other make say of their sessions.
#ifndef TESTS_QEMU_KEYSCAN_FOREIGN_H
#define TESTS_QEMU_KEYSCAN_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/limits.h"
#include "tests/qemu/keyscan/party.h"

// Of the node as initiator.
struct foreign_session {
    char *name; // "client, name", for the eye
    struct key_pair statics, ephemeral;
    uint8_t responder[32]; // the key that it took for the responder's
    uint8_t prologue[4 + 1 + DEVICE_ID_BYTES_MAX];
    size_t prologue_len;
    uint8_t messages[3][HANDSHAKE_MESSAGE_BYTES_MAX];
    size_t message_lens[3];
    unsigned message_count;
    uint8_t hash[32];
    bool has_hash; // with message 3
    bool seen;     // in the capture; for the caller
};

struct foreign {
    struct foreign_session *sessions;
    size_t count;
};

// The form is strict: one session per line, the fields in their order. On an error *out is empty, *line is the line, and
// false is returned. No session at all is an error too.
bool foreign_parse(struct foreign *out, size_t *line, const uint8_t *text, size_t text_len)
    __attribute__((warn_unused_result));

void foreign_free(struct foreign *foreign);

#endif
