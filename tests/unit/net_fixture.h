// SPDX-License-Identifier: Apache-2.0
// Two clients of a facade over lwIP's loopback and a captured Ethernet interface, with a clock that
// the test turns.
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/abi/neuron.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "netif/ethernet.h"
#include "services/lib/log.h"
#include "services/netstackd/facade.h"
#include "services/netstackd/limits.h"
#include "services/netstackd/stack.h"

enum { SHARED_BYTES = 65536, HALF = SHARED_BYTES / 2 };

struct test_client {
    uint64_t process, start;
    uint8_t *shared;
};

static uint8_t shared_memory[2][SHARED_BYTES];
static struct test_client alice = {3, 1, shared_memory[0]};
static struct test_client bob = {4, 1, shared_memory[1]};
static uint64_t test_now;
static struct netif test_ethernet;
static uint32_t frames_sent;

void log_line(const char *format, ...)
{
    (void)format;
}
_Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
}

static err_t count_frame(struct netif *netif, struct pbuf *p)
{
    (void)netif, (void)p;
    frames_sent++;
    return ERR_OK;
}

static err_t ethernet_init(struct netif *netif)
{
    netif->mtu = 1500;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, "\x52\x54\x00\x12\x34\x0a", 6);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP;
    netif->output = etharp_output;
    netif->linkoutput = count_frame;
    return ERR_OK;
}

static void restart_facade(void)
{
    struct facade_client_config configs[2] = {
        {3,
         shared_memory[0],
         SHARED_BYTES,
         {DSOFTBUSD_TCP_MAX, CLIENT_LISTENERS_MAX, CLIENT_UDP_MAX, CLIENT_PINGS_MAX}},
        {4,
         shared_memory[1],
         SHARED_BYTES,
         {SELFTEST_TCP_MAX, CLIENT_LISTENERS_MAX, CLIENT_UDP_MAX, CLIENT_PINGS_MAX}},
    };
    facade_start(configs, 2);
}

static inline int start_stack_once(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {1, 2, 3};
    ip4_addr_t address, mask, gateway;
    IP4_ADDR(&address, 10, 42, 0, 10);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    ip4_addr_set_zero(&gateway);
    stack_start(seed);
    netif_add(&test_ethernet, &address, &mask, &gateway, NULL, ethernet_init, ethernet_input);
    netif_set_default(&test_ethernet);
    netif_set_up(&test_ethernet);
    netif_set_link_up(&test_ethernet);
    restart_facade();
    return 0;
}

// Lets guest time pass, in steps no longer than the stack's own deadlines.
static inline void pass_ms(uint64_t ms)
{
    uint64_t end = test_now + ms * NEURON_TICKS_PER_MS;
    while (test_now < end) {
        uint64_t next = stack_deadline();
        test_now = next < end ? (next > test_now ? next : test_now) : end;
        stack_advance(test_now);
        stack_loop();
    }
}

static inline enum net_status ask_raw(union facade_reply *reply, size_t *reply_len,
                                      struct test_client *c, uint64_t op, const void *message,
                                      size_t len)
{
    enum net_status status =
        facade_serve(reply, reply_len, c->process | c->start << 32, op, message, len);
    stack_loop();
    return status;
}

static inline enum net_status ask(struct net_reply *reply, struct test_client *c, uint64_t op,
                                  struct net_request q)
{
    union facade_reply answer;
    size_t len;
    enum net_status status = ask_raw(&answer, &len, c, op, &q, sizeof q);
    assert_int_equal(len, status == NET_OK ? sizeof *reply : 0);
    *reply = answer.one;
    return status;
}

static inline struct net_sockaddr loopback(uint16_t port)
{
    return net_ipv4(127, 0, 0, 1, port);
}

static inline enum net_status try_open(net_handle *handle, struct test_client *c, enum net_op op,
                                       uint16_t port, uint32_t backlog)
{
    struct net_reply r;
    enum net_status status =
        ask(&r, c, op, (struct net_request){.address = loopback(port), .len = backlog});
    *handle = r.handle;
    return status;
}

static inline net_handle must_open(struct test_client *c, enum net_op op, uint16_t port,
                                   uint32_t backlog)
{
    net_handle handle;
    assert_int_equal(try_open(&handle, c, op, port, backlog), NET_OK);
    assert_int_not_equal(handle, 0);
    return handle;
}

static inline uint16_t port_of(struct test_client *c, net_handle handle)
{
    struct net_reply r;
    assert_int_equal(ask(&r, c, NET_LOCAL_ADDR, (struct net_request){.handle = handle}), NET_OK);
    return r.address.port;
}

static inline enum net_status accept_from(net_handle *handle, struct test_client *c,
                                          net_handle listener)
{
    struct net_reply r;
    enum net_status status = ask(&r, c, NET_TCP_ACCEPT, (struct net_request){.handle = listener});
    *handle = r.handle;
    return status;
}

static inline enum net_status close_handle(struct test_client *c, net_handle handle)
{
    struct net_reply r;
    return ask(&r, c, NET_CLOSE, (struct net_request){.handle = handle});
}

// Writes c->shared[0..*len).
static inline enum net_status write_shared(struct test_client *c, net_handle tcp, uint32_t *len)
{
    struct net_reply r;
    enum net_status status =
        ask(&r, c, NET_TCP_WRITE, (struct net_request){.handle = tcp, .len = *len});
    *len = status == NET_OK ? r.len : 0;
    return status;
}

// Reads to c->shared[HALF..HALF + *len).
static inline enum net_status read_shared(struct test_client *c, net_handle handle, uint32_t *len)
{
    struct net_reply r;
    enum net_status status = ask(
        &r, c, NET_TCP_READ, (struct net_request){.handle = handle, .offset = HALF, .len = *len});
    *len = status == NET_OK ? r.len : 0;
    return status;
}

static inline struct net_poll_reply poll_client(struct test_client *c)
{
    union facade_reply reply;
    size_t len;
    assert_int_equal(ask_raw(&reply, &len, c, NET_POLL, NULL, 0), NET_OK);
    assert_int_equal(len, sizeof reply.poll);
    return reply.poll;
}

// What the next poll says about the handle.
static inline struct net_ready_entry ready_of_handle(struct test_client *c, net_handle handle)
{
    struct net_poll_reply poll = poll_client(c);
    for (uint32_t i = 0; i < poll.count; i++) {
        if (poll.entries[i].handle == handle) {
            return poll.entries[i];
        }
    }
    return (struct net_ready_entry){.handle = handle};
}

static inline struct net_stats stats_now(void)
{
    union facade_reply reply;
    size_t len;
    assert_int_equal(ask_raw(&reply, &len, &alice, NET_STATS, NULL, 0), NET_OK);
    assert_int_equal(len, sizeof reply.stats);
    return reply.stats;
}

// A connection from bob to a listener of alice's.
struct pair {
    net_handle listener, alices, bobs;
};
static inline struct pair connect_pair(void)
{
    struct pair p;
    p.listener = must_open(&alice, NET_TCP_LISTEN, 0, 4);
    p.bobs = must_open(&bob, NET_TCP_CONNECT, port_of(&alice, p.listener), 0);
    assert_int_equal(accept_from(&p.alices, &alice, p.listener), NET_OK);
    assert_int_equal(ready_of_handle(&bob, p.bobs).ready, NET_READY_CONNECTED);
    return p;
}

// Ends both clients and lets TIME_WAIT pass; the pools must be where they were.
static inline int end_clients(void **state)
{
    (void)state;
    facade_client_ended(3);
    facade_client_ended(4);
    stack_loop();
    facade_take_signals();
    pass_ms(200000);
    struct net_stats s = stats_now();
    static const struct net_stats nothing = {0};
    assert_memory_equal(&s, &nothing, sizeof s);
    assert_int_equal(stack_deadline(), NEURON_NEVER);
    return 0;
}

#endif
