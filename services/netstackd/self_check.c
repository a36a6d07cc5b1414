// SPDX-License-Identifier: Apache-2.0
// The check of the facade through the facade.
#include "services/netstackd/self_check.h"

#include "services/lib/string.h"
#include "services/netstackd/facade.h"
#include "services/netstackd/stack.h"

enum { HALF = SELF_CHECK_SHARED_BYTES / 2 };

static const uint8_t word[8] = {'f', 'a', 'c', 'a', 'd', 'e', '?', '!'};
static uint32_t self;
static uint8_t *self_shared;

static enum net_status ask(struct net_reply *reply, enum net_op op, const struct net_request *q)
{
    union facade_reply answer;
    size_t len;
    enum net_status status = facade_serve(&answer, &len, self, op, (const uint8_t *)q, sizeof *q);
    *reply = answer.one;
    stack_loop();
    return status == NET_OK && len != sizeof *reply ? NET_INTERNAL : status;
}

static enum net_status open_socket(net_handle *handle, enum net_op op, uint32_t backlog,
                                   uint16_t port)
{
    struct net_reply reply;
    struct net_request q = {.len = backlog, .address = net_ipv4(127, 0, 0, 1, port)};
    enum net_status status = ask(&reply, op, &q);
    *handle = reply.handle;
    return status;
}

static uint16_t port_of(net_handle handle)
{
    struct net_reply reply;
    struct net_request q = {.handle = handle};
    return ask(&reply, NET_LOCAL_ADDR, &q) == NET_OK ? reply.address.port : 0;
}

// `from` sends the word (to a port, if it is a datagram), `to` receives it.
static bool word_crosses(enum net_op send, net_handle from, uint16_t port, enum net_op receive,
                         net_handle to)
{
    struct net_reply reply;
    struct net_request out = {
        .handle = from, .len = sizeof word, .address = net_ipv4(127, 0, 0, 1, port)};
    struct net_request in = {.handle = to, .offset = HALF, .len = HALF};
    memcpy(self_shared, word, sizeof word);
    memset(self_shared + HALF, 0, HALF);
    return ask(&reply, send, &out) == NET_OK && ask(&reply, receive, &in) == NET_OK &&
           reply.len == sizeof word && memcmp(self_shared + HALF, word, sizeof word) == 0;
}

static const char *check_udp(void)
{
    net_handle a, b;
    if (open_socket(&a, NET_UDP_BIND, 0, 0) != NET_OK ||
        open_socket(&b, NET_UDP_BIND, 0, 0) != NET_OK) {
        return "udp bind";
    }
    return word_crosses(NET_UDP_SEND_TO, a, port_of(b), NET_UDP_RECV_FROM, b) ? 0 : "udp loopback";
}

static const char *check_tcp(void)
{
    net_handle listener, dialled;
    struct net_reply accepted;
    if (open_socket(&listener, NET_TCP_LISTEN, 1, 0) != NET_OK) {
        return "tcp listen";
    }
    if (open_socket(&dialled, NET_TCP_CONNECT, 0, port_of(listener)) != NET_OK) {
        return "tcp connect";
    }
    struct net_request q = {.handle = listener};
    if (ask(&accepted, NET_TCP_ACCEPT, &q) != NET_OK) {
        return "tcp accept";
    }
    return word_crosses(NET_TCP_WRITE, dialled, 0, NET_TCP_READ, accepted.handle) ? 0
                                                                                  : "tcp loopback";
}

const char *self_check(uint32_t process, uint8_t shared[static SELF_CHECK_SHARED_BYTES])
{
    self = process;
    self_shared = shared;
    const char *failure = check_udp();
    if (failure == 0) {
        failure = check_tcp();
    }
    facade_client_ended(process); // and what it opened is gone
    stack_loop();
    return failure;
}
