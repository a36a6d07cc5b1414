// SPDX-License-Identifier: Apache-2.0
// netstackd's datagram sockets, multicast and pings; frames from outside; the checksum; the
// self-check.
#include "tests/unit/net_fixture.h"

#include "lwip/igmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/prot/ip.h"
#include "services/netstackd/self_check.h"

static enum net_status send_to(struct test_client *c, net_handle udp, struct net_sockaddr to,
                               uint32_t len)
{
    struct net_reply r;
    return ask(&r, c, NET_UDP_SEND_TO,
               (struct net_request){.handle = udp, .len = len, .address = to});
}

static enum net_status recv_from(uint32_t *len, struct net_sockaddr *from, struct test_client *c,
                                 net_handle udp)
{
    struct net_reply r;
    enum net_status status = ask(&r, c, NET_UDP_RECV_FROM,
                                 (struct net_request){.handle = udp, .offset = HALF, .len = *len});
    *len = r.len;
    *from = r.address;
    return status;
}

static void test_datagrams(void **state)
{
    (void)state;
    net_handle a = must_open(&alice, NET_UDP_BIND, 0, 0), b = must_open(&bob, NET_UDP_BIND, 0, 0);
    struct net_sockaddr to = loopback(port_of(&bob, b)),
                        from_expected = loopback(port_of(&alice, a)), from;
    for (uint32_t i = 0; i < UDP_PAYLOAD_BYTES_MAX; i++) {
        alice.shared[i] = (uint8_t)(i * 5);
    }
    static const uint32_t lengths[] = {0, 1, 7, 8, 1471, UDP_PAYLOAD_BYTES_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        facade_take_signals();
        assert_int_equal(send_to(&alice, a, to, lengths[i]), NET_OK);
        assert_int_equal(facade_take_signals(), 2);
        assert_int_equal(ready_of_handle(&bob, b).ready, NET_READY_READ);
        uint32_t len = HALF;
        assert_int_equal(recv_from(&len, &from, &bob, b), NET_OK);
        assert_int_equal(len, lengths[i]);
        assert_memory_equal(bob.shared + HALF, alice.shared, len);
        assert_memory_equal(&from, &from_expected, sizeof from);
        assert_int_equal(recv_from(&len, &from, &bob, b), NET_WOULD_BLOCK);
        assert_int_equal(ready_of_handle(&bob, b).ready, 0);
    }
}

static void test_datagram_is_cut_to_the_room(void **state)
{
    (void)state;
    net_handle a = must_open(&alice, NET_UDP_BIND, 0, 0), b = must_open(&bob, NET_UDP_BIND, 0, 0);
    struct net_sockaddr to = loopback(port_of(&bob, b)), from;
    memcpy(alice.shared, "abcdef", 6);
    assert_int_equal(send_to(&alice, a, to, 6), NET_OK);
    assert_int_equal(send_to(&alice, a, to, 2), NET_OK);
    uint32_t len = 4;
    assert_int_equal(recv_from(&len, &from, &bob, b), NET_OK);
    assert_int_equal(len, 4);
    len = 4; // the rest of the first is gone
    assert_int_equal(recv_from(&len, &from, &bob, b), NET_OK);
    assert_int_equal(len, 2);
    assert_memory_equal(bob.shared + HALF, "ab", 2);
}

// A full ring drops whole datagrams, and only its own.
static void test_full_ring_drops(void **state)
{
    (void)state;
    net_handle a = must_open(&alice, NET_UDP_BIND, 0, 0), b = must_open(&bob, NET_UDP_BIND, 0, 0);
    net_handle other = must_open(&bob, NET_UDP_BIND, 0, 0);
    struct net_sockaddr from;
    for (uint32_t i = 0; i < 100; i++) {
        alice.shared[0] = (uint8_t)i;
        assert_int_equal(send_to(&alice, a, loopback(port_of(&bob, b)), 1000), NET_OK);
    }
    assert_int_equal(send_to(&alice, a, loopback(port_of(&bob, other)), 10), NET_OK);
    assert_int_equal(stats_now().pbufs, 0);
    uint32_t len, kept = 0;
    while (len = HALF, recv_from(&len, &from, &bob, b) == NET_OK) {
        assert_int_equal(len, 1000);
        assert_int_equal(bob.shared[HALF], kept++);
    }
    assert_int_equal(kept, UDP_RING_BYTES / 1008);
    len = HALF;
    assert_int_equal(recv_from(&len, &from, &bob, other), NET_OK);
}

static void test_port_is_taken(void **state)
{
    (void)state;
    net_handle handle;
    must_open(&alice, NET_UDP_BIND, 37020, 0);
    assert_int_equal(try_open(&handle, &bob, NET_UDP_BIND, 37020, 0), NET_ADDR_IN_USE);
    must_open(&alice, NET_TCP_LISTEN, 34567, 1);
    assert_int_equal(try_open(&handle, &bob, NET_TCP_LISTEN, 34567, 1), NET_ADDR_IN_USE);
}

// Our own multicast comes back to members of the group; a join is announced to the network, once,
// and timed out of the way.
static void test_multicast(void **state)
{
    (void)state;
    struct net_reply r;
    struct net_sockaddr group = net_ipv4(239, 42, 0, 1, 37020), from;
    struct net_request bind = {.address = net_ipv4(0, 0, 0, 0, 37020)};
    assert_int_equal(ask(&r, &alice, NET_UDP_BIND, bind), NET_OK);
    net_handle member = r.handle;
    bind.address.port = 0;
    assert_int_equal(ask(&r, &bob, NET_UDP_BIND, bind), NET_OK);
    net_handle sender = r.handle;

    uint32_t len = HALF;
    assert_int_equal(send_to(&bob, sender, group, 5), NET_OK);
    assert_int_equal(recv_from(&len, &from, &alice, member), NET_WOULD_BLOCK); // not a member yet
    frames_sent = 0;
    struct net_request join = {.handle = member, .address = group};
    assert_int_equal(ask(&r, &alice, NET_UDP_JOIN, join), NET_OK);
    assert_int_equal(ask(&r, &alice, NET_UDP_JOIN, join), NET_ADDR_IN_USE);
    assert_int_equal(frames_sent, 1); // the membership report
    assert_int_not_equal(stack_deadline(), NEURON_NEVER);
    pass_ms(2000);
    assert_int_equal(frames_sent, 2); // and its repetition
    assert_int_equal(stack_deadline(), NEURON_NEVER);

    assert_int_equal(send_to(&bob, sender, group, 5), NET_OK);
    assert_int_equal(frames_sent, 3); // it also goes out
    len = HALF;
    assert_int_equal(recv_from(&len, &from, &alice, member), NET_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(from.address, "\x0a\x2a\x00\x0a", 4);

    ip4_addr_t address;
    IP4_ADDR(&address, 239, 42, 0, 1);
    assert_non_null(igmp_lookfor_group(&test_ethernet, &address));
    assert_int_equal(close_handle(&alice, member), NET_OK);
    assert_null(igmp_lookfor_group(&test_ethernet, &address));
}

static void test_ping_of_ourselves(void **state)
{
    (void)state;
    struct net_reply r;
    struct net_request q = {.address = loopback(7)};
    facade_take_signals();
    assert_int_equal(ask(&r, &alice, NET_PING, q), NET_OK);
    net_handle ping = r.handle;
    assert_int_equal(facade_take_signals(), 1);
    assert_int_equal(ready_of_handle(&alice, ping).ready, NET_READY_READ);
    assert_int_equal(ask(&r, &alice, NET_PING_RESULT, (struct net_request){.handle = ping}),
                     NET_OK);
    assert_int_equal(ask(&r, &alice, NET_PING_RESULT, (struct net_request){.handle = ping}),
                     NET_BAD_HANDLE);
}

// --- Frames from outside ---

static void put_be16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

// An IPv4 packet with this payload arrives on the Ethernet.
static void inject(const uint8_t source[4], const uint8_t destination[4], uint8_t protocol,
                   const uint8_t *payload, uint32_t len)
{
    uint8_t frame[1514] = {0x52, 0x54, 0, 0x12, 0x34, 0x0a, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
    uint8_t *ip = frame + 14;
    put_be16(ip + 2, 20 + len);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, source, 4);
    memcpy(ip + 16, destination, 4);
    uint16_t sum = inet_chksum(ip, 20);
    memcpy(ip + 10, &sum, 2);
    memcpy(ip + 20, payload, len);
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)(34 + len), PBUF_POOL);
    assert_non_null(p);
    assert_int_equal(pbuf_take(p, frame, (u16_t)(34 + len)), ERR_OK);
    if (test_ethernet.input(p, &test_ethernet) != ERR_OK) {
        pbuf_free(p);
    }
    stack_loop();
}

static const uint8_t own[4] = {10, 42, 0, 10}, neighbour[4] = {10, 42, 0, 11};

// Nobody outside can speak in this machine's name.
static void test_frames_that_claim_to_be_ours(void **state)
{
    (void)state;
    struct net_reply r;
    struct net_sockaddr from;
    assert_int_equal(
        ask(&r, &alice, NET_UDP_BIND, (struct net_request){.address = net_ipv4(0, 0, 0, 0, 5000)}),
        NET_OK);
    static const struct {
        uint8_t source[4], destination[4];
        enum net_status expected;
    } rows[] = {
        {{10, 42, 0, 11}, {10, 42, 0, 10}, NET_OK},
        {{127, 0, 0, 1}, {10, 42, 0, 10}, NET_WOULD_BLOCK},
        {{10, 42, 0, 10}, {10, 42, 0, 10}, NET_WOULD_BLOCK},
        {{10, 42, 0, 11}, {127, 0, 0, 1}, NET_WOULD_BLOCK},
        {{10, 42, 0, 255}, {10, 42, 0, 10}, NET_WOULD_BLOCK},
        {{239, 42, 0, 1}, {10, 42, 0, 10}, NET_WOULD_BLOCK},
        {{10, 42, 0, 11}, {10, 42, 0, 12}, NET_WOULD_BLOCK},
        {{10, 42, 0, 11}, {255, 255, 255, 255}, NET_OK},
    };
    uint8_t udp[12] = {0x12, 0x34, 5000 >> 8, 5000 & 255, 0, 12, 0, 0, 'w', 'o', 'r', 'd'};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        inject(rows[i].source, rows[i].destination, IP_PROTO_UDP, udp, sizeof udp);
        uint32_t len = HALF;
        assert_int_equal(recv_from(&len, &from, &alice, r.handle), rows[i].expected);
    }
}

// "Destination unreachable" that quotes an ICMP message to our neighbour, once for each id.
static void unreachable_for_all_ids(net_handle ping, uint8_t quoted_type, uint16_t sequence)
{
    uint8_t icmp[36] = {3, [8] = 0x45, [28] = quoted_type};
    memcpy(icmp + 20, own, 4);
    memcpy(icmp + 24, neighbour, 4);
    put_be16(icmp + 34, sequence);
    for (uint32_t id = 0; id < 65536 && ready_of_handle(&alice, ping).ready == 0; id++) {
        put_be16(icmp + 32, id);
        memset(icmp + 2, 0, 2);
        uint16_t sum = inet_chksum(icmp, sizeof icmp);
        memcpy(icmp + 2, &sum, 2);
        inject(neighbour, own, IP_PROTO_ICMP, icmp, sizeof icmp);
    }
}

// ICMP from outside that nobody asked for, or that is cut short, changes no ping.
static void test_ping_answers(void **state)
{
    (void)state;
    struct net_reply r;
    struct net_request q = {.address = net_ipv4(10, 42, 0, 11, 77)};
    assert_int_equal(ask(&r, &alice, NET_PING, q), NET_OK);
    net_handle ping = r.handle;
    uint8_t icmp[600] = {0};
    for (uint32_t len = 0; len < sizeof icmp; len += len < 64 ? 1 : 97) {
        for (unsigned type = 0; type < 16; type++) {
            icmp[0] = (uint8_t)type;
            memset(icmp + 2, 0, 2);
            uint16_t sum = inet_chksum(icmp, (u16_t)len);
            memcpy(icmp + 2, &sum, 2);
            inject(neighbour, own, IP_PROTO_ICMP, icmp, len);
        }
    }
    assert_int_equal(ready_of_handle(&alice, ping).ready, 0);
    assert_int_equal(ask(&r, &alice, NET_PING_RESULT, (struct net_request){.handle = ping}),
                     NET_WOULD_BLOCK);

    // Destination unreachable: its id is found by trying them all. Only one that quotes an echo
    // request with our sequence number counts.
    unreachable_for_all_ids(ping, 0, 77);
    unreachable_for_all_ids(ping, 8, 78);
    assert_int_equal(ready_of_handle(&alice, ping).ready, 0);
    unreachable_for_all_ids(ping, 8, 77);
    assert_int_equal(ready_of_handle(&alice, ping).ready, NET_READY_ERROR);
    assert_int_equal(ready_of_handle(&alice, ping).error, NET_UNREACHABLE);
    assert_int_equal(close_handle(&alice, ping), NET_OK);
}

// Random bytes in place of every protocol: nothing is kept of them.
static void test_garbage(void **state)
{
    (void)state;
    must_open(&alice, NET_TCP_LISTEN, 34567, 4);
    uint8_t payload[200];
    uint32_t random = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        for (uint32_t j = 0; j < sizeof payload; j++) {
            random = random * 1664525 + 1013904223;
            payload[j] = (uint8_t)(random >> 24);
        }
        static const uint8_t protocols[] = {IP_PROTO_ICMP, IP_PROTO_IGMP, IP_PROTO_UDP,
                                            IP_PROTO_TCP, 41};
        inject(neighbour, own, protocols[i % 5], payload, random >> 8 & 127);
    }
    assert_int_equal(stats_now().pbufs, 0);
    assert_int_equal(stats_now().tcp_active, 0);
}

// --- The rest ---

static uint16_t plain_sum(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += (uint32_t)bytes[i] << (i % 2 * 8);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static void test_checksum(void **state)
{
    (void)state;
    static uint8_t bytes[70000] __attribute__((aligned(8)));
    uint32_t random = 7;
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(random >> 24);
    }
    for (size_t start = 0; start < 9; start++) {
        for (size_t len = 0; len < 200; len++) {
            assert_int_equal(stack_checksum(bytes + start, (int)len),
                             plain_sum(bytes + start, len));
        }
    }
    assert_int_equal(stack_checksum(bytes + 3, 65535), plain_sum(bytes + 3, 65535));
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(stack_checksum(bytes, 65536), plain_sum(bytes, 65536));
    assert_int_equal(stack_checksum(bytes + 1, 65535), plain_sum(bytes + 1, 65535));
}

static void test_self_check(void **state)
{
    (void)state;
    static uint8_t shared[SELF_CHECK_SHARED_BYTES];
    struct facade_client_config self = {
        2, shared, sizeof shared, {SELF_TCP_MAX, SELF_LISTENERS_MAX, SELF_UDP_MAX, 0}};
    facade_start(&self, 1);
    const char *failure = self_check(2, shared);
    assert_null(failure);
    // It fails when the facade does: here, when one of its quotas is not there.
    for (size_t kind = 0; kind < 3; kind++) {
        struct facade_client_config poor = self;
        poor.quota[kind]--;
        facade_start(&poor, 1);
        assert_non_null(self_check(2, shared));
    }
    restart_facade();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_datagrams, end_clients),
        cmocka_unit_test_teardown(test_datagram_is_cut_to_the_room, end_clients),
        cmocka_unit_test_teardown(test_full_ring_drops, end_clients),
        cmocka_unit_test_teardown(test_port_is_taken, end_clients),
        cmocka_unit_test_teardown(test_multicast, end_clients),
        cmocka_unit_test_teardown(test_ping_of_ourselves, end_clients),
        cmocka_unit_test_teardown(test_frames_that_claim_to_be_ours, end_clients),
        cmocka_unit_test_teardown(test_ping_answers, end_clients),
        cmocka_unit_test_teardown(test_garbage, end_clients),
        cmocka_unit_test_teardown(test_checksum, end_clients),
        cmocka_unit_test_teardown(test_self_check, end_clients),
    };
    return cmocka_run_group_tests_name("net_datagrams", tests, start_stack_once, NULL);
}
