// SPDX-License-Identifier: Apache-2.0
// Client stubs of dsoftbusd. What it returns is checked too: a dsoftbusd gone wrong must not write past a
// client's buffer.
#include "services/lib/bus.h"

#include <stdbool.h>

#include "services/lib/string.h"

const char *dsb_status_name(enum dsb_status status)
{
    static const char *const names[] = {
        [DSB_OK] = "ok",
        [DSB_UNSUPPORTED] = "unsupported",
        [DSB_INVALID_INPUT] = "invalid input",
        [DSB_BAD_HANDLE] = "bad handle",
        [DSB_WOULD_BLOCK] = "would block",
        [DSB_NOT_PERMITTED] = "not permitted",
        [DSB_NO_SUCH_PEER] = "no such peer",
        [DSB_NO_SUCH_SERVICE] = "no such service",
        [DSB_IN_USE] = "in use",
        [DSB_LIMIT] = "limit",
        [DSB_UNREACHABLE] = "unreachable",
        [DSB_TIMED_OUT] = "timed out",
        [DSB_CLOSED] = "closed",
        [DSB_DISCONNECTED] = "disconnected",
        [DSB_INTERNAL] = "internal error",
    };
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "unknown status";
}

// Calls with message[0..len); on DSB_OK the reply has exactly reply_len bytes, and is copied out.
static enum dsb_status call(void *reply, size_t reply_len, struct dsb_client *bus, enum dsb_op op,
                            size_t len)
{
    struct sys_reply r = sys_call(bus->dsoftbusd, op, len, NEURON_NEVER);
    if (r.status == NEURON_PEER_DIED) {
        return DSB_DISCONNECTED;
    }
    if (r.status != NEURON_OK || r.label > DSB_INTERNAL) {
        return DSB_INTERNAL;
    }
    enum dsb_status status = (enum dsb_status)r.label;
    if (status == DSB_OK && r.len != reply_len) {
        return DSB_INTERNAL;
    }
    if (status == DSB_OK) {
        memcpy(reply, ipc_page->message, reply_len);
    }
    return status;
}

static enum dsb_status request(struct dsb_reply *reply, struct dsb_client *bus, enum dsb_op op,
                               const struct dsb_request *q)
{
    memcpy(ipc_page->message, q, sizeof *q);
    return call(reply, sizeof *reply, bus, op, sizeof *q);
}

// For operations that return nothing but their status.
static enum dsb_status command(struct dsb_client *bus, enum dsb_op op, const struct dsb_request *q)
{
    struct dsb_reply reply;
    return request(&reply, bus, op, q);
}

static bool put_name(uint8_t *len, uint8_t bytes[static DSB_NAME_BYTES_MAX], const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > DSB_NAME_BYTES_MAX) {
        return false;
    }
    memcpy(bytes, name, n);
    *len = (uint8_t)n;
    return true;
}

// For operations that take names and return a handle; a name that the operation does not take is NULL.
static enum dsb_status open_handle(dsb_handle *handle, struct dsb_client *bus, enum dsb_op op,
                                   const char *peer, const char *service)
{
    struct dsb_names names = {0};
    struct dsb_reply reply;
    if ((peer != NULL && !put_name(&names.peer_len, names.peer, peer)) ||
        (service != NULL && !put_name(&names.service_len, names.service, service))) {
        return DSB_INVALID_INPUT;
    }
    memcpy(ipc_page->message, &names, sizeof names);
    enum dsb_status status = call(&reply, sizeof reply, bus, op, sizeof names);
    if (status == DSB_OK && reply.handle == 0) {
        return DSB_INTERNAL;
    }
    if (status == DSB_OK) {
        *handle = reply.handle;
    }
    return status;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

enum dsb_status dsb_connect(struct dsb_client *bus, neuron_handle dsoftbusd, neuron_handle memory)
{
    void *shared;
    size_t bytes;
    if (sys_map(&shared, &bytes, memory, NEURON_READ | NEURON_WRITE) != NEURON_OK ||
        bytes > UINT32_MAX) {
        return DSB_INTERNAL;
    }
    *bus = (struct dsb_client){
        .dsoftbusd = dsoftbusd, .shared = shared, .shared_len = (uint32_t)bytes};
    return DSB_OK;
}

enum dsb_status dsb_register(dsb_handle *listener, struct dsb_client *bus, const char *service)
{
    return open_handle(listener, bus, DSB_REGISTER, NULL, service);
}

enum dsb_status dsb_accept(struct dsb_accepted *out, struct dsb_client *bus, dsb_handle listener)
{
    struct dsb_request q = {.handle = listener};
    memcpy(ipc_page->message, &q, sizeof q);
    enum dsb_status status = call(out, sizeof *out, bus, DSB_ACCEPT, sizeof q);
    bool sound = status != DSB_OK ||
                 (out->handle != 0 && out->peer_len > 0 && out->peer_len <= DSB_NAME_BYTES_MAX);
    return sound ? status : DSB_INTERNAL;
}

enum dsb_status dsb_open(dsb_handle *stream, struct dsb_client *bus, const char *peer,
                         const char *service)
{
    return open_handle(stream, bus, DSB_OPEN, peer, service);
}

// READ and WRITE: never more bytes than were asked for.
static enum dsb_status transfer(uint32_t *len, struct dsb_client *bus, enum dsb_op op,
                                dsb_handle stream, uint32_t offset)
{
    struct dsb_request q = {.handle = stream, .offset = offset, .len = *len};
    struct dsb_reply reply;
    enum dsb_status status = request(&reply, bus, op, &q);
    if (status == DSB_OK && reply.len > q.len) {
        return DSB_INTERNAL;
    }
    if (status == DSB_OK) {
        *len = reply.len;
    }
    return status;
}

enum dsb_status dsb_read_at(uint32_t *len, struct dsb_client *bus, dsb_handle stream,
                            uint32_t offset)
{
    return transfer(len, bus, DSB_READ, stream, offset);
}

enum dsb_status dsb_write_at(struct dsb_client *bus, dsb_handle stream, uint32_t offset,
                             uint32_t *len)
{
    return transfer(len, bus, DSB_WRITE, stream, offset);
}

// The copying forms use the first half for what is written, the second for what is read.
enum dsb_status dsb_read(void *data, uint32_t *len, struct dsb_client *bus, dsb_handle stream)
{
    uint32_t half = bus->shared_len / 2, taken = min_u32(*len, half);
    enum dsb_status status = dsb_read_at(&taken, bus, stream, half);
    if (status == DSB_OK) {
        memcpy(data, bus->shared + half, taken);
        *len = taken;
    }
    return status;
}

enum dsb_status dsb_write(struct dsb_client *bus, dsb_handle stream, const void *data,
                          uint32_t *len)
{
    uint32_t taken = min_u32(*len, bus->shared_len / 2);
    memcpy(bus->shared, data, taken);
    enum dsb_status status = dsb_write_at(bus, stream, 0, &taken);
    if (status == DSB_OK) {
        *len = taken;
    }
    return status;
}

enum dsb_status dsb_finish(struct dsb_client *bus, dsb_handle stream)
{
    struct dsb_request q = {.handle = stream};
    return command(bus, DSB_FINISH, &q);
}

enum dsb_status dsb_close(struct dsb_client *bus, dsb_handle handle, uint32_t reason)
{
    struct dsb_request q = {.handle = handle, .reason = reason};
    return command(bus, DSB_CLOSE, &q);
}

enum dsb_status dsb_ping(dsb_handle *ping, struct dsb_client *bus, const char *peer)
{
    return open_handle(ping, bus, DSB_PING, peer, NULL);
}

enum dsb_status dsb_ping_result(uint32_t *round_trip_ms, struct dsb_client *bus, dsb_handle ping)
{
    struct dsb_request q = {.handle = ping};
    struct dsb_reply reply;
    enum dsb_status status = request(&reply, bus, DSB_PING_RESULT, &q);
    if (status == DSB_OK) {
        *round_trip_ms = reply.len;
    }
    return status;
}

enum dsb_status dsb_poll(struct dsb_poll_reply *out, struct dsb_client *bus)
{
    enum dsb_status status = call(out, sizeof *out, bus, DSB_POLL, 0);
    return status == DSB_OK && out->count > DSB_POLL_MAX ? DSB_INTERNAL : status;
}

enum dsb_status dsb_peer(struct dsb_peer *out, struct dsb_client *bus, uint32_t index)
{
    struct dsb_request q = {.offset = index};
    memcpy(ipc_page->message, &q, sizeof q);
    enum dsb_status status = call(out, sizeof *out, bus, DSB_PEER, sizeof q);
    bool sound = status != DSB_OK || (out->id_len > 0 && out->id_len <= DSB_NAME_BYTES_MAX);
    return sound ? status : DSB_INTERNAL;
}

enum dsb_status dsb_stats(struct dsb_stats *out, struct dsb_client *bus)
{
    return call(out, sizeof *out, bus, DSB_STATS, 0);
}
