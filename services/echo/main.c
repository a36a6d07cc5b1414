// SPDX-License-Identifier: Apache-2.0
// echo: the smallest application of the bus. Whoever opens a stream to it gets back what he sends, and the end of the
// stream behind it.
//
// Bytes are read into a slice of the memory shared with dsoftbusd and written from the same place: echo itself never
// touches them. A stream whose peer does not read waits in its slice and holds up no other.
#include <stdbool.h>

#include "echo_caps.h"
#include "services/lib/bus.h"
#include "services/lib/init.h"
#include "services/lib/log.h"

enum { STREAMS_MAX = 16, SLICE_BYTES = 4096, REASON_NORMAL = 0, REASON_LIMIT = 4 };

struct echo {
    dsb_handle stream;       // 0: free
    uint32_t start, waiting; // bytes of the slice that are not written yet
};

static struct dsb_client bus;
static struct echo echoes[STREAMS_MAX];

static uint32_t slice_of(const struct echo *e)
{
    return (uint32_t)(e - echoes) * SLICE_BYTES;
}

static struct echo *find(dsb_handle stream)
{
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        if (echoes[i].stream == stream) {
            return &echoes[i];
        }
    }
    return NULL;
}

static void end(struct echo *e)
{
    (void)dsb_close(&bus, e->stream, REASON_NORMAL);
    *e = (struct echo){0};
}

// Writes what waits. DSB_OK when nothing is left.
static enum dsb_status give_back(struct echo *e)
{
    enum dsb_status status = DSB_OK;
    while (e->waiting > 0 && status == DSB_OK) {
        uint32_t len = e->waiting;
        status = dsb_write_at(&bus, e->stream, slice_of(e) + e->start, &len);
        if (status == DSB_OK) {
            e->start += len;
            e->waiting -= len;
        }
    }
    return status;
}

// Goes on until one of the two directions has to be waited for.
static void pump(struct echo *e)
{
    enum dsb_status status = give_back(e);
    while (status == DSB_OK) {
        uint32_t len = SLICE_BYTES;
        status = dsb_read_at(&len, &bus, e->stream, slice_of(e));
        if (status == DSB_OK && len == 0) {
            (void)!dsb_finish(&bus, e->stream); // a stream that is lost ends just the same
            end(e);
            return;
        }
        if (status == DSB_OK) {
            e->start = 0;
            e->waiting = len;
            status = give_back(e);
        }
    }
    if (status != DSB_WOULD_BLOCK) {
        end(e);
    }
}

static void accept_all(dsb_handle listener)
{
    struct dsb_accepted accepted;
    while (dsb_accept(&accepted, &bus, listener) == DSB_OK) {
        struct echo *e = find(0);
        if (e == NULL) {
            (void)dsb_close(&bus, accepted.handle, REASON_LIMIT);
            continue;
        }
        *e = (struct echo){.stream = accepted.handle};
        pump(e);
    }
}

// One look is enough: each stream is pumped until it has to wait, and what comes after the look signals again.
static void serve(dsb_handle listener)
{
    struct dsb_poll_reply ready;
    enum dsb_status status = dsb_poll(&ready, &bus);
    if (status != DSB_OK) { // init starts it again, when dsoftbusd is back
        die("echo: the bus: %s", dsb_status_name(status));
    }
    for (uint32_t i = 0; i < ready.count; i++) {
        struct echo *e = find(ready.entries[i].handle);
        if (ready.entries[i].handle == listener) {
            accept_all(listener);
        } else if (e != NULL) {
            pump(e);
        }
    }
}

int main(void);
int main(void)
{
    dsb_handle listener;
    enum dsb_status status = dsb_connect(&bus, HANDLE_CALL_DSOFTBUSD, HANDLE_MEMORY_BUS_ECHO);
    if (status == DSB_OK) {
        status = dsb_register(&listener, &bus, "echo");
    }
    if (status != DSB_OK) {
        die("echo: not registered: %s", dsb_status_name(status));
    }
    if (bus.shared_len < STREAMS_MAX * SLICE_BYTES) {
        die("echo: its memory is too small");
    }
    log_line("echo: ready");
    init_check_in(HANDLE_CALL_INIT, 0);
    for (;;) {
        struct sys_event event = sys_wait(0, HANDLE_NOTIFICATION, NEURON_NEVER);
        if (event.status != NEURON_OK) {
            die("echo: wait failed (%d)", (int)event.status);
        }
        serve(listener);
    }
}
