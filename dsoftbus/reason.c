// SPDX-License-Identifier: Apache-2.0
// Names of reasons.
#include "dsoftbus/reason.h"

const char *close_reason_name(enum close_reason reason)
{
    switch (reason) {
    case REASON_NONE:
        return "none";
    case REASON_DISCONNECTED:
        return "disconnected";
    case REASON_CONNECT_FAILED:
        return "connect failed";
    case REASON_CONNECT_TIMEOUT:
        return "connect timeout";
    case REASON_BAD_PREAMBLE:
        return "bad preamble";
    case REASON_VERSION:
        return "other version";
    case REASON_MESSAGE_LENGTH:
        return "message length";
    case REASON_OUT_OF_TURN:
        return "out of turn";
    case REASON_HANDSHAKE_AUTH:
        return "handshake auth";
    case REASON_LOW_ORDER:
        return "low order";
    case REASON_DH_FAILED:
        return "static dh failed";
    case REASON_RANDOM_FAILED:
        return "random failed";
    case REASON_HELLO:
        return "bad hello";
    case REASON_HANDSHAKE_TIMEOUT:
        return "handshake timeout";
    case REASON_EVICTED:
        return "evicted";
    case REASON_OWN_KEY:
        return "own key";
    case REASON_IDENTITY_MISMATCH:
        return "identity mismatch";
    case REASON_UNKNOWN_PEER:
        return "unknown peer";
    case REASON_PEER_PENDING:
        return "peer pending";
    case REASON_PEER_REVOKED:
        return "peer revoked";
    case REASON_RECORD_LENGTH:
        return "record length";
    case REASON_RECORD_AUTH:
        return "record auth";
    case REASON_RECORD_TYPE:
        return "record type";
    case REASON_RECORD_FLAGS:
        return "record flags";
    case REASON_RECORD_STREAM:
        return "record stream";
    case REASON_RECORD_BODY:
        return "record body";
    case REASON_RECORD_ORDER:
        return "record order";
    case REASON_RECORD_COUNT:
        return "record count";
    case REASON_PING_FLOOD:
        return "ping flood";
    case REASON_SILENCE:
        return "silence";
    case REASON_PEER_BYE:
        return "bye from the peer";
    case REASON_REPLACED:
        return "replaced";
    case REASON_CLOSED:
        return "closed";
    case REASON_SHUTDOWN:
        return "shutdown";
    case REASON_NO_RECORD_MEMORY:
        return "no record memory";
    case REASON_INTERNAL:
        return "internal";
    }
    return "unknown";
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
