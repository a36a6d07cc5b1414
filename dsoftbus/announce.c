// SPDX-License-Identifier: Apache-2.0
// NXSB announce v1: decoder and encoder (WIRE section 1).
#include "dsoftbus/announce.h"

#include "dsoftbus/bytes.h"

enum {
    MAGIC_BYTES = 4,
    PREFIX_BYTES = MAGIC_BYTES + 1 + 1,  // through the device id length
    FIXED_BYTES = 2 + DSB_KEY_BYTES + 1, // port, key, service count
    TRAILER_BOOT = 1,                    // TLV type
    TRAILER_BOOT_BYTES = ANNOUNCE_BOOT_ID_BYTES + 4 + 2,
};
_Static_assert(ANNOUNCE_TRAILER_BYTES == 2 + TRAILER_BOOT_BYTES, "one TLV");

static const uint8_t magic[MAGIC_BYTES] = {'N', 'X', 'S', 'B'};

// The bytes not yet looked at.
struct reader {
    const uint8_t *at;
    size_t left;
};

static const uint8_t *take(struct reader *in, size_t len)
{
    const uint8_t *taken = in->at;

    DSB_ASSERT(len <= in->left);
    in->at += len;
    in->left -= len;
    return taken;
}

static enum announce_error decode_service(struct service_name *out, struct reader *in)
{
    uint8_t len;

    if (in->left < 1) {
        return ANNOUNCE_TRUNCATED;
    }
    len = *take(in, 1);
    if (len == 0 || len > SERVICE_NAME_BYTES_MAX) {
        return ANNOUNCE_BAD_SERVICE_LENGTH;
    }
    if (in->left < len) {
        return ANNOUNCE_TRUNCATED;
    }
    if (!utf8_valid(in->at, len)) {
        return ANNOUNCE_BAD_UTF8;
    }
    out->len = len;
    bytes_copy(out->bytes, take(in, len), len);
    return ANNOUNCE_OK;
}

static enum announce_error decode_body(struct announce *out, struct reader *in)
{
    uint8_t id_len;

    if (in->left < MAGIC_BYTES) {
        return ANNOUNCE_TRUNCATED;
    }
    if (!bytes_equal(take(in, MAGIC_BYTES), magic, MAGIC_BYTES)) {
        return ANNOUNCE_BAD_MAGIC;
    }
    if (in->left < PREFIX_BYTES - MAGIC_BYTES) {
        return ANNOUNCE_TRUNCATED;
    }
    if (*take(in, 1) != DSB_VERSION) {
        return ANNOUNCE_UNSUPPORTED_VERSION;
    }
    id_len = *take(in, 1);
    if (id_len == 0 || id_len > DEVICE_ID_BYTES_MAX) {
        return ANNOUNCE_BAD_DEVICE_ID_LENGTH;
    }
    if (in->left < (size_t)id_len + FIXED_BYTES) {
        return ANNOUNCE_TRUNCATED;
    }
    if (!device_id_set(&out->id, take(in, id_len), id_len)) {
        return ANNOUNCE_BAD_UTF8;
    }
    out->port = load_be16(take(in, 2));
    bytes_copy(out->static_key, take(in, DSB_KEY_BYTES), DSB_KEY_BYTES);
    out->service_count = *take(in, 1);
    if (out->service_count > ANNOUNCE_SERVICES_MAX) {
        return ANNOUNCE_TOO_MANY_SERVICES;
    }
    for (size_t i = 0; i < out->service_count; i++) {
        enum announce_error error = decode_service(&out->services[i], in);
        if (error != ANNOUNCE_OK) {
            return error;
        }
    }
    return ANNOUNCE_OK;
}

static uint16_t clamp_ttl(uint16_t ttl_s)
{
    if (ttl_s < ANNOUNCE_TTL_MIN_S) {
        return ANNOUNCE_TTL_MIN_S;
    }
    return ttl_s > ANNOUNCE_TTL_MAX_S ? ANNOUNCE_TTL_MAX_S : ttl_s;
}

// Finds the one boot TLV; NULL if there is none or any TLV is malformed.
static const uint8_t *find_boot(struct reader in)
{
    const uint8_t *boot = NULL;

    while (in.left > 0) {
        const uint8_t *value;
        uint8_t type, len;

        if (in.left < 2) {
            return NULL;
        }
        type = *take(&in, 1);
        len = *take(&in, 1);
        if (in.left < len) {
            return NULL;
        }
        value = take(&in, len);
        if (type == TRAILER_BOOT) {
            if (boot != NULL || len != TRAILER_BOOT_BYTES) {
                return NULL;
            }
            boot = value;
        }
    }
    return boot;
}

static void decode_trailer(struct announce *out, struct reader in)
{
    const uint8_t *boot = find_boot(in);

    out->ttl_s = ANNOUNCE_TTL_DEFAULT_S;
    if (boot != NULL) {
        out->has_trailer = true;
        bytes_copy(out->boot_id, boot, ANNOUNCE_BOOT_ID_BYTES);
        out->seq = load_be32(boot + ANNOUNCE_BOOT_ID_BYTES);
        out->ttl_s = clamp_ttl(load_be16(boot + ANNOUNCE_BOOT_ID_BYTES + 4));
    }
}

enum announce_error announce_decode(struct announce *out, const uint8_t *datagram,
                                    size_t datagram_len)
{
    struct reader in = {datagram, datagram_len};
    enum announce_error error;

    bytes_zero(out, sizeof *out);
    error = decode_body(out, &in);
    if (error != ANNOUNCE_OK) {
        bytes_zero(out, sizeof *out);
        return error;
    }
    decode_trailer(out, in);
    return ANNOUNCE_OK;
}

static enum announce_error check(const struct announce *announce)
{
    if (announce->id.len == 0 || announce->id.len > DEVICE_ID_BYTES_MAX) {
        return ANNOUNCE_BAD_DEVICE_ID_LENGTH;
    }
    if (!utf8_valid(announce->id.bytes, announce->id.len)) {
        return ANNOUNCE_BAD_UTF8;
    }
    if (announce->service_count > ANNOUNCE_SERVICES_MAX) {
        return ANNOUNCE_TOO_MANY_SERVICES;
    }
    for (size_t i = 0; i < announce->service_count; i++) {
        const struct service_name *service = &announce->services[i];
        if (service->len == 0 || service->len > SERVICE_NAME_BYTES_MAX) {
            return ANNOUNCE_BAD_SERVICE_LENGTH;
        }
        if (!utf8_valid(service->bytes, service->len)) {
            return ANNOUNCE_BAD_UTF8;
        }
    }
    return ANNOUNCE_OK;
}

static size_t encoded_len(const struct announce *announce)
{
    size_t len = PREFIX_BYTES + announce->id.len + (size_t)FIXED_BYTES;

    for (size_t i = 0; i < announce->service_count; i++) {
        len += 1 + (size_t)announce->services[i].len;
    }
    return len + (announce->has_trailer ? ANNOUNCE_TRAILER_BYTES : 0);
}

static uint8_t *put(uint8_t *at, const uint8_t *bytes, size_t len)
{
    bytes_copy(at, bytes, len);
    return at + len;
}

static uint8_t *put_trailer(uint8_t *at, const struct announce *announce)
{
    *at++ = TRAILER_BOOT;
    *at++ = TRAILER_BOOT_BYTES;
    at = put(at, announce->boot_id, ANNOUNCE_BOOT_ID_BYTES);
    store_be32(at, announce->seq);
    store_be16(at + 4, announce->ttl_s);
    return at + 6;
}

enum announce_error announce_encode(uint8_t *out, size_t out_size, size_t *out_len,
                                    const struct announce *announce)
{
    enum announce_error error = check(announce);
    uint8_t *at = out;

    *out_len = 0;
    if (error != ANNOUNCE_OK) {
        return error;
    }
    if (out_size < encoded_len(announce)) {
        return ANNOUNCE_NO_SPACE;
    }
    at = put(at, magic, MAGIC_BYTES);
    *at++ = DSB_VERSION;
    *at++ = announce->id.len;
    at = put(at, announce->id.bytes, announce->id.len);
    store_be16(at, announce->port);
    at = put(at + 2, announce->static_key, DSB_KEY_BYTES);
    *at++ = announce->service_count;
    for (size_t i = 0; i < announce->service_count; i++) {
        *at++ = announce->services[i].len;
        at = put(at, announce->services[i].bytes, announce->services[i].len);
    }
    if (announce->has_trailer) {
        at = put_trailer(at, announce);
    }
    *out_len = (size_t)(at - out);
    DSB_ASSERT(*out_len == encoded_len(announce));
    return ANNOUNCE_OK;
}

const char *announce_error_name(enum announce_error error)
{
    switch (error) {
    case ANNOUNCE_OK:
        return "ok";
    case ANNOUNCE_TRUNCATED:
        return "truncated";
    case ANNOUNCE_BAD_MAGIC:
        return "bad magic";
    case ANNOUNCE_UNSUPPORTED_VERSION:
        return "unsupported version";
    case ANNOUNCE_BAD_DEVICE_ID_LENGTH:
        return "device id length";
    case ANNOUNCE_BAD_UTF8:
        return "bad utf-8";
    case ANNOUNCE_TOO_MANY_SERVICES:
        return "service count";
    case ANNOUNCE_BAD_SERVICE_LENGTH:
        return "service length";
    case ANNOUNCE_NO_SPACE:
        return "no space";
    }
    return "unknown";
}
