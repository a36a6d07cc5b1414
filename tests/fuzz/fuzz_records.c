// SPDX-License-Identifier: Apache-2.0
// An established session against a peer that has authenticated and then encrypts whatever it likes, while its owner uses
// streams: the input is a sequence of record plaintexts (length byte, bytes) and of calls of the owner (a byte of 0xf0 or
// more, and one argument), for the responder or, by the first bit, the initiator.
#include "tests/fuzz/fuzz_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALLS = 0xf0, HANDLES = 8 };

static struct fuzz_end ends[2], established[2];
static uint32_t handles[HANDLES]; // what the owner has or had

// The handshake is done once; each input starts from the same bytes at the same place.
static void establish(void)
{
    static bool done;
    uint8_t bytes[FUZZ_OUTPUT_MAX];

    if (!done) {
        fuzz_start(&ends[0], &ends[1]);
        for (unsigned i = 0; i < 4; i++) {
            fuzz_receive(&ends[(i + 1) % 2], bytes, fuzz_take(&ends[i % 2], bytes));
        }
        require(ends[0].established == 1 && ends[1].established == 1);
        memcpy(established, ends, sizeof ends);
        done = true;
    }
    memcpy(ends, established, sizeof ends);
    memset(handles, 0, sizeof handles);
}

static void send_record(struct fuzz_end *from, struct fuzz_end *to, const uint8_t *plaintext,
                        size_t len)
{
    uint8_t frame[2 + 255 + DSB_TAG_BYTES];
    size_t sealed_len;

    if (session_state(&from->session) != SESSION_UP) { // it has been told BYE, and has no keys
        return;
    }
    require(xk_sender_seal(&from->session.sender, frame + 2, len + DSB_TAG_BYTES, &sealed_len,
                           plaintext, len) == NOISE_OK);
    frame[0] = (uint8_t)(sealed_len >> 8);
    frame[1] = (uint8_t)sealed_len;
    fuzz_receive(to, frame, 2 + sealed_len);
}

// Some of what it has to say leaves, and arrives.
static void drain(struct fuzz_end *e, struct fuzz_end *to, size_t max)
{
    uint8_t bytes[FUZZ_OUTPUT_MAX];
    size_t len;
    const uint8_t *out = session_output(&e->session, &len);

    require((out == NULL) == (len == 0) && len <= sizeof bytes);
    len = max < len ? max : len;
    if (len > 0) {
        memcpy(bytes, out, len);
        session_output_done(&e->session, len);
        fuzz_receive(to, bytes, len);
    }
}

static void take_news(struct fuzz_end *e)
{
    struct stream_status status;
    uint32_t stream;

    while (stream_next(&e->memory.streams, &stream, &status)) {
        handles[status.id / 2 % HANDLES] = stream;
        require((status.ready & STREAM_GONE) == 0 || status.error == STREAM_CLOSED ||
                status.error == STREAM_DISCONNECTED);
    }
}

static void call(struct fuzz_end *e, struct fuzz_end *peer, uint8_t what, uint8_t arg)
{
    struct stream_table *table = &e->memory.streams;
    uint32_t *handle = &handles[arg % HANDLES];
    static uint8_t bytes[2 * FUZZ_STREAM_BUFFER];
    size_t len;

    switch (what % 8) {
    case 0:
        if (stream_open(&e->session, 0, handle, (const uint8_t *)"x", 1) != STREAM_OK) {
            require(*handle == 0);
        }
        break;
    case 1:
        (void)!stream_accept(table, 0, *handle);
        break;
    case 2:
        (void)!stream_write(table, 0, *handle, bytes, (size_t)arg * 8, &len);
        require(len <= (size_t)arg * 8);
        break;
    case 3:
        (void)!stream_read(table, 0, *handle, bytes, (size_t)arg * 8 + 1, &len);
        require(len <= (size_t)arg * 8 + 1);
        break;
    case 4:
        (void)!stream_finish(table, 0, *handle);
        break;
    case 5:
        stream_close(table, 0, *handle, (enum bye_reason)(arg % 9));
        break;
    case 6:
        drain(e, peer, (size_t)arg * 4);
        break;
    case 7:
        take_news(e);
        break;
    }
}

// What is true at any time.
static void check(const struct fuzz_end *e)
{
    unsigned used = 0, mine = 0, theirs = 0;

    for (size_t i = 0; i < FUZZ_STREAMS; i++) {
        const struct stream *st = &e->streams[i];
        if (st->phase == 0) {
            continue;
        }
        used++;
        mine += !st->over && st->ours;
        theirs += !st->over && !st->ours;
        require(st->used <= FUZZ_STREAM_BUFFER);
        require(st->over || st->used + st->granted <= FUZZ_STREAM_BUFFER);
        require(st->session == NULL || e->ended == 0);
    }
    require(used == e->memory.streams.used);
    require(mine == e->session.own_open && theirs == e->session.peer_open);
    require(theirs <= e->config.streams_max && mine <= e->session.peer_streams_max);
    require(e->memory.outputs.used <= 1 && e->memory.inputs.used <= 1);
}

// What it said is in order to an honest peer, whatever was done to it, apart from what answers the lies.
static void check_words(const struct fuzz_end *from)
{
    static const enum close_reason possible[] = {
        REASON_NONE,         REASON_PEER_BYE,
        REASON_RECORD_ORDER, // a PONG to a PING that was not honest
        REASON_PING_FLOOD,
        REASON_STREAM_ID, // records on streams that were not opened by honest means
        REASON_STREAM_ORDER, REASON_STREAM_CREDIT,
        REASON_STREAM_FLOOD, // what it has to say is never taken, so that in the end it cannot refuse
    };
    bool found = false;

    for (size_t i = 0; i < sizeof possible / sizeof possible[0]; i++) {
        found |= session_reason(&from->session) == possible[i];
    }
    require(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[FUZZ_OUTPUT_MAX];
    bool drains;

    if (size < 1) {
        return 0;
    }
    establish();
    struct fuzz_end *to = &ends[data[0] & 1], *from = &ends[~data[0] & 1];
    drains = data[0] & 2;
    ends[0].in_place = ends[1].in_place = data[0] & 4;
    for (unsigned i = data[0] >> 5; i > 0; i--) {
        require((session_ping(&to->session, 0) != 0) ==
                (session_state(&to->session) == SESSION_UP &&
                 (data[0] >> 5) - i < PINGS_UNANSWERED_MAX));
    }
    data++;
    size--;
    while (size > 0) {
        if (data[0] >= CALLS) {
            call(to, from, data[0], size > 1 ? data[1] : 0);
            size_t used = size > 1 ? 2 : 1;
            data += used;
            size -= used;
        } else {
            size_t len = data[0] < size ? data[0] : size - 1;
            send_record(from, to, data + 1, len);
            data += 1 + len;
            size -= 1 + len;
        }
        check(to);
        if (drains) {
            fuzz_take(to, bytes);
        }
    }
    if (!drains) {
        fuzz_receive(from, bytes, fuzz_take(to, bytes));
        check_words(from);
    }
    require(to->ended == (session_reason(&to->session) != REASON_NONE));
    session_wipe(&to->session);
    require(to->memory.outputs.used == 0 && to->memory.inputs.used == 0);
    for (size_t i = 0; i < HANDLES; i++) {
        stream_close(&to->memory.streams, 0, handles[i], BYE_NORMAL);
    }
    take_news(to);
    for (size_t i = 0; i < HANDLES; i++) {
        stream_close(&to->memory.streams, 0, handles[i], BYE_NORMAL);
    }
    return 0;
}
