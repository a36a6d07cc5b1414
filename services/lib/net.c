// SPDX-License-Identifier: Apache-2.0
// Client stubs of the sockets facade. What the server returns is checked too: a netstackd gone
// wrong must not write past a client's buffer.
#include "services/lib/net.h"

#include "services/lib/string.h"

const char *net_status_name(enum net_status status)
{
    static const char *const names[] = {
        [NET_OK] = "ok",
        [NET_UNSUPPORTED] = "unsupported",
        [NET_WOULD_BLOCK] = "would block",
        [NET_TIMED_OUT] = "timed out",
        [NET_INVALID_INPUT] = "invalid input",
        [NET_BAD_HANDLE] = "bad handle",
        [NET_ADDR_IN_USE] = "address in use",
        [NET_REFUSED] = "refused",
        [NET_UNREACHABLE] = "unreachable",
        [NET_RESET] = "reset",
        [NET_NOT_CONNECTED] = "not connected",
        [NET_DISCONNECTED] = "disconnected",
        [NET_NO_BUFFERS] = "no buffers",
        [NET_INTERNAL] = "internal error",
    };
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "unknown status";
}

// Calls with message[0..len); on NET_OK the reply has exactly reply_len bytes.
static enum net_status call(struct net_client *net, enum net_op op, size_t len, size_t reply_len)
{
    struct sys_reply r = sys_call(net->netstackd, op, len, NEURON_NEVER);
    if (r.status == NEURON_PEER_DIED) {
        return NET_DISCONNECTED;
    }
    if (r.status != NEURON_OK || r.label > NET_INTERNAL) {
        return NET_INTERNAL;
    }
    enum net_status status = (enum net_status)r.label;
    return status == NET_OK && r.len != reply_len ? NET_INTERNAL : status;
}

static enum net_status request(struct net_reply *reply, struct net_client *net, enum net_op op,
                               const struct net_request *q)
{
    memcpy(ipc_page->message, q, sizeof *q);
    enum net_status status = call(net, op, sizeof *q, sizeof *reply);
    if (status == NET_OK) {
        memcpy(reply, ipc_page->message, sizeof *reply);
    }
    return status;
}

// For operations that return nothing but their status.
static enum net_status command(struct net_client *net, enum net_op op, const struct net_request *q)
{
    struct net_reply reply;
    return request(&reply, net, op, q);
}

// For operations that return a handle.
static enum net_status open_handle(net_handle *handle, struct net_client *net, enum net_op op,
                                   const struct net_request *q)
{
    struct net_reply reply;
    enum net_status status = request(&reply, net, op, q);
    if (status == NET_OK && reply.handle == 0) {
        return NET_INTERNAL;
    }
    if (status == NET_OK) {
        *handle = reply.handle;
    }
    return status;
}

static uint32_t half(const struct net_client *net)
{
    return net->shared_len / 2;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

enum net_status net_open(struct net_client *net, neuron_handle netstackd, neuron_handle memory)
{
    void *shared;
    size_t bytes;
    if (sys_map(&shared, &bytes, memory, NEURON_READ | NEURON_WRITE) != NEURON_OK ||
        bytes > UINT32_MAX) {
        return NET_INTERNAL;
    }
    *net = (struct net_client){
        .netstackd = netstackd, .shared = shared, .shared_len = (uint32_t)bytes};
    return NET_OK;
}

enum net_status net_udp_bind(net_handle *udp, struct net_client *net, uint16_t port)
{
    struct net_request q = {.address = net_ipv4(0, 0, 0, 0, port)};
    return open_handle(udp, net, NET_UDP_BIND, &q);
}

enum net_status net_udp_join(struct net_client *net, net_handle udp,
                             const struct net_sockaddr *group)
{
    struct net_request q = {.handle = udp, .address = *group};
    return command(net, NET_UDP_JOIN, &q);
}

enum net_status net_udp_send_to(struct net_client *net, net_handle udp,
                                const struct net_sockaddr *to, const void *data, uint32_t len)
{
    if (len > half(net)) {
        return NET_INVALID_INPUT;
    }
    struct net_request q = {.handle = udp, .len = len, .address = *to};
    memcpy(net->shared, data, len);
    return command(net, NET_UDP_SEND_TO, &q);
}

enum net_status net_udp_recv_from(void *data, uint32_t *len, struct net_sockaddr *from,
                                  struct net_client *net, net_handle udp)
{
    struct net_request q = {.handle = udp, .offset = half(net), .len = min_u32(*len, half(net))};
    struct net_reply reply;
    enum net_status status = request(&reply, net, NET_UDP_RECV_FROM, &q);
    if (status == NET_OK && reply.len > q.len) {
        return NET_INTERNAL;
    }
    if (status == NET_OK) {
        memcpy(data, net->shared + half(net), reply.len);
        *len = reply.len;
        *from = reply.address;
    }
    return status;
}

enum net_status net_tcp_listen(net_handle *listener, struct net_client *net, uint16_t port,
                               uint32_t backlog)
{
    struct net_request q = {.len = backlog, .address = net_ipv4(0, 0, 0, 0, port)};
    return open_handle(listener, net, NET_TCP_LISTEN, &q);
}

enum net_status net_tcp_accept(net_handle *tcp, struct net_sockaddr *peer, struct net_client *net,
                               net_handle listener)
{
    struct net_request q = {.handle = listener};
    struct net_reply reply;
    enum net_status status = request(&reply, net, NET_TCP_ACCEPT, &q);
    if (status == NET_OK && reply.handle == 0) {
        return NET_INTERNAL;
    }
    if (status == NET_OK) {
        *tcp = reply.handle;
        *peer = reply.address;
    }
    return status;
}

enum net_status net_tcp_connect(net_handle *tcp, struct net_client *net,
                                const struct net_sockaddr *to)
{
    struct net_request q = {.address = *to};
    return open_handle(tcp, net, NET_TCP_CONNECT, &q);
}

enum net_status net_tcp_read(void *data, uint32_t *len, struct net_client *net, net_handle tcp)
{
    struct net_request q = {.handle = tcp, .offset = half(net), .len = min_u32(*len, half(net))};
    struct net_reply reply;
    enum net_status status = request(&reply, net, NET_TCP_READ, &q);
    if (status == NET_OK && reply.len > q.len) {
        return NET_INTERNAL;
    }
    if (status == NET_OK) {
        memcpy(data, net->shared + half(net), reply.len);
        *len = reply.len;
    }
    return status;
}

enum net_status net_tcp_write(struct net_client *net, net_handle tcp, const void *data,
                              uint32_t *len)
{
    struct net_request q = {.handle = tcp, .len = min_u32(*len, half(net))};
    struct net_reply reply;
    memcpy(net->shared, data, q.len);
    enum net_status status = request(&reply, net, NET_TCP_WRITE, &q);
    if (status == NET_OK && reply.len > q.len) {
        return NET_INTERNAL;
    }
    if (status == NET_OK) {
        *len = reply.len;
    }
    return status;
}

enum net_status net_tcp_shutdown(struct net_client *net, net_handle tcp)
{
    struct net_request q = {.handle = tcp};
    return command(net, NET_TCP_SHUTDOWN, &q);
}

enum net_status net_close(struct net_client *net, net_handle handle)
{
    struct net_request q = {.handle = handle};
    return command(net, NET_CLOSE, &q);
}

enum net_status net_abort(struct net_client *net, net_handle handle)
{
    struct net_request q = {.handle = handle};
    return command(net, NET_ABORT, &q);
}

enum net_status net_local_addr(struct net_sockaddr *address, struct net_client *net,
                               net_handle handle)
{
    struct net_request q = {.handle = handle};
    struct net_reply reply;
    enum net_status status = request(&reply, net, NET_LOCAL_ADDR, &q);
    if (status == NET_OK) {
        *address = reply.address;
    }
    return status;
}

enum net_status net_ping(net_handle *ping, struct net_client *net, const struct net_sockaddr *to)
{
    struct net_request q = {.address = *to};
    return open_handle(ping, net, NET_PING, &q);
}

enum net_status net_ping_result(uint32_t *round_trip_us, struct net_client *net, net_handle ping)
{
    struct net_request q = {.handle = ping};
    struct net_reply reply;
    enum net_status status = request(&reply, net, NET_PING_RESULT, &q);
    if (status == NET_OK) {
        *round_trip_us = reply.len;
    }
    return status;
}

enum net_status net_poll(struct net_poll_reply *out, struct net_client *net)
{
    enum net_status status = call(net, NET_POLL, 0, sizeof *out);
    if (status != NET_OK) {
        return status;
    }
    memcpy(out, ipc_page->message, sizeof *out);
    return out->count <= NET_POLL_MAX ? NET_OK : NET_INTERNAL;
}

enum net_status net_stats(struct net_stats *out, struct net_client *net)
{
    enum net_status status = call(net, NET_STATS, 0, sizeof *out);
    if (status == NET_OK) {
        memcpy(out, ipc_page->message, sizeof *out);
    }
    return status;
}
