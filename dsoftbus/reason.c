// SPDX-License-Identifier: Apache-2.0
// Names of reasons.
#include "dsoftbus/reason.h"

#include <stddef.h>

// Indexed by reason.
static const char *const close_reason_names[] = {
    [REASON_NONE] = "none",
    [REASON_DISCONNECTED] = "disconnected",
    [REASON_CONNECT_FAILED] = "connect failed",
    [REASON_CONNECT_TIMEOUT] = "connect timeout",
    [REASON_BAD_PREAMBLE] = "bad preamble",
    [REASON_VERSION] = "other version",
    [REASON_MESSAGE_LENGTH] = "message length",
    [REASON_OUT_OF_TURN] = "out of turn",
    [REASON_HANDSHAKE_AUTH] = "handshake auth",
    [REASON_LOW_ORDER] = "low order",
    [REASON_DH_FAILED] = "static dh failed",
    [REASON_RANDOM_FAILED] = "random failed",
    [REASON_HELLO] = "bad hello",
    [REASON_HANDSHAKE_TIMEOUT] = "handshake timeout",
    [REASON_EVICTED] = "evicted",
    [REASON_OWN_KEY] = "own key",
    [REASON_IDENTITY_MISMATCH] = "identity mismatch",
    [REASON_UNKNOWN_PEER] = "unknown peer",
    [REASON_PEER_PENDING] = "peer pending",
    [REASON_PEER_REVOKED] = "peer revoked",
    [REASON_RECORD_LENGTH] = "record length",
    [REASON_RECORD_AUTH] = "record auth",
    [REASON_RECORD_TYPE] = "record type",
    [REASON_RECORD_FLAGS] = "record flags",
    [REASON_RECORD_STREAM] = "record stream",
    [REASON_RECORD_BODY] = "record body",
    [REASON_RECORD_ORDER] = "record order",
    [REASON_RECORD_COUNT] = "record count",
    [REASON_PING_FLOOD] = "ping flood",
    [REASON_STREAM_ID] = "stream id",
    [REASON_STREAM_ORDER] = "stream order",
    [REASON_STREAM_CREDIT] = "stream credit",
    [REASON_STREAM_FLOOD] = "stream flood",
    [REASON_PAIR_COMMITMENT] = "pairing commitment",
    [REASON_PAIR_REFUSED] = "pairing refused",
    [REASON_PAIR_TIMEOUT] = "pairing timeout",
    [REASON_PAIRED] = "paired",
    [REASON_SILENCE] = "silence",
    [REASON_EXPIRED] = "expired",
    [REASON_PEER_BYE] = "bye from the peer",
    [REASON_REPLACED] = "replaced",
    [REASON_CLOSED] = "closed",
    [REASON_SHUTDOWN] = "shutdown",
    [REASON_NO_RECORD_MEMORY] = "no record memory",
    [REASON_INTERNAL] = "internal",
};

const char *close_reason_name(enum close_reason reason)
{
    size_t count = sizeof close_reason_names / sizeof close_reason_names[0];
    return (size_t)reason < count && close_reason_names[reason] != NULL ? close_reason_names[reason]
                                                                        : "unknown";
}

const char *bye_reason_name(uint8_t reason)
{
    static const char *const names[] = {
        [BYE_NORMAL] = "normal",
        [BYE_PROTOCOL_ERROR] = "protocol error",
        [BYE_NOT_PERMITTED] = "not permitted",
        [BYE_NO_SUCH_SERVICE] = "no such service",
        [BYE_LIMIT] = "limit",
        [BYE_TIMEOUT] = "timeout",
        [BYE_SHUTTING_DOWN] = "shutting down",
        [BYE_INTERNAL] = "internal",
        [BYE_REPLACED] = "replaced",
    };

    return reason < sizeof names / sizeof names[0] ? names[reason] : "reserved";
}
