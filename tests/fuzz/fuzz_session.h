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

enum { FUZZ_RECORD_MAX = 512 };

struct fuzz_end {
    struct session session;
    struct session_config config;
    struct rng rng;
    uint8_t secret[32], public_key[32];
    uint8_t record[SESSION_RECORD_BYTES(FUZZ_RECORD_MAX)];
    size_t received, sent;
    unsigned established, pinged, ended;
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
}

FUZZ void fuzz_event(struct fuzz_end *e, enum session_event event)
{
    if (event == SESSION_IDENTITY) {
        event = session_accept(&e->session, 0, e->record, sizeof e->record);
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
                                                  &responder->config.id, responder->public_key,
                                                  initiator->record, sizeof initiator->record));
    fuzz_event(responder, session_start_responder(&responder->session, &responder->config, 0));
}

FUZZ void fuzz_receive(struct fuzz_end *e, const uint8_t *data, size_t len)
{
    e->received += len;
    while (len > 0) {
        enum session_event event;
        size_t used = session_receive(&e->session, &event, 0, data, len);
        require(used <= len && (used > 0 || event != SESSION_NOTHING));
        data += used;
        len -= used;
        fuzz_event(e, event);
    }
}

FUZZ size_t fuzz_take(struct fuzz_end *e, uint8_t out[static SESSION_BUFFER_BYTES])
{
    size_t len;
    const uint8_t *bytes = session_output(&e->session, &len);

    require(len <= SESSION_BUFFER_BYTES);
    if (len > 0) {
        memcpy(out, bytes, len);
    }
    session_output_done(&e->session, len);
    e->sent += len;
    return len;
}

#endif
