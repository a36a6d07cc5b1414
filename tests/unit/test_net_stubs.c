// SPDX-License-Identifier: Apache-2.0
// The facade's client stubs against a netstackd that lies: what they hand on is bounded whatever
// the reply says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "services/lib/net.h"

enum { SHARED = 4096, ROOM = 64 };

static uint8_t shared[SHARED];
static struct net_client net = {.netstackd = 5, .shared = shared, .shared_len = SHARED};

// What the server answers, and what it was asked.
static struct {
    struct sys_reply reply;
    uint8_t bytes[NEURON_MESSAGE_BYTES_MAX];
    uint64_t op;
    size_t asked_len;
    struct net_request asked;
} server;

struct sys_reply sys_call(neuron_handle endpoint, uint64_t label, size_t len, uint64_t deadline)
{
    assert_int_equal(endpoint, 5);
    assert_int_equal(deadline, NEURON_NEVER);
    server.op = label;
    server.asked_len = len;
    memcpy(&server.asked, ipc_page->message, sizeof server.asked);
    memcpy(ipc_page->message, server.bytes, sizeof server.bytes);
    return server.reply;
}

enum neuron_status sys_map(void **address, size_t *bytes, neuron_handle object, unsigned rights)
{
    (void)rights;
    *address = shared;
    *bytes = SHARED;
    return object == 6 ? NEURON_OK : NEURON_BAD_HANDLE;
}

static int map_ipc_page(void **state)
{
    (void)state;
    void *page = mmap((void *)NEURON_IPC_PAGE, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return page == (void *)NEURON_IPC_PAGE ? 0 : 1;
}

static void answer(enum neuron_status status, uint64_t label, size_t len, const void *bytes,
                   size_t bytes_len)
{
    server.reply = (struct sys_reply){status, label, len};
    memset(server.bytes, 0, sizeof server.bytes);
    memcpy(server.bytes, bytes, bytes_len);
}

static void answer_ok(const struct net_reply *r)
{
    answer(NEURON_OK, NET_OK, sizeof *r, r, sizeof *r);
}

static void test_requests(void **state)
{
    (void)state;
    struct net_reply r = {.handle = 77, .len = 3};
    net_handle handle = 0;
    answer_ok(&r);
    assert_int_equal(net_udp_bind(&handle, &net, 37020), NET_OK);
    assert_int_equal(handle, 77);
    assert_int_equal(server.op, NET_UDP_BIND);
    assert_int_equal(server.asked_len, sizeof(struct net_request));
    struct net_sockaddr any = net_ipv4(0, 0, 0, 0, 37020);
    assert_memory_equal(&server.asked.address, &any, sizeof any);

    uint32_t len = 5;
    assert_int_equal(net_tcp_write(&net, 9, "hello", &len), NET_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(shared, "hello", 5);
    assert_int_equal(server.asked.handle, 9);
    assert_int_equal(server.asked.len, 5);

    uint8_t out[ROOM] = {0};
    len = ROOM;
    memset(shared + SHARED / 2, 'a', 3);
    assert_int_equal(net_tcp_read(out, &len, &net, 9), NET_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(out, "aaa\0", 4);
    assert_int_equal(server.asked.offset, SHARED / 2);
    assert_int_equal(server.asked.len, ROOM);
}

// No write is longer than a half of the shared memory.
static void test_long_writes(void **state)
{
    (void)state;
    static uint8_t data[SHARED];
    struct net_reply r = {.len = SHARED / 2};
    struct net_sockaddr to = net_ipv4(127, 0, 0, 1, 1);
    answer_ok(&r);
    uint32_t len = sizeof data;
    memset(shared, 0xaa, SHARED);
    assert_int_equal(net_tcp_write(&net, 9, data, &len), NET_OK);
    assert_int_equal(server.asked.len, SHARED / 2);
    assert_int_equal(shared[SHARED / 2], 0xaa);
    assert_int_equal(net_udp_send_to(&net, 9, &to, data, SHARED / 2 + 1), NET_INVALID_INPUT);
}

static void test_lies(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum neuron_status status;
        uint64_t label;
        size_t len;
        uint32_t reply_len;
        enum net_status expected;
    } rows[] = {
        {"unknown status", NEURON_OK, NET_INTERNAL + 1, 0, 0, NET_INTERNAL},
        {"status 2^32", NEURON_OK, UINT64_C(1) << 32, sizeof(struct net_reply), 1, NET_INTERNAL},
        {"short reply", NEURON_OK, NET_OK, sizeof(struct net_reply) - 1, 1, NET_INTERNAL},
        {"long reply", NEURON_OK, NET_OK, sizeof(struct net_reply) + 1, 1, NET_INTERNAL},
        {"no reply", NEURON_OK, NET_OK, 0, 1, NET_INTERNAL},
        {"more than the room", NEURON_OK, NET_OK, sizeof(struct net_reply), ROOM + 1, NET_INTERNAL},
        {"2^32-1 bytes", NEURON_OK, NET_OK, sizeof(struct net_reply), 0xffffffff, NET_INTERNAL},
        {"server died", NEURON_PEER_DIED, NET_OK, sizeof(struct net_reply), 1, NET_DISCONNECTED},
        {"call refused", NEURON_NO_RIGHT, NET_OK, sizeof(struct net_reply), 1, NET_INTERNAL},
        {"error", NEURON_OK, NET_RESET, 0, 1, NET_RESET},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net_reply r = {.handle = 7, .len = rows[i].reply_len};
        struct net_sockaddr from;
        uint8_t out[ROOM + 8];
        memset(out, 0x55, sizeof out);
        memset(shared, 0xaa, SHARED);
        answer(rows[i].status, rows[i].label, rows[i].len, &r, sizeof r);
        uint32_t read = ROOM, received = ROOM, written = ROOM;
        enum net_status results[] = {
            net_tcp_read(out, &read, &net, 9),
            net_udp_recv_from(out, &received, &from, &net, 9),
            net_tcp_write(&net, 9, out, &written),
        };
        for (size_t j = 0; j < 3; j++) {
            if (results[j] != rows[i].expected) {
                fail_msg("row %zu, %s, call %zu: %s", i, rows[i].name, j,
                         net_status_name(results[j]));
            }
        }
        assert_true(read == ROOM && received == ROOM && written == ROOM);
        for (size_t j = 0; j < sizeof out; j++) {
            assert_int_equal(out[j], 0x55);
        }
    }
}

static void test_handle_0_is_a_lie(void **state)
{
    (void)state;
    struct net_reply r = {0};
    struct net_sockaddr peer;
    net_handle handle = 99;
    answer_ok(&r);
    assert_int_equal(net_udp_bind(&handle, &net, 1), NET_INTERNAL);
    assert_int_equal(net_tcp_accept(&handle, &peer, &net, 1), NET_INTERNAL);
    assert_int_equal(handle, 99);
}

static void test_poll(void **state)
{
    (void)state;
    struct net_poll_reply p = {.count = NET_POLL_MAX,
                               .entries = {{.handle = 5, .ready = NET_READY_READ}}},
                          out;
    answer(NEURON_OK, NET_OK, sizeof p, &p, sizeof p);
    assert_int_equal(net_poll(&out, &net), NET_OK);
    assert_memory_equal(&out, &p, sizeof p);
    assert_int_equal(server.asked_len, 0);
    p.count = NET_POLL_MAX + 1;
    answer(NEURON_OK, NET_OK, sizeof p, &p, sizeof p);
    assert_int_equal(net_poll(&out, &net), NET_INTERNAL);
}

static void test_open(void **state)
{
    (void)state;
    struct net_client opened;
    assert_int_equal(net_open(&opened, 5, 7), NET_INTERNAL);
    assert_int_equal(net_open(&opened, 5, 6), NET_OK);
    assert_ptr_equal(opened.shared, shared);
    assert_int_equal(opened.shared_len, SHARED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_long_writes),
        cmocka_unit_test(test_lies),     cmocka_unit_test(test_handle_0_is_a_lie),
        cmocka_unit_test(test_poll),     cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests_name("net_stubs", tests, map_ipc_page, NULL);
}
