// SPDX-License-Identifier: Apache-2.0
// Whole lines only; a line that begins like a session's must be one.
#include "tests/qemu/keyscan/console.h"

#include <stdlib.h>
#include <string.h>

#include "tests/qemu/keyscan/memory.h"
#include "tests/qemu/keyscan/text.h"

static bool is_line(struct text line, const char *whole)
{
    return text_take(&line, whole) && line.len == 0;
}

// The next line without its end (QEMU adds a carriage return on some backends); false behind the last one.
static bool next_line(struct text *line, struct text *rest)
{
    if (rest->len == 0) {
        return false;
    }
    const char *newline = memchr(rest->at, '\n', rest->len);
    size_t len = newline == NULL ? rest->len : (size_t)(newline - rest->at);
    *line = (struct text){rest->at, len};
    rest->at += newline == NULL ? len : len + 1;
    rest->len -= newline == NULL ? len : len + 1;
    if (line->len > 0 && line->at[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

static bool take_peer(char out[static LABEL_CHARS_MAX], struct text *text)
{
    struct text peer;
    if (!text_until(&peer, text, ' ') || peer.len == 0 || peer.len >= LABEL_CHARS_MAX ||
        memchr(peer.at, '\0', peer.len) != NULL) {
        return false;
    }
    memcpy(out, peer.at, peer.len);
    out[peer.len] = '\0';
    return true;
}

static bool parse_session(struct console_session *out, struct text line)
{
    size_t len;
    *out = (struct console_session){0};
    if (!take_peer(out->peer, &line) || !text_take(&line, " role=")) {
        return false;
    }
    out->is_initiator = text_take(&line, "initiator");
    return (out->is_initiator || text_take(&line, "responder")) && text_take(&line, " hash=") &&
           text_decode_hex(out->hash, sizeof out->hash, &len, line) && len == sizeof out->hash;
}

static void add(struct console *console, const struct console_session *session)
{
    console->sessions =
        memory_resize(console->sessions, console->count + 1, sizeof *console->sessions);
    console->sessions[console->count++] = *session;
}

enum console_error console_parse(struct console *out, size_t *line_number, const uint8_t *text,
                                 size_t text_len)
{
    struct text line, rest = {(const char *)text, text_len};
    size_t auth_ok = 0, dual_node = 0, initiators = 0;
    enum console_error error = CONSOLE_OK;
    *out = (struct console){0};
    for (*line_number = 1; error == CONSOLE_OK && next_line(&line, &rest); (*line_number)++) {
        struct console_session session;
        auth_ok += is_line(line, "dsoftbusd: auth ok");
        dual_node += is_line(line, "dsoftbusd: dual-node session ok");
        if (!text_take(&line, "dsoftbusd: session peer=")) {
            continue;
        }
        if (!parse_session(&session, line)) {
            error = CONSOLE_MALFORMED;
            break; // the line keeps its number
        }
        session.line = *line_number;
        initiators += session.is_initiator;
        add(out, &session);
    }
    if (error == CONSOLE_OK && auth_ok != out->count - initiators) {
        error = CONSOLE_RESPONDERS;
    } else if (error == CONSOLE_OK && dual_node > initiators) {
        error = CONSOLE_INITIATORS;
    }
    if (error != CONSOLE_OK) {
        console_free(out);
    }
    return error;
}

void console_free(struct console *console)
{
    free(console->sessions);
    *console = (struct console){0};
}

uint32_t console_starts(const uint8_t *text, size_t text_len, const char *process)
{
    struct text line, rest = {(const char *)text, text_len};
    uint32_t starts = 0;
    while (next_line(&line, &rest)) {
        starts += text_take(&line, "init: start ") && is_line(line, process);
    }
    return starts;
}

const char *console_error_name(enum console_error error)
{
    switch (error) {
    case CONSOLE_OK:
        return "ok";
    case CONSOLE_MALFORMED:
        return "a session's line is damaged";
    case CONSOLE_RESPONDERS:
        return "the lines 'auth ok' and those of sessions as responder are not as many";
    case CONSOLE_INITIATORS:
        return "more lines 'dual-node session ok' than sessions as initiator";
    }
    return "unknown";
}
