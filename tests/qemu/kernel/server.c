// SPDX-License-Identifier: Apache-2.0
// The server of the kernel tests.
#include "server_caps.h"
#include "services/lib/string.h"
#include "services/lib/sys.h"
#include "tests/qemu/kernel/protocol.h"

#define NO_REPLY UINT64_MAX

static neuron_handle kept;

// Replies and waits, with our mark in every register that has no argument.
static struct sys_event reply_wait_marked(const struct sys_event *e)
{
    struct registers r;
    for (int i = 0; i < 32; i++) {
        r.in[i] = SERVER_REGISTER_MARK;
    }
    r.in[10] = e->reply;
    r.in[11] = e->label + 1;
    r.in[12] = 0;
    r.in[13] = HANDLE_ENDPOINT;
    r.in[14] = HANDLE_NOTIFICATION;
    r.in[15] = NEURON_NEVER;
    r.in[17] = NEURON_REPLY_WAIT;
    registers_call(&r);
    return (struct sys_event){.status = (enum neuron_status)r.out[10],
                              .kind = (enum neuron_wait_kind)r.out[11],
                              .label = r.out[12],
                              .len = r.out[13],
                              .sender = r.out[14],
                              .reply = r.out[15]};
}

// The best that can be got out of reply handles that nobody gave us; none may succeed.
static enum neuron_status forge(neuron_handle own)
{
    for (uint64_t number = 0; number < 64; number++) {
        for (uint64_t id = 0; id < 256; id++) {
            neuron_handle forged = number << 8 | id;
            if (forged != own && sys_reply(forged, 99, 8) == NEURON_OK) {
                return NEURON_OK;
            }
        }
    }
    return NEURON_BAD_HANDLE;
}

// The reply's label and, in *len, its length; with no reply now, NO_REPLY.
static uint64_t answer(size_t *len, const struct sys_event *e)
{
    uint64_t label = e->label + 1;
    uint64_t words[2] = {e->sender, 0};
    *len = e->len;
    switch ((enum server_op)e->label) {
    case SERVER_ECHO:
        break;
    case SERVER_STAMP:
        *len = 8;
        memcpy(ipc_page->message, words, *len);
        break;
    case SERVER_HOLD:
        kept = e->reply;
        return NO_REPLY;
    case SERVER_LATE:
        label = sys_reply(kept, 7, 0);
        break;
    case SERVER_FORGE:
        label = forge(e->reply);
        break;
    case SERVER_SIGNAL:
        for (int i = 0; i < 3; i++) {
            label = sys_signal(HANDLE_SIGNAL_TESTER);
        }
        break;
    case SERVER_DIE:
        __builtin_trap();
        break;
    case SERVER_MARK: // see main
        break;
    case SERVER_CHECK_PHYSICAL:
        words[0] = sys_physical(&words[1], HANDLE_MEMORY_PRIVATE);
        words[1] = sys_physical(&words[1], HANDLE_MEMORY_SHARED);
        *len = sizeof words;
        memcpy(ipc_page->message, words, *len);
        break;
    }
    return e->reply != 0 ? label : NO_REPLY;
}

int main(void)
{
    struct sys_event e = sys_wait(HANDLE_ENDPOINT, HANDLE_NOTIFICATION, NEURON_NEVER);
    for (;;) {
        size_t len;
        uint64_t label = NO_REPLY;
        if (e.status == NEURON_OK && e.kind == NEURON_GOT_MESSAGE) {
            label = answer(&len, &e);
        }
        if (label != NO_REPLY && e.label == SERVER_MARK) {
            e = reply_wait_marked(&e);
        } else if (label != NO_REPLY) {
            e = sys_reply_wait(e.reply, label, len, HANDLE_ENDPOINT, HANDLE_NOTIFICATION,
                               NEURON_NEVER);
        } else {
            e = sys_wait(HANDLE_ENDPOINT, HANDLE_NOTIFICATION, NEURON_NEVER);
        }
    }
}
