// SPDX-License-Identifier: Apache-2.0
// TCP. Readiness in, bus calls out; nothing here looks into what the bytes mean.
#include "host/daemon/links.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

static size_t slot_of(uint32_t connection)
{
    return (connection & 0xffff) - 1u;
}

struct link *links_find(const struct links *links, uint32_t connection)
{
    size_t slot = slot_of(connection);
    struct link *link = slot < HOST_CONNECTIONS_MAX ? links->by_slot[slot] : NULL;

    return link != NULL && link->connection == connection ? link : NULL;
}

int links_dial_error(const struct links *links, uint32_t connection)
{
    size_t slot = slot_of(connection);

    return slot < HOST_CONNECTIONS_MAX ? links->dial_errors[slot] : 0;
}

bool links_path(const struct links *links, struct link_path *path, uint32_t connection)
{
    const struct link *link = links_find(links, connection);
    struct sockaddr_storage local;
    socklen_t local_len = sizeof local, info_len = sizeof(struct tcp_info);
    struct tcp_info info = {0};

    if (link == NULL || getsockname(link->fd, (struct sockaddr *)&local, &local_len) != 0 ||
        getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) != 0) {
        return false;
    }
    *path = (struct link_path){.local = address_from_sockaddr(&local),
                               .mss = info.tcpi_snd_mss,
                               .mtu = info.tcpi_pmtu,
                               .unanswered = info.tcpi_unacked};
    return true;
}

// ---- One link -------------------------------------------------------------------------------------

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct link *link)
{
    int events = link->connecting ? UV_WRITABLE : UV_READABLE | (link->blocked ? UV_WRITABLE : 0);

    if (uv_poll_start(&link->poll, events, on_ready) != 0) {
        daemon_die("cannot watch a connection");
    }
}

// NULL: no memory; the descriptor is then still the caller's.
static struct link *link_new(struct daemon *d, uint32_t connection, int fd, bool connecting)
{
    struct link *link = calloc(1, sizeof *link);

    if (link == NULL || uv_poll_init(&d->loop, &link->poll, fd) != 0) {
        free(link);
        return NULL;
    }
    link->poll.data = link;
    link->daemon = d;
    link->fd = fd;
    link->connection = connection;
    link->peer = PEER_NONE;
    link->connecting = connecting;
    d->links.by_slot[slot_of(connection)] = link;
    watch(link);
    return link;
}

static void free_link(uv_handle_t *handle)
{
    free(handle->data);
}

// What arrived meanwhile is read and dropped: closing with unread bytes would reset the connection, and the last words
// that we have sent might be lost with it.
static void drop_unread(int fd)
{
    uint8_t unread[4096];
    ssize_t len;

    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < 16; i++) {
        len = recv(fd, unread, sizeof unread, MSG_DONTWAIT);
        if (len <= 0) {
            return;
        }
    }
}

void links_close(struct daemon *d, uint32_t connection)
{
    struct link *link = links_find(&d->links, connection);

    if (link == NULL) { // a dial that could not even begin
        return;
    }
    d->links.by_slot[slot_of(connection)] = NULL;
    link->connection = 0;
    uv_close((uv_handle_t *)&link->poll, free_link);
    drop_unread(link->fd);
    close(link->fd);
}

// ---- In -------------------------------------------------------------------------------------------

static void count_in(struct link *link, size_t len)
{
    struct daemon *d = link->daemon;

    link->bytes_in += len;
    d->links.bytes_in += len;
    if (link->peer != PEER_NONE) {
        d->status[link->peer].bytes_in += len;
    }
}

static void count_out(struct link *link, size_t len)
{
    struct daemon *d = link->daemon;

    link->bytes_out += len;
    d->links.bytes_out += len;
    if (link->peer != PEER_NONE) {
        d->status[link->peer].bytes_out += len;
    }
}

// False: there is nothing more at present, or ever.
static bool read_link(struct link *link)
{
    static uint8_t bytes[HOST_READ_BYTES];
    struct daemon *d = link->daemon;
    ssize_t len = recv(link->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (len > 0) {
        count_in(link, (size_t)len);
        bus_received(&d->bus, clock_ms(), link->connection, bytes, (size_t)len);
    } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)uv_poll_stop(&link->poll); // it would report the end for ever
        bus_disconnected(&d->bus, clock_ms(), link->connection);
    }
    return len > 0;
}

static void finish_connect(struct link *link)
{
    struct daemon *d = link->daemon;
    socklen_t len = sizeof(int);
    int error = 0;

    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    link->connecting = false;
    d->links.dial_errors[slot_of(link->connection)] = error;
    if (error != 0) {
        (void)uv_poll_stop(&link->poll);
        bus_connect_failed(&d->bus, clock_ms(), link->connection);
        return;
    }
    watch(link);
    bus_connected(&d->bus, clock_ms(), link->connection);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct link *link = poll->data;

    if (link->connecting) {
        finish_connect(link);
        return;
    }
    if (status < 0) {
        // An error, behind which nothing comes, and libuv watches no more: all that is left.
        while (read_link(link)) {
        }
    } else if ((events & UV_READABLE) != 0) {
        (void)read_link(link);
    }
    if ((events & UV_WRITABLE) != 0 && link->blocked && link->connection != 0) {
        link->blocked = false;
        watch(link);
        bus_writable(&link->daemon->bus, link->connection);
    }
}

// ---- Out ------------------------------------------------------------------------------------------

static int open_dial(const struct net_address *to)
{
    struct sockaddr_storage address;
    socklen_t len = address_to_sockaddr(&address, to);
    int fd, on = 1;

    if (len == 0) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void links_dial(struct daemon *d, const struct bus_action *action)
{
    int fd = open_dial(&action->address);

    d->links.dial_errors[slot_of(action->connection)] =
        fd < 0 ? errno : ETIMEDOUT; // until it is known
    if (fd >= 0 && link_new(d, action->connection, fd, true) == NULL) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        bus_connect_failed(&d->bus, clock_ms(), action->connection);
    }
}

void links_output(struct daemon *d, uint32_t connection)
{
    struct link *link = links_find(&d->links, connection);
    const uint8_t *bytes;
    size_t len;

    while (link != NULL && (bytes = bus_output(&d->bus, connection, &len)) != NULL && len > 0) {
        ssize_t sent = send(link->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            count_out(link, (size_t)sent);
            bus_output_done(&d->bus, clock_ms(), connection, (size_t)sent);
        } else if (errno == EAGAIN) {
            link->blocked = true;
            watch(link);
            return;
        } else if (errno != EINTR) {
            (void)uv_poll_stop(&link->poll);
            bus_disconnected(&d->bus, clock_ms(), connection);
            return;
        }
    }
}

// ---- Listening ------------------------------------------------------------------------------------

// Closed at once and with a reset: no words for it, and no TIME_WAIT of ours.
static void refuse(int fd)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static void take_connection(struct daemon *d, int fd, const struct sockaddr_storage *from)
{
    struct net_address source = address_from_sockaddr(from);
    uint32_t connection;
    int on = 1;

    if (!bus_accepted(&d->bus, clock_ms(), &connection, &source)) {
        refuse(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (link_new(d, connection, fd, false) == NULL) {
        bus_disconnected(&d->bus, clock_ms(), connection);
        refuse(fd);
    }
}

// Without a descriptor the connection would stay in the queue and wake the loop for ever: the spare one is given up, the
// connection taken and closed.
static void shed_connection(struct daemon *d, int listener)
{
    int fd;

    d->links.accept_errors++;
    if (d->links.spare_fd < 0) {
        return;
    }
    close(d->links.spare_fd);
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        refuse(fd);
    }
    d->links.spare_fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < HOST_ACCEPT_BURST; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_connection(listener->daemon, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE) {
            shed_connection(listener->daemon, listener->fd);
            return;
        } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
            return;
        } // else that one connection has failed before it was taken
    }
}

static int open_listener(const struct net_address *address)
{
    struct sockaddr_storage to;
    socklen_t len = address_to_sockaddr(&to, address);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (to.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, (const struct sockaddr *)&to, len) != 0 || listen(fd, HOST_LISTEN_BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool add_listener(struct daemon *d, struct fault *fault, const struct net_address *address)
{
    struct listener *listener = &d->links.listeners[d->links.listener_count];
    char text[ADDRESS_CHARS_MAX];
    int fd = open_listener(address);

    address_format(text, address);
    if (fd < 0 && address->family == NET_IPV6 &&
        (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) && d->config.listen_count > 1) {
        log_line(LOG_NOTICE, "no IPv6 here: not listening on %s", text);
        return true;
    }
    if (fd < 0) {
        return fault_errno(fault, EXIT_FAILED,
                           "cannot listen on %s (another [node] port or listen may be chosen)",
                           text);
    }
    *listener = (struct listener){.daemon = d, .fd = fd, .address = *address};
    listener->poll.data = listener;
    if (uv_poll_init(&d->loop, &listener->poll, fd) != 0 ||
        uv_poll_start(&listener->poll, UV_READABLE, on_connection) != 0) {
        daemon_die("cannot watch a listening socket");
    }
    d->links.listener_count++;
    return true;
}

bool links_open(struct daemon *d, struct fault *fault)
{
    struct links *links = &d->links;

    links->spare_fd = -1;
    for (size_t i = 0; i < d->config.listen_count; i++) {
        struct net_address address = d->config.listen[i];
        address.port = d->config.port;
        if (!add_listener(d, fault, &address)) {
            return false;
        }
    }
    if (links->listener_count == 0) {
        return fault_set(fault, EXIT_FAILED, "no address to listen on");
    }
    links->spare_fd = fcntl(links->listeners[0].fd, F_DUPFD_CLOEXEC, 0);
    return true;
}

void links_stop(struct daemon *d)
{
    for (size_t i = 0; i < d->links.listener_count; i++) {
        struct listener *listener = &d->links.listeners[i];
        uv_close((uv_handle_t *)&listener->poll, NULL);
        close(listener->fd);
    }
    d->links.listener_count = 0;
    if (d->links.spare_fd >= 0) {
        close(d->links.spare_fd);
        d->links.spare_fd = -1;
    }
}
