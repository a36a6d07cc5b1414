// SPDX-License-Identifier: Apache-2.0
// Device ids, names and network addresses.
#include "dsoftbus/identity.h"

#include "dsoftbus/bytes.h"

bool device_id_set(struct device_id *id, const uint8_t *bytes, size_t len)
{
    *id = (struct device_id){0};
    if (len == 0 || len > DEVICE_ID_BYTES_MAX || !utf8_valid(bytes, len)) {
        return false;
    }
    id->len = (uint8_t)len;
    bytes_copy(id->bytes, bytes, len);
    return true;
}

bool device_id_equal(const struct device_id *a, const struct device_id *b)
{
    return a->len != 0 && a->len == b->len && bytes_equal(a->bytes, b->bytes, a->len);
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// Length of the well-formed sequence at the start, 0 if there is none. Unicode 15, table 3-7: the second byte has
// the narrower range that excludes overlong forms, surrogates and what is above U+10FFFF.
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t lowest = 0x80, highest = 0xbf;
    size_t len;

    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0) {
        lowest = 0xa0;
    } else if (p[0] == 0xed) {
        highest = 0x9f;
    } else if (p[0] == 0xf0) {
        lowest = 0x90;
    } else if (p[0] == 0xf4) {
        highest = 0x8f;
    }
    if (left < len || p[1] < lowest || p[1] > highest) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_continuation(p[i])) {
            return 0;
        }
    }
    return len;
}

bool utf8_valid(const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t used = utf8_sequence(bytes, len);
        if (used == 0) {
            return false;
        }
        bytes += used;
        len -= used;
    }
    return true;
}

bool name_char_plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
}

bool name_plain(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > DEVICE_ID_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!name_char_plain(bytes[i])) {
            return false;
        }
    }
    return true;
}

static bool same_prefix(const struct net_address *a, const struct net_address *b, size_t ipv6_bytes)
{
    if (a->family != b->family) {
        return false;
    }
    switch ((enum net_family)a->family) {
    case NET_NONE:
        return false;
    case NET_IPV4:
        return bytes_equal(a->bytes, b->bytes, 4);
    case NET_IPV6:
        return bytes_equal(a->bytes, b->bytes, ipv6_bytes);
    }
    return false;
}

bool net_address_same_source(const struct net_address *a, const struct net_address *b)
{
    return same_prefix(a, b, 8);
}

bool net_address_same_host(const struct net_address *a, const struct net_address *b)
{
    return same_prefix(a, b, 16);
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
    return net_address_same_host(a, b) && a->port == b->port;
}
