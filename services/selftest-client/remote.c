// SPDX-License-Identifier: Apache-2.0
// Each node opens one stream to the other's service "selftest", and accepts one from it:
//
//     opener -> acceptor   the pattern, up to the last of `stages` bytes; "D" (done); end of stream
//     acceptor -> opener   "Y" each time that the bytes up to a stage have come and are the pattern; end of stream
//
// So what the opener says is what the far end has compared. When a session is lost the streams begin anew with the
// next one, from the first byte.
#include "services/selftest-client/remote.h"

#include <stdbool.h>
#include <stdint.h>

#include "markers.h"
#include "selftest-client_caps.h"
#include "services/lib/bus.h"
#include "services/lib/init.h"
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/lib/sys.h"

enum {
    DEADLINE_MS = 600000, // of everything; whoever watches the machines has a time of his own
    RETRY_MS = 250,       // between attempts while there is no session
    LAST_WORDS_MS = 5000, // for the other's end of stream, when both have said "done"
    CHUNK_BYTES = 16384,
    REASON_NORMAL = 0,
    REASON_PROTOCOL_ERROR = 1,
};

static const uint32_t stages[] = {256 << 10, 1 << 20, 10 << 20};
enum { STAGES = sizeof stages / sizeof stages[0] };
static const char service[] = "selftest";

static struct {
    struct dsb_client bus;
    dsb_handle listener;
    char peer[DSB_NAME_BYTES_MAX + 1];
    uint64_t deadline;
    // The stream that we have opened; 0: none at the moment.
    dsb_handle out;
    uint32_t sent;     // bytes of the pattern
    unsigned verdicts; // stages that the far end has compared
    unsigned said;     // stages for which there has been a line
    bool done_said, out_over;
    // The one that we have accepted.
    dsb_handle in;
    uint32_t received;
    unsigned answered; // stages
    bool done_heard;
} remote;

// ---- The pattern: eight bytes for each place, no two places alike ---------------------------------------------

static void pattern(uint8_t *out, uint32_t at, uint32_t len)
{
    for (uint32_t i = 0; i < len;) {
        uint64_t word = ((at + i) / 8 + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
        if ((at + i) % 8 == 0 && len - i >= 8) {
            memcpy(out + i, &word, 8);
            i += 8;
        } else {
            out[i] = (uint8_t)(word >> (at + i) % 8 * 8);
            i++;
        }
    }
}

// ---- Waiting ---------------------------------------------------------------------------------------------------

// Until dsoftbusd has news, or ms have passed. False when the time for everything is over.
static bool wait(uint64_t ms)
{
    uint64_t until = deadline_in_ms(ms);
    struct sys_event event =
        sys_wait(0, HANDLE_NOTIFICATION, until < remote.deadline ? until : remote.deadline);
    return (event.status == NEURON_OK || event.status == NEURON_TIMED_OUT) &&
           clock_ticks() < remote.deadline;
}

static bool is_lost(enum dsb_status status)
{
    return status == DSB_DISCONNECTED || status == DSB_UNREACHABLE || status == DSB_CLOSED ||
           status == DSB_NO_SUCH_SERVICE;
}

// ---- Ping ------------------------------------------------------------------------------------------------------

// Which of the two dials is the daemons' business: asking for a session would make this node dial too.
static enum dsb_status wait_for_session(void)
{
    struct dsb_peer peer;
    enum dsb_status status = dsb_peer(&peer, &remote.bus, 0);
    while (status == DSB_OK && peer.connected == 0) {
        struct sys_event event = sys_wait(0, HANDLE_NOTIFICATION, remote.deadline);
        status = event.status == NEURON_OK ? dsb_peer(&peer, &remote.bus, 0) : DSB_TIMED_OUT;
    }
    return status;
}

static const char *run_ping(void)
{
    enum dsb_status status = wait_for_session();
    if (status != DSB_OK) {
        return dsb_status_name(status);
    }
    status = DSB_UNREACHABLE;
    while (status != DSB_OK) {
        dsb_handle ping;
        uint32_t round_trip_ms;
        status = dsb_ping(&ping, &remote.bus, remote.peer);
        if (status != DSB_OK) {
            return dsb_status_name(status);
        }
        do {
            if (!wait(RETRY_MS)) {
                return "time-out";
            }
            status = dsb_ping_result(&round_trip_ms, &remote.bus, ping);
        } while (status == DSB_WOULD_BLOCK);
        if (status != DSB_OK && !is_lost(status)) {
            return dsb_status_name(status);
        }
    }
    log_line(MARKER_SELFTEST_REMOTE_PING);
    return NULL;
}

// ---- The stream that we open -----------------------------------------------------------------------------------

static void say_stages(void)
{
    while (remote.said < remote.verdicts) {
        log_line("SELFTEST: remote stream %u bytes ok", stages[remote.said++]);
        if (remote.said == STAGES) {
            log_line(MARKER_SELFTEST_REMOTE_STREAM);
        }
    }
}

static enum dsb_status read_verdicts(void)
{
    uint8_t answer;
    uint32_t len = 1;
    enum dsb_status status = dsb_read(&answer, &len, &remote.bus, remote.out);
    while (status == DSB_OK && len == 1) {
        if (answer != 'Y' || remote.verdicts == STAGES) {
            return DSB_INTERNAL;
        }
        remote.verdicts++;
        say_stages();
        status = dsb_read(&answer, &len, &remote.bus, remote.out);
    }
    if (status == DSB_OK) { // the far end has heard our "done"
        remote.out_over = true;
    }
    return status;
}

// CHUNK_BYTES at the beginning of the shared memory are for what is sent. After "done" there is only the end to hear.
static enum dsb_status write_pattern(void)
{
    enum dsb_status status = DSB_OK;
    while (status == DSB_OK && remote.sent < stages[STAGES - 1]) {
        uint32_t left = stages[STAGES - 1] - remote.sent;
        uint32_t len = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        pattern(remote.bus.shared, remote.sent, len);
        status = dsb_write_at(&remote.bus, remote.out, 0, &len);
        remote.sent += status == DSB_OK ? len : 0;
    }
    if (status == DSB_OK && remote.verdicts == STAGES && !remote.done_said) {
        uint32_t len = 1;
        status = dsb_write(&remote.bus, remote.out, "D", &len);
        if (status == DSB_OK) {
            status = dsb_finish(&remote.bus, remote.out);
            remote.done_said = status == DSB_OK;
        }
    }
    return status;
}

static const char *run_out(void)
{
    enum dsb_status status = DSB_OK;
    if (remote.out_over) {
        return NULL;
    }
    if (remote.out == 0) {
        remote.sent = remote.verdicts = 0;
        remote.done_said = false;
        status = dsb_open(&remote.out, &remote.bus, remote.peer, service);
    }
    if (status == DSB_OK) {
        status = read_verdicts();
        if (status == DSB_WOULD_BLOCK) { // not over; the last verdict lets "done" be said
            status = write_pattern();
        }
    }
    if (is_lost(status)) {
        (void)dsb_close(&remote.bus, remote.out, REASON_NORMAL);
        remote.out = 0;
        return NULL;
    }
    return status == DSB_OK || status == DSB_WOULD_BLOCK ? NULL : dsb_status_name(status);
}

// ---- The stream that we accept ---------------------------------------------------------------------------------

// A new stream takes the place of the old one: its opener has lost that.
static void accept_in(void)
{
    struct dsb_accepted accepted;
    while (dsb_accept(&accepted, &remote.bus, remote.listener) == DSB_OK) {
        if (remote.in != 0) {
            (void)dsb_close(&remote.bus, remote.in, REASON_NORMAL);
        }
        remote.in = accepted.handle;
        remote.received = 0;
        remote.answered = 0;
        remote.done_heard = false;
    }
}

static const char *take(const uint8_t *bytes, uint32_t len)
{
    static uint8_t expected[CHUNK_BYTES];
    uint32_t left = stages[STAGES - 1] - remote.received;
    uint32_t n = len < left ? len : left;
    pattern(expected, remote.received, n);
    if (memcmp(bytes, expected, n) != 0) {
        return "a wrong byte has come";
    }
    remote.received += n;
    if (n < len) {
        if (len - n != 1 || bytes[n] != 'D' || remote.done_heard) {
            return "something else than done has come";
        }
        remote.done_heard = true;
    }
    return NULL;
}

// One byte for each stage: there is always room for it.
static enum dsb_status answer(void)
{
    enum dsb_status status = DSB_OK;
    while (status == DSB_OK && remote.answered < STAGES &&
           remote.received >= stages[remote.answered]) {
        uint32_t len = 1;
        status = dsb_write(&remote.bus, remote.in, "Y", &len);
        remote.answered += status == DSB_OK;
    }
    return status;
}

static const char *run_in(void)
{
    static uint8_t bytes[CHUNK_BYTES];
    enum dsb_status status = DSB_OK;
    accept_in();
    while (remote.in != 0 && status == DSB_OK) {
        uint32_t len = sizeof bytes;
        status = dsb_read(bytes, &len, &remote.bus, remote.in);
        if (status == DSB_OK && len == 0) {
            status = remote.done_heard ? dsb_finish(&remote.bus, remote.in) : DSB_CLOSED;
            (void)dsb_close(&remote.bus, remote.in, REASON_NORMAL);
            remote.in = 0;
        } else if (status == DSB_OK) {
            const char *why = take(bytes, len);
            if (why != NULL) {
                (void)dsb_close(&remote.bus, remote.in, REASON_PROTOCOL_ERROR);
                return why;
            }
        }
        if (remote.in != 0 && (status == DSB_OK || status == DSB_WOULD_BLOCK) &&
            is_lost(answer())) {
            status = DSB_DISCONNECTED;
        }
    }
    if (is_lost(status) && remote.in != 0) {
        (void)dsb_close(&remote.bus, remote.in, REASON_NORMAL);
        remote.in = 0;
    }
    return status == DSB_OK || status == DSB_WOULD_BLOCK || is_lost(status)
               ? NULL
               : dsb_status_name(status);
}

// ---- All of it -------------------------------------------------------------------------------------------------

const char *remote_open(void)
{
    struct dsb_peer peer;
    enum dsb_status status =
        dsb_connect(&remote.bus, HANDLE_CALL_DSOFTBUSD, HANDLE_MEMORY_BUS_SELFTEST);
    if (status == DSB_OK) {
        status = dsb_register(&remote.listener, &remote.bus, service);
    }
    if (status == DSB_OK) {
        status = dsb_peer(&peer, &remote.bus, 0);
    }
    if (status != DSB_OK) {
        return dsb_status_name(status);
    }
    memcpy(remote.peer, peer.id, peer.id_len);
    init_check_in(HANDLE_CALL_INIT, 0);
    return NULL;
}

// Our "done" is said, the other's heard, and its stream answered with our end, without which it would wait.
static bool both_done(void)
{
    return remote.done_said && remote.done_heard && remote.in == 0;
}

// The other's end of stream tells that it has heard our "done"; if that got lost with the other machine, nothing is
// missing: it waits for our "done" as we do for its.
static void last_words(void)
{
    uint64_t until = deadline_in_ms(LAST_WORDS_MS);
    while (!remote.out_over && remote.out != 0 && clock_ticks() < until && wait(RETRY_MS)) {
        (void)run_out();
    }
    until = deadline_in_ms(RETRY_MS); // what we have said last is on its way
    while (clock_ticks() < until && wait(RETRY_MS)) {
    }
}

const char *remote_run(void)
{
    remote.deadline = deadline_in_ms(DEADLINE_MS);
    const char *why = run_ping();
    while (why == NULL && !both_done()) {
        why = run_out();
        if (why == NULL) {
            why = run_in();
        }
        if (why == NULL && !both_done() && !wait(RETRY_MS)) {
            why = "time-out";
        }
    }
    if (why == NULL) {
        last_words();
    }
    return why;
}
