// SPDX-License-Identifier: Apache-2.0
// The control socket's language: one JSON object a line, a request and its reply.
//
//     {"v":1,"id":7,"op":"ping","peer":"node-b","timeout_ms":5000}
//     {"v":1,"id":7,"ok":true,"result":{...}}
//     {"v":1,"id":7,"ok":false,"error":{"code":"no-peer","text":"node-b is not a known peer"}}
//
// The reply to `open` comes with one end of a connected socket (SCM_RIGHTS, on the first byte of its line): the stream.
// shutdown(SHUT_WR) ends our direction, and the end of the other one is the end of the file. When the stream is over,
// in whatever way, one line without an id tells so, and whether both directions have ended in order:
//
//     {"v":1,"id":8,"op":"open","peer":"node-b","service":"echo"}
//     {"v":1,"id":8,"ok":true,"result":{"stream":3}}
//     {"v":1,"event":"closed","stream":3,"clean":false,"reason":"the session is lost",...}
//
// A stream belongs to the connection over which it was opened: when that ends first, the stream is given up. So it is
// when its socket is closed before the end of the other direction has come.
//
// Replies carry the request's id and may come in another order than the requests. A member or an operation that this
// version does not know is an error, never ignored: the two programs are of one version, or say so.
#ifndef HOST_COMMON_CONTROL_H
#define HOST_COMMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/announce.h"
#include "dsoftbus/identity.h"
#include "host/common/limits.h"

enum { CONTROL_VERSION = 1, CONTROL_TEXT_BYTES = 256 };

#define CONTROL_OP_TABLE(ROW)                                                                      \
    ROW(CONTROL_STATUS, "status")   /* -> own identity, addresses, levels and totals */            \
    ROW(CONTROL_PEERS, "peers")     /* from -> known peers with their sessions, a page of them */  \
    ROW(CONTROL_DEVICES, "devices") /* -> discovered devices */                                    \
    ROW(CONTROL_PING, "ping")       /* peer, timeout_ms -> round trip in microseconds */           \
    ROW(CONTROL_PROBE, "probe")     /* peer, timeout_ms -> how far a fresh dial gets */            \
    ROW(CONTROL_PATH, "path")       /* peer, timeout_ms -> whether full packets get there */       \
    ROW(CONTROL_RELOAD, "reload")   /* reads the known peers again -> what changed */              \
    ROW(CONTROL_METRICS, "metrics") /* -> Prometheus text */                                       \
    ROW(CONTROL_PAIR, "pair") /* peer? key? address? -> the code, and the other's id and key */    \
    ROW(CONTROL_OPEN, "open") /* peer, service, timeout_ms -> a stream and its socket */           \
    ROW(CONTROL_SERVICES, "services") /* -> own services; with peer: what it announces */

#define CONTROL_OP_ENUM(name, text) name,
enum control_op { CONTROL_OP_TABLE(CONTROL_OP_ENUM) CONTROL_OP_COUNT };
#undef CONTROL_OP_ENUM

const char *control_op_name(enum control_op op);

// Codes of errors, which programs may rely on; the text is for people.
#define CONTROL_ERROR_BAD_REQUEST "bad-request"
#define CONTROL_ERROR_VERSION     "version"
#define CONTROL_ERROR_NO_PEER     "no-peer"
#define CONTROL_ERROR_NOT_TRUSTED "not-trusted"
#define CONTROL_ERROR_NO_ADDRESS  "no-address"
#define CONTROL_ERROR_TIMEOUT     "timeout"
#define CONTROL_ERROR_DIAL        "dial-failed"
#define CONTROL_ERROR_LOST        "session-lost"
#define CONTROL_ERROR_REFUSED     "refused"
#define CONTROL_ERROR_BUSY        "busy"
#define CONTROL_ERROR_STATE       "state"
#define CONTROL_ERROR_PAIR        "pair-failed"
#define CONTROL_ERROR_LIMIT       "limit"
#define CONTROL_ERROR_INTERNAL    "internal"

struct control_request {
    uint32_t id;
    enum control_op op;
    struct device_id peer;       // empty if not given
    struct service_name service; // likewise
    uint32_t timeout_ms;         // 1..CONTROL_TIMEOUT_MAX_MS; 5000 if not given
    uint32_t from;               // 0 if not given
    bool key_given;
    uint8_t key[DSB_KEY_BYTES];
    struct net_address address; // NET_NONE if not given
};

struct control_fault {
    const char *code;
    char text[CONTROL_TEXT_BYTES];
};

// Reads one line without its end. Any bytes at all are fine. On an error request->id is the line's if it has a good
// one, else 0.
bool control_request_parse(struct control_request *request, struct control_fault *fault,
                           const char *line, size_t line_len) __attribute__((warn_unused_result));

// Writes a request with its line end; returns the length, or 0 when it does not fit.
size_t control_request_format(char *out, size_t out_size, const struct control_request *request)
    __attribute__((warn_unused_result));

#endif
