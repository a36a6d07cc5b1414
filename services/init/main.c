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

enum {
    RESTARTS_MAX = 8,        // in a row; then something is wrong that starting again does not mend
    BACK_OFF_FIRST_MS = 100, // doubles with each
    STABLE_AFTER_MS = 60000, // who has been up that long starts with a clean slate
};

enum service_state {
    WAITING,  // for its time and for what it needs
    STARTING, // runs, has not checked in
    UP,
    GIVEN_UP, // ended too often, or its image is refused
    REFUSED,  // must not be started
    ABSENT,   // not in this image
};

struct service {
    const char *name;
    uint32_t id;
    neuron_handle handle;
    uint32_t needs; // process ids that must be up before it is started
    enum service_state state;
    unsigned restarts;
    uint64_t not_before; // in ticks
    uint64_t up_since;
};

#define PLAN_ROW(name, id, handle, needs) {name, id, handle, needs, WAITING, 0, 0, 0},
static struct service services[] = {INIT_PLAN(PLAN_ROW)};
#define SERVICE_COUNT (sizeof services / sizeof services[0])

static uint32_t up;      // process ids that have checked in
static uint32_t refused; // process ids that must not be started
static bool reported;

static void start(struct service *s)
{
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
        s->state = GIVEN_UP;
    }
}

static unsigned count(enum service_state state)
{
    unsigned n = 0;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        n += services[i].state == state;
    }
    return n;
}

static void power_off(uint64_t code)
{
    enum neuron_status status = sys_power_off(HANDLE_POWER, code);
    log_line("init: the machine cannot be switched off: status %d", (int)status);
}

// When start_next has to be called again though nothing has happened.
static uint64_t next_start(void)
{
    uint64_t earliest = NEURON_NEVER;
    for (size_t i = 0; i < SERVICE_COUNT && count(STARTING) == 0; i++) {
        const struct service *s = &services[i];
        if (s->state == WAITING && (s->needs & ~up) == 0 && s->not_before < earliest) {
            earliest = s->not_before;
        }
    }
    return earliest;
}

// The machine is there for the selftest alone.
static bool has_selftest(void)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        if (services[i].id == PROCESS_ID_SELFTEST_CLIENT) {
            return services[i].state != ABSENT;
        }
    }
    return false;
}

// Says once how the start of the system ended. A selftest whose services are not there has failed.
static void report(void)
{
    if (reported || count(STARTING) > 0 || next_start() != NEURON_NEVER) {
        return;
    }
    reported = true;
    if (count(UP) + count(ABSENT) == SERVICE_COUNT) {
        log_line(MARKER_INIT_READY);
        return;
    }
    log_line("init: not all services are up");
    if (has_selftest()) {
        power_off(1);
    }
}

// Starts the next service whose time has come and whose needs are met; one at a time, so that the log has one order.
static void start_next(void)
{
    uint64_t now = clock_ticks();
    for (size_t i = 0; i < SERVICE_COUNT && count(STARTING) == 0; i++) {
        struct service *s = &services[i];
        if (s->state == WAITING && s->not_before <= now && (s->needs & ~up) == 0) {
            start(s);
        }
    }
    report();
}

static void check_in(const struct sys_event *e)
{
    struct init_check_in message;
    uint32_t id = neuron_sender_process(e->sender);
    uint64_t answer = 1;
    memcpy(&message, ipc_page->message, sizeof message);
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *s = &services[i];
        if (s->id == id && s->state == STARTING && e->label == INIT_CHECK_IN &&
            e->len == sizeof message) {
            s->state = UP;
            s->up_since = clock_ticks();
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

// It will be started again, later each time, until it has failed too often.
static void plan_restart(struct service *s)
{
    uint64_t now = clock_ticks();
    if (s->state == UP && now - s->up_since >= (uint64_t)STABLE_AFTER_MS * NEURON_TICKS_PER_MS) {
        s->restarts = 0;
    }
    if (s->restarts == RESTARTS_MAX) {
        log_line("init: %s given up after %u restarts", s->name, s->restarts);
        s->state = GIVEN_UP;
        return;
    }
    uint64_t wait_ms = (uint64_t)BACK_OFF_FIRST_MS << s->restarts++;
    log_line("init: %s will be started again in %lu ms", s->name, wait_ms);
    s->not_before = now + wait_ms * NEURON_TICKS_PER_MS;
    s->state = WAITING;
}

static void ended(struct service *s)
{
    struct sys_process_status p = sys_process_status(s->handle);
    if (s->id == PROCESS_ID_SELFTEST_CLIENT) {
        power_off(p.state == NEURON_EXITED ? p.cause : 255);
    }
    if (p.state == NEURON_EXITED) {
        log_line("init: %s ended with exit code %lu", s->name, p.cause);
    } else {
        log_line("init: %s stopped by a fault", s->name);
    }
    up &= ~(UINT32_C(1) << s->id);
    plan_restart(s);
}

static void ended_all(uint64_t bits)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        if ((bits & neuron_bit_ended(services[i].id)) != 0) {
            ended(&services[i]);
        }
    }
}

int main(void)
{
    log_line(MARKER_INIT_START);
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        bool absent = sys_process_status(services[i].handle).state == NEURON_ABSENT;
        services[i].state = absent ? ABSENT : WAITING;
    }
    for (;;) {
        start_next();
        struct sys_event e = sys_wait(HANDLE_ENDPOINT, HANDLE_NOTIFICATION, next_start());
        if (e.status != NEURON_OK && e.status != NEURON_TIMED_OUT) {
            die("init: cannot wait: status %d", (int)e.status);
        }
        if (e.status == NEURON_OK && e.kind == NEURON_GOT_MESSAGE) {
            check_in(&e);
        } else if (e.status == NEURON_OK) {
            ended_all(e.bits);
        }
    }
}
