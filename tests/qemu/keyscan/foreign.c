// SPDX-License-Identifier: Apache-2.0
// Reads the one form of JSON that foreign_run.py writes.
#include "tests/qemu/keyscan/foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noise/x25519.h"
#include "tests/qemu/keyscan/memory.h"
#include "tests/qemu/keyscan/text.h"

// "..." without escapes.
static bool take_string(struct text *text, struct text *value)
{
    return text_take(text, "\"") && text_until(value, text, '"') &&
           memchr(value->at, '\\', value->len) == NULL &&
           memchr(value->at, '\0', value->len) == NULL && text_take(text, "\"");
}

// "name": with what stands before it.
static bool take_name(struct text *text, const char *before, const char *name)
{
    return text_take(text, before) && text_take(text, "\"") && text_take(text, name) &&
           text_take(text, "\": ");
}

static bool take_field(struct text *text, const char *name, struct text *value)
{
    return take_name(text, ", ", name) && take_string(text, value);
}

static bool take_key(struct text *text, const char *name, uint8_t key[static 32])
{
    struct text value;
    size_t len;
    return take_field(text, name, &value) && text_decode_hex(key, 32, &len, value) && len == 32;
}

static bool take_messages(struct foreign_session *session, struct text *text)
{
    struct text value;
    if (!take_name(text, ", ", "messages") || !text_take(text, "[")) {
        return false;
    }
    while (!text_take(text, "]")) {
        unsigned n = session->message_count;
        if (n == 3 || (n > 0 && !text_take(text, ", ")) || !take_string(text, &value) ||
            !text_decode_hex(session->messages[n], sizeof session->messages[n],
                             &session->message_lens[n], value)) {
            return false;
        }
        session->message_count++;
    }
    return true;
}

static bool take_source_port(struct text *text)
{
    if (!take_name(text, ", ", "source_port")) {
        return false;
    }
    size_t digits = 0;
    while (digits < text->len && text->at[digits] >= '0' && text->at[digits] <= '9') {
        digits++;
    }
    text->at += digits;
    text->len -= digits;
    return digits > 0;
}

static bool take_handshake(struct foreign_session *session, struct text *text)
{
    struct text value;
    size_t len;
    if (!take_key(text, "ephemeral", session->ephemeral.secret) ||
        !take_field(text, "prologue", &value) ||
        !text_decode_hex(session->prologue, sizeof session->prologue, &session->prologue_len,
                         value) ||
        !take_messages(session, text) || !take_field(text, "hash", &value) ||
        !text_decode_hex(session->hash, sizeof session->hash, &len, value)) {
        return false;
    }
    session->has_hash = session->message_count == 3;
    return len == (session->has_hash ? sizeof session->hash : 0);
}

static bool parse_session(struct foreign_session *session, struct text line)
{
    struct text client, name, value;
    *session = (struct foreign_session){0};
    if (!take_name(&line, "{", "client") || !take_string(&line, &client) ||
        !take_field(&line, "name", &name) || !take_field(&line, "id", &value) ||
        !take_key(&line, "static", session->statics.secret) ||
        !take_field(&line, "responder_id", &value) ||
        !take_key(&line, "responder", session->responder) ||
        !take_field(&line, "control", &value) || !take_source_port(&line) ||
        !take_handshake(session, &line) || !take_field(&line, "token", &value) ||
        !take_field(&line, "outcome", &value) || !text_take(&line, "}") || line.len > 0) {
        return false;
    }
    x25519_base(session->statics.public_key, session->statics.secret);
    x25519_base(session->ephemeral.public_key, session->ephemeral.secret);
    size_t size = client.len + name.len + 3;
    session->name = memory_zeroed(size, 1);
    (void)snprintf(session->name, size, "%.*s, %.*s", (int)client.len, client.at, (int)name.len,
                   name.at);
    return true;
}

static bool add_line(struct foreign *foreign, struct text line)
{
    struct foreign_session session;
    if (line.len > 0 && line.at[line.len - 1] == ',') {
        line.len--;
    }
    if (!parse_session(&session, line)) {
        return false;
    }
    foreign->sessions =
        memory_resize(foreign->sessions, foreign->count + 1, sizeof *foreign->sessions);
    foreign->sessions[foreign->count++] = session;
    return true;
}

// "[\n", one line per session, "]\n".
static bool parse_lines(struct foreign *out, size_t *line_number, struct text rest)
{
    *line_number = 1;
    if (!text_take(&rest, "[\n")) {
        return false;
    }
    for (*line_number = 2; !text_take(&rest, "]\n"); (*line_number)++) {
        const char *end = memchr(rest.at, '\n', rest.len);
        if (end == NULL || !add_line(out, (struct text){rest.at, (size_t)(end - rest.at)})) {
            return false;
        }
        rest.len -= (size_t)(end + 1 - rest.at);
        rest.at = end + 1;
    }
    return rest.len == 0 && out->count > 0;
}

bool foreign_parse(struct foreign *out, size_t *line, const uint8_t *text, size_t text_len)
{
    *out = (struct foreign){0};
    if (!parse_lines(out, line, (struct text){(const char *)text, text_len})) {
        foreign_free(out);
        return false;
    }
    return true;
}

void foreign_free(struct foreign *foreign)
{
    for (size_t i = 0; i < foreign->count; i++) {
        free(foreign->sessions[i].name);
    }
    free(foreign->sessions);
    *foreign = (struct foreign){0};
}
