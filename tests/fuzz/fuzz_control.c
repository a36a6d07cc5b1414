// SPDX-License-Identifier: Apache-2.0
// Any line on the control socket is a request or one error; a request is written and read back as the same one.
#include <stdlib.h>
#include <string.h>

#include "host/common/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void require_equal(const struct control_request *a, const struct control_request *b)
{
    require(a->id == b->id && a->op == b->op && a->timeout_ms == b->timeout_ms);
    require(a->from == b->from && a->peer.len == b->peer.len);
    require(memcmp(a->peer.bytes, b->peer.bytes, sizeof a->peer.bytes) == 0);
    require(a->key_given == b->key_given && memcmp(a->key, b->key, sizeof a->key) == 0);
    require(a->address.family == b->address.family && a->address.port == b->address.port);
    require(memcmp(a->address.bytes, b->address.bytes, sizeof a->address.bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_request request, again;
    struct control_fault fault = {0};
    char line[CONTROL_REQUEST_BYTES_MAX];
    size_t len;

    if (!control_request_parse(&request, &fault, (const char *)data, size)) {
        require(fault.code != NULL && fault.text[0] != 0);
        require(memchr(fault.text, 0, sizeof fault.text) != NULL);
        return 0;
    }
    require(request.op < CONTROL_OP_COUNT);
    require(request.timeout_ms >= 1 && request.timeout_ms <= CONTROL_TIMEOUT_MAX_MS);
    len = control_request_format(line, sizeof line, &request);
    require(len > 1 && line[len - 1] == '\n' && memchr(line, '\n', len - 1) == NULL);
    require(control_request_parse(&again, &fault, line, len - 1));
    require_equal(&request, &again);
    return 0;
}
