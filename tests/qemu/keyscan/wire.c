// SPDX-License-Identifier: Apache-2.0
// Connections to handshakes: a public key in a message says whose draw it is.
#include <stdio.h>
#include <string.h>

#include "dsoftbus/session.h"
#include "tests/qemu/keyscan/replay.h"
#include "tests/qemu/keyscan/run.h"

// ---- Frames -----------------------------------------------------------------------------------------------------------

// Takes the next whole frame, as far as the stream has no gap.
static bool take_frame(const uint8_t **body, size_t *len, const struct tcp_stream *stream,
                       size_t *at)
{
    if (stream->whole_len < *at + SESSION_FRAME_HEADER_BYTES) {
        return false;
    }
    size_t body_len = (size_t)stream->data[*at] << 8 | stream->data[*at + 1];
    size_t body_at = *at + SESSION_FRAME_HEADER_BYTES;
    if (stream->whole_len - body_at < body_len) {
        return false;
    }
    *body = stream->data + body_at;
    *len = body_len;
    *at = body_at + body_len;
    return true;
}

static bool begins_as_session(const struct tcp_stream *stream)
{
    static const uint8_t preamble[SESSION_PREAMBLE_BYTES] = {'D', 'S', 'B', DSB_VERSION};
    return stream->whole_len >= sizeof preamble &&
           memcmp(stream->data, preamble, sizeof preamble) == 0;
}

// The handshake messages that have a legal length; the first that has not, and what follows, is left out.
static void read_transcript(struct transcript *out, const struct tcp_connection *c)
{
    size_t sent = SESSION_PREAMBLE_BYTES;
    size_t received = 0;
    *out = (struct transcript){0};
    if (!take_frame(&out->messages[0], &out->lens[0], &c->sent, &sent) ||
        out->lens[0] != SESSION_MESSAGE_1_BYTES) {
        out->messages[0] = NULL;
        return;
    }
    if (!take_frame(&out->messages[1], &out->lens[1], &c->received, &received) ||
        out->lens[1] != SESSION_MESSAGE_2_BYTES) {
        out->messages[1] = NULL;
        return;
    }
    if (!take_frame(&out->messages[2], &out->lens[2], &c->sent, &sent) ||
        out->lens[2] < XK_MESSAGE_3_OVERHEAD || out->lens[2] > HANDSHAKE_MESSAGE_BYTES_MAX) {
        out->messages[2] = NULL;
    }
}

// ---- Whose keys ---------------------------------------------------------------------------------------------------------

// The secrets behind an ephemeral public key, as far as anybody's are known.
static struct known_end find_end(struct run *run, const uint8_t *ephemeral)
{
    for (size_t i = 0; i < run->foreign.count; i++) {
        const struct foreign_session *session = &run->foreign.sessions[i];
        if (memcmp(session->ephemeral.public_key, ephemeral, 32) == 0) {
            return (struct known_end){session->statics.secret, session->ephemeral.secret};
        }
    }
    for (size_t n = 0; n < run->node_count; n++) {
        for (size_t i = 0; i < run->nodes[n].party_count; i++) {
            struct party *party = &run->nodes[n].parties[i];
            const struct draw *draw = party_find(party, ephemeral);
            if (draw != NULL) {
                return (struct known_end){party->statics[0].secret, draw->key};
            }
        }
    }
    return (struct known_end){0};
}

// A handshake being tried against one responder.
struct attempt {
    struct transcript transcript;
    struct known_end initiator, responder;
    struct replay replay;
    enum replay_result result;
    const char *responder_name;
    bool refused; // the responder has said nothing more after message 2
};

static bool try_responder(struct attempt *attempt, const struct handshake_texts *texts,
                          const uint8_t *static_secret, const char *name)
{
    attempt->responder.static_secret = static_secret;
    attempt->responder_name = name;
    attempt->result = replay_open(&attempt->replay, &attempt->transcript, texts,
                                  &attempt->initiator, &attempt->responder);
    return attempt->replay.messages_read > 0;
}

// Message 1 authenticates only for the responder that the initiator meant.
static void try_parties(struct run *run, struct attempt *attempt)
{
    for (size_t n = 0; n < run->node_count; n++) {
        for (size_t i = 0; i < run->nodes[n].party_count; i++) {
            const struct party *party = &run->nodes[n].parties[i];
            uint8_t prologue[PROLOGUE_BYTES_MAX];
            struct handshake_texts texts = {
                .responder_static = party->statics[0].public_key,
                .prologue = prologue,
                .prologue_len = run_prologue(prologue, &party->hello.id),
            };
            if (try_responder(attempt, &texts, party->statics[0].secret, party->name)) {
                return;
            }
        }
    }
}

static struct foreign_session *find_foreign(const struct run *run, const uint8_t *message_1)
{
    for (size_t i = 0; i < run->foreign.count; i++) {
        struct foreign_session *session = &run->foreign.sessions[i];
        if (session->message_count > 0 && session->message_lens[0] == SESSION_MESSAGE_1_BYTES &&
            memcmp(session->messages[0], message_1, SESSION_MESSAGE_1_BYTES) == 0) {
            return session;
        }
    }
    return NULL;
}

// Perhaps it meant a key that nobody here has.
static void try_foreign(struct attempt *attempt, const struct foreign_session *session)
{
    struct handshake_texts texts = {
        .responder_static = session->responder,
        .prologue = session->prologue,
        .prologue_len = session->prologue_len,
    };
    (void)try_responder(attempt, &texts, NULL, "a stranger"); // the result is in *attempt
}

// ---- What came of it ------------------------------------------------------------------------------------------------------

static const char *initiator_name(struct run *run, const struct replay *replay)
{
    char label[LABEL_CHARS_MAX];
    struct hello hello;
    if (!replay->complete ||
        !hello_decode(&hello, true, replay->payload_3, replay->payload_3_len)) {
        return "a stranger";
    }
    label_device(label, &hello.id);
    return run_name(run, label);
}

static void note_session(struct run *run, const struct attempt *attempt,
                         struct foreign_session *foreign)
{
    const struct replay *replay = &attempt->replay;
    const char *initiator = initiator_name(run, replay);
    handshake_keys_add_needles(&replay->keys, &run->needles, initiator, attempt->responder_name);
    if (foreign != NULL) {
        foreign->seen = foreign->message_count == replay->messages_read &&
                        (!foreign->has_hash || memcmp(foreign->hash, replay->hash, 32) == 0);
    }
    if (!replay->complete) {
        run->broken_off++;
        return;
    }
    run->sessions++;
    for (size_t n = 0; n < run->node_count; n++) {
        (void)run_mark_lines(&run->nodes[n], initiator, attempt->responder_name, replay->hash);
    }
}

static void describe(char *out, size_t out_size, const struct node *node,
                     const struct tcp_connection *c)
{
    const uint8_t *a = c->opener.address, *b = c->other.address;
    (void)snprintf(out, out_size, "%s %u.%u.%u.%u:%u -> %u.%u.%u.%u:%u", node->pcap.path, a[0],
                   a[1], a[2], a[3], c->opener.port, b[0], b[1], b[2], b[3], c->other.port);
}

static void judge(struct run *run, const struct attempt *attempt, struct foreign_session *foreign,
                  const char *where)
{
    unsigned next = attempt->replay.messages_read + 1;
    switch (attempt->result) {
    case REPLAY_DONE:
        note_session(run, attempt, foreign);
        return;
    case REPLAY_NO_KEY:
        handshake_keys_add_needles(&attempt->replay.keys, &run->needles, "a stranger",
                                   attempt->responder_name);
        if (run->may_be_unseeded) {
            run->unseeded++;
            return;
        }
        run_fail(run, "%s: the ephemeral keys of message %u are nobody's", where, next);
        return;
    case REPLAY_BAD_MESSAGE:
        if (attempt->replay.messages_read == 2 && attempt->refused) {
            note_session(run, attempt, foreign);
            return;
        }
        run_fail(run, "%s: message %u authenticates under no key that is known", where, next);
        return;
    }
}

static void reconstruct(struct run *run, const struct tcp_connection *c, const char *where)
{
    struct attempt attempt = {.result = REPLAY_BAD_MESSAGE};
    read_transcript(&attempt.transcript, c);
    attempt.refused = c->received.len == SESSION_FRAME_HEADER_BYTES + SESSION_MESSAGE_2_BYTES;
    bool gap = c->sent.whole_len < c->sent.len || c->received.whole_len < c->received.len;
    if (gap && attempt.transcript.messages[2] == NULL) {
        run_fail(run, "%s: the capture lacks a segment", where);
        return;
    }
    if (attempt.transcript.messages[0] == NULL) {
        return; // what the responder has refused by its length
    }
    struct foreign_session *foreign = find_foreign(run, attempt.transcript.messages[0]);
    attempt.initiator = find_end(run, attempt.transcript.messages[0]);
    if (attempt.transcript.messages[1] != NULL) {
        attempt.responder.ephemeral_secret =
            find_end(run, attempt.transcript.messages[1]).ephemeral_secret;
    }
    try_parties(run, &attempt);
    if (attempt.replay.messages_read == 0 && foreign != NULL) {
        try_foreign(&attempt, foreign);
    }
    judge(run, &attempt, foreign, where);
}

void wire_reconstruct(struct run *run, struct node *node)
{
    for (size_t i = 0; i < node->capture.count; i++) {
        const struct tcp_connection *c = &node->capture.connections[i];
        char where[4200];
        describe(where, sizeof where, node, c);
        if (c->sent.whole_len == 0 && c->sent.len > 0) {
            run_fail(run, "%s: the capture lacks the first segment", where);
        } else if (begins_as_session(&c->sent)) {
            reconstruct(run, c, where);
        }
    }
}
