// SPDX-License-Identifier: Apache-2.0
// Attacks as an initiator: replayed, altered, misnamed, unlisted, too long, too short.
#include "services/selftest-client/attacks.h"

#include "services/lib/string.h"

// SECURITY: bring-up test keys, NOT production custody
#include "attackers.h"

enum {
    MESSAGE_1_FRAME = SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_1_BYTES,
    MESSAGE_2_FRAME = SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_2_BYTES,
    UP_TO_MESSAGE_3 = SESSION_PREAMBLE_BYTES + MESSAGE_1_FRAME,
};

static const uint8_t preamble[SESSION_PREAMBLE_BYTES] = {'D', 'S', 'B', DSB_VERSION};

static uint8_t recorded[SENT_MAX];
static size_t recorded_len; // preamble, message 1, message 3; without what came after

void attacks_record(const struct channel *channel)
{
    size_t len = UP_TO_MESSAGE_3 + SESSION_FRAME_HEADER_BYTES;
    recorded_len = 0;
    if (channel->sent_len >= len) {
        len += (size_t)channel->sent[UP_TO_MESSAGE_3] << 8 | channel->sent[UP_TO_MESSAGE_3 + 1];
        recorded_len = len <= channel->sent_len ? len : 0;
    }
    memcpy(recorded, channel->sent, recorded_len);
}

// The connection has to end, and nothing may have been established on it.
static const char *expect_rejected(struct node *node)
{
    if (!node_run(node, out_ended, REJECT_DEADLINE_MS)) {
        return "not closed";
    }
    return node->out.established ? "accepted" : NULL;
}

// Opens a raw connection and sends, perhaps with the end of the stream behind it: nothing may come back.
static const char *expect_rejected_raw(struct node *node, const uint8_t *bytes, size_t len,
                                       bool then_end)
{
    const char *why = node_dial(node, NULL);
    if (why == NULL) {
        why = channel_send(node, &node->out, preamble, sizeof preamble);
    }
    if (why == NULL) {
        why = channel_send(node, &node->out, bytes, len);
    }
    if (why == NULL && then_end && net_tcp_shutdown(&node->net, node->out.tcp) != NET_OK) {
        why = "cannot shut down";
    }
    if (why == NULL) {
        why = expect_rejected(node);
    }
    return why == NULL && node->out.received_len > 0 ? "answered" : why;
}

// A bad record has to end the session at the other end: it says so with BYE 1. (That our own end gives up over an answer
// to what should have been refused is no refusal.)
static const char *expect_record_refused(struct node *node)
{
    const struct session *session = &node->out.session;
    if (!node_run(node, out_ended, REJECT_DEADLINE_MS)) {
        return "the session survives";
    }
    return session_reason(session) == REASON_PEER_BYE &&
                   session_peer_bye(session) == BYE_PROTOCOL_ERROR
               ? NULL
               : "the session ends otherwise";
}

// An established session, on which `len` bytes are then sent as they are: it has to end.
static const char *expect_session_killed(struct node *node, const uint8_t *bytes, size_t len)
{
    const char *why = node_dial(node, &node->config);
    if (why != NULL) {
        return why;
    }
    if (!node_run(node, out_established, STEP_DEADLINE_MS) || node->out.ended) {
        return "no session to attack";
    }
    why = channel_send(node, &node->out, bytes, len);
    return why != NULL ? why : expect_record_refused(node);
}

static bool out_has_message_2(const struct node *node)
{
    return node->out.received_len >= MESSAGE_2_FRAME || node->out.ended;
}

const char *attack_replay(struct node *node)
{
    if (recorded_len == 0) {
        return "nothing recorded";
    }
    const char *why = node_dial(node, NULL);
    if (why == NULL) {
        why = channel_send(node, &node->out, recorded, UP_TO_MESSAGE_3);
    }
    if (why != NULL) {
        return why;
    }
    // Message 1 of XK can be replayed: it is answered, and the answer is of no use.
    if (!node_run(node, out_has_message_2, STEP_DEADLINE_MS) ||
        node->out.received_len != MESSAGE_2_FRAME) {
        return "no answer to message 1";
    }
    why =
        channel_send(node, &node->out, recorded + UP_TO_MESSAGE_3, recorded_len - UP_TO_MESSAGE_3);
    if (why == NULL) {
        why = expect_rejected(node);
    }
    if (why == NULL && node->out.received_len != MESSAGE_2_FRAME) {
        why = "message 3 answered";
    }
    return why != NULL ? why : node_good_session(node);
}

const char *attack_tamper(struct node *node)
{
    const char *why = node_dial(node, &node->config);
    if (why != NULL) {
        return why;
    }
    if (!node_run(node, out_established, STEP_DEADLINE_MS) || node->out.ended) {
        return "no session to attack";
    }
    if (!session_ping(&node->out.session, clock_ms()) ||
        channel_flush(node, &node->out, true) != NULL) {
        return "cannot send";
    }
    why = expect_record_refused(node);
    return why != NULL ? why : node_good_session(node);
}

// A handshake by the rules, as somebody who may not come in.
static const char *expect_stranger_rejected(struct node *node, const struct session_config *config)
{
    const char *why = node_dial(node, config);
    if (why == NULL) {
        why = expect_rejected(node);
    }
    // Two frames were sent and message 2 came back: the refusal is that of the identity, not an accident before.
    if (why == NULL &&
        (node->out.sent_len <= UP_TO_MESSAGE_3 || node->out.received_len != MESSAGE_2_FRAME)) {
        why = "rejected before message 3";
    }
    return why != NULL ? why : node_good_session(node);
}

const char *attack_identity_mismatch(struct node *node)
{
    static struct session_config config;
    config = node->config; // the true key
    if (!device_id_set(&config.id, (const uint8_t *)"node-x", 6)) {
        return "id";
    }
    return expect_stranger_rejected(node, &config);
}

const char *attack_unknown_peer(struct node *node)
{
    // SECURITY: bring-up test keys, NOT production custody
    static const uint8_t secret[DSB_KEY_BYTES] = ATTACKER_INITIATOR_SECRET;
    static const uint8_t public_key[DSB_KEY_BYTES] = ATTACKER_INITIATOR_PUBLIC;
    static struct session_config config;
    config = node->config;
    config.static_private = secret;
    memcpy(config.static_public, public_key, sizeof public_key);
    if (!device_id_set(&config.id, (const uint8_t *)"stranger", 8)) {
        return "id";
    }
    return expect_stranger_rejected(node, &config);
}

const char *attack_oversize(struct node *node)
{
    static const uint8_t message_1[] = {0, SESSION_MESSAGE_1_BYTES + 1};
    static const uint8_t longest[] = {0xff, 0xff};
    const char *why = expect_rejected_raw(node, message_1, sizeof message_1, false);
    if (why == NULL) {
        why = expect_rejected_raw(node, longest, sizeof longest, false);
    }
    if (why == NULL) {
        why = expect_session_killed(node, longest, sizeof longest);
    }
    return why != NULL ? why : node_good_session(node);
}

const char *attack_truncated(struct node *node)
{
    static const uint8_t short_message_1[] = {0, SESSION_MESSAGE_1_BYTES - 1};
    static const uint8_t half_message_1[MESSAGE_1_FRAME / 2] = {0, SESSION_MESSAGE_1_BYTES};
    static const uint8_t short_record[2 + DSB_TAG_BYTES] = {0, DSB_TAG_BYTES};
    const char *why = expect_rejected_raw(node, short_message_1, sizeof short_message_1, false);
    if (why == NULL) {
        why = expect_rejected_raw(node, half_message_1, sizeof half_message_1, true);
    }
    if (why == NULL) {
        why = expect_session_killed(node, short_record, sizeof short_record);
    }
    return why != NULL ? why : node_good_session(node);
}
