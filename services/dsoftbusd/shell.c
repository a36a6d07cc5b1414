// SPDX-License-Identifier: Apache-2.0
// Network events in, bus actions out. Nothing here looks into what the bytes mean.
#include "services/dsoftbusd/shell.h"

#include "dsoftbusd_caps.h"
#include "noise/ct.h"
#include "services/lib/keystore.h"
#include "services/lib/log.h"
#include "services/lib/string.h"

enum {
    ACCEPT_BACKLOG = 16,
    PER_ROUND_MAX = 16,    // datagrams, and connections accepted: neither may keep the rest waiting
    READ_BYTES = 4096,     // at a time and connection, for the same reason
    DATAGRAM_BYTES = 1500, // the longest announce, and room for a longer trailer in times to come
    DH_DEADLINE_MS =
        2000, // a batch takes a few ms; a key process that is stuck ends the handshakes
};

static const struct net_sockaddr multicast_group = {
    .family = NET_SOCKADDR_IPV4, .port = ANNOUNCE_PORT, .address = {239, 42, 0, 1}};
static const struct net_sockaddr broadcast = {
    .family = NET_SOCKADDR_IPV4, .port = ANNOUNCE_PORT, .address = {255, 255, 255, 255}};

static struct net_address address_of(const struct net_sockaddr *from)
{
    struct net_address address = {.family = NET_IPV4, .port = from->port};
    memcpy(address.bytes, from->address, 4);
    return address;
}

static struct net_sockaddr sockaddr_of(const struct net_address *from)
{
    struct net_sockaddr address = {.family = NET_SOCKADDR_IPV4, .port = from->port};
    memcpy(address.address, from->bytes, 4);
    return address;
}

static void need(enum net_status status, const char *what)
{
    if (status != NET_OK) {
        die("dsoftbusd: %s: %s", what, net_status_name(status));
    }
}

void shell_open(struct shell *shell, uint16_t port)
{
    need(net_open(&shell->net, HANDLE_CALL_NETSTACKD, HANDLE_MEMORY_NET_DSOFTBUSD), "network");
    need(net_udp_bind(&shell->udp, &shell->net, ANNOUNCE_PORT), "discovery port");
    need(net_udp_join(&shell->net, shell->udp, &multicast_group), "discovery group");
    need(net_tcp_listen(&shell->listener, &shell->net, port, ACCEPT_BACKLOG), "session port");
}

bool shell_listens(struct shell *shell, uint16_t port)
{
    struct net_sockaddr udp, tcp;
    return net_local_addr(&udp, &shell->net, shell->udp) == NET_OK && udp.port == ANNOUNCE_PORT &&
           net_local_addr(&tcp, &shell->net, shell->listener) == NET_OK && tcp.port == port;
}

// ---- In ------------------------------------------------------------------------------------------------------

static void receive_datagrams(struct shell *shell)
{
    static uint8_t datagram[DATAGRAM_BYTES];
    for (unsigned i = 0; i < PER_ROUND_MAX; i++) {
        struct net_sockaddr from;
        uint32_t len = sizeof datagram;
        if (net_udp_recv_from(datagram, &len, &from, &shell->net, shell->udp) != NET_OK) {
            return;
        }
        struct net_address source = address_of(&from);
        bus_datagram(&shell->bus, clock_ms(), &source, datagram, len);
    }
}

static void accept_connections(struct shell *shell)
{
    for (unsigned i = 0; i < PER_ROUND_MAX; i++) {
        net_handle tcp;
        struct net_sockaddr from;
        uint32_t connection;
        if (net_tcp_accept(&tcp, &from, &shell->net, shell->listener) != NET_OK) {
            return;
        }
        struct net_address source = address_of(&from);
        if (bus_accepted(&shell->bus, clock_ms(), &connection, &source)) {
            links_add(&shell->links, connection, tcp, false);
        } else {
            net_abort(&shell->net, tcp); // no words for it, and no TIME_WAIT of ours
        }
    }
}

static void read_connection(struct shell *shell, const struct link *link)
{
    static uint8_t bytes[READ_BYTES];
    uint32_t len = sizeof bytes;
    enum net_status status = net_tcp_read(bytes, &len, &shell->net, link->tcp);
    if (status == NET_OK && len > 0) {
        bus_received(&shell->bus, clock_ms(), link->connection, bytes, len);
    } else if (status != NET_WOULD_BLOCK) {
        bus_disconnected(&shell->bus, clock_ms(), link->connection);
    }
}

static void connection_ready(struct shell *shell, struct link *link, unsigned ready)
{
    if (ready & NET_READY_CONNECTED) {
        link->opening = false;
        bus_connected(&shell->bus, clock_ms(), link->connection);
    }
    if (ready & NET_READY_READ) {
        read_connection(shell, link);
    } else if (ready & NET_READY_ERROR) {
        if (link->opening) {
            bus_connect_failed(&shell->bus, clock_ms(), link->connection);
        } else {
            bus_disconnected(&shell->bus, clock_ms(), link->connection);
        }
    }
    if (ready & NET_READY_WRITE) {
        bus_writable(&shell->bus, link->connection);
    }
}

// A socket that everything depends on has failed, or a handle is ready that nobody here knows.
static void unexpected_ready(struct shell *shell, const struct net_ready_entry *entry)
{
    if (entry->handle == shell->udp || entry->handle == shell->listener) {
        die("dsoftbusd: socket lost: %s", net_status_name((enum net_status)entry->error));
    }
    net_close(&shell->net, entry->handle);
}

bool shell_receive(struct shell *shell)
{
    static struct net_poll_reply poll;
    need(net_poll(&poll, &shell->net), "network");
    for (uint32_t i = 0; i < poll.count; i++) {
        const struct net_ready_entry *entry = &poll.entries[i];
        struct link *link = links_find_tcp(&shell->links, entry->handle);
        if (entry->handle == shell->udp && entry->ready == NET_READY_READ) {
            receive_datagrams(shell);
        } else if (entry->handle == shell->listener && entry->ready == NET_READY_ACCEPT) {
            accept_connections(shell);
        } else if (link != NULL) {
            connection_ready(shell, link, entry->ready);
        } else {
            unexpected_ready(shell, entry);
        }
    }
    return poll.count > 0;
}

// ---- Out -----------------------------------------------------------------------------------------------------

static bool answer_dh(struct shell *shell)
{
    struct bus_dh_request wanted[BUS_DH_BATCH_MAX];
    struct keystore_dh_request request = {0};
    struct keystore_dh_reply reply;
    _Static_assert((int)BUS_DH_BATCH_MAX <= KEYSTORE_DH_MAX, "a batch is one call");

    size_t count = bus_dh_take(&shell->bus, wanted);
    if (count == 0) {
        return false;
    }
    request.count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        memcpy(request.public_keys[i], wanted[i].public_key, KEYSTORE_KEY_BYTES);
    }
    bool answered = keystore_dh(&reply, HANDLE_CALL_KEYSTORED, &request,
                                deadline_in_ms(DH_DEADLINE_MS)) == KEYSTORE_OK;
    for (size_t i = 0; i < count; i++) {
        bool good = answered && (reply.failed >> i & 1) == 0;
        bus_dh_result(&shell->bus, clock_ms(), wanted[i].id, good ? reply.secrets[i] : NULL);
    }
    ct_wipe(&reply, sizeof reply);
    return true;
}

static void dial(struct shell *shell, const struct bus_action *action)
{
    net_handle tcp;
    struct net_sockaddr to = sockaddr_of(&action->address);
    if (action->address.family == NET_IPV4 && net_tcp_connect(&tcp, &shell->net, &to) == NET_OK) {
        links_add(&shell->links, action->connection, tcp, true);
    } else {
        bus_connect_failed(&shell->bus, clock_ms(), action->connection);
    }
}

static void write_connection(struct shell *shell, uint32_t connection)
{
    const struct link *link = links_find_connection(&shell->links, connection);
    size_t left;
    const uint8_t *bytes = bus_output(&shell->bus, connection, &left);
    while (link != NULL && left > 0) {
        uint32_t len = (uint32_t)left;
        enum net_status status = net_tcp_write(&shell->net, link->tcp, bytes, &len);
        if (status == NET_WOULD_BLOCK) {
            return; // NET_READY_WRITE will come
        }
        if (status != NET_OK) {
            bus_disconnected(&shell->bus, clock_ms(), connection);
            return;
        }
        bus_output_done(&shell->bus, clock_ms(), connection, len);
        if (len < left) {
            return;
        }
        bytes = bus_output(&shell->bus, connection, &left);
    }
}

static void close_connection(struct shell *shell, uint32_t connection)
{
    struct link *link = links_find_connection(&shell->links, connection);
    if (link != NULL) { // else a dial that could not even begin
        net_close(&shell->net, link->tcp);
        links_remove(link);
    }
}

// A datagram that cannot be sent is lost, as datagrams are; the next announce comes by itself. But a socket that is gone
// means that netstackd is a new one: then everything begins anew, and init sees to that.
static void send_datagram(struct shell *shell, const struct bus_action *action)
{
    struct net_sockaddr to = action->to == BUS_MULTICAST   ? multicast_group
                             : action->to == BUS_BROADCAST ? broadcast
                                                           : sockaddr_of(&action->address);
    enum net_status status =
        net_udp_send_to(&shell->net, shell->udp, &to, action->data, (uint32_t)action->data_len);
    if (status == NET_OK) {
        shell->announced++;
    } else if (status == NET_BAD_HANDLE || status == NET_DISCONNECTED || status == NET_INTERNAL) {
        need(status, "network lost");
    }
}

static void act(struct shell *shell, const struct bus_action *action)
{
    switch (action->type) {
    case BUS_DIAL:
        dial(shell, action);
        break;
    case BUS_OUTPUT:
        write_connection(shell, action->connection);
        break;
    case BUS_CLOSE:
        close_connection(shell, action->connection);
        break;
    case BUS_DATAGRAM:
        send_datagram(shell, action);
        break;
    }
}

bool shell_act(struct shell *shell)
{
    struct bus_action action;
    bool any = answer_dh(shell);
    while (bus_next_action(&shell->bus, clock_ms(), &action)) {
        act(shell, &action);
        any = true;
    }
    return any;
}
