// SPDX-License-Identifier: Apache-2.0
// Network addresses.
#include "host/common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// 1..65535 in decimal digits, without a sign or a leading 0.
static bool parse_port(uint16_t *out, const char *text)
{
    size_t len = strspn(text, "0123456789");
    long value;

    if (len == 0 || len > 5 || text[len] != 0 || text[0] == '0') {
        return false;
    }
    value = strtol(text, NULL, 10);
    *out = (uint16_t)value;
    return value <= 65535;
}

bool address_parse(struct net_address *out, const char *text)
{
    bool bracket = text[0] == '[';
    const char *host_end = bracket ? strchr(text, ']') : strchr(text, ':');
    char host[INET6_ADDRSTRLEN];
    size_t len;

    memset(out, 0, sizeof *out);
    if (bracket && host_end == NULL) {
        return false;
    }
    text += bracket;
    len = host_end == NULL ? strlen(text) : (size_t)(host_end - text);
    if (len >= sizeof host) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = 0;
    text += len + bracket;
    if (*text != 0 && (*text != ':' || !parse_port(&out->port, text + 1))) {
        return false;
    }
    if (inet_pton(bracket ? AF_INET6 : AF_INET, host, out->bytes) != 1) {
        return false;
    }
    out->family = bracket ? NET_IPV6 : NET_IPV4;
    return true;
}

void address_format(char out[static ADDRESS_CHARS_MAX], const struct net_address *address)
{
    char host[INET6_ADDRSTRLEN];
    bool v6 = address->family == NET_IPV6;

    if (address->family == NET_NONE ||
        inet_ntop(v6 ? AF_INET6 : AF_INET, address->bytes, host, sizeof host) == NULL) {
        snprintf(out, ADDRESS_CHARS_MAX, "-");
    } else if (address->port == 0) {
        snprintf(out, ADDRESS_CHARS_MAX, v6 ? "[%s]" : "%s", host);
    } else {
        snprintf(out, ADDRESS_CHARS_MAX, v6 ? "[%s]:%u" : "%s:%u", host, address->port);
    }
}

struct net_address address_from_sockaddr(const struct sockaddr_storage *from)
{
    struct net_address address = {0};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from->ss_family == AF_INET) {
        memcpy(&v4, from, sizeof v4);
        address.family = NET_IPV4;
        address.port = ntohs(v4.sin_port);
        memcpy(address.bytes, &v4.sin_addr, sizeof v4.sin_addr);
    } else if (from->ss_family == AF_INET6) {
        memcpy(&v6, from, sizeof v6);
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        address.family = mapped ? NET_IPV4 : NET_IPV6;
        address.port = ntohs(v6.sin6_port);
        memcpy(address.bytes, v6.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
    }
    return address;
}

socklen_t address_to_sockaddr(struct sockaddr_storage *to, const struct net_address *from)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(from->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(from->port)};

    memset(to, 0, sizeof *to);
    if (from->family == NET_IPV4) {
        memcpy(&v4.sin_addr, from->bytes, sizeof v4.sin_addr);
        memcpy(to, &v4, sizeof v4);
        return sizeof v4;
    }
    if (from->family == NET_IPV6) {
        memcpy(&v6.sin6_addr, from->bytes, sizeof v6.sin6_addr);
        memcpy(to, &v6, sizeof v6);
        return sizeof v6;
    }
    return 0;
}
