// SPDX-License-Identifier: Apache-2.0
// Takes selftest-client's place in the bench image: measures what things cost, and floods dsoftbusd with bad first
// messages to see what is left of it. One line per figure, `SELFTEST: bench NAME VALUE`.
//
// Costs are instructions executed on the machine: of all processes, of the kernel, and of both ends of the connection,
// which share it. What passes while nothing is ready is not counted.
#include "markers.h"
#include "selftest-client_caps.h"
#include "services/lib/init.h"
#include "tests/qemu/bench/bench.h"
#include "tests/qemu/bench/stream.h"

enum {
    ROUNDS =
        8, // of what is averaged; so many bad first messages are within what one source may fail
    BETWEEN_MS = 1000,
    FLOOD = 10000,
    MESSAGE_1_FRAME = SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_1_BYTES,
};

static struct node node;

// Instructions executed since power-on.
static uint64_t executed(void)
{
    return clock_instret() - sys_counters(HANDLE_COUNTERS).idle_instret;
}

// Instructions executed in one second in which nobody wants anything.
static const char *measure_idle(struct node *n)
{
    pass(n, 2000);
    struct sys_counters before = sys_counters(HANDLE_COUNTERS);
    uint64_t begin = executed();
    struct sys_event e = sys_wait(0, 0, deadline_in_ms(1000));
    uint64_t cost = executed() - begin;
    struct sys_counters after = sys_counters(HANDLE_COUNTERS);
    if (e.status != NEURON_TIMED_OUT || before.status != NEURON_OK || after.status != NEURON_OK) {
        return "cannot sleep";
    }
    figure("idle_second", cost);
    figure("idle_second_wakeups", after.idle_entries - before.idle_entries);
    return NULL;
}

static const char *open_session(struct node *n)
{
    const char *why = node_dial(n, &n->config);
    if (why == NULL && (!node_run(n, out_established, STEP_DEADLINE_MS) || !n->out.established)) {
        why = "no READY";
    }
    return why;
}

// READY has just arrived, so dsoftbusd has said `auth ok`.
static const char *measure_boot(struct node *n)
{
    const char *why = open_session(n);
    if (why == NULL) {
        figure("boot_to_auth", executed());
    }
    return why;
}

// In the session that measure_boot has opened.
static const char *measure_ping(struct node *n)
{
    uint64_t begin = executed();
    for (unsigned i = 0; i < ROUNDS; i++) {
        n->out.ponged = false;
        if (!session_ping(&n->out.session, clock_ms()) ||
            channel_flush(n, &n->out, false) != NULL ||
            !node_run(n, out_ponged, STEP_DEADLINE_MS) || !n->out.ponged) {
            return "no pong";
        }
    }
    figure("ping", (executed() - begin) / ROUNDS);
    channel_close(n, &n->out);
    return NULL;
}

// From dial to READY, and no further.
static const char *measure_session(struct node *n)
{
    uint64_t cost = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        pass(n, BETWEEN_MS);
        uint64_t begin = executed();
        const char *why = open_session(n);
        if (why != NULL) {
            return why;
        }
        cost += executed() - begin;
        channel_close(n, &n->out);
    }
    figure("session", cost / ROUNDS);
    return NULL;
}

static const char *measure_stream(struct node *n)
{
    uint64_t bytes, cost;
    const char *why = bench_stream(&bytes, n, executed, &cost);
    if (why == NULL) {
        figure("stream_per_byte", cost / bytes);
        figure("stream_instructions", cost);
        figure("stream_bytes", bytes);
    }
    return why;
}

// A connection with a well-formed frame of random bytes where message 1 should be. Being closed before it could be sent is a
// refusal too: the source has used up its failures.
static const char *bad_first_message(struct node *n)
{
    uint8_t bytes[SESSION_PREAMBLE_BYTES + MESSAGE_1_FRAME] = {
        'D', 'S', 'B', DSB_VERSION, 0, SESSION_MESSAGE_1_BYTES};
    if (rng_random(&n->rng, bytes + SESSION_PREAMBLE_BYTES + SESSION_FRAME_HEADER_BYTES,
                   SESSION_MESSAGE_1_BYTES) != NOISE_OK) {
        return "no random bytes";
    }
    if (node_dial(n, NULL) != NULL || channel_send(n, &n->out, bytes, sizeof bytes) != NULL) {
        return NULL;
    }
    if (!node_run(n, out_ended, STEP_DEADLINE_MS)) {
        return "a bad first message is not refused";
    }
    return n->out.received_len > 0 ? "a bad first message is answered" : NULL;
}

// From dial to the end of the connection.
static const char *measure_bad_first_message(struct node *n)
{
    uint64_t cost = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        pass(n, BETWEEN_MS);
        uint64_t begin = executed();
        const char *why = bad_first_message(n);
        if (why != NULL) {
            return why;
        }
        if (n->out.sent_len != SESSION_PREAMBLE_BYTES + MESSAGE_1_FRAME) {
            return "a bad first message is not looked at";
        }
        cost += executed() - begin;
    }
    figure("bad_message_1", cost / ROUNDS);
    return NULL;
}

static const char *flood(struct node *n)
{
    struct net_stats before;
    const char *why = pools_settled(&before, n);
    uint64_t begin = clock_ms();
    for (unsigned i = 0; why == NULL && i < FLOOD; i++) {
        why = bad_first_message(n);
    }
    if (why != NULL) {
        return why;
    }
    figure("flood_messages", FLOOD);
    figure("flood_ms", clock_ms() - begin);
    why = served_again(n, "flood_then_served_ms");
    return why != NULL ? why : pools_come_back(&before, n, "flood");
}

int main(void);
int main(void)
{
    const char *why = node_open(&node);
    if (why == NULL) {
        init_check_in(HANDLE_CALL_INIT, 0);
        why = node_listen(&node, node.port, false);
    }
    why = why != NULL ? why : node_be_dialled(&node);
    static const char *(*const steps[])(struct node *) = {
        measure_boot, measure_ping, measure_session, measure_stream, measure_bad_first_message,
        measure_idle, flood,        soak_cycles,     soak_datagrams, soak_half_open,
    };
    for (size_t i = 0; why == NULL && i < sizeof steps / sizeof steps[0]; i++) {
        why = steps[i](&node);
    }
    if (why != NULL) {
        die("SELFTEST: bench: %s FAIL", why);
    }
    log_line(MARKER_SELFTEST_END);
    return 0;
}
