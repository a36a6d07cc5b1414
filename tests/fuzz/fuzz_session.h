// SPDX-License-Identifier: Apache-2.0
// Two ends with fixed key pairs, for the fuzzers of sessions.
#ifndef TESTS_FUZZ_FUZZ_SESSION_H
#define TESTS_FUZZ_FUZZ_SESSION_H

#include <stdlib.h>
#include <string.h>

#include "dsoftbus/session.h"
#include "noise/rng.h"
#include "noise/x25519.h"

#define FUZZ static inline __attribute__((unused))

enum { FUZZ_RECORD_MAX = 512, FUZZ_STREAMS = 4, FUZZ_STREAM_BUFFER = STREAM_BUFFER_BYTES_MIN };

struct fuzz_end {
    struct session session;
    struct session_config config;
    struct rng rng;
    uint8_t secret[32], public_key[32];
    struct session_memory memory;
    uint8_t record[SESSION_RECORD_BYTES(FUZZ_RECORD_MAX)];
    uint8_t output[SESSION_OUTPUT_BYTES(FUZZ_RECORD_MAX, 2)];
    struct stream streams[FUZZ_STREAMS];
    uint8_t stream_buffers[FUZZ_STREAMS * FUZZ_STREAM_BUFFER];
    size_t received, sent;
    unsigned established, pinged, ended;
    bool in_place;
};

FUZZ void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

FUZZ void fuzz_end_init(struct fuzz_end *e, uint8_t seed)
{
    static uint8_t public_keys[4][32]; // of secrets that never change: made once
    static bool made[4];

    memset(e, 0, sizeof *e);
    memset(e->secret, seed, sizeof e->secret);
    rng_seed(&e->rng, e->secret);
    require(seed < 4);
    if (!made[seed]) {
        x25519_base(public_keys[seed], e->secret);
        made[seed] = true;
    }
    memcpy(e->public_key, public_keys[seed], 32);
    require(device_id_set(&e->config.id, (const uint8_t *)"node", 4));
    memcpy(e->config.static_public, e->public_key, 32);
    e->config.static_private = e->secret;
    e->config.record_plaintext_max = FUZZ_RECORD_MAX;
    e->config.random = rng_random;
    e->config.random_ctx = &e->rng;
    pool_init(&e->memory.inputs, e->record, sizeof e->record, 1);
    pool_init(&e->memory.outputs, e->output, sizeof e->output, 1);
    stream_table_init(&e->memory.streams, e->streams, FUZZ_STREAMS, e->stream_buffers,
                      FUZZ_STREAM_BUFFER);
    e->config.streams_max = FUZZ_STREAMS - 1;
    e->config.memory = &e->memory;
}

FUZZ void fuzz_event(struct fuzz_end *e, enum session_event event)
{
    if (event == SESSION_IDENTITY) {
        event = session_accept(&e->session, 0);
    }
    require(e->ended == 0 || event == SESSION_NOTHING); // nothing happens after the end
    e->established += event == SESSION_ESTABLISHED;
    e->pinged += event == SESSION_PINGED;
    e->ended += event == SESSION_ENDED;
    require(e->established <= 1 && (e->pinged == 0 || e->established == 1));
}

FUZZ void fuzz_start(struct fuzz_end *initiator, struct fuzz_end *responder)
{
    fuzz_end_init(initiator, 1);
    fuzz_end_init(responder, 2);
    fuzz_event(initiator, session_start_initiator(&initiator->session, &initiator->config, 0,
                                                  &responder->config.id, responder->public_key));
    fuzz_event(responder, session_start_responder(&responder->session, &responder->config, 0));
}

// By the way in that needs no copy, as far as that goes.
FUZZ size_t fuzz_put(struct fuzz_end *e, const uint8_t *data, size_t len)
{
    size_t room;
    uint8_t *to = session_input(&e->session, &room);

    if (to == NULL) {
        require(room == 0);
        return 0;
    }
    require(room > 0);
    len = len < room ? len : room;
    memcpy(to, data, len);
    for (enum session_event event = session_input_done(&e->session, 0, len);
         event != SESSION_NOTHING; event = session_input_done(&e->session, 0, 0)) {
        fuzz_event(e, event);
    }
    return len;
}

FUZZ void fuzz_receive(struct fuzz_end *e, const uint8_t *data, size_t len)
{
    e->received += len;
    while (len > 0) {
        enum session_event event;
        size_t used = e->in_place ? fuzz_put(e, data, len) : 0;
        if (used == 0) {
            used = session_receive(&e->session, &event, 0, data, len);
            require(used <= len && (used > 0 || event != SESSION_NOTHING));
            fuzz_event(e, event);
        }
        data += used;
        len -= used;
    }
}

// All that it has to send; out holds as much as it can have.
enum { FUZZ_OUTPUT_MAX = SESSION_BUFFER_BYTES + SESSION_OUTPUT_BYTES(FUZZ_RECORD_MAX, 2) };

FUZZ size_t fuzz_take(struct fuzz_end *e, uint8_t out[static FUZZ_OUTPUT_MAX])
{
    size_t total = 0, len;
    const uint8_t *bytes;

    while ((bytes = session_output(&e->session, &len)) != NULL) {
        require(total + len <= FUZZ_OUTPUT_MAX);
        memcpy(out + total, bytes, len);
        session_output_done(&e->session, len);
        total += len;
    }
    e->sent += total;
    return total;
}

#endif
