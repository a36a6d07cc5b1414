// SPDX-License-Identifier: Apache-2.0
// What the console's log says about sessions: one line for each that was established, and how often each process was
// started. The log is outside data: bytes of any kind, perhaps damaged.
#ifndef TESTS_QEMU_KEYSCAN_CONSOLE_H
#define TESTS_QEMU_KEYSCAN_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/label.h"

enum {

    CONSOLE_HASH_BYTES = 8,
};

// dsoftbusd: session peer=<peer> role=initiator|responder hash=<16 hex digits>
struct console_session {
    char peer[LABEL_CHARS_MAX];
    bool is_initiator;                // the role of the daemon that printed it
    uint8_t hash[CONSOLE_HASH_BYTES]; // the beginning of the handshake hash
    size_t line;                      // from 1
};

struct console {
    struct console_session *sessions;
    size_t count;
};

enum console_error {
    CONSOLE_OK,
    CONSOLE_MALFORMED, // a session's line that is cut or altered; *line says which
    // Lines are missing: the daemon prints `auth ok` once for each session as responder, and `dual-node session ok`
    // only behind one as initiator.
    CONSOLE_RESPONDERS,
    CONSOLE_INITIATORS,
};

// On an error *out is empty. Freed with console_free.
enum console_error console_parse(struct console *out, size_t *line, const uint8_t *text,
                                 size_t text_len) __attribute__((warn_unused_result));

void console_free(struct console *console);

// How often init has started this process, by its lines.
uint32_t console_starts(const uint8_t *text, size_t text_len, const char *process);

const char *console_error_name(enum console_error error);

#endif
