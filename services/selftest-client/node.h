// SPDX-License-Identifier: Apache-2.0
// A bus node of its own, device node-b: one listener, one connection in, one out, and its event loop.
//
// It uses the session machine of dsoftbus/ without the bus, so that it can play the honest node and the attacker
// alike. Every wait has a deadline.
#ifndef SERVICES_SELFTEST_CLIENT_NODE_H
#define SERVICES_SELFTEST_CLIENT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/session.h"
#include "noise/rng.h"
#include "services/lib/net.h"

enum {
    RECORD_BYTES = RECORD_PLAINTEXT_BYTES_MIN,
    STEP_DEADLINE_MS = 10000,
    // An attack has to be refused by what it is, long before the peer's handshake deadline would end it anyhow.
    REJECT_DEADLINE_MS = HANDSHAKE_TIMEOUT_MS / 4,
    DIAL_DEADLINE_MS = 30000, // a peer's back-off stands in the way, perhaps twice
    SENT_MAX = 512,           // preamble and handshake messages, and a record or two
};

// One TCP connection: with a session on it, or raw.
struct channel {
    net_handle tcp; // 0: none
    bool raw;
    bool up;    // TCP is up
    bool ended; // TCP or the session has ended
    bool established, pinged, ponged;
    const struct session_config *config; // whom we play; not raw
    struct session session;
    uint8_t sent[SENT_MAX]; // the first bytes that we sent
    size_t sent_len;
    uint8_t received[SENT_MAX]; // the first bytes that came
    size_t received_len;        // all that came
};

struct node {
    struct net_client net;
    struct rng rng;
    struct session_config config; // node-b, its static key in keystored
    struct session_memory memory; // of both channels
    uint8_t records[2][SESSION_RECORD_BYTES(RECORD_BYTES)];
    uint16_t port;
    struct device_id peer_id; // the device under test, and its key
    uint8_t peer_key[DSB_KEY_BYTES];
    uint16_t peer_port;
    net_handle listener, udp;
    uint32_t announce_seq;
    struct channel in, out;
    bool accept_raw;
    // Any other handle that a step waits for.
    net_handle watched;
    unsigned watched_ready;
};

// Everything below that can fail says why in a few words; NULL is success.

// Identity, peer and seed from keystored, and the network.
const char *node_open(struct node *node);

// The listener moves to `port`; raw: connections to it get no session.
const char *node_listen(struct node *node, uint16_t port, bool raw);

// Announces node-b with its true key and the given port, by unicast to the discovery port of this machine.
const char *node_announce(struct node *node, uint16_t port);

// Goes on until done(node) or the deadline; says which.
MUST_USE bool node_run(struct node *node, bool (*done)(const struct node *node),
                       uint32_t timeout_ms);

// Waits until one of the bits is reported for the handle; gives what was reported, 0 when time ran out.
MUST_USE unsigned node_wait_ready(struct node *node, net_handle handle, unsigned bits,
                                  uint32_t timeout_ms);

// Conditions for node_run.
bool in_pinged(const struct node *node);
bool in_ended(const struct node *node);
bool out_up(const struct node *node);
bool out_established(const struct node *node); // or ended
bool out_ponged(const struct node *node);      // or ended
bool out_ended(const struct node *node);

// Opens the outgoing connection to the device under test. config NULL: raw.
const char *node_dial(struct node *node, const struct session_config *config);

// Sends bytes as they are.
const char *channel_send(struct node *node, struct channel *channel, const uint8_t *bytes,
                         size_t len);

// Sends what the session wants sent. flip: with one bit of the first record's ciphertext changed.
const char *channel_flush(struct node *node, struct channel *channel, bool flip);

// Ends the session with BYE, if there is one that is up, and closes.
void channel_close(struct node *node, struct channel *channel);

// A whole good session with the device under test: established, one PING answered, BYE.
const char *node_good_session(struct node *node);

// Announces the honest listener until the device under test has dialled it and its PING was answered.
const char *node_be_dialled(struct node *node);

#endif
