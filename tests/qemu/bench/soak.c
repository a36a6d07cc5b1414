// SPDX-License-Identifier: Apache-2.0
// What must leave nothing behind, however often it happens, and must keep nobody out.
#include "dsoftbus/announce.h"
#include "services/lib/string.h"
#include "tests/qemu/bench/bench.h"

enum {
    SETTLE_MS = 150000, // TIME_WAIT, 120 s, and some
    SERVED_WITHIN_MS = 10000,
    RETRY_MS = 100,
    CYCLES = 1000,
    DATAGRAMS = 100000,
    DATAGRAM_BYTES_MAX = 200,
    TOGETHER = 6, // datagrams that netstackd keeps for dsoftbusd while it does not look
    SILENT = 24,  // connections held at a time; more than one source may have
    SILENT_ALL = 2000,
    SILENT_TURNS = 20, // good sessions meanwhile
};

// ---- Pools ------------------------------------------------------------------------------------------------------

static bool same_pools(const struct net_stats *a, const struct net_stats *b)
{
    return a->handles == b->handles && a->tcp_active == b->tcp_active &&
           a->tcp_listen == b->tcp_listen && a->udp == b->udp && a->pbufs == b->pbufs &&
           a->segments == b->segments && a->heap_bytes == b->heap_bytes;
}

const char *pools_settled(struct net_stats *out, struct node *n)
{
    pass(n, SETTLE_MS);
    return net_stats(out, &n->net) == NET_OK ? NULL : "no statistics";
}

static void left(const char *name, const char *pool, uint32_t before, uint32_t after)
{
    log_line("SELFTEST: bench %s_%s_left %lu", name, pool, (uint64_t)(after - before));
}

const char *pools_come_back(const struct net_stats *before, struct node *n, const char *name)
{
    struct net_stats after;
    uint64_t begin = clock_ms();
    do {
        pass(n, RETRY_MS);
        if (net_stats(&after, &n->net) != NET_OK) {
            return "no statistics";
        }
    } while (!same_pools(before, &after) && clock_ms() - begin < SETTLE_MS);
    left(name, "handles", before->handles, after.handles);
    left(name, "connections", before->tcp_active, after.tcp_active);
    left(name, "pbufs", before->pbufs, after.pbufs);
    left(name, "segments", before->segments, after.segments);
    left(name, "heap_bytes", before->heap_bytes, after.heap_bytes);
    return same_pools(before, &after) ? NULL : "pools did not come back to where they were";
}

const char *served_again(struct node *n, const char *name)
{
    uint64_t begin = clock_ms();
    const char *why = node_good_session(n);
    while (why != NULL && clock_ms() - begin < SERVED_WITHIN_MS) {
        pass(n, RETRY_MS);
        why = node_good_session(n);
    }
    if (why == NULL) {
        figure(name, clock_ms() - begin);
    }
    return why;
}

// ---- Sessions ---------------------------------------------------------------------------------------------------

const char *soak_cycles(struct node *n)
{
    struct net_stats before;
    const char *why = pools_settled(&before, n);
    uint64_t begin = clock_ms();
    for (unsigned i = 0; why == NULL && i < CYCLES; i++) {
        why = node_good_session(n);
    }
    if (why != NULL) {
        return why;
    }
    figure("cycles", CYCLES);
    figure("cycles_ms", clock_ms() - begin);
    return pools_come_back(&before, n, "cycles");
}

// ---- Datagrams --------------------------------------------------------------------------------------------------

// Random bytes; half of them begin as an announce does, so that the decoder gets further.
static const char *malformed(struct node *n, unsigned i)
{
    uint8_t bytes[DATAGRAM_BYTES_MAX];
    struct net_sockaddr to = net_ipv4(127, 0, 0, 1, ANNOUNCE_PORT);
    if (rng_random(&n->rng, bytes, sizeof bytes) != NOISE_OK) {
        return "no random bytes";
    }
    size_t len = bytes[0] % DATAGRAM_BYTES_MAX;
    if (i % 2 == 0) {
        memcpy(bytes, "NXSB\1", 5);
        bytes[5] &= 63;
    }
    return net_udp_send_to(&n->net, n->udp, &to, bytes, (uint32_t)len) == NET_OK
               ? NULL
               : "datagram not sent";
}

const char *soak_datagrams(struct node *n)
{
    struct net_stats before;
    const char *why = pools_settled(&before, n);
    uint64_t begin = clock_ms();
    for (unsigned i = 0; why == NULL && i < DATAGRAMS; i++) {
        why = malformed(n, i);
        if (i % TOGETHER == 0) {
            pass(n, 1); // dsoftbusd looks at them
        }
    }
    if (why != NULL) {
        return why;
    }
    figure("datagrams", DATAGRAMS);
    figure("datagrams_ms", clock_ms() - begin);
    why = served_again(n, "datagrams_then_served_ms");
    return why != NULL ? why : pools_come_back(&before, n, "datagrams");
}

// ---- Half-open connections --------------------------------------------------------------------------------------

static net_handle silent[SILENT];

// One more connection that says nothing, from the address of the interface; the oldest of ours makes room for it.
static const char *one_more(struct node *n, unsigned i)
{
    struct net_sockaddr to;
    net_handle *place = &silent[i % SILENT];
    if (*place != 0) {
        (void)net_abort(&n->net, *place);
    }
    if (net_local_addr(&to, &n->net, 0) != NET_OK) {
        return "no address";
    }
    to.port = n->peer_port;
    return net_tcp_connect(place, &n->net, &to) == NET_OK ? NULL : "cannot connect";
}

// A second source, 127.0.0.1, opens good sessions while the first one goes on.
const char *soak_half_open(struct node *n)
{
    struct net_stats before;
    uint64_t slowest = 0;
    const char *why = pools_settled(&before, n);
    for (unsigned i = 0; why == NULL && i < SILENT_ALL; i++) {
        why = one_more(n, i);
        pass(n, 1);
        if (why == NULL && i % (SILENT_ALL / SILENT_TURNS) == SILENT) {
            uint64_t begin = clock_ms();
            why = node_good_session(n);
            uint64_t took = clock_ms() - begin;
            slowest = took > slowest ? took : slowest;
        }
    }
    for (unsigned i = 0; i < SILENT; i++) {
        (void)net_abort(&n->net, silent[i]);
        silent[i] = 0;
    }
    if (why != NULL) {
        return why;
    }
    figure("half_open_connections", SILENT_ALL);
    figure("half_open_slowest_session_ms", slowest);
    return pools_come_back(&before, n, "half_open");
}
