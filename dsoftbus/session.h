// SPDX-License-Identifier: Apache-2.0
// One session: preamble, Noise XK handshake, identity decision, encrypted records (WIRE section 2).
//
// A state machine without I/O: bytes go in, bytes come out, every call answers with at most one event. It knows no
// tables; who may be at the other end is decided by its owner (the bus, or a test) when it asks. Usable alone:
//
//     session_start_initiator(&s, &config, now, &peer_id, peer_key, record, sizeof record);
//     for (;;) {
//         size_t len;
//         const uint8_t *out = session_output(&s, &len);                send it
//         event = session_output_done(&s, now, len_sent);
//         used = session_receive(&s, &event, now, bytes, bytes_len);    again with the rest, until all are used
//         switch (event)
//         case SESSION_NEED_DH:      session_dh_request(), compute, event = session_dh_result()
//         case SESSION_IDENTITY:     look at session_peer_id/_key: event = session_accept() or session_refuse()
//         case SESSION_ESTABLISHED:  session_ping() ...
//         case SESSION_ENDED:        session_reason(); flush session_output, then close the connection
//         session_deadline() says when to call session_tick()
//     }
//
// The rules it keeps by itself:
// - Frames are checked by length before their body is looked at; ciphertext is copied into the session's own
//   memory before it is authenticated, and decrypted there.
// - Any bad byte ends the session and wipes its keys: during the handshake without words, afterwards with BYE 1.
// - It is established (event SESSION_ESTABLISHED) only when the handshake is complete and the owner has accepted the
//   pair of id and key; the initiator only when READY has authenticated besides.
// - The responder's bytes before message 3 never exceed those it was sent.
// - 10 s from start to established; PING after 15 s of silence, lost after 45 s.
//
// Time is monotonic milliseconds; a step back counts as no time passed.
#ifndef DSOFTBUS_SESSION_H
#define DSOFTBUS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/identity.h"
#include "dsoftbus/limits.h"
#include "dsoftbus/pool.h"
#include "dsoftbus/reason.h"
#include "dsoftbus/stream.h"
#include "noise/noise_xk.h"

enum {
    SESSION_PREAMBLE_BYTES = 4,
    SESSION_FRAME_HEADER_BYTES = 2,
    SESSION_BUFFER_BYTES = SESSION_FRAME_HEADER_BYTES + HANDSHAKE_MESSAGE_BYTES_MAX,
    SESSION_MESSAGE_1_BYTES = XK_MESSAGE_1_OVERHEAD, // empty payloads
    SESSION_MESSAGE_2_BYTES = XK_MESSAGE_2_OVERHEAD,
};

enum { SESSION_ALIGNMENT = 8 }; // plaintexts begin at a multiple of it, which the ciphers like

// Memory that a session takes while a record comes in whose plaintext is at most `max` bytes (512..65519).
#define SESSION_RECORD_BYTES(max)                                                                  \
    (SESSION_ALIGNMENT - 1 + (size_t)SESSION_FRAME_HEADER_BYTES + (size_t)(max) + DSB_TAG_BYTES)

// Memory that it takes for its output: `records` records of that size in flight, and what DATA leaves to the others.
#define SESSION_OUTPUT_BYTES(max, records)                                                         \
    (SESSION_ALIGNMENT - 1 + OUTPUT_RESERVE_BYTES +                                                \
     (size_t)(records) * (SESSION_FRAME_HEADER_BYTES + (size_t)(max) + DSB_TAG_BYTES))

// What all sessions of a node share: blocks that each has only while it needs them. No session waits for
// another if there are as many blocks as established sessions.
struct session_memory {
    struct pool inputs;          // SESSION_RECORD_BYTES each
    struct pool outputs;         // SESSION_OUTPUT_BYTES each; none: no streams
    struct stream_table streams; // max 0: no streams
};

// One node's side of all its sessions. The caller's; must outlive them and not change meanwhile.
struct session_config {
    struct device_id id;
    uint8_t static_public[DSB_KEY_BYTES];
    const uint8_t
        *static_private; // 32 bytes, or NULL: elsewhere, the session asks with SESSION_NEED_DH
    uint16_t record_plaintext_max; // 512..65519: what we accept and announce
    uint16_t streams_max; // streams that a peer may have open with us; 0 without memory for streams
    // A sender rekeys after so many records or milliseconds, a receiver ends a session after so many records under one
    // key. 0: REKEY_RECORDS, REKEY_MS, RECORDS_PER_KEY_MAX. Smaller ones are for tests.
    uint32_t rekey_records, rekey_ms, records_per_key_max;
    enum noise_error (*random)(void *ctx, uint8_t *out,
                               size_t out_len); // 32 bytes per session; may fail
    void *random_ctx;
    struct session_memory *memory; // NULL: no session can be established
};

enum session_role { SESSION_INITIATOR, SESSION_RESPONDER };

enum session_state {
    SESSION_UNUSED, // zero bytes, or wiped
    SESSION_AWAIT_PREAMBLE,
    SESSION_AWAIT_MESSAGE_1,
    SESSION_MESSAGE_1_DH, // waits for session_dh_result
    SESSION_AWAIT_MESSAGE_2,
    SESSION_MESSAGE_2_DH,
    SESSION_AWAIT_MESSAGE_3,
    SESSION_DECIDE, // waits for session_accept or session_refuse
    SESSION_AWAIT_READY,
    SESSION_UP,
    SESSION_PAIR_COMMIT, // pairing, responder: awaits PAIR_COMMIT
    SESSION_PAIR_NONCE,  // initiator: awaits PAIR_NONCE
    SESSION_PAIR_OPEN,   // responder: awaits PAIR_OPEN
    SESSION_CLOSING,     // keys are wiped; last words are still to be sent
    SESSION_CLOSED,
};

enum session_event {
    SESSION_NOTHING,
    SESSION_NEED_DH, // answer with session_dh_result
    SESSION_IDENTITY, // id and key are authenticated together: answer with session_accept or session_refuse
    SESSION_ESTABLISHED, // and not before
    SESSION_PINGED,      // a PING has authenticated; its PONG is queued
    SESSION_PONGED,      // session_rtt_ms is new
    SESSION_OFFERED, // the peer opens a stream, session_offered: accept it or close it, now or later
    SESSION_PAIRED,  // session_pair_code; it has ended, as after SESSION_ENDED
    SESSION_ENDED, // session_reason says why; what session_output still has may be sent, then close
};

// Members are for session*.c; everything that may be known has a function. Copied never.
struct session {
    const struct session_config *config;
    union {
        struct xk_handshake handshake; // until `split`
        struct {                       // from then on
            struct xk_sender sender;
            struct xk_receiver receiver;
            uint8_t peer_key[DSB_KEY_BYTES], hash[DSB_HASH_BYTES];
            uint64_t rekeyed_ms;                     // when we last changed our key
            uint32_t records_sent, records_received; // under the present keys
            union {
                struct { // established
                    uint64_t ping_sent_ms[PINGS_UNANSWERED_MAX];
                    uint64_t pong_ends[PINGS_UNANSWERED_MAX];   // in out_queued, of PONGs sent last
                    uint32_t ping_tokens[PINGS_UNANSWERED_MAX]; // 0: free
                };
                struct { // pairing
                    uint8_t pair_nonce[DSB_HASH_BYTES], pair_commitment[DSB_HASH_BYTES];
                };
            };
        };
    };
    uint64_t now_ms, deadline_ms, established_ms, heard_ms, probed_ms;
    uint32_t pings_sent, ponged, rtt_ms, pair_code;
    struct device_id peer_id;
    uint8_t state, role, reason; // enum session_state, session_role, close_reason
    uint8_t peer_version, peer_bye, pings_received;
    bool split, pairing, pair_guessed;
    uint8_t header_len;
    uint8_t header[SESSION_PREAMBLE_BYTES]; // a preamble, or the length of a frame
    uint16_t frame_len;  // handshake: of the frame being received; 0: header not complete
    uint16_t frame_used; // bytes of it that are here
    uint16_t peer_record_max, peer_streams_max;

    // Streams.
    uint32_t owner;   // what the owner calls this session
    uint32_t offered; // the stream that was opened last by the peer
    struct stream_list streams, control,
        writers;                   // all; those with something due; those that wait for room
    uint16_t own_id, peer_id_last; // the highest number sent, and received, in OPEN
    uint16_t own_ids_taken;        // by streams of ours, opened or about to be
    uint16_t own_open, peer_open;  // opened by us, by the peer, and not over
    uint16_t invited;              // streams whose turn it is to write

    // Established: records come in at in[in_start..in_end) of a block that is there while bytes are.
    uint16_t in_block, out_block; // 0: none
    uint32_t in_start, in_end, in_high;

    // What is to be sent, in the buffer below or in the block: [out_start..out_end), and then, if it was wrapped,
    // [out_base..out_wrap).
    uint32_t out_base, out_start, out_end, out_wrap;
    uint64_t out_queued, out_sent; // bytes ever
    uint8_t buffer
        [SESSION_BUFFER_BYTES]; // handshake: the message read or written; later: records to be sent
};

// ---- Start ----------------------------------------------------------------------------------------------

// Calls the device peer_id, whose key is peer_key. Preamble and message 1 are in session_output. SESSION_ENDED if that
// fails (RANDOM_FAILED, LOW_ORDER).
enum session_event session_start_initiator(struct session *s, const struct session_config *config,
                                           uint64_t now_ms, const struct device_id *peer_id,
                                           const uint8_t peer_key[static DSB_KEY_BYTES])
    __attribute__((warn_unused_result));

// Answers whoever has connected. SESSION_ENDED on an internal error.
enum session_event session_start_responder(struct session *s, const struct session_config *config,
                                           uint64_t now_ms) __attribute__((warn_unused_result));

// ---- Bytes ----------------------------------------------------------------------------------------------

// Takes bytes up to the next event; returns how many were used. With SESSION_NOTHING all of them were, else call
// again with the rest after the event has been dealt with. Once ended, bytes are taken and dropped. While the session
// waits for its owner (NEED_DH, IDENTITY) further bytes are the peer's mistake: OUT_OF_TURN.
size_t session_receive(struct session *s, enum session_event *event, uint64_t now_ms,
                       const uint8_t *data, size_t data_len) __attribute__((warn_unused_result));

// The same in place: where the next bytes of an established session go, at most *len. NULL when only session_receive
// will do. Valid until the next call on the session.
uint8_t *session_input(struct session *s, size_t *len) __attribute__((warn_unused_result));

// `put` bytes are there. Goes on to the next event; call again with 0 until it is SESSION_NOTHING.
enum session_event session_input_done(struct session *s, uint64_t now_ms, size_t put)
    __attribute__((warn_unused_result));

// What is to be sent; *len 0 when there is nothing. Valid until the next call on the session. The memory is the
// session's but may be altered before sending (that is how tests attack). There may be more behind it.
uint8_t *session_output(struct session *s, size_t *len);

// Whether session_output would give something.
bool session_has_output(const struct session *s);

// `sent` bytes of it (at most that many) have left.
void session_output_done(struct session *s, size_t sent);

// Whether it holds a block of output memory, which it may after its end too, until everything has left.
bool session_holds_output(const struct session *s);

// Gives up what an ended session still has to send.
void session_abandon_output(struct session *s);

// TCP has ended. SESSION_ENDED with DISCONNECTED, unless it had ended before (then SESSION_NOTHING).
enum session_event session_disconnected(struct session *s) __attribute__((warn_unused_result));

// ---- Static Diffie-Hellman, when config->static_private is NULL -------------------------------------------

// The request of a session in MESSAGE_1_DH or MESSAGE_2_DH; false in any other state.
bool session_dh_request(const struct session *s, struct xk_dh_request *request)
    __attribute__((warn_unused_result));

// Its result: 32 bytes, or NULL when the holder of the key failed. A stale id changes nothing (SESSION_NOTHING).
enum session_event session_dh_result(struct session *s, uint64_t now_ms, uint64_t id,
                                     const uint8_t *secret) __attribute__((warn_unused_result));

// ---- Identity decision, in state SESSION_DECIDE -----------------------------------------------------------

// The pair is bound. Responder: READY is queued and the session is up (SESSION_ESTABLISHED). Initiator: message 3 is
// queued (SESSION_NOTHING; established when READY comes). SESSION_ENDED on an internal error, or without memory for
// records. In any other state SESSION_NOTHING, nothing changes.
enum session_event session_accept(struct session *s, uint64_t now_ms)
    __attribute__((warn_unused_result));

// This is a pairing: the two users compare session_pair_code and decide. The session exchanges its PAIR records and
// nothing else, is never established, and has 10 s like a handshake. SESSION_NOTHING; SESSION_ENDED on an internal error.
// In any other state SESSION_NOTHING, nothing changes.
enum session_event session_pair(struct session *s, uint64_t now_ms)
    __attribute__((warn_unused_result));

// It is not. Ends without words; except that the responder says BYE 2 for PEER_PENDING and PEER_REVOKED, and BYE 4
// for NO_RECORD_MEMORY: the peer is one that is listed.
enum session_event session_refuse(struct session *s, uint64_t now_ms, enum close_reason reason)
    __attribute__((warn_unused_result));

// ---- Established ------------------------------------------------------------------------------------------

// Queues a PING; returns its number, never 0 (session_ponged tells which one was answered). 0 when the session is not up
// or 4 are unanswered.
uint32_t session_ping(struct session *s, uint64_t now_ms) __attribute__((warn_unused_result));

// The same with at least `bytes` bytes in all, that its answer says have come: the PING stands behind as many REKEY, the one
// record that every peer takes at any time and that asks for nothing. 0 also when the output has no room for them.
uint32_t session_ping_large(struct session *s, uint64_t now_ms, size_t bytes)
    __attribute__((warn_unused_result));

// Ends it from this side: with BYE `bye` when it is up, silently before. SESSION_NOTHING if it had ended already.
enum session_event session_close(struct session *s, uint64_t now_ms, enum close_reason reason,
                                 enum bye_reason bye) __attribute__((warn_unused_result));

// What the owner calls this session: given back with its streams.
void session_set_owner(struct session *s, uint32_t owner);

// ---- Time -------------------------------------------------------------------------------------------------

// When session_tick has something to do: end of the handshake's 10 s, next PING, loss, end of lingering.
uint64_t session_deadline(const struct session *s);

// Does what is due at now_ms.
enum session_event session_tick(struct session *s, uint64_t now_ms)
    __attribute__((warn_unused_result));

// ---- What may be known ------------------------------------------------------------------------------------

enum session_state session_state(const struct session *s);
const char *session_state_name(enum session_state state);
enum session_role session_role(const struct session *s);
enum close_reason session_reason(const struct session *s); // REASON_NONE until it has ended
uint8_t session_peer_bye(const struct session *s);         // with REASON_PEER_BYE: what it said
uint8_t session_peer_version(
    const struct session *s); // with REASON_VERSION; a hint that decides nothing
// The id: of an initiator, whom it calls; of a responder, what message 3 claimed (empty before).
const struct device_id *session_peer_id(const struct session *s);
// The authenticated static key of the peer, from SESSION_IDENTITY on and until wiped; false before.
bool session_peer_key(const struct session *s, uint8_t key[static DSB_KEY_BYTES])
    __attribute__((warn_unused_result));
// The handshake hash: names the session for channel binding; not a secret. From message 3 on.
bool session_hash(const struct session *s, uint8_t hash[static DSB_HASH_BYTES])
    __attribute__((warn_unused_result));
uint32_t session_pair_code(const struct session *s); // 0..999999, from SESSION_PAIRED on
// Pairing: the nonces have gone so far that whoever stands in between can know the code, also if it is never shown.
bool session_pair_guessed(const struct session *s);
uint32_t session_rtt_ms(const struct session *s);        // of the last PONG
uint32_t session_ponged(const struct session *s);        // which PING that was
uint8_t session_pings_received(const struct session *s); // saturates at 255
uint64_t session_heard_ms(const struct session *s);      // last authenticated record
uint64_t session_established_ms(const struct session *s);
uint32_t session_offered(const struct session *s);      // the stream of SESSION_OFFERED
uint16_t session_streams_open(const struct session *s); // of both sides, not over

// Forgets everything; any state. Record memory is wiped as far as it was used.
void session_wipe(struct session *s);

#endif
