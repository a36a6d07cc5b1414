// SPDX-License-Identifier: Apache-2.0
// Bus: streams by their handles. The work is done in stream.c and session_stream.c.
#include "dsoftbus/bus_internal.h"
#include "dsoftbus/bytes.h"
#include "dsoftbus/stream_internal.h"

static struct stream_table *table_of(struct bus *bus)
{
    return &bus->memory.streams;
}

// The connection whose output a call on this stream may have filled; NULL if there is none any more.
static struct connection *connection_of(const struct bus *bus, uint32_t stream)
{
    const struct stream *st = stream_find(&bus->memory.streams, stream);

    return st == NULL || st->session == NULL ? NULL : bus_find(bus, st->connection);
}

static void settle(struct bus *bus, struct connection *c)
{
    if (c != NULL) {
        bus_settle(bus, c);
    }
}

void bus_stream_offered(struct bus *bus, const struct connection *c)
{
    uint32_t stream = session_offered(&c->session);
    struct stream_status status;

    if (stream_status(table_of(bus), stream, &status) &&
        !bus_has_service(bus, status.service.bytes, status.service.len)) {
        stream_close(table_of(bus), bus->now_ms, stream, BYE_NO_SUCH_SERVICE);
    }
}

enum stream_error bus_stream_open(struct bus *bus, uint64_t now_ms, uint32_t *stream,
                                  uint32_t connection, const char *service, size_t service_len)
{
    struct connection *c = bus_find(bus, connection);
    enum stream_error error;

    bus_clock(bus, now_ms);
    *stream = 0;
    if (c == NULL || !c->established) {
        return STREAM_NO_SESSION;
    }
    error = stream_open(&c->session, bus->now_ms, stream, (const uint8_t *)service, service_len);
    if (error == STREAM_IDS_USED) {
        c->replace_ms = time_min(c->replace_ms, bus->now_ms); // at the next tick, which is due now
    }
    settle(bus, c);
    return error;
}

enum stream_error bus_stream_accept(struct bus *bus, uint64_t now_ms, uint32_t stream)
{
    struct connection *c = connection_of(bus, stream);
    enum stream_error error;

    bus_clock(bus, now_ms);
    error = stream_accept(table_of(bus), bus->now_ms, stream);
    settle(bus, c);
    return error;
}

enum stream_error bus_stream_read(struct bus *bus, uint64_t now_ms, uint32_t stream, uint8_t *out,
                                  size_t size, size_t *len)
{
    struct connection *c = connection_of(bus, stream);
    enum stream_error error;

    bus_clock(bus, now_ms);
    error = stream_read(table_of(bus), bus->now_ms, stream, out, size, len);
    settle(bus, c);
    return error;
}

enum stream_error bus_stream_peek(struct bus *bus, uint32_t stream, const uint8_t **bytes,
                                  size_t *len)
{
    return stream_peek(table_of(bus), stream, bytes, len);
}

void bus_stream_consume(struct bus *bus, uint64_t now_ms, uint32_t stream, size_t len)
{
    struct connection *c = connection_of(bus, stream);

    bus_clock(bus, now_ms);
    stream_consume(table_of(bus), bus->now_ms, stream, len);
    settle(bus, c);
}

enum stream_error bus_stream_write(struct bus *bus, uint64_t now_ms, uint32_t stream,
                                   const uint8_t *data, size_t len, size_t *taken)
{
    struct connection *c = connection_of(bus, stream);
    enum stream_error error;

    bus_clock(bus, now_ms);
    error = stream_write(table_of(bus), bus->now_ms, stream, data, len, taken);
    settle(bus, c);
    return error;
}

enum stream_error bus_stream_finish(struct bus *bus, uint64_t now_ms, uint32_t stream)
{
    struct connection *c = connection_of(bus, stream);
    enum stream_error error;

    bus_clock(bus, now_ms);
    error = stream_finish(table_of(bus), bus->now_ms, stream);
    settle(bus, c);
    return error;
}

void bus_stream_close(struct bus *bus, uint64_t now_ms, uint32_t stream, enum bye_reason reason)
{
    struct connection *c = connection_of(bus, stream);

    bus_clock(bus, now_ms);
    stream_close(table_of(bus), bus->now_ms, stream, reason);
    settle(bus, c);
}

bool bus_stream_status(const struct bus *bus, uint32_t stream, struct stream_status *status)
{
    return stream_status(&bus->memory.streams, stream, status);
}

void bus_stream_set_tag(struct bus *bus, uint32_t stream, uint32_t tag)
{
    stream_set_tag(table_of(bus), stream, tag);
}

bool bus_next_stream(struct bus *bus, uint32_t *stream, struct stream_status *status)
{
    return stream_next(table_of(bus), stream, status);
}
