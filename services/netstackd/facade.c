// SPDX-License-Identifier: Apache-2.0
// The facade: validates each request completely, then performs it.
#include "services/netstackd/facade.h"

#include "kernel/abi/neuron.h"
#include "lwip/memp.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "services/lib/string.h"
#include "services/netstackd/socket.h"
#include "services/netstackd/stack.h"

_Static_assert(sizeof(union facade_reply) <= NEURON_MESSAGE_BYTES_MAX, "a reply fits a message");
_Static_assert(BACKLOG_MAX == NET_BACKLOG_MAX, "what clients are told");
_Static_assert(UDP_PAYLOAD_BYTES_MAX == NET_UDP_PAYLOAD_MAX, "what clients are told");

static struct facade_client clients[CLIENTS_MAX];
static uint32_t client_count;

// A request after validation.
struct call {
    struct facade_client *client;
    struct socket *socket; // 0 where the operation takes none
    struct net_request request;
    ip4_addr_t address;
    uint8_t *data; // request.len bytes of the shared memory
};

// --- The operations ---

static void reply_address(struct net_reply *reply, const ip4_addr_t *address, uint16_t port)
{
    reply->address = net_ipv4(ip4_addr1(address), ip4_addr2(address), ip4_addr3(address),
                              ip4_addr4(address), port);
}

static enum net_status reply_handle(struct net_reply *reply, enum net_status status,
                                    struct socket *const *opened)
{
    if (status == NET_OK) {
        reply->handle = socket_handle(*opened);
    }
    return status;
}

static enum net_status op_udp_bind(struct net_reply *reply, const struct call *c)
{
    struct socket *s = NULL;
    if (!stack_owns_address(&c->address)) {
        return NET_INVALID_INPUT;
    }
    return reply_handle(reply, udp_open(&s, c->client, &c->address, c->request.address.port), &s);
}

static enum net_status op_udp_join(struct net_reply *reply, const struct call *c)
{
    (void)reply;
    return udp_join_group(c->socket, &c->address);
}

static enum net_status op_udp_send_to(struct net_reply *reply, const struct call *c)
{
    (void)reply;
    return udp_send_one(c->socket, &c->address, c->request.address.port, c->data, c->request.len);
}

static enum net_status op_udp_recv_from(struct net_reply *reply, const struct call *c)
{
    ip4_addr_t from;
    uint16_t port;
    reply->len = c->request.len;
    enum net_status status = udp_receive_one(&reply->len, &from, &port, c->socket, c->data);
    if (status == NET_OK) {
        reply_address(reply, &from, port);
    }
    return status;
}

static enum net_status op_tcp_listen(struct net_reply *reply, const struct call *c)
{
    struct socket *s = NULL;
    uint32_t backlog = c->request.len;
    if (!stack_owns_address(&c->address) || backlog == 0 || backlog > BACKLOG_MAX) {
        return NET_INVALID_INPUT;
    }
    return reply_handle(
        reply, tcp_listen_start(&s, c->client, &c->address, c->request.address.port, backlog), &s);
}

static enum net_status op_tcp_accept(struct net_reply *reply, const struct call *c)
{
    struct socket *s = NULL;
    enum net_status status = reply_handle(reply, tcp_accept_one(&s, c->socket), &s);
    if (status == NET_OK) {
        reply_address(reply, &s->tcp.peer, s->tcp.peer_port);
    }
    return status;
}

static enum net_status op_tcp_connect(struct net_reply *reply, const struct call *c)
{
    struct socket *s = NULL;
    if (ip4_addr_isany_val(c->address) || ip4_addr_ismulticast(&c->address) ||
        c->address.addr == IPADDR_BROADCAST || c->request.address.port == 0) {
        return NET_INVALID_INPUT;
    }
    return reply_handle(reply,
                        tcp_connect_start(&s, c->client, &c->address, c->request.address.port), &s);
}

static enum net_status op_tcp_read(struct net_reply *reply, const struct call *c)
{
    reply->len = c->request.len;
    return c->request.len == 0 ? NET_INVALID_INPUT : tcp_read_some(&reply->len, c->socket, c->data);
}

static enum net_status op_tcp_write(struct net_reply *reply, const struct call *c)
{
    reply->len = c->request.len;
    return c->request.len == 0 ? NET_INVALID_INPUT
                               : tcp_write_some(&reply->len, c->socket, c->data);
}

static enum net_status op_tcp_shutdown(struct net_reply *reply, const struct call *c)
{
    (void)reply;
    return tcp_shut(c->socket);
}

static void close_socket(struct socket *s, bool abort)
{
    switch (s->kind) {
    case SOCKET_TCP:
        if (abort) {
            tcp_socket_abort(s);
        } else {
            tcp_socket_close(s);
        }
        break;
    case SOCKET_LISTENER:
        tcp_listener_close(s);
        break;
    case SOCKET_UDP:
        udp_socket_close(s);
        break;
    case SOCKET_PING:
        socket_free(s);
        break;
    case SOCKET_KINDS:
        break;
    }
}

static enum net_status op_close(struct net_reply *reply, const struct call *c)
{
    (void)reply;
    close_socket(c->socket, false);
    return NET_OK;
}

static enum net_status op_abort(struct net_reply *reply, const struct call *c)
{
    (void)reply;
    close_socket(c->socket, true);
    return NET_OK;
}

static enum net_status interface_address(struct net_reply *reply)
{
    struct netif *netif = netif_default;
    if (netif == NULL || ip4_addr_isany_val(*netif_ip4_addr(netif))) {
        return NET_NOT_CONNECTED;
    }
    reply_address(reply, netif_ip4_addr(netif), 0);
    return NET_OK;
}

static enum net_status op_local_addr(struct net_reply *reply, const struct call *c)
{
    const struct socket *s = c->socket;
    if (s == NULL) {
        return interface_address(reply);
    }
    if (s->kind == SOCKET_UDP) {
        reply_address(reply, &s->udp.pcb->local_ip, s->udp.pcb->local_port);
    } else if (s->kind == SOCKET_LISTENER) {
        reply_address(reply, &s->listener.pcb->local_ip, s->listener.pcb->local_port);
    } else if (s->kind == SOCKET_TCP && s->tcp.pcb != NULL) {
        reply_address(reply, &s->tcp.pcb->local_ip, s->tcp.pcb->local_port);
    } else {
        return NET_NOT_CONNECTED;
    }
    return NET_OK;
}

static enum net_status op_ping(struct net_reply *reply, const struct call *c)
{
    struct socket *s = NULL;
    return reply_handle(reply, ping_send(&s, c->client, &c->address, c->request.address.port), &s);
}

static enum net_status op_ping_result(struct net_reply *reply, const struct call *c)
{
    return ping_take_result(&reply->len, c->socket);
}

// --- Validation ---

enum address_use { NO_ADDRESS, ADDRESS };
enum data_use { NO_DATA, DATA_SENT, DATA_READ };

struct operation {
    enum net_status (*perform)(struct net_reply *reply, const struct call *c);
    uint32_t kinds; // bit k: takes a handle of kind k; 0: takes none
    enum address_use address;
    enum data_use data;
};

#define KIND(kind) (1u << (kind))
#define KINDS_ALL  (KIND(SOCKET_KINDS) - 1)

static const struct operation operations[] = {
    [NET_UDP_BIND] = {op_udp_bind, 0, ADDRESS, NO_DATA},
    [NET_UDP_JOIN] = {op_udp_join, KIND(SOCKET_UDP), ADDRESS, NO_DATA},
    [NET_UDP_SEND_TO] = {op_udp_send_to, KIND(SOCKET_UDP), ADDRESS, DATA_SENT},
    [NET_UDP_RECV_FROM] = {op_udp_recv_from, KIND(SOCKET_UDP), NO_ADDRESS, DATA_READ},
    [NET_TCP_LISTEN] = {op_tcp_listen, 0, ADDRESS, NO_DATA},
    [NET_TCP_ACCEPT] = {op_tcp_accept, KIND(SOCKET_LISTENER), NO_ADDRESS, NO_DATA},
    [NET_TCP_CONNECT] = {op_tcp_connect, 0, ADDRESS, NO_DATA},
    [NET_TCP_READ] = {op_tcp_read, KIND(SOCKET_TCP), NO_ADDRESS, DATA_READ},
    [NET_TCP_WRITE] = {op_tcp_write, KIND(SOCKET_TCP), NO_ADDRESS, DATA_SENT},
    [NET_TCP_SHUTDOWN] = {op_tcp_shutdown, KIND(SOCKET_TCP), NO_ADDRESS, NO_DATA},
    [NET_CLOSE] = {op_close, KINDS_ALL, NO_ADDRESS, NO_DATA},
    [NET_ABORT] = {op_abort, KINDS_ALL, NO_ADDRESS, NO_DATA},
    [NET_LOCAL_ADDR] = {op_local_addr, KINDS_ALL, NO_ADDRESS, NO_DATA},
    [NET_PING] = {op_ping, 0, ADDRESS, NO_DATA},
    [NET_PING_RESULT] = {op_ping_result, KIND(SOCKET_PING), NO_ADDRESS, NO_DATA},
};
#define OPERATIONS (sizeof operations / sizeof operations[0])

static bool decode_address(ip4_addr_t *out, const struct net_sockaddr *address)
{
    uint8_t rest = address->reserved;
    for (size_t i = 4; i < sizeof address->address; i++) {
        rest |= address->address[i];
    }
    const uint8_t *a = address->address;
    IP4_ADDR(out, a[0], a[1], a[2], a[3]);
    return address->family == NET_SOCKADDR_IPV4 && rest == 0;
}

// The range lies in the half of the shared memory that is for this direction.
static bool decode_range(uint8_t **out, const struct facade_client *client,
                         const struct net_request *request, enum data_use use)
{
    uint32_t half = client->config.shared_len / 2;
    uint32_t start = use == DATA_SENT ? 0 : half;
    if (request->offset < start || request->offset - start > half ||
        request->len > half - (request->offset - start)) {
        return false;
    }
    *out = client->config.shared + request->offset;
    return true;
}

static enum net_status decode(struct call *c, const struct operation *op)
{
    const struct net_request *request = &c->request;
    bool no_handle = op->kinds == 0 || (op->perform == op_local_addr && request->handle == 0);
    if (!no_handle) {
        c->socket = socket_find(c->client, request->handle);
        if (c->socket == NULL) {
            return NET_BAD_HANDLE;
        }
        if (!(op->kinds >> c->socket->kind & 1)) {
            return NET_INVALID_INPUT;
        }
    }
    if (op->address == ADDRESS && !decode_address(&c->address, &request->address)) {
        return request->address.family == NET_SOCKADDR_IPV4 ? NET_INVALID_INPUT : NET_UNSUPPORTED;
    }
    if (op->data != NO_DATA && !decode_range(&c->data, c->client, request, op->data)) {
        return NET_INVALID_INPUT;
    }
    return NET_OK;
}

// --- Polling and statistics: they take no request ---

static unsigned ready_of(struct socket *s, bool report)
{
    if (s->stage == SOCKET_FAILED) {
        return NET_READY_ERROR;
    }
    switch (s->kind) {
    case SOCKET_TCP:
        return s->stage == SOCKET_OPEN ? tcp_ready(s, report) : 0;
    case SOCKET_LISTENER:
        return s->listener.queued > 0 ? NET_READY_ACCEPT : 0;
    case SOCKET_UDP:
        return s->udp.received.used > 0 ? NET_READY_READ : 0;
    case SOCKET_PING:
        return s->stage == SOCKET_OPEN && s->ping.answered ? NET_READY_READ : 0;
    case SOCKET_KINDS:
        break;
    }
    return 0;
}

// The next socket at or behind `from` that may be ready, or SOCKETS_MAX.
static uint32_t next_maybe_ready(const struct facade_client *client, uint32_t from)
{
    for (uint32_t i = from; i < SOCKETS_MAX; i = (i / 64 + 1) * 64) {
        uint64_t word = client->maybe_ready[i / 64] >> i % 64;
        if (word != 0) {
            return i + (uint32_t)__builtin_ctzll(word);
        }
    }
    return SOCKETS_MAX;
}

// Goes round from where the last poll stopped, so that nobody starves behind 64 busy ones.
static void poll(struct net_poll_reply *reply, struct facade_client *client)
{
    uint32_t start = client->poll_next;
    bool wrapped = false;
    *reply = (struct net_poll_reply){0};
    for (uint32_t at = start;;) {
        uint32_t i = next_maybe_ready(client, at);
        if (i >= SOCKETS_MAX && !wrapped) {
            wrapped = true;
            at = 0;
            continue;
        }
        if (i >= SOCKETS_MAX || (wrapped && i >= start)) {
            return;
        }
        at = i + 1;
        struct socket *s = socket_at(i);
        unsigned ready = ready_of(s, reply->count < NET_POLL_MAX);
        if (ready == 0) {
            client->maybe_ready[i / 64] &= ~(UINT64_C(1) << i % 64);
        } else if (reply->count == NET_POLL_MAX) {
            reply->more = 1;
            client->poll_next = i;
            return;
        } else {
            reply->entries[reply->count++] = (struct net_ready_entry){
                .handle = socket_handle(s),
                .ready = (uint16_t)ready,
                .error = (uint16_t)(ready & NET_READY_ERROR ? s->error : NET_OK),
            };
        }
    }
}

static struct net_stats statistics(void)
{
    struct net_stats stats = {
        .udp = lwip_stats.memp[MEMP_UDP_PCB]->used,
        .pbufs = lwip_stats.memp[MEMP_PBUF_POOL]->used,
        .segments = lwip_stats.memp[MEMP_TCP_SEG]->used,
        .heap_bytes = (uint32_t)lwip_stats.mem.used,
    };
    for (uint32_t i = 0; i < client_count; i++) {
        for (uint32_t kind = 0; kind < SOCKET_KINDS; kind++) {
            stats.handles += clients[i].used[kind];
        }
    }
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        stats.tcp_active++;
    }
    for (const struct tcp_pcb *pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next) {
        stats.tcp_time_wait++;
    }
    stats.tcp_listen = lwip_stats.memp[MEMP_TCP_PCB_LISTEN]->used;
    return stats;
}

// --- Clients ---

void facade_start(const struct facade_client_config *configs, uint32_t count)
{
    memset(clients, 0, sizeof clients);
    socket_table_start();
    ping_start();
    client_count = count < CLIENTS_MAX ? count : CLIENTS_MAX;
    for (uint32_t i = 0; i < client_count; i++) {
        clients[i].config = configs[i];
    }
}

static void close_all(struct facade_client *client)
{
    // Listeners first: they close what is in their queues.
    static const enum socket_kind order[] = {SOCKET_LISTENER, SOCKET_TCP, SOCKET_UDP, SOCKET_PING};
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
        for (uint32_t i = socket_first(order[k]); i < socket_end(order[k]); i++) {
            struct socket *s = socket_at(i);
            if (s->owner == client && s->stage != SOCKET_CLOSING) {
                close_socket(s, true);
            }
        }
    }
    client->news = false;
}

static struct facade_client *find_client(uint32_t process)
{
    for (uint32_t i = 0; i < client_count; i++) {
        if (clients[i].config.process == process) {
            return &clients[i];
        }
    }
    return NULL;
}

void facade_client_ended(uint32_t process)
{
    struct facade_client *client = find_client(process);
    if (client != NULL) {
        close_all(client);
    }
}

uint32_t facade_take_signals(void)
{
    uint32_t signals = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        signals |= (uint32_t)clients[i].news << i;
        clients[i].news = false;
    }
    return signals;
}

static enum net_status serve_request(struct net_reply *reply, struct facade_client *client,
                                     uint64_t op, const uint8_t *message, size_t len)
{
    if (op >= OPERATIONS || operations[op].perform == NULL) {
        return NET_UNSUPPORTED;
    }
    struct call call = {.client = client};
    if (len != sizeof call.request) {
        return NET_INVALID_INPUT;
    }
    memcpy(&call.request, message, sizeof call.request);
    enum net_status status = decode(&call, &operations[op]);
    return status ? status : operations[op].perform(reply, &call);
}

// NET_POLL and NET_STATS, which take no request.
static enum net_status serve_query(union facade_reply *reply, size_t *reply_len,
                                   struct facade_client *client, uint64_t op, size_t len)
{
    if (len != 0) {
        return NET_INVALID_INPUT;
    }
    if (op == NET_POLL) {
        poll(&reply->poll, client);
        *reply_len = sizeof reply->poll;
    } else {
        reply->stats = statistics();
        *reply_len = sizeof reply->stats;
    }
    return NET_OK;
}

enum net_status facade_serve(union facade_reply *reply, size_t *reply_len, uint64_t sender,
                             uint64_t op, const uint8_t *message, size_t len)
{
    *reply_len = 0;
    struct facade_client *client = find_client(neuron_sender_process(sender));
    if (client == NULL) {
        return NET_UNSUPPORTED; // the manifest lets it call, but nothing is set up for it
    }
    if (client->start != neuron_sender_start(sender)) {
        close_all(client); // of its predecessor
        client->start = neuron_sender_start(sender);
    }
    if (op == NET_POLL || op == NET_STATS) {
        return serve_query(reply, reply_len, client, op, len);
    }
    reply->one = (struct net_reply){0};
    enum net_status status = serve_request(&reply->one, client, op, message, len);
    if (status == NET_OK) {
        *reply_len = sizeof reply->one;
    }
    return status;
}
