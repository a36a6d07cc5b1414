// SPDX-License-Identifier: Apache-2.0
// Streams: their slots, the lists they are in, and their receive buffers.
#include "dsoftbus/bytes.h"
#include "dsoftbus/stream_internal.h"

void stream_table_init(struct stream_table *table, struct stream *streams, uint16_t max,
                       uint8_t *buffers, uint32_t buffer_bytes)
{
    DSB_ASSERT(max == 0 ||
               (streams != NULL && buffers != NULL && buffer_bytes >= STREAM_BUFFER_BYTES_MIN));
    *table = (struct stream_table){.streams = streams, .buffer_bytes = buffer_bytes, .max = max};
    table->buffers = buffers;
}

// ---- Slots ----------------------------------------------------------------------------------------

static uint16_t slot_plus_1(const struct stream_table *table, const struct stream *st)
{
    return (uint16_t)(st - table->streams + 1);
}

static uint8_t *buffer(const struct stream_table *table, const struct stream *st)
{
    return table->buffers + (size_t)(st - table->streams) * table->buffer_bytes;
}

uint32_t stream_handle(const struct stream_table *table, const struct stream *st)
{
    return (uint32_t)st->generation << 16 | slot_plus_1(table, st);
}

struct stream *stream_at(const struct stream_table *table, uint16_t slot)
{
    DSB_ASSERT(slot != 0 && slot <= table->fresh);
    return &table->streams[slot - 1];
}

struct stream *stream_find(const struct stream_table *table, uint32_t handle)
{
    uint16_t slot = (uint16_t)handle;
    struct stream *st;

    if (slot == 0 || slot > table->fresh) {
        return NULL;
    }
    st = stream_at(table, slot);
    return st->generation == handle >> 16 && st->phase != STREAM_FREE && st->phase != STREAM_LEAVING
               ? st
               : NULL;
}

struct stream *stream_take(struct stream_table *table)
{
    struct stream *st;

    if (table->free != 0) {
        st = stream_at(table, table->free);
        table->free = st->links[STREAM_IN_NEWS].next;
        st->links[STREAM_IN_NEWS].next = 0;
    } else if (table->fresh < table->max) {
        st = &table->streams[table->fresh++];
        bytes_zero(st, sizeof *st);
    } else {
        return NULL;
    }
    table->used++;
    return st;
}

void stream_release(struct stream_table *table, struct stream *st)
{
    uint16_t generation = (uint16_t)(st->generation + 1);

    stream_list_remove(table, &table->news, STREAM_IN_NEWS, st);
    DSB_ASSERT(st->lists == 0 && st->session == NULL);
    bytes_wipe(buffer(table, st), (size_t)time_min(st->bytes_in, table->buffer_bytes));
    bytes_zero(st, sizeof *st);
    st->generation = generation;
    st->links[STREAM_IN_NEWS].next = table->free;
    table->free = slot_plus_1(table, st);
    table->used--;
}

// ---- Lists ----------------------------------------------------------------------------------------

bool stream_is_in(const struct stream *st, unsigned which)
{
    return (st->lists & 1u << which) != 0;
}

void stream_list_add(struct stream_table *table, struct stream_list *list, unsigned which,
                     struct stream *st)
{
    uint16_t slot = slot_plus_1(table, st);

    if (stream_is_in(st, which)) {
        return;
    }
    st->lists = (uint8_t)(st->lists | 1u << which);
    st->links[which] = (struct stream_link){.next = 0, .previous = list->last};
    if (list->last != 0) {
        stream_at(table, list->last)->links[which].next = slot;
    } else {
        list->first = slot;
    }
    list->last = slot;
}

void stream_list_remove(struct stream_table *table, struct stream_list *list, unsigned which,
                        struct stream *st)
{
    struct stream_link *link = &st->links[which];

    if (!stream_is_in(st, which)) {
        return;
    }
    st->lists = (uint8_t)(st->lists & ~(1u << which));
    if (link->previous != 0) {
        stream_at(table, link->previous)->links[which].next = link->next;
    } else {
        list->first = link->next;
    }
    if (link->next != 0) {
        stream_at(table, link->next)->links[which].previous = link->previous;
    } else {
        list->last = link->previous;
    }
    *link = (struct stream_link){0};
}

void stream_news(struct stream_table *table, struct stream *st)
{
    if (st->phase != STREAM_LEAVING) {
        stream_list_add(table, &table->news, STREAM_IN_NEWS, st);
    }
}

bool stream_next(struct stream_table *table, uint32_t *stream, struct stream_status *status)
{
    struct stream *st;

    if (table->news.first == 0) {
        *stream = 0;
        *status = (struct stream_status){0};
        return false;
    }
    st = stream_at(table, table->news.first);
    stream_list_remove(table, &table->news, STREAM_IN_NEWS, st);
    *stream = stream_handle(table, st);
    return stream_status(table, *stream, status);
}

// ---- The receive buffer, a ring --------------------------------------------------------------------------

void stream_buffer_put(struct stream_table *table, struct stream *st, const uint8_t *data,
                       size_t len)
{
    uint8_t *ring = buffer(table, st);
    size_t size = table->buffer_bytes, at = (size_t)st->read_at + st->used, first;

    DSB_ASSERT(len <= size - st->used);
    at -= at >= size ? size : 0;
    first = size_min(len, size - at);
    bytes_copy(ring + at, data, first);
    bytes_copy(ring, data + first, len - first);
    st->used += (uint32_t)len;
    st->bytes_in += len;
}

const uint8_t *stream_buffer_front(const struct stream_table *table, const struct stream *st,
                                   size_t *len)
{
    *len = size_min(st->used, table->buffer_bytes - st->read_at);
    return buffer(table, st) + st->read_at;
}
