// SPDX-License-Identifier: Apache-2.0
// Captures first, then what else the logs tell of.
#include "tests/qemu/keyscan/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/qemu/keyscan/memory.h"

void run_fail(struct run *run, const char *format, ...)
{
    va_list arguments;
    run->failures++;
    va_start(arguments, format);
    printf("keyscan: NOT RECONSTRUCTED ");
    (void)vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

const char *run_name(struct run *run, const char *name)
{
    run->names = memory_resize(run->names, run->name_count + 1, sizeof *run->names);
    run->names[run->name_count] = memory_text(name, strlen(name));
    return run->names[run->name_count++];
}

size_t run_prologue(uint8_t out[static PROLOGUE_BYTES_MAX], const struct device_id *responder)
{
    const uint8_t begin[] = {'D', 'S', 'B', DSB_VERSION, responder->len};
    memcpy(out, begin, sizeof begin);
    memcpy(out + sizeof begin, responder->bytes, responder->len);
    return sizeof begin + responder->len;
}

bool run_mark_lines(struct node *node, const char *initiator, const char *responder,
                    const uint8_t *hash)
{
    const char *self = node_daemon(node)->name;
    bool any = false;
    for (size_t i = 0; i < node->console.count; i++) {
        const struct console_session *line = &node->console.sessions[i];
        const char *own = line->is_initiator ? initiator : responder;
        const char *other = line->is_initiator ? responder : initiator;
        if (!node->line_known[i] && memcmp(line->hash, hash, sizeof line->hash) == 0 &&
            strcmp(own, self) == 0 && strcmp(other, line->peer) == 0) {
            node->line_known[i] = true;
            any = true;
        }
    }
    return any;
}

size_t run_lines_unknown(const struct node *node)
{
    size_t unknown = 0;
    for (size_t i = 0; i < node->console.count; i++) {
        unknown += !node->line_known[i];
    }
    return unknown;
}

// Every line of a session must be known by now.
static void judge_lines(struct run *run, struct node *node)
{
    for (size_t i = 0; i < node->console.count; i++) {
        const struct console_session *line = &node->console.sessions[i];
        if (node->line_known[i]) {
            continue;
        }
        if (run->may_be_unseeded && !node_daemon(node)->seeded) {
            run->unseeded++;
            continue;
        }
        run_fail(run, "%s line %zu: session peer=%s role=%s hash=%02x%02x%02x%02x...",
                 node->log.path, line->line, line->peer,
                 line->is_initiator ? "initiator" : "responder", line->hash[0], line->hash[1],
                 line->hash[2], line->hash[3]);
    }
}

// What a foreign node says it did must be in the capture.
static void judge_foreign(struct run *run)
{
    for (size_t i = 0; i < run->foreign.count; i++) {
        const struct foreign_session *session = &run->foreign.sessions[i];
        if (!session->seen) {
            run_fail(run, "%s: not in the capture, or not with this hash", session->name);
        }
    }
}

static void add_foreign_needles(struct run *run)
{
    for (size_t i = 0; i < run->foreign.count; i++) {
        const struct foreign_session *session = &run->foreign.sessions[i];
        struct needle_name name = {.kind = NEEDLE_STATIC, .owner = session->name};
        needles_add(&run->needles, session->statics.secret, &name);
        name.kind = NEEDLE_EPHEMERAL;
        needles_add(&run->needles, session->ephemeral.secret, &name);
    }
}

void run_reconstruct(struct run *run)
{
    for (size_t i = 0; i < run->node_count; i++) {
        wire_reconstruct(run, &run->nodes[i]);
    }
    for (size_t i = 0; i < run->node_count; i++) {
        loopback_reconstruct(run, &run->nodes[i]);
        judge_lines(run, &run->nodes[i]);
        node_add_needles(&run->nodes[i], &run->needles);
    }
    judge_foreign(run);
    add_foreign_needles(run);
}

void run_free(struct run *run)
{
    for (size_t i = 0; i < run->node_count; i++) {
        node_free(&run->nodes[i]);
    }
    free(run->nodes);
    foreign_free(&run->foreign);
    needles_free(&run->needles);
    for (size_t i = 0; i < run->name_count; i++) {
        free(run->names[i]);
    }
    free(run->names);
    *run = (struct run){0};
}
