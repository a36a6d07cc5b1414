// SPDX-License-Identifier: Apache-2.0
// TCP connections and listeners of clients.
//
// lwIP tells when it lets go of a connection through the one extension argument of its control
// block, whichever way that happens; so a socket's pcb is never a dangling pointer. What arrives is
// copied into the socket's ring, whose size is the TCP window: a client that does not read closes
// its own window and holds none of lwIP's buffers.
#include "services/netstackd/socket.h"

#include "lwip/priv/tcp_priv.h"
#include "services/netstackd/stack.h"

enum {
    RTO_INITIAL_TICKS = 1000 / TCP_SLOW_INTERVAL, // 1 s, RFC 6298 2.1; lwIP's own is 3 s
    EXT_ARG = 0,
    BIND_TRIES = 8,
};

static uint32_t closings; // counts them, for their order

static void set_initial_rto(struct tcp_pcb *pcb)
{
    pcb->rto = RTO_INITIAL_TICKS;
    pcb->sv = RTO_INITIAL_TICKS;
}

// --- What lwIP tells us ---

static void on_destroyed(u8_t id, void *data)
{
    (void)id;
    struct socket *s = data;
    if (s != NULL) {
        s->tcp.pcb = NULL;
        if (s->stage == SOCKET_CLOSING) {
            socket_free(s);
        }
    }
}

static err_t on_passive_open(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb)
{
    (void)id, (void)listener;
    set_initial_rto(pcb);
    return ERR_OK;
}

static const struct tcp_ext_arg_callbacks connection_callbacks = {.destroy = on_destroyed};
static const struct tcp_ext_arg_callbacks listener_callbacks = {.passive_open = on_passive_open};

static void remove_from_queue(struct socket_listener *listener, const struct socket *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < listener->queued; i++) {
        if (listener->queue[i] != s) {
            listener->queue[kept++] = listener->queue[i];
        }
    }
    listener->queued = kept;
}

static enum net_status failure(const struct socket *s, err_t err)
{
    if (s->stage == SOCKET_CONNECTING && err == ERR_RST) {
        return NET_REFUSED;
    }
    return err == ERR_ABRT ? NET_TIMED_OUT : socket_status(err);
}

static void on_error(void *arg, err_t err)
{
    struct socket *s = arg;
    s->tcp.pcb = NULL; // lwIP frees it
    if (s->stage == SOCKET_QUEUED) {
        remove_from_queue(&s->tcp.listener->listener, s);
        socket_free(s);
    } else if (err != ERR_CLSD) { // that one is a connection that both sides have ended in order
        s->error = failure(s, err);
        s->stage = SOCKET_FAILED;
        socket_news(s);
    }
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)pcb, (void)err;
    struct socket *s = arg;
    if (p == NULL) {
        s->tcp.ended = true;
    } else if (p->tot_len > ring_room(&s->tcp.received)) {
        return ERR_MEM; // cannot be: the window is the room. lwIP keeps it and offers it again
    } else {
        for (const struct pbuf *q = p; q != NULL; q = q->next) {
            ring_put(&s->tcp.received, q->payload, q->len);
        }
        pbuf_free(p);
    }
    socket_news(s);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    (void)pcb, (void)len;
    struct socket *s = arg;
    if ((tcp_ready(s, false) & NET_READY_WRITE) != 0) {
        socket_news(s);
    }
    return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    (void)pcb, (void)err;
    struct socket *s = arg;
    s->stage = SOCKET_OPEN;
    s->tcp.connected_news = true;
    socket_news(s);
    return ERR_OK;
}

static void attach(struct socket *s, struct tcp_pcb *pcb)
{
    s->tcp.pcb = pcb;
    ring_start(&s->tcp.received, socket_ring_bytes(s), TCP_RING_BYTES);
    tcp_ext_arg_set_callbacks(pcb, EXT_ARG, &connection_callbacks);
    tcp_ext_arg_set(pcb, EXT_ARG, s);
    tcp_arg(pcb, s);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb); // clients write whole records
}

// From here on lwIP tells us of nothing but the end of it (and not even that when `forget`).
static void detach(struct tcp_pcb *pcb, bool forget)
{
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    if (forget) {
        tcp_ext_arg_set(pcb, EXT_ARG, NULL);
    }
}

// The client's quota is used up: what it has closed but lwIP has not finished gives way. TIME_WAIT
// needs no socket; else the connection that was closed first is cut.
static void reclaim_closing(struct facade_client *client)
{
    struct socket *oldest = NULL;
    for (uint32_t i = socket_first(SOCKET_TCP); i < socket_end(SOCKET_TCP); i++) {
        struct socket *s = socket_at(i);
        if (s->stage != SOCKET_CLOSING || s->owner != client) {
            continue;
        }
        if (s->tcp.pcb->state == TIME_WAIT) {
            tcp_ext_arg_set(s->tcp.pcb, EXT_ARG, NULL);
            socket_free(s);
            return;
        }
        if (oldest == NULL || s->closed_at - oldest->closed_at > UINT32_MAX / 2) {
            oldest = s;
        }
    }
    if (oldest != NULL) {
        tcp_abort(oldest->tcp.pcb); // on_destroyed frees it
    }
}

static struct socket *alloc_connection(struct facade_client *client)
{
    struct socket *s = socket_alloc(client, SOCKET_TCP);
    if (s == NULL) {
        reclaim_closing(client);
        s = socket_alloc(client, SOCKET_TCP);
    }
    return s;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct socket *listener = arg;
    if (err != ERR_OK || pcb == NULL) {
        return ERR_VAL;
    }
    if (listener->listener.queued == BACKLOG_MAX) {
        return ERR_MEM; // lwIP resets the connection
    }
    struct socket *s = alloc_connection(listener->owner);
    if (s == NULL) {
        return ERR_MEM;
    }
    attach(s, pcb);
    s->stage = SOCKET_QUEUED;
    s->tcp.listener = listener;
    ip4_addr_copy(s->tcp.peer, pcb->remote_ip);
    s->tcp.peer_port = pcb->remote_port;
    tcp_backlog_delayed(pcb);
    listener->listener.queue[listener->listener.queued++] = s;
    socket_news(listener);
    return ERR_OK;
}

// --- What clients ask for ---

// Binds to the port, or to a free one.
static err_t bind_somewhere(struct tcp_pcb *pcb, const ip4_addr_t *address, uint16_t port)
{
    err_t err = ERR_USE;
    for (unsigned i = 0; err == ERR_USE && i < (port != 0 ? 1 : BIND_TRIES); i++) {
        err = tcp_bind(pcb, address, port != 0 ? port : stack_next_port());
    }
    return err;
}

enum net_status tcp_listen_start(struct socket **out, struct facade_client *client,
                                 const ip4_addr_t *address, uint16_t port, uint32_t backlog)
{
    struct socket *s = socket_alloc(client, SOCKET_LISTENER);
    if (s == NULL) {
        return NET_NO_BUFFERS;
    }
    struct tcp_pcb *pcb = tcp_new();
    if (pcb != NULL) {
        // What is left of an earlier listener's connections does not count: a server that is started again listens again.
        ip_set_option(pcb, SOF_REUSEADDR);
    }
    err_t err = pcb != NULL ? bind_somewhere(pcb, address, port) : ERR_MEM;
    if (err == ERR_OK) {
        tcp_ext_arg_set_callbacks(pcb, EXT_ARG, &listener_callbacks);
        struct tcp_pcb *listening = tcp_listen_with_backlog_and_err(pcb, (u8_t)backlog, &err);
        pcb = listening != NULL ? listening : pcb;
    }
    if (err != ERR_OK) {
        if (pcb != NULL) {
            tcp_close(pcb);
        }
        socket_free(s);
        return socket_status(err);
    }
    s->listener.pcb = pcb;
    tcp_arg(pcb, s);
    tcp_accept(pcb, on_accept);
    *out = s;
    return NET_OK;
}

enum net_status tcp_accept_one(struct socket **out, struct socket *listener)
{
    if (listener->listener.queued == 0) {
        return NET_WOULD_BLOCK;
    }
    struct socket *s = listener->listener.queue[0];
    remove_from_queue(&listener->listener, s);
    s->stage = SOCKET_OPEN;
    s->tcp.listener = NULL;
    if (s->tcp.pcb != NULL) {
        tcp_backlog_accepted(s->tcp.pcb);
    }
    if (s->tcp.received.used > 0 || s->tcp.ended) {
        socket_news(s); // under its new handle
    }
    *out = s;
    return NET_OK;
}

enum net_status tcp_connect_start(struct socket **out, struct facade_client *client,
                                  const ip4_addr_t *address, uint16_t port)
{
    if (!stack_reaches(address)) {
        return NET_UNREACHABLE; // lwIP would go on trying
    }
    struct socket *s = alloc_connection(client);
    if (s == NULL) {
        return NET_NO_BUFFERS;
    }
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL) {
        socket_free(s);
        return NET_NO_BUFFERS;
    }
    set_initial_rto(pcb);
    attach(s, pcb);
    s->stage = SOCKET_CONNECTING;
    err_t err = bind_somewhere(pcb, IP4_ADDR_ANY4, 0);
    if (err == ERR_OK) {
        err = tcp_connect(pcb, address, port, on_connected);
    }
    if (err != ERR_OK) {
        tcp_socket_abort(s);
        return socket_status(err);
    }
    *out = s;
    return NET_OK;
}

static enum net_status not_usable(const struct socket *s)
{
    if (s->stage == SOCKET_FAILED) {
        return s->error;
    }
    return s->stage == SOCKET_OPEN ? NET_OK : NET_NOT_CONNECTED;
}

enum net_status tcp_read_some(uint32_t *len, struct socket *s, uint8_t *data)
{
    enum net_status status = not_usable(s);
    if (status) {
        return status;
    }
    struct ring *ring = &s->tcp.received;
    if (ring->used == 0) {
        s->tcp.end_read = s->tcp.ended;
        *len = 0;
        return s->tcp.ended ? NET_OK : NET_WOULD_BLOCK;
    }
    *len = *len < ring->used ? *len : ring->used;
    ring_get(data, ring, *len);
    if (s->tcp.pcb != NULL) {
        tcp_recved(s->tcp.pcb, (u16_t)*len);
    }
    return NET_OK;
}

enum net_status tcp_write_some(uint32_t *len, struct socket *s, const uint8_t *data)
{
    enum net_status status = not_usable(s);
    if (status) {
        return status;
    }
    struct tcp_pcb *pcb = s->tcp.pcb;
    if (pcb == NULL || s->tcp.shut) {
        return NET_NOT_CONNECTED;
    }
    uint32_t taken = *len < tcp_sndbuf(pcb) ? *len : tcp_sndbuf(pcb);
    err_t err =
        taken > 0 || *len == 0 ? tcp_write(pcb, data, (u16_t)taken, TCP_WRITE_FLAG_COPY) : ERR_MEM;
    s->tcp.wants_to_write = err == ERR_MEM || taken < *len;
    if (err == ERR_MEM) {
        // Room comes with an acknowledgement; without anything to be acknowledged it is a pool that
        // is empty.
        return tcp_sndqueuelen(pcb) > 0 ? NET_WOULD_BLOCK : NET_NO_BUFFERS;
    }
    if (err != ERR_OK) {
        return socket_status(err);
    }
    tcp_output(pcb); // what it cannot send now, the timer does
    *len = taken;
    return NET_OK;
}

enum net_status tcp_shut(struct socket *s)
{
    enum net_status status = not_usable(s);
    if (status) {
        return status;
    }
    if (s->tcp.shut || s->tcp.pcb == NULL) {
        return NET_NOT_CONNECTED;
    }
    err_t err = tcp_shutdown(s->tcp.pcb, 0, 1);
    s->tcp.shut = err == ERR_OK;
    return socket_status(err);
}

// FIN after what was written. What the client has not read is dropped first: lwIP would send a RST
// for it, which could overtake the last words of this side.
void tcp_socket_close(struct socket *s)
{
    struct tcp_pcb *pcb = s->tcp.pcb;
    if (pcb == NULL) {
        socket_free(s);
        return;
    }
    detach(pcb, false);
    if (s->tcp.received.used > 0) {
        tcp_recved(pcb, (u16_t)s->tcp.received.used);
    }
    socket_revoke(s);
    s->stage = SOCKET_CLOSING;
    s->closed_at = closings++;
    if (tcp_close(pcb) != ERR_OK) {
        tcp_abort(pcb);
    }
}

void tcp_socket_abort(struct socket *s)
{
    struct tcp_pcb *pcb = s->tcp.pcb;
    if (pcb != NULL) {
        detach(pcb, true);
        tcp_abort(pcb);
    }
    socket_free(s);
}

void tcp_listener_close(struct socket *s)
{
    while (s->listener.queued > 0) {
        struct socket *queued = s->listener.queue[0];
        remove_from_queue(&s->listener, queued);
        tcp_socket_abort(queued);
    }
    tcp_close(s->listener.pcb);
    socket_free(s);
}

unsigned tcp_ready(struct socket *s, bool report)
{
    if (s->stage == SOCKET_FAILED) {
        return NET_READY_ERROR;
    }
    unsigned ready = 0;
    if (s->tcp.connected_news) {
        ready |= NET_READY_CONNECTED;
        s->tcp.connected_news = !report;
    }
    if (s->tcp.received.used > 0 || (s->tcp.ended && !s->tcp.end_read)) {
        ready |= NET_READY_READ;
    }
    if (s->tcp.wants_to_write && s->tcp.pcb != NULL && tcp_sndbuf(s->tcp.pcb) >= TCP_SNDLOWAT &&
        tcp_sndqueuelen(s->tcp.pcb) < TCP_SNDQUEUELOWAT) {
        ready |= NET_READY_WRITE;
    }
    return ready;
}
