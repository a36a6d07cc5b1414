// SPDX-License-Identifier: Apache-2.0
// init: starts the other processes in the order of their dependencies, watches them, and switches the machine
// off with the selftest's exit code.
#include <stdbool.h>

#include "init_caps.h"
#include "init_plan.h"
#include "markers.h"
#include "processes.h"
#include "services/lib/init.h"
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/lib/sys.h"

enum service_state { WAITING, STARTING, UP, ENDED, REFUSED, ABSENT };

struct service {
    const char *name;
    uint32_t id;
    neuron_handle handle;
    uint32_t needs; // process ids that must be up before it is started
    enum service_state state;
};

#define PLAN_ROW(name, id, handle, needs) {name, id, handle, needs, WAITING},
static struct service services[] = {INIT_PLAN(PLAN_ROW)};
#define SERVICE_COUNT (sizeof services / sizeof services[0])

static uint32_t up;      // process ids that have checked in
static uint32_t refused; // process ids that must not be started
static bool ready;

static void start(struct service *s)
{
    if (sys_process_status(s->handle).state == NEURON_ABSENT) {
        s->state = ABSENT;
        return;
    }
    if ((refused >> s->id & 1) != 0) {
        log_line("init: %s not started: it has no identity or no seed", s->name);
        s->state = REFUSED;
        return;
    }
    log_line(MARKER_INIT_STARTING, s->name);
    s->state = STARTING;
    enum neuron_status status = sys_process_start(s->handle);
    if (status != NEURON_OK) {
        log_line("init: %s cannot be started: status %d", s->name, (int)status);
        s->state = ENDED;
    }
}

static bool any(enum service_state state)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        if (services[i].state == state) {
            return true;
        }
    }
    return false;
}

// Says once how the start of the system ended.
static void report(void)
{
    if (ready) {
        return;
    }
    ready = true;
    if (any(WAITING) || any(REFUSED) || any(ENDED)) {
        log_line("init: not all services are up");
    } else {
        log_line(MARKER_INIT_READY);
    }
}

// Starts the next service whose needs are met; one at a time, so that the log has one order.
static void start_next(void)
{
    if (any(STARTING)) {
        return;
    }
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *s = &services[i];
        if (s->state == WAITING && (s->needs & ~up) == 0) {
            start(s);
            if (s->state == STARTING) {
                return;
            }
        }
    }
    report();
}

static void check_in(const struct sys_event *e)
{
    struct init_check_in message;
    uint32_t id = neuron_sender_process(e->sender);
    uint64_t answer = 1;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *s = &services[i];
        if (s->id == id && s->state == STARTING && e->label == INIT_CHECK_IN &&
            e->len == sizeof message) {
            memcpy(&message, ipc_page->message, sizeof message);
            s->state = UP;
            up |= UINT32_C(1) << id;
            refused |= message.refused;
            log_line(MARKER_INIT_UP, s->name);
            start_next();
            answer = 0;
        }
    }
    // A caller that died in the meantime needs no answer; its end is reported as a notification.
    if (e->reply != 0 && sys_reply(e->reply, answer, 0) != NEURON_OK) {
        return;
    }
}

static void power_off(uint64_t code)
{
    enum neuron_status status = sys_power_off(HANDLE_POWER, code);
    log_line("init: the machine cannot be switched off: status %d", (int)status);
}

static void ended(struct service *s)
{
    struct sys_process_status p = sys_process_status(s->handle);
    s->state = ENDED;
    up &= ~(UINT32_C(1) << s->id);
    if (s->id == PROCESS_ID_SELFTEST_CLIENT) {
        power_off(p.state == NEURON_EXITED ? p.cause : 255);
    }
    if (p.state == NEURON_EXITED) {
        log_line("init: %s ended with exit code %lu", s->name, p.cause);
    } else {
        log_line("init: %s stopped by a fault", s->name);
    }
    start_next();
}

int main(void)
{
    log_line(MARKER_INIT_START);
    start_next();
    for (;;) {
        struct sys_event e = sys_wait(HANDLE_ENDPOINT, HANDLE_NOTIFICATION, NEURON_NEVER);
        if (e.status != NEURON_OK) {
            die("init: cannot wait: status %d", (int)e.status);
        }
        if (e.kind == NEURON_GOT_MESSAGE) {
            check_in(&e);
            continue;
        }
        for (size_t i = 0; i < SERVICE_COUNT; i++) {
            if ((e.bits & neuron_bit_ended(services[i].id)) != 0) {
                ended(&services[i]);
            }
        }
    }
}
