// SPDX-License-Identifier: Apache-2.0
// netstackd's facade over lwIP's loopback: requests, handles, quotas, connections, datagrams,
// pings. After each test all pools are back where they were and no timer runs.
#include "tests/unit/net_fixture.h"

// --- Requests ---

struct malformed {
    const char *name;
    uint64_t op;
    struct net_request q;
    enum net_status expected;
};

#define ADDR(family_, reserved_, tail)                                                             \
    {                                                                                              \
        .family = (family_), .reserved = (reserved_), .port = 9, .address = {                      \
            127,                                                                                   \
            0,                                                                                     \
            0,                                                                                     \
            1,                                                                                     \
            [15] = (tail)                                                                          \
        }                                                                                          \
    }

// Handles 1 and 2 stand for a datagram socket and a connection of alice's.
static const struct malformed malformed_rows[] = {
    {"operation 0", 0, {0}, NET_UNSUPPORTED},
    {"operation behind the last", NET_STATS + 1, {0}, NET_UNSUPPORTED},
    {"operation 2^40", UINT64_C(1) << 40, {0}, NET_UNSUPPORTED},
    {"no handle", NET_TCP_READ, {.handle = 0, .offset = HALF, .len = 1}, NET_BAD_HANDLE},
    {"index out of range", NET_CLOSE, {.handle = 0xffffffff}, NET_BAD_HANDLE},
    {"never opened", NET_CLOSE, {.handle = 0x203}, NET_BAD_HANDLE},
    {"read from a datagram socket",
     NET_TCP_READ,
     {.handle = 1, .offset = HALF, .len = 1},
     NET_INVALID_INPUT},
    {"accept on a connection", NET_TCP_ACCEPT, {.handle = 2}, NET_INVALID_INPUT},
    {"ping result of a connection", NET_PING_RESULT, {.handle = 2}, NET_INVALID_INPUT},
    {"family", NET_TCP_CONNECT, {.address = ADDR(6, 0, 0)}, NET_UNSUPPORTED},
    {"reserved byte", NET_TCP_CONNECT, {.address = ADDR(4, 1, 0)}, NET_INVALID_INPUT},
    {"address tail", NET_TCP_CONNECT, {.address = ADDR(4, 0, 1)}, NET_INVALID_INPUT},
    {"write 0 bytes", NET_TCP_WRITE, {.handle = 2}, NET_INVALID_INPUT},
    {"write from the other half",
     NET_TCP_WRITE,
     {.handle = 2, .offset = HALF, .len = 1},
     NET_INVALID_INPUT},
    {"write across the middle",
     NET_TCP_WRITE,
     {.handle = 2, .offset = HALF - 1, .len = 2},
     NET_INVALID_INPUT},
    {"write offset wraps",
     NET_TCP_WRITE,
     {.handle = 2, .offset = 0xffffffff, .len = 2},
     NET_INVALID_INPUT},
    {"write length wraps",
     NET_TCP_WRITE,
     {.handle = 2, .offset = 1, .len = 0xffffffff},
     NET_INVALID_INPUT},
    {"read 0 bytes", NET_TCP_READ, {.handle = 2, .offset = HALF}, NET_INVALID_INPUT},
    {"read into the other half",
     NET_TCP_READ,
     {.handle = 2, .offset = HALF - 1, .len = 1},
     NET_INVALID_INPUT},
    {"read past the end",
     NET_TCP_READ,
     {.handle = 2, .offset = SHARED_BYTES - 1, .len = 2},
     NET_INVALID_INPUT},
    {"read length wraps",
     NET_TCP_READ,
     {.handle = 2, .offset = HALF, .len = 0xffffffff},
     NET_INVALID_INPUT},
    {"datagram too long",
     NET_UDP_SEND_TO,
     {.handle = 1, .len = 1473, .address = ADDR(4, 0, 0)},
     NET_INVALID_INPUT},
    {"datagram to port 0",
     NET_UDP_SEND_TO,
     {.handle = 1, .len = 1, .address = {.family = 4, .address = {127, 0, 0, 1}}},
     NET_INVALID_INPUT},
    {"datagram to 0.0.0.0",
     NET_UDP_SEND_TO,
     {.handle = 1, .len = 1, .address = {.family = 4, .port = 9}},
     NET_INVALID_INPUT},
    {"bind to an address of others",
     NET_UDP_BIND,
     {.address = {.family = 4, .address = {10, 42, 0, 11}}},
     NET_INVALID_INPUT},
    {"bind to DHCP's port", NET_UDP_BIND, {.address = {.family = 4, .port = 68}}, NET_ADDR_IN_USE},
    {"join no group", NET_UDP_JOIN, {.handle = 1, .address = ADDR(4, 0, 0)}, NET_INVALID_INPUT},
    {"listen without backlog", NET_TCP_LISTEN, {.address = ADDR(4, 0, 0)}, NET_INVALID_INPUT},
    {"listen with too much",
     NET_TCP_LISTEN,
     {.len = BACKLOG_MAX + 1, .address = ADDR(4, 0, 0)},
     NET_INVALID_INPUT},
    {"connect to port 0",
     NET_TCP_CONNECT,
     {.address = {.family = 4, .address = {127, 0, 0, 1}}},
     NET_INVALID_INPUT},
    {"connect to a group",
     NET_TCP_CONNECT,
     {.address = {.family = 4, .port = 1, .address = {239, 42, 0, 1}}},
     NET_INVALID_INPUT},
    {"ping a group",
     NET_PING,
     {.address = {.family = 4, .address = {239, 42, 0, 1}}},
     NET_INVALID_INPUT},
    {"ping broadcast",
     NET_PING,
     {.address = {.family = 4, .address = {255, 255, 255, 255}}},
     NET_INVALID_INPUT},
    {"no gateway",
     NET_TCP_CONNECT,
     {.address = {.family = 4, .port = 1, .address = {192, 0, 2, 1}}},
     NET_UNREACHABLE},
    {"datagram without gateway",
     NET_UDP_SEND_TO,
     {.handle = 1, .len = 1, .address = {.family = 4, .port = 1, .address = {192, 0, 2, 1}}},
     NET_UNREACHABLE},
    {"ping without gateway",
     NET_PING,
     {.address = {.family = 4, .address = {192, 0, 2, 1}}},
     NET_UNREACHABLE},
};

static void test_malformed_requests(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    net_handle udp = must_open(&alice, NET_UDP_BIND, 0, 0);
    struct net_stats before = stats_now();
    for (size_t i = 0; i < sizeof malformed_rows / sizeof malformed_rows[0]; i++) {
        const struct malformed *row = &malformed_rows[i];
        struct net_request q = row->q;
        q.handle = q.handle == 1 ? udp : q.handle == 2 ? p.alices : q.handle;
        struct net_reply r;
        enum net_status status = ask(&r, &alice, row->op, q);
        if (status != row->expected) {
            fail_msg("row %zu, %s: status %d, expected %d", i, row->name, status, row->expected);
        }
        struct net_stats after = stats_now();
        assert_memory_equal(&before, &after, sizeof after);
    }
}

static void test_message_lengths(void **state)
{
    (void)state;
    struct net_stats before = stats_now();
    uint8_t message[NEURON_MESSAGE_BYTES_MAX];
    struct net_request q = {.address = loopback(0)};
    memcpy(message, &q, sizeof q);
    for (uint64_t op = NET_UDP_BIND; op <= NET_STATS; op++) {
        for (size_t len = 0; len <= sizeof message; len++) {
            bool query = op == NET_POLL || op == NET_STATS;
            if (len == (query ? 0 : sizeof q)) {
                continue;
            }
            union facade_reply reply;
            size_t reply_len = 1;
            assert_int_equal(ask_raw(&reply, &reply_len, &alice, op, message, len),
                             NET_INVALID_INPUT);
            assert_int_equal(reply_len, 0);
        }
    }
    struct net_stats after = stats_now();
    assert_memory_equal(&before, &after, sizeof after);
}

static void test_stranger(void **state)
{
    (void)state;
    struct test_client stranger = {9, 1, NULL};
    net_handle handle;
    assert_int_equal(try_open(&handle, &stranger, NET_UDP_BIND, 0, 0), NET_UNSUPPORTED);
}

// --- Handles ---

static void test_handles_belong_to_one_client(void **state)
{
    (void)state;
    net_handle udp = must_open(&alice, NET_UDP_BIND, 0, 0);
    assert_int_equal(close_handle(&bob, udp), NET_BAD_HANDLE);
    port_of(&alice, udp); // still there
    assert_int_equal(close_handle(&alice, udp), NET_OK);
    assert_int_equal(close_handle(&alice, udp), NET_BAD_HANDLE);
    net_handle next = must_open(&alice, NET_UDP_BIND, 0, 0); // the same socket again
    assert_int_not_equal(next, udp);
    assert_int_equal(close_handle(&alice, udp), NET_BAD_HANDLE);
    port_of(&alice, next);
}

static void test_restarted_client_starts_empty(void **state)
{
    (void)state;
    net_handle old = must_open(&bob, NET_UDP_BIND, 5000, 0);
    bob.start++;
    assert_int_equal(close_handle(&bob, old), NET_BAD_HANDLE);
    must_open(&bob, NET_UDP_BIND, 5000, 0); // the port is free again
}

static void test_death_resets_connections(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    facade_client_ended(4);
    stack_loop();
    struct net_ready_entry ready = ready_of_handle(&alice, p.alices);
    assert_int_equal(ready.ready, NET_READY_ERROR);
    assert_int_equal(ready.error, NET_RESET);
    assert_int_equal(close_handle(&bob, p.bobs), NET_BAD_HANDLE);
    uint32_t len = 1;
    assert_int_equal(read_shared(&alice, p.alices, &len), NET_RESET);
    len = 1;
    assert_int_equal(write_shared(&alice, p.alices, &len), NET_RESET);
    assert_int_equal(close_handle(&alice, p.alices), NET_OK);
}

// Opens until the quota says no; another client is not affected.
static void test_quotas(void **state)
{
    (void)state;
    static const struct {
        enum net_op op;
        uint32_t quota, backlog;
    } rows[] = {{NET_UDP_BIND, CLIENT_UDP_MAX, 0},
                {NET_TCP_LISTEN, CLIENT_LISTENERS_MAX, 1},
                {NET_PING, CLIENT_PINGS_MAX, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        net_handle handle, first = 0;
        for (uint32_t n = 0; n < rows[i].quota; n++) {
            handle = must_open(&alice, rows[i].op, 0, rows[i].backlog);
            first = n == 0 ? handle : first;
        }
        assert_int_equal(try_open(&handle, &alice, rows[i].op, 0, rows[i].backlog), NET_NO_BUFFERS);
        must_open(&bob, rows[i].op, 0, rows[i].backlog);
        assert_int_equal(close_handle(&alice, first), NET_OK);
        must_open(&alice, rows[i].op, 0, rows[i].backlog);
    }
}

static void test_connection_quota(void **state)
{
    (void)state;
    net_handle handle, listener = must_open(&alice, NET_TCP_LISTEN, 0, 4);
    uint16_t port = port_of(&alice, listener);
    for (uint32_t i = 0; i < SELFTEST_TCP_MAX; i++) {
        must_open(&bob, NET_TCP_CONNECT, port, 0);
        assert_int_equal(accept_from(&handle, &alice, listener), NET_OK);
    }
    assert_int_equal(try_open(&handle, &bob, NET_TCP_CONNECT, port, 0), NET_NO_BUFFERS);
    must_open(&alice, NET_TCP_CONNECT, port, 0);
    assert_int_equal(accept_from(&handle, &alice, listener), NET_OK);
}

// --- Connections ---

static void test_life_of_a_connection(void **state)
{
    (void)state;
    struct net_reply r;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4), tcp;
    assert_int_equal(accept_from(&tcp, &alice, listener), NET_WOULD_BLOCK);
    assert_int_equal(facade_take_signals(), 0);
    net_handle bobs = must_open(&bob, NET_TCP_CONNECT, port_of(&alice, listener), 0);
    assert_int_equal(facade_take_signals(), 3);
    assert_int_equal(facade_take_signals(), 0);
    assert_int_equal(ready_of_handle(&alice, listener).ready, NET_READY_ACCEPT);
    assert_int_equal(ready_of_handle(&bob, bobs).ready, NET_READY_CONNECTED);
    assert_int_equal(ready_of_handle(&bob, bobs).ready, 0); // reported once
    assert_int_equal(ask(&r, &alice, NET_TCP_ACCEPT, (struct net_request){.handle = listener}),
                     NET_OK);
    struct net_sockaddr expected = loopback(port_of(&bob, bobs));
    assert_memory_equal(&r.address, &expected, sizeof expected);
    assert_int_equal(ready_of_handle(&alice, listener).ready, 0);

    memcpy(bob.shared, "hello", 5);
    uint32_t len = 5;
    assert_int_equal(write_shared(&bob, bobs, &len), NET_OK);
    assert_int_equal(len, 5);
    assert_int_equal(facade_take_signals(), 1);
    assert_int_equal(ready_of_handle(&alice, r.handle).ready, NET_READY_READ);
    assert_int_equal(ready_of_handle(&alice, r.handle).ready,
                     NET_READY_READ); // as long as it holds
    len = 2;
    assert_int_equal(read_shared(&alice, r.handle, &len), NET_OK);
    assert_int_equal(len, 2);
    len = 100;
    assert_int_equal(read_shared(&alice, r.handle, &len), NET_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(alice.shared + HALF, "llo", 3);
    len = 100;
    assert_int_equal(read_shared(&alice, r.handle, &len), NET_WOULD_BLOCK);
}

static void test_end_of_stream(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    struct net_reply r;
    memcpy(bob.shared, "bye", 3);
    uint32_t len = 3;
    assert_int_equal(write_shared(&bob, p.bobs, &len), NET_OK);
    assert_int_equal(ask(&r, &bob, NET_TCP_SHUTDOWN, (struct net_request){.handle = p.bobs}),
                     NET_OK);
    len = 3;
    assert_int_equal(write_shared(&bob, p.bobs, &len), NET_NOT_CONNECTED);
    len = 10;
    assert_int_equal(read_shared(&alice, p.alices, &len), NET_OK);
    assert_int_equal(len, 3);
    assert_int_equal(ready_of_handle(&alice, p.alices).ready, NET_READY_READ); // the end is news
    for (int i = 0; i < 2; i++) {
        len = 10;
        assert_int_equal(read_shared(&alice, p.alices, &len), NET_OK);
        assert_int_equal(len, 0);
        assert_int_equal(ready_of_handle(&alice, p.alices).ready, 0); // and known
    }
    // The other direction still works, also after lwIP has finished with bob's side.
    memcpy(alice.shared, "late", 4);
    len = 4;
    assert_int_equal(write_shared(&alice, p.alices, &len), NET_OK);
    assert_int_equal(close_handle(&alice, p.alices), NET_OK);
    pass_ms(200000);
    len = 10;
    assert_int_equal(read_shared(&bob, p.bobs, &len), NET_OK);
    assert_int_equal(len, 4);
    assert_int_equal(read_shared(&bob, p.bobs, &len), NET_OK);
    assert_int_equal(len, 0);
}

// What was written before the close arrives, even when the closer has not read what came to it.
static void test_last_words_arrive(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    uint32_t len = 1000;
    assert_int_equal(write_shared(&bob, p.bobs, &len), NET_OK); // alice never reads it
    memcpy(alice.shared, "BYE", 3);
    len = 3;
    assert_int_equal(write_shared(&alice, p.alices, &len), NET_OK);
    assert_int_equal(close_handle(&alice, p.alices), NET_OK);
    len = 10;
    assert_int_equal(read_shared(&bob, p.bobs, &len), NET_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(bob.shared + HALF, "BYE", 3);
    assert_int_equal(read_shared(&bob, p.bobs, &len), NET_OK);
    assert_int_equal(len, 0);
}

static void test_refused(void **state)
{
    (void)state;
    net_handle tcp = must_open(&bob, NET_TCP_CONNECT, 7, 0);
    struct net_ready_entry ready = ready_of_handle(&bob, tcp);
    assert_int_equal(ready.ready, NET_READY_ERROR);
    assert_int_equal(ready.error, NET_REFUSED);
    assert_int_equal(ready_of_handle(&bob, tcp).ready, NET_READY_ERROR); // until it is closed
    uint32_t len = 1;
    assert_int_equal(write_shared(&bob, tcp, &len), NET_REFUSED);
    assert_int_equal(close_handle(&bob, tcp), NET_OK);
    assert_int_equal(poll_client(&bob).count, 0);
}

static void test_nobody_answers(void **state)
{
    (void)state;
    struct net_reply r;
    assert_int_equal(
        ask(&r, &bob, NET_TCP_CONNECT, (struct net_request){.address = net_ipv4(10, 42, 0, 99, 1)}),
        NET_OK);
    pass_ms(1000);
    assert_int_equal(poll_client(&bob).count, 0);
    pass_ms(300000);
    struct net_ready_entry ready = ready_of_handle(&bob, r.handle);
    assert_int_equal(ready.ready, NET_READY_ERROR);
    assert_int_equal(ready.error, NET_TIMED_OUT);
}

static void test_reset_before_accept(void **state)
{
    (void)state;
    struct net_reply r;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4), tcp, kept;
    uint16_t port = port_of(&alice, listener);
    net_handle gone = must_open(&bob, NET_TCP_CONNECT, port, 0);
    kept = must_open(&bob, NET_TCP_CONNECT, port, 0);
    assert_int_equal(ask(&r, &bob, NET_ABORT, (struct net_request){.handle = gone}), NET_OK);
    assert_int_equal(ask(&r, &alice, NET_TCP_ACCEPT, (struct net_request){.handle = listener}),
                     NET_OK);
    assert_int_equal(r.address.port, port_of(&bob, kept));
    assert_int_equal(accept_from(&tcp, &alice, listener), NET_WOULD_BLOCK);
}

static void test_backlog_and_first_retransmission(void **state)
{
    (void)state;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 2), tcp;
    uint16_t port = port_of(&alice, listener);
    must_open(&bob, NET_TCP_CONNECT, port, 0);
    must_open(&bob, NET_TCP_CONNECT, port, 0);
    poll_client(&bob);
    net_handle third = must_open(&bob, NET_TCP_CONNECT, port, 0);
    assert_int_equal(ready_of_handle(&bob, third).ready, 0); // no room: its SYN was dropped
    assert_int_equal(accept_from(&tcp, &alice, listener), NET_OK);
    pass_ms(400);
    assert_int_equal(ready_of_handle(&bob, third).ready, 0);
    pass_ms(800); // the initial time-out is 1 s
    assert_int_equal(ready_of_handle(&bob, third).ready, NET_READY_CONNECTED);
    assert_int_equal(accept_from(&tcp, &alice, listener), NET_OK);
    assert_int_equal(accept_from(&tcp, &alice, listener), NET_OK);
}

static void test_closing_a_listener_resets_its_queue(void **state)
{
    (void)state;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4);
    net_handle tcp = must_open(&bob, NET_TCP_CONNECT, port_of(&alice, listener), 0);
    poll_client(&bob);
    assert_int_equal(close_handle(&alice, listener), NET_OK);
    assert_int_equal(ready_of_handle(&bob, tcp).error, NET_RESET);
}

// --- Flow ---

// What is written goes out at once, also while earlier data is not acknowledged.
static void test_no_delay(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    for (uint32_t i = 1; i <= 5; i++) {
        uint32_t len = 1;
        assert_int_equal(write_shared(&bob, p.bobs, &len), NET_OK);
        len = 10;
        assert_int_equal(read_shared(&alice, p.alices, &len), NET_OK);
        assert_int_equal(len, 1);
    }
}

static uint8_t pattern(uint32_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 3 + (i >> 16));
}

static uint32_t write_pattern(struct test_client *c, net_handle tcp, uint32_t from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        c->shared[i] = pattern(from + i);
    }
    enum net_status status = write_shared(c, tcp, &len);
    assert_true(status == NET_OK || status == NET_WOULD_BLOCK);
    return len;
}

static uint32_t read_pattern(struct test_client *c, net_handle tcp, uint32_t from, uint32_t len)
{
    enum net_status status = read_shared(c, tcp, &len);
    assert_true(status == NET_OK || status == NET_WOULD_BLOCK);
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(c->shared[HALF + i], pattern(from + i));
    }
    return len;
}

static void test_bulk(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    uint32_t sent = 0, received = 0, step = 1;
    while (received < 2000000) {
        step = step * 1103515245 + 12345;
        uint32_t want = step >> 8 & 32767;
        sent += want > 0 ? write_pattern(&bob, p.bobs, sent, want) : 0;
        step = step * 1103515245 + 12345;
        received += read_pattern(&alice, p.alices, received, 1 + (step >> 8 & 8191));
        pass_ms(step >> 28 == 0 ? 50 : 0);
    }
}

// A client that does not read closes its own window, and nobody else's; when it reads again, the
// writer is told.
static void test_slow_reader(void **state)
{
    (void)state;
    struct pair slow = connect_pair();
    net_handle fast = must_open(&bob, NET_TCP_CONNECT, port_of(&alice, slow.listener), 0), alices;
    assert_int_equal(accept_from(&alices, &alice, slow.listener), NET_OK);
    poll_client(&bob);
    uint32_t sent = 0, taken;
    do {
        taken = write_pattern(&bob, slow.bobs, sent, 10000);
        sent += taken;
    } while (taken > 0);
    assert_in_range(sent, TCP_RING_BYTES + TCP_SEND_BYTES - TCP_MSS,
                    TCP_RING_BYTES + TCP_SEND_BYTES);
    pass_ms(20000); // the rest of the window is filled, and probed
    sent += write_pattern(&bob, slow.bobs, sent, 10000);
    assert_int_equal(sent, TCP_RING_BYTES + TCP_SEND_BYTES);
    pass_ms(20000);
    assert_int_equal(ready_of_handle(&bob, slow.bobs).ready, 0);
    assert_int_equal(stats_now().pbufs, 0);

    uint32_t across = 0;
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(write_pattern(&bob, fast, across, 10000), 10000);
        assert_int_equal(read_pattern(&alice, alices, across, 10000), 10000);
        across += 10000;
    }
    uint32_t received = 0;
    while (received < sent) {
        received += read_pattern(&alice, slow.alices, received, 5000);
        pass_ms(1000);
    }
    assert_int_equal(ready_of_handle(&bob, slow.bobs).ready, NET_READY_WRITE);
    assert_int_equal(write_pattern(&bob, slow.bobs, sent, 100), 100);
    assert_int_equal(ready_of_handle(&bob, slow.bobs).ready, 0);
}

// One byte per segment, a whole window of them: nothing of lwIP's pools is held.
static void test_tiny_segments(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    uint32_t heap = stats_now().heap_bytes;
    for (uint32_t i = 0; i < TCP_RING_BYTES; i++) {
        assert_int_equal(write_pattern(&bob, p.bobs, i, 1), 1);
    }
    pass_ms(1000);
    struct net_stats s = stats_now();
    assert_int_equal(s.pbufs, 0);
    assert_int_equal(s.segments, 0);
    assert_int_equal(s.heap_bytes, heap);
    assert_int_equal(read_pattern(&alice, p.alices, 0, TCP_RING_BYTES), TCP_RING_BYTES);
}

// All of one client's connections with full send buffers: the other one still gets all of its own.
static void test_full_buffers_everywhere(void **state)
{
    (void)state;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4), mine[DSOFTBUSD_TCP_MAX / 2],
               alices;
    uint16_t port = port_of(&alice, listener);
    for (uint32_t i = 0; i < DSOFTBUSD_TCP_MAX / 2; i++) {
        mine[i] = must_open(&alice, NET_TCP_CONNECT, port, 0);
        assert_int_equal(accept_from(&alices, &alice, listener), NET_OK);
        uint32_t sent = 0, taken;
        do {
            taken = write_pattern(&alice, mine[i], sent, HALF);
            sent += taken;
        } while (taken > 0);
        assert_int_equal(sent, TCP_RING_BYTES + TCP_SEND_BYTES);
    }
    net_handle bobs_listener = must_open(&bob, NET_TCP_LISTEN, 0, 4), a = 0, b = 0;
    for (uint32_t i = 0; i < SELFTEST_TCP_MAX / 2; i++) {
        a = must_open(&bob, NET_TCP_CONNECT, port_of(&bob, bobs_listener), 0);
        assert_int_equal(accept_from(&b, &bob, bobs_listener), NET_OK);
        uint32_t sent = write_pattern(&bob, a, 0, TCP_SEND_BYTES);
        sent += write_pattern(&bob, a, sent, TCP_SEND_BYTES);
        assert_int_equal(sent, TCP_RING_BYTES + TCP_SEND_BYTES);
    }
}

// --- Ends of connections ---

static void test_time_wait_gives_way(void **state)
{
    (void)state;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4), alices;
    uint16_t port = port_of(&alice, listener);
    for (uint32_t i = 0; i < 1000; i++) {
        net_handle bobs = must_open(&bob, NET_TCP_CONNECT, port, 0);
        assert_int_equal(accept_from(&alices, &alice, listener), NET_OK);
        assert_int_equal(close_handle(&bob, bobs), NET_OK); // bob's side goes to TIME_WAIT
        assert_int_equal(close_handle(&alice, alices), NET_OK);
    }
    struct net_stats s = stats_now();
    assert_int_equal(s.tcp_active, 0);
    assert_true(s.tcp_time_wait > SELFTEST_TCP_MAX);
}

// Closed connections whose peer does not read cannot finish: the client's own new connections push
// them out.
static void test_unfinished_closes_give_way(void **state)
{
    (void)state;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4), alices;
    uint16_t port = port_of(&alice, listener);
    for (uint32_t i = 0; i < DSOFTBUSD_TCP_MAX; i++) {
        net_handle bobs = must_open(&bob, NET_TCP_CONNECT, port, 0);
        assert_int_equal(accept_from(&alices, &alice, listener), NET_OK);
        write_pattern(&bob, bobs, 0, TCP_RING_BYTES);
        write_pattern(&bob, bobs, 0, 1000);
        assert_int_equal(close_handle(&bob, bobs), NET_OK);
    }
    assert_true(stats_now().handles <= DSOFTBUSD_TCP_MAX + 1 + SELFTEST_TCP_MAX);
    poll_client(&alice);
}

// --- Time ---

// Connections of an earlier listener, open or in TIME_WAIT, keep no port from its successor: a daemon that is started again
// is there at once. A second listener at a time is refused all the same.
static void test_a_port_outlives_its_listener(void **state)
{
    (void)state;
    net_handle again;
    struct pair open = connect_pair();
    uint16_t port = port_of(&alice, open.listener);
    net_handle bobs = must_open(&bob, NET_TCP_CONNECT, port, 0), alices;
    assert_int_equal(accept_from(&alices, &alice, open.listener), NET_OK);
    assert_int_equal(close_handle(&alice, alices), NET_OK);
    assert_int_equal(close_handle(&bob, bobs), NET_OK);
    assert_int_equal(stats_now().tcp_time_wait, 1); // alice's side
    assert_int_equal(try_open(&again, &alice, NET_TCP_LISTEN, port, 1), NET_ADDR_IN_USE);
    assert_int_equal(try_open(&again, &bob, NET_TCP_LISTEN, port, 1), NET_ADDR_IN_USE);
    assert_int_equal(close_handle(&alice, open.listener), NET_OK);
    assert_int_equal(try_open(&again, &alice, NET_TCP_LISTEN, port, 1), NET_OK);
    net_handle served = must_open(&bob, NET_TCP_CONNECT, port, 0);
    assert_int_equal(accept_from(&alices, &alice, again), NET_OK);
    assert_int_equal(ready_of_handle(&bob, served).ready, NET_READY_CONNECTED);
}

static void test_idle_connections_need_no_timer(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    uint32_t len = 100;
    assert_int_equal(write_shared(&bob, p.bobs, &len), NET_OK);
    assert_true(stack_deadline() <=
                test_now + UINT64_C(250) * NEURON_TICKS_PER_MS); // the acknowledgement
    pass_ms(1000);
    assert_int_equal(stack_deadline(), NEURON_NEVER);
    pass_ms(3600000); // an hour later it is as it was
    len = 100;
    assert_int_equal(write_shared(&bob, p.bobs, &len), NET_OK);
    len = 300;
    assert_int_equal(read_shared(&alice, p.alices, &len), NET_OK);
    assert_int_equal(len, 200);
}

static void test_time_wait_is_one_deadline(void **state)
{
    (void)state;
    struct pair p = connect_pair();
    assert_int_equal(close_handle(&bob, p.bobs), NET_OK);
    assert_int_equal(close_handle(&alice, p.alices), NET_OK);
    pass_ms(1000);
    assert_int_equal(stats_now().tcp_time_wait, 1);
    assert_in_range(stack_deadline(), test_now + UINT64_C(118000) * NEURON_TICKS_PER_MS,
                    test_now + UINT64_C(121000) * NEURON_TICKS_PER_MS);
    pass_ms(100000);
    assert_int_equal(stats_now().tcp_time_wait, 1);
    pass_ms(21000);
    assert_int_equal(stats_now().tcp_time_wait, 0);
    assert_int_equal(stack_deadline(), NEURON_NEVER);
}

// --- Polling ---

static void test_poll_goes_round(void **state)
{
    (void)state;
    net_handle listener = must_open(&alice, NET_TCP_LISTEN, 0, 4), accepted[40];
    uint16_t port = port_of(&alice, listener);
    for (uint32_t i = 0; i < 40; i++) {
        net_handle tcp = must_open(&alice, NET_TCP_CONNECT, port, 0);
        assert_int_equal(accept_from(&accepted[i], &alice, listener), NET_OK);
        assert_int_equal(write_pattern(&alice, tcp, 0, 1), 1);
        assert_int_equal(write_pattern(&alice, accepted[i], 0, 1), 1);
    }
    struct net_poll_reply first = poll_client(&alice), second = poll_client(&alice);
    assert_int_equal(first.count, NET_POLL_MAX);
    assert_int_equal(first.more, 1);
    assert_int_equal(second.count, NET_POLL_MAX);
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < second.count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < first.count; j++) {
            seen |= first.entries[j].handle == second.entries[i].handle;
        }
        fresh += !seen;
    }
    assert_int_equal(fresh, 80 - NET_POLL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_malformed_requests, end_clients),
        cmocka_unit_test_teardown(test_message_lengths, end_clients),
        cmocka_unit_test_teardown(test_stranger, end_clients),
        cmocka_unit_test_teardown(test_handles_belong_to_one_client, end_clients),
        cmocka_unit_test_teardown(test_restarted_client_starts_empty, end_clients),
        cmocka_unit_test_teardown(test_death_resets_connections, end_clients),
        cmocka_unit_test_teardown(test_quotas, end_clients),
        cmocka_unit_test_teardown(test_connection_quota, end_clients),
        cmocka_unit_test_teardown(test_life_of_a_connection, end_clients),
        cmocka_unit_test_teardown(test_end_of_stream, end_clients),
        cmocka_unit_test_teardown(test_last_words_arrive, end_clients),
        cmocka_unit_test_teardown(test_refused, end_clients),
        cmocka_unit_test_teardown(test_nobody_answers, end_clients),
        cmocka_unit_test_teardown(test_reset_before_accept, end_clients),
        cmocka_unit_test_teardown(test_backlog_and_first_retransmission, end_clients),
        cmocka_unit_test_teardown(test_closing_a_listener_resets_its_queue, end_clients),
        cmocka_unit_test_teardown(test_no_delay, end_clients),
        cmocka_unit_test_teardown(test_bulk, end_clients),
        cmocka_unit_test_teardown(test_slow_reader, end_clients),
        cmocka_unit_test_teardown(test_tiny_segments, end_clients),
        cmocka_unit_test_teardown(test_full_buffers_everywhere, end_clients),
        cmocka_unit_test_teardown(test_time_wait_gives_way, end_clients),
        cmocka_unit_test_teardown(test_unfinished_closes_give_way, end_clients),
        cmocka_unit_test_teardown(test_idle_connections_need_no_timer, end_clients),
        cmocka_unit_test_teardown(test_a_port_outlives_its_listener, end_clients),
        cmocka_unit_test_teardown(test_time_wait_is_one_deadline, end_clients),
        cmocka_unit_test_teardown(test_poll_goes_round, end_clients),
    };
    return cmocka_run_group_tests_name("net_facade", tests, start_stack_once, NULL);
}
