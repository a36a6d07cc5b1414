// SPDX-License-Identifier: Apache-2.0
// doctor's last step. The daemon, which is confined, tells what the kernel knows of its connection; the interface is looked
// up here.
#include "host/cli/path.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/address.h"

enum {
    TRY_MS = 8000
}; // a lost packet is sent again five times; a kernel that probes has found a smaller size by then

struct interface {
    char name[IFNAMSIZ];
    unsigned mtu; // 0: not known
};

static bool same_host(const struct sockaddr *one, const struct net_address *other)
{
    struct sockaddr_storage copy = {0};
    struct net_address address;

    if (one == NULL || (one->sa_family != AF_INET && one->sa_family != AF_INET6)) {
        return false;
    }
    memcpy(&copy, one,
           one->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    address = address_from_sockaddr(&copy);
    address.port = other->port;
    return net_address_equal(&address, other);
}

static unsigned mtu_of(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool told;

    memcpy(request.ifr_name, name, strnlen(name, sizeof request.ifr_name - 1));
    told = fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return told && request.ifr_mtu > 0 ? (unsigned)request.ifr_mtu : 0;
}

// The interface that has this address of ours.
static struct interface find_interface(const char *local)
{
    struct interface found = {.name = "the interface"};
    struct net_address address;
    struct ifaddrs *all;

    if (!address_parse(&address, local) || getifaddrs(&all) != 0) {
        return found;
    }
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (same_host(i->ifa_addr, &address)) {
            snprintf(found.name, sizeof found.name, "%s", i->ifa_name);
            found.mtu = mtu_of(i->ifa_name);
            break;
        }
    }
    freeifaddrs(all);
    return found;
}

static enum path_verdict through(char text[static PATH_TEXT_BYTES], const cJSON *path,
                                 const struct interface *interface)
{
    unsigned mtu = (unsigned)json_number(path, "mtu"), tried = (unsigned)json_number(path, "tried");
    unsigned mss = (unsigned)json_number(path, "mss");
    int len;

    if (mss > tried) {
        len =
            snprintf(text, PATH_TEXT_BYTES,
                     "segments of %u bytes get there; larger ones, which %s takes, were not tried",
                     tried, interface->name);
    } else if (interface->mtu != 0 && mtu < interface->mtu) {
        len = snprintf(text, PATH_TEXT_BYTES,
                       "packets of %u bytes get there; the kernel knows that the path takes no "
                       "more, although %s takes %u",
                       mtu, interface->name, interface->mtu);
    } else {
        len = snprintf(text, PATH_TEXT_BYTES,
                       "full segments get there: %u bytes, in packets of up to %u", mss, mtu);
    }
    if (len > 0 && len < PATH_TEXT_BYTES) {
        snprintf(text + len, PATH_TEXT_BYTES - (size_t)len,
                 " (not tried: the way back; run doctor on the peer, too)");
    }
    return PATH_GOOD;
}

static enum path_verdict lost(char text[static PATH_TEXT_BYTES], const cJSON *path,
                              const struct interface *interface)
{
    unsigned tried = (unsigned)json_number(path, "tried");

    if (json_number(path, "unanswered") == 0) {
        snprintf(text, PATH_TEXT_BYTES,
                 "segments of %u bytes get there, but the peer's daemon has not answered within "
                 "%d s",
                 tried, TRY_MS / 1000);
        return PATH_SILENT;
    }
    snprintf(text, PATH_TEXT_BYTES,
             "small packets get there, but segments of %u bytes vanish, and nobody says so (a "
             "black hole of the path MTU): lower the MTU of %s on this side and of the peer's "
             "(`ip link set %s mtu 1280`), or have the router clamp the MSS (nft: `tcp flags syn "
             "tcp option maxseg size set rt mtu`)",
             tried, interface->name, interface->mtu != 0 ? interface->name : "IF");
    return PATH_BLACK_HOLE;
}

enum path_verdict path_try(char text[static PATH_TEXT_BYTES], struct client *client,
                           const struct device_id *peer)
{
    struct control_request request = {.op = CONTROL_PATH, .peer = *peer, .timeout_ms = TRY_MS};
    struct interface interface;
    enum path_verdict verdict;
    struct fault fault;
    cJSON *path = client_call(client, &fault, &request);

    if (path == NULL) {
        snprintf(text, PATH_TEXT_BYTES, "not tried: %.600s", fault.text);
        return PATH_UNTRIED;
    }
    interface = find_interface(json_text(path, "local"));
    verdict =
        json_true(path, "through") ? through(text, path, &interface) : lost(text, path, &interface);
    cJSON_Delete(path);
    return verdict;
}
