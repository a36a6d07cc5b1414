// SPDX-License-Identifier: Apache-2.0
// Discovery: one socket, every interface.
#include "host/daemon/datagrams.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

// 239.42.0.1
static struct in_addr group_address(void)
{
    return (struct in_addr){.s_addr = htonl(0xef2a0001)};
}

// ---- Interfaces -----------------------------------------------------------------------------------

static bool wanted(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->interface_count; i++) {
        if (strcmp(config->interfaces[i], name) == 0) {
            return true;
        }
    }
    return config->interface_count == 0;
}

static struct interface *find(struct interface *interfaces, size_t count, unsigned index)
{
    for (size_t i = 0; i < count; i++) {
        if (interfaces[i].index == index) {
            return &interfaces[i];
        }
    }
    return NULL;
}

// Takes one IPv4 address of an interface into the list. An interface counts once, with its first broadcast address.
static size_t take_address(struct interface *list, size_t count, const struct config *config,
                           const struct ifaddrs *entry)
{
    unsigned index = if_nametoindex(entry->ifa_name);
    struct interface *interface;
    struct sockaddr_in to;

    if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != AF_INET || index == 0 ||
        (entry->ifa_flags & IFF_UP) == 0 || !wanted(config, entry->ifa_name)) {
        return count;
    }
    interface = find(list, count, index);
    if (interface == NULL) {
        if (count == HOST_INTERFACES_MAX) {
            return count;
        }
        interface = &list[count++];
        *interface = (struct interface){.index = index};
        strncpy(interface->name, entry->ifa_name, sizeof interface->name - 1);
    }
    interface->multicast = (entry->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
    if ((entry->ifa_flags & IFF_BROADCAST) != 0 && entry->ifa_broadaddr != NULL &&
        interface->broadcast.s_addr == 0) {
        memcpy(&to, entry->ifa_broadaddr, sizeof to);
        interface->broadcast = to.sin_addr;
    }
    return count;
}

static void join(struct daemon *d, struct interface *interface)
{
    struct ip_mreqn request = {.imr_multiaddr = group_address(),
                               .imr_ifindex = (int)interface->index};

    interface->joined =
        setsockopt(d->datagrams.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0 ||
        errno == EADDRINUSE;
    if (!interface->joined) {
        log_line(LOG_WARNING, "cannot join the discovery group on %s: %s", interface->name,
                 strerror(errno));
    } else {
        log_line(LOG_DEBUG, "discovery on %s", interface->name);
    }
}

// The present list replaces the old one; the group is joined where it is not yet.
static void scan(struct daemon *d)
{
    struct datagrams *datagrams = &d->datagrams;
    struct interface list[HOST_INTERFACES_MAX];
    struct ifaddrs *entries;
    size_t count = 0;

    if (getifaddrs(&entries) != 0) {
        log_line(LOG_WARNING, "cannot list the network interfaces: %s", strerror(errno));
        return;
    }
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        count = take_address(list, count, &d->config, entry);
    }
    freeifaddrs(entries);
    for (size_t i = 0; i < count; i++) {
        const struct interface *old =
            find(datagrams->interfaces, datagrams->interface_count, list[i].index);
        list[i].joined = old != NULL && old->joined;
        if (list[i].multicast && !list[i].joined && d->config.multicast) {
            join(d, &list[i]);
        }
    }
    memcpy(datagrams->interfaces, list, count * sizeof list[0]);
    datagrams->interface_count = count;
}

void datagrams_refresh(struct daemon *d)
{
    if (d->datagrams.fd >= 0 && d->datagrams.changed && !d->stopping) {
        d->datagrams.changed = false;
        scan(d);
        bus_announce(&d->bus, clock_ms());
    }
}

// ---- In -------------------------------------------------------------------------------------------

static void on_datagram(uv_poll_t *poll, int status, int events)
{
    static uint8_t
        bytes[ANNOUNCE_BYTES_MAX + 1]; // one more than any announce: longer ones show as too long
    struct daemon *d = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < HOST_DATAGRAM_BURST; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof from;
        ssize_t len = recvfrom(d->datagrams.fd, bytes, sizeof bytes, MSG_DONTWAIT,
                               (struct sockaddr *)&from, &from_len);
        struct net_address source;
        if (len < 0) {
            return;
        }
        source = address_from_sockaddr(&from);
        d->datagrams.received++;
        bus_datagram(&d->bus, clock_ms(), &source, bytes, (size_t)len);
        services_heard(d, bytes, (size_t)len);
    }
}

static void on_interface_news(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;
    char news[4096];
    ssize_t len;

    (void)events;
    do { // what was lost because nobody read it is reported once, as an error
        len = recv(d->datagrams.changes_fd, news, sizeof news, MSG_DONTWAIT);
    } while (len > 0 || (len < 0 && errno == ENOBUFS));
    if (status < 0 && uv_poll_start(poll, UV_READABLE, on_interface_news) != 0) {
        daemon_die("cannot watch the network interfaces"); // libuv had stopped
    }
    d->datagrams.changed = true;
}

// ---- Out ------------------------------------------------------------------------------------------

// A datagram that cannot be sent is lost, as datagrams are; the next announce comes by itself.
static void send_to(struct daemon *d, const struct net_address *to, unsigned interface,
                    const struct bus_action *action)
{
    struct sockaddr_storage address;
    uint8_t copy[ANNOUNCE_BYTES_MAX];
    struct iovec bytes = {.iov_base = copy, .iov_len = action->data_len};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_name = &address,
                             .msg_namelen = address_to_sockaddr(&address, to),
                             .msg_iov = &bytes,
                             .msg_iovlen = 1};
    struct in_pktinfo through = {.ipi_ifindex = (int)interface};

    memcpy(copy, action->data, action->data_len);
    if (interface != 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.align.cmsg_level = IPPROTO_IP;
        control.align.cmsg_type = IP_PKTINFO;
        control.align.cmsg_len = CMSG_LEN(sizeof through);
        memcpy(CMSG_DATA(&control.align), &through, sizeof through);
    }
    if (sendmsg(d->datagrams.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        d->datagrams.send_errors++;
    } else {
        d->datagrams.sent++;
    }
}

static struct net_address discovery_address(struct in_addr host)
{
    struct net_address address = {.family = NET_IPV4, .port = ANNOUNCE_PORT};

    memcpy(address.bytes, &host, sizeof host);
    return address;
}

void datagrams_send(struct daemon *d, const struct bus_action *action)
{
    const struct datagrams *datagrams = &d->datagrams;

    if (datagrams->fd < 0) {
        return;
    }
    if (action->to == BUS_UNICAST) {
        if (action->address.family == NET_IPV4) {
            send_to(d, &action->address, 0, action);
        }
        return;
    }
    for (size_t i = 0; i < datagrams->interface_count; i++) {
        const struct interface *interface = &datagrams->interfaces[i];
        bool multicast = action->to == BUS_MULTICAST;
        struct net_address to =
            discovery_address(multicast ? group_address() : interface->broadcast);
        if (multicast ? interface->joined
                      : interface->broadcast.s_addr != 0 && d->config.broadcast) {
            send_to(d, &to, interface->index, action);
        }
    }
}

// ---- Opening --------------------------------------------------------------------------------------

static void watch(struct daemon *d, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
    poll->data = d;
    if (uv_poll_init(&d->loop, poll, fd) != 0 || uv_poll_start(poll, UV_READABLE, callback) != 0) {
        daemon_die("cannot watch the discovery socket");
    }
}

// Without it, new interfaces are found when the daemon starts again.
static void open_changes(struct daemon *d)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

    d->datagrams.changes_fd = -1;
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        log_line(LOG_WARNING, "changes of network interfaces will not be seen: %s",
                 strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    d->datagrams.changes_fd = fd;
    watch(d, &d->datagrams.changes_poll, fd, on_interface_news);
}

// Several daemons of one machine share the port: each hears multicast and broadcast.
static bool open_socket(struct daemon *d, struct fault *fault)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(ANNOUNCE_PORT)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)fault_errno(fault, EXIT_FAILED, "cannot open the discovery port, UDP %d",
                          ANNOUNCE_PORT);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    d->datagrams.fd = fd;
    return true;
}

bool datagrams_open(struct daemon *d, struct fault *fault)
{
    d->datagrams.fd = -1;
    d->datagrams.changes_fd = -1;
    if (!d->config.discovery) {
        return true;
    }
    if (!open_socket(d, fault)) {
        return false;
    }
    watch(d, &d->datagrams.poll, d->datagrams.fd, on_datagram);
    open_changes(d);
    scan(d);
    return true;
}
