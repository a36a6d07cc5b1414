// SPDX-License-Identifier: Apache-2.0
// Session: bytes to be sent.
//
// They lie in the session's own small buffer as long as that will do, which for a session without streams is always;
// else in a block that the session has until everything has left. A block is used from its beginning again (wrapped)
// when its end is reached, so that there are at most two pieces: out[out_start..out_end) and then
// out[out_base..out_wrap).
#include "dsoftbus/bytes.h"
#include "dsoftbus/session_internal.h"
#include "noise/ct.h"

size_t session_output_pending(const struct session *s)
{
    return (size_t)(s->out_queued - s->out_sent);
}

static struct pool *output_pool(const struct session *s)
{
    return &s->config->memory->outputs;
}

// Where the output is.
static uint8_t *memory_of(struct session *s)
{
    return s->out_block == 0 ? s->buffer : pool_block(output_pool(s), s->out_block);
}

static size_t size_of(const struct session *s)
{
    return s->out_block == 0 ? sizeof s->buffer : output_pool(s)->block_bytes;
}

static void use_buffer(struct session *s)
{
    s->out_block = 0;
    s->out_base = s->out_start = s->out_end = s->out_wrap = 0;
}

void session_output_init(struct session *s)
{
    use_buffer(s);
    s->out_queued = s->out_sent = 0;
}

void session_output_set(struct session *s, size_t len)
{
    DSB_ASSERT(s->out_block == 0 && session_output_pending(s) == 0);
    s->out_start = 0;
    s->out_end = (uint32_t)len;
    s->out_queued += len;
}

static void release_block(struct session *s)
{
    if (s->out_block != 0) { // nothing in it is secret: it was all encrypted
        pool_give(output_pool(s), s->out_block);
    }
    use_buffer(s);
}

void session_output_drop(struct session *s)
{
    s->out_sent = s->out_queued;
    release_block(s);
}

// A place for a frame whose plaintext lies well.
static uint32_t aligned_offset(const uint8_t *memory)
{
    uintptr_t plaintext = (uintptr_t)memory + SESSION_FRAME_HEADER_BYTES;

    return (uint32_t)(-plaintext % SESSION_ALIGNMENT);
}

// Goes on in a block; false if there is none.
static bool use_block(struct session *s)
{
    size_t pending = session_output_pending(s);
    uint16_t block;
    uint8_t *memory;

    if (s->out_block != 0) {
        return true;
    }
    if (s->config->memory == NULL || (block = pool_take(output_pool(s))) == 0) {
        return false;
    }
    memory = pool_block(output_pool(s), block);
    s->out_base = aligned_offset(memory);
    bytes_copy(memory + s->out_base, s->buffer + s->out_start, pending);
    s->out_block = block;
    s->out_start = s->out_base;
    s->out_end = (uint32_t)(s->out_base + pending);
    return true;
}

// Moves what is in the small buffer to its beginning.
static void compact(struct session *s)
{
    for (uint32_t i = s->out_start; i < s->out_end; i++) {
        s->buffer[i - s->out_start] = s->buffer[i];
    }
    s->out_end -= s->out_start;
    s->out_start = 0;
}

// Where len bytes would go, with `keep` bytes left behind them.
static bool find_room(const struct session *s, uint32_t *at, size_t len, size_t keep)
{
    if (s->out_wrap != 0) {
        *at = s->out_wrap;
        return len + keep <= s->out_start - s->out_wrap;
    }
    if (len + keep <= size_of(s) - s->out_end) {
        *at = s->out_end;
        return true;
    }
    *at = s->out_base;
    return s->out_block != 0 && len + keep <= s->out_start - s->out_base;
}

bool session_has_room(const struct session *s, size_t len, size_t keep)
{
    uint32_t at;

    if (s->out_block != 0) {
        return find_room(s, &at, len, keep);
    }
    return s->config->memory != NULL && output_pool(s)->used < output_pool(s)->max &&
           SESSION_ALIGNMENT - 1 + session_output_pending(s) + len + keep <=
               output_pool(s)->block_bytes;
}

uint8_t *session_reserve(struct session *s, size_t len, size_t keep)
{
    uint32_t at;

    if (keep > 0 && !use_block(s)) {
        return NULL;
    }
    if (s->out_block == 0) {
        compact(s);
    }
    if (find_room(s, &at, len, keep) ||
        (s->out_block == 0 && use_block(s) && find_room(s, &at, len, keep))) {
        return memory_of(s) + at;
    }
    return NULL;
}

void session_commit(struct session *s, const uint8_t *room, size_t len)
{
    uint32_t at = (uint32_t)(room - memory_of(s));

    if (at == s->out_end) {
        s->out_end = (uint32_t)(at + len);
    } else {
        s->out_wrap = (uint32_t)(at + len);
    }
    s->out_queued += len;
}

bool session_holds_output(const struct session *s)
{
    return s->out_block != 0;
}

bool session_has_output(const struct session *s)
{
    return session_output_pending(s) > 0 || (s->state == SESSION_UP && s->control.first != 0);
}

uint8_t *session_output(struct session *s, size_t *len)
{
    if (s->state == SESSION_UP) {
        session_flush_streams(s);
    }
    *len = s->out_end - s->out_start;
    return *len == 0 ? NULL : memory_of(s) + s->out_start;
}

void session_output_done(struct session *s, size_t sent)
{
    sent = size_min(sent, s->out_end - s->out_start);
    s->out_start += (uint32_t)sent;
    s->out_sent += sent;
    if (s->out_start == s->out_end && s->out_wrap != 0) {
        s->out_start = s->out_base;
        s->out_end = s->out_wrap;
        s->out_wrap = 0;
    }
    if (session_output_pending(s) == 0) {
        release_block(s);
        if (s->state == SESSION_CLOSING) {
            session_move(s, SESSION_CLOSED);
        }
    }
    if (sent > 0 && s->state == SESSION_UP) {
        session_writers_go_on(s);
    }
}
