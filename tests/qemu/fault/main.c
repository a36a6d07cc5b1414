// SPDX-License-Identifier: Apache-2.0
// Takes selftest-client's place in the fault image. Round after round it uses everything, while tests/qemu/fault_test.py makes
// one process or another fault, and then wants all of it back: sessions both ways, and nothing held that was not before.
//
// fault_round is where the test comes in: it stops the machine there, says whether there is another round, and arms it.
#include "dsoftbus/session.h"
#include "markers.h"
#include "selftest-client_caps.h"
#include "services/lib/bus.h"
#include "services/lib/init.h"
#include "services/lib/log.h"
#include "services/selftest-client/node.h"

enum {
    RETRY_MS = 100,
    RECOVER_MS = 30000,
    SETTLE_MS = 10000, // the ends of connections that lost their other end
    QUIET_MS = 1500,   // a timer of TCP and an announce fall into this
};

static struct node node;
static struct dsb_client bus;

static bool never(const struct node *n)
{
    (void)n;
    return false;
}

// Lets time pass, and answers meanwhile.
static void pass(struct node *n, uint32_t ms)
{
    if (node_run(n, never, ms)) {
        die("SELFTEST: fault: never is now FAIL");
    }
}

static bool in_ponged(const struct node *n)
{
    return n->in.ponged || n->in.ended;
}

static bool inbound_session_lives(struct node *n)
{
    if (!n->in.established || n->in.ended) {
        return false;
    }
    n->in.ponged = false;
    return session_ping(&n->in.session, clock_ms()) && channel_flush(n, &n->in, false) == NULL &&
           node_run(n, in_ponged, STEP_DEADLINE_MS) && n->in.ponged;
}

static bool sockets_live(struct node *n)
{
    struct net_sockaddr address;
    return net_local_addr(&address, &n->net, n->listener) == NET_OK &&
           net_local_addr(&address, &n->net, n->udp) == NET_OK;
}

// netstackd is a new one when our handles are gone.
static const char *sockets(struct node *n)
{
    if (sockets_live(n)) {
        return NULL;
    }
    channel_close(n, &n->in);
    channel_close(n, &n->out);
    net_close(&n->net, n->udp);
    if (net_udp_bind(&n->udp, &n->net, 0) != NET_OK) {
        return "no socket";
    }
    return node_listen(n, n->port, false);
}

// As it is to be between the rounds: one session that dsoftbusd has opened, which works, and a new one works too.
static const char *steady(struct node *n)
{
    const char *why = sockets(n);
    if (why == NULL && !inbound_session_lives(n)) {
        channel_close(n, &n->in);
        why = node_be_dialled(n);
    }
    return why != NULL ? why : node_good_session(n);
}

// Everything that a fault point may lie on. What fails, fails; but nothing may hang. Who does nothing gets no error: after
// the quiet time, in which a timer may be the point, the session and the sockets are used once more.
static const char *exercise(struct node *n)
{
    struct net_stats stats;
    struct dsb_stats bus_stats;
    const char *why = node_announce(n, n->port);
    const char *also = node_good_session(n);
    why = why != NULL ? why : also;
    why = why != NULL || inbound_session_lives(n) ? why : "the inbound session is lost";
    if (net_stats(&stats, &n->net) != NET_OK) {
        why = why != NULL ? why : "no statistics of the network";
    }
    if (dsb_stats(&bus_stats, &bus) != DSB_OK) {
        why = why != NULL ? why : "no statistics of the bus";
    }
    pass(n, QUIET_MS);
    why =
        why != NULL || inbound_session_lives(n) ? why : "the inbound session was lost in the quiet";
    return why != NULL || sockets_live(n) ? why : "the sockets were lost in the quiet";
}

struct held {
    struct net_stats net;
    struct dsb_stats bus;
};

static bool look(struct held *held, struct node *n)
{
    return net_stats(&held->net, &n->net) == NET_OK && dsb_stats(&held->bus, &bus) == DSB_OK;
}

// Without what is closed and in TIME_WAIT.
static uint32_t open_handles(const struct net_stats *stats)
{
    return stats->handles - stats->tcp_time_wait;
}

static bool same(const struct held *a, const struct held *b)
{
    return open_handles(&a->net) == open_handles(&b->net) &&
           a->net.tcp_active == b->net.tcp_active && a->net.tcp_listen == b->net.tcp_listen &&
           a->net.udp == b->net.udp && a->net.pbufs == b->net.pbufs &&
           a->net.segments == b->net.segments && a->net.heap_bytes == b->net.heap_bytes &&
           a->bus.handles == b->bus.handles && a->bus.sessions == b->bus.sessions &&
           a->bus.half_open == b->bus.half_open;
}

static const char *recover(struct node *n, const struct held *before)
{
    struct held now = {0};
    const char *why = "";
    for (uint64_t begin = clock_ms(); why != NULL && clock_ms() - begin < RECOVER_MS;) {
        pass(n, RETRY_MS);
        why = steady(n);
    }
    if (why != NULL) {
        return why;
    }
    for (uint64_t begin = clock_ms(); clock_ms() - begin < SETTLE_MS;) {
        pass(n, RETRY_MS);
        if (look(&now, n) && same(before, &now)) {
            return NULL;
        }
    }
    log_line("SELFTEST: fault held handles %u->%u tcp %u->%u listen %u->%u udp %u->%u pbufs %u->%u "
             "segments %u->%u "
             "heap %u->%u",
             open_handles(&before->net), open_handles(&now.net), before->net.tcp_active,
             now.net.tcp_active, before->net.tcp_listen, now.net.tcp_listen, before->net.udp,
             now.net.udp, before->net.pbufs, now.net.pbufs, before->net.segments, now.net.segments,
             before->net.heap_bytes, now.net.heap_bytes);
    return "something is still held";
}

// The test answers in our place; without it there is no round.
__attribute__((noinline)) bool fault_round(unsigned number);
__attribute__((noinline)) bool fault_round(unsigned number)
{
    __asm__ volatile("" : : "r"(number));
    return false;
}

static const char *prepare(struct node *n, struct held *before)
{
    const char *why = node_open(n);
    if (why == NULL &&
        dsb_connect(&bus, HANDLE_CALL_DSOFTBUSD, HANDLE_MEMORY_BUS_SELFTEST) != DSB_OK) {
        why = "no bus";
    }
    if (why == NULL) {
        init_check_in(HANDLE_CALL_INIT, 0);
        why = node_listen(n, n->port, false);
    }
    why = why != NULL ? why : steady(n);
    pass(n, QUIET_MS);
    return why != NULL || look(before, n) ? why : "no statistics";
}

int main(void);
int main(void)
{
    struct held before = {0};
    const char *why = prepare(&node, &before);
    for (unsigned round = 1; why == NULL && fault_round(round); round++) {
        const char *hurt = exercise(&node);
        log_line("SELFTEST: fault round %u: %s", round, hurt != NULL ? hurt : "not noticed");
        why = recover(&node, &before);
        if (why == NULL) {
            log_line("SELFTEST: fault round %u survived", round);
        }
    }
    if (why != NULL) {
        die("SELFTEST: fault: %s FAIL", why);
    }
    log_line(MARKER_SELFTEST_END);
    return 0;
}
