// SPDX-License-Identifier: Apache-2.0
// Why a session or a connection ended. Exact, for the local log and counters; nothing of it is told to a peer that
// has not authenticated, and one that has is told a bye_reason.
#ifndef DSOFTBUS_REASON_H
#define DSOFTBUS_REASON_H

#include <stdint.h>

// The reasons of the wire: body of BYE.
enum bye_reason {
    BYE_NORMAL = 0,
    BYE_PROTOCOL_ERROR = 1,
    BYE_NOT_PERMITTED = 2,
    BYE_NO_SUCH_SERVICE = 3,
    BYE_LIMIT = 4,
    BYE_TIMEOUT = 5,
    BYE_SHUTTING_DOWN = 6,
    BYE_INTERNAL = 7,
    BYE_REPLACED = 8,
};

enum close_reason {
    REASON_NONE, // it has not ended

    // The transport.
    REASON_DISCONNECTED, // TCP ended without BYE
    REASON_CONNECT_FAILED,
    REASON_CONNECT_TIMEOUT,

    // The handshake.
    REASON_BAD_PREAMBLE, // does not begin with "DSB"
    REASON_VERSION,      // begins with "DSB", but another version (session_peer_version says which)
    REASON_MESSAGE_LENGTH, // a handshake frame of no legal length
    REASON_OUT_OF_TURN,    // bytes while it was our turn
    REASON_HANDSHAKE_AUTH, // a tag did not verify: wrong key, wrong id in the prologue, or altered bytes
    REASON_LOW_ORDER,      // a public key of low order
    REASON_DH_FAILED,      // the holder of our static key failed
    REASON_RANDOM_FAILED, // no ephemeral key could be made
    REASON_HELLO, // the TLVs of message 3 or READY are malformed, missing, repeated or unknown
    REASON_HANDSHAKE_TIMEOUT, // not established within 10 s
    REASON_EVICTED,           // half-open, and its place was needed

    // The identity policy.
    REASON_OWN_KEY,
    REASON_IDENTITY_MISMATCH,
    REASON_UNKNOWN_PEER,
    REASON_PEER_PENDING,
    REASON_PEER_REVOKED,

    // Records.
    REASON_RECORD_LENGTH, // shorter than 4 + 16, or above the maximum that we announced
    REASON_RECORD_AUTH,   // the tag did not verify
    REASON_RECORD_TYPE,   // unknown, or of a feature that this version does not have
    REASON_RECORD_FLAGS,
    REASON_RECORD_STREAM, // a stream number where none belongs
    REASON_RECORD_BODY,   // a body of the wrong shape
    REASON_RECORD_ORDER,  // something before READY, a second READY, an answer without a question
    REASON_RECORD_COUNT,  // too many records under one key
    REASON_PING_FLOOD,    // more than 4 unanswered

    // Streams.
    REASON_STREAM_ID,     // of the wrong side, not increasing, or never opened
    REASON_STREAM_ORDER,  // DATA after the end, or a record that does not fit the stream's state
    REASON_STREAM_CREDIT, // more DATA than was granted, or more granted than can be counted
    REASON_STREAM_FLOOD,  // more OPENs than can even be refused

    // Pairing.
    REASON_PAIR_COMMITMENT, // the nonce is not the one that was committed to: somebody is trying
    REASON_PAIR_REFUSED,    // the other side is not armed, or does not take us for a stranger
    REASON_PAIR_TIMEOUT,    // nobody came
    REASON_PAIRED,          // the codes are known

    // Both ends were fine.
    REASON_SILENCE,  // nothing heard for 45 s
    REASON_EXPIRED,  // 24 h, and nobody has replaced it
    REASON_PEER_BYE, // the peer said BYE (session_peer_bye says why)
    REASON_REPLACED, // by a newer session with the same peer
    REASON_CLOSED,   // closed by this side
    REASON_SHUTDOWN,
    REASON_NO_RECORD_MEMORY, // every session of this node is in use
    REASON_INTERNAL,
};

// "handshake auth" and so on. Never NULL.
const char *close_reason_name(enum close_reason reason);

// "not permitted" and so on; "reserved" for a number that has no name. Never NULL.
const char *bye_reason_name(uint8_t reason);

#endif
