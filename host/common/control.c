// SPDX-License-Identifier: Apache-2.0
// Requests on the control socket.
#include "host/common/control.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/hex.h"
#include "host/common/known_peers.h"

enum { TIMEOUT_DEFAULT_MS = 5000 };

const char *control_op_name(enum control_op op)
{
#define CONTROL_OP_NAME(name, text) [name] = (text),
    static const char *const names[] = {CONTROL_OP_TABLE(CONTROL_OP_NAME)};
#undef CONTROL_OP_NAME

    return op < CONTROL_OP_COUNT ? names[op] : "none";
}

static bool fail(struct control_fault *fault, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct control_fault *fault, const char *code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    fault->code = code;
    return false;
}

// A whole number within bounds.
static bool number_of(uint32_t *out, const cJSON *item, uint32_t min, uint32_t max)
{
    double value = cJSON_GetNumberValue(item);

    if (!cJSON_IsNumber(item) || !(value >= min && value <= max) ||
        value != (double)(uint32_t)value) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool op_of(enum control_op *out, const cJSON *item)
{
    const char *name = cJSON_GetStringValue(item);

    for (unsigned op = 0; name != NULL && op < CONTROL_OP_COUNT; op++) {
        if (strcmp(name, control_op_name((enum control_op)op)) == 0) {
            *out = (enum control_op)op;
            return true;
        }
    }
    return false;
}

static bool peer_of(struct device_id *out, const cJSON *item)
{
    const char *name = cJSON_GetStringValue(item);

    return name != NULL && known_peer_id_parse(out, name);
}

static bool key_of(struct control_request *request, const cJSON *item)
{
    const char *text = cJSON_GetStringValue(item);

    request->key_given =
        text != NULL && hex_decode(request->key, DSB_KEY_BYTES, text, strlen(text));
    return request->key_given;
}

static bool address_of(struct net_address *out, const cJSON *item)
{
    const char *text = cJSON_GetStringValue(item);

    return text != NULL && address_parse(out, text) && out->port != 0;
}

// A service name is plain: what a node can register.
static bool service_of(struct service_name *out, const cJSON *item)
{
    static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-";
    const char *name = cJSON_GetStringValue(item);
    size_t len = name == NULL ? 0 : strlen(name);

    if (len == 0 || len > SERVICE_NAME_BYTES_MAX || strspn(name, plain) != len) {
        return false;
    }
    out->len = (uint8_t)len;
    memcpy(out->bytes, name, len);
    return true;
}

struct members {
    bool v, id, op, peer, service, timeout_ms, from, key, address;
};

// Takes one member; the text of what was expected when it is wrong, else NULL. *seen says that it came before.
static const char *take_member(struct control_request *request, struct members *seen, bool *twice,
                               const cJSON *item)
{
    uint32_t version;
    bool *mark;
    const char *expected = NULL;

    if (strcmp(item->string, "v") == 0) {
        mark = &seen->v;
        expected = number_of(&version, item, CONTROL_VERSION, CONTROL_VERSION) ? NULL : "1";
    } else if (strcmp(item->string, "id") == 0) {
        mark = &seen->id;
        expected = number_of(&request->id, item, 0, UINT32_MAX) ? NULL : "a whole number";
    } else if (strcmp(item->string, "op") == 0) {
        mark = &seen->op;
        expected = op_of(&request->op, item) ? NULL : "the name of an operation";
    } else if (strcmp(item->string, "peer") == 0) {
        mark = &seen->peer;
        expected = peer_of(&request->peer, item) ? NULL : "a device id";
    } else if (strcmp(item->string, "service") == 0) {
        mark = &seen->service;
        expected = service_of(&request->service, item) ? NULL : "a service name";
    } else if (strcmp(item->string, "timeout_ms") == 0) {
        mark = &seen->timeout_ms;
        expected =
            number_of(&request->timeout_ms, item, 1, CONTROL_TIMEOUT_MAX_MS) ? NULL : "1 to 60000";
    } else if (strcmp(item->string, "from") == 0) {
        mark = &seen->from;
        expected = number_of(&request->from, item, 0, UINT32_MAX) ? NULL : "a whole number";
    } else if (strcmp(item->string, "key") == 0) {
        mark = &seen->key;
        expected = key_of(request, item) ? NULL : "64 hex digits";
    } else if (strcmp(item->string, "address") == 0) {
        mark = &seen->address;
        expected = address_of(&request->address, item) ? NULL : "HOST:PORT in numbers";
    } else {
        return "no such member";
    }
    *twice = *mark;
    *mark = true;
    return expected;
}

static bool take_members(struct control_request *request, struct control_fault *fault,
                         const cJSON *object)
{
    struct members seen = {0};
    bool twice = false;
    const cJSON *item;

    if (!cJSON_IsObject(object)) {
        return fail(fault, CONTROL_ERROR_BAD_REQUEST, "one JSON object per line was expected");
    }
    cJSON_ArrayForEach(item, object)
    {
        const char *expected = take_member(request, &seen, &twice, item);
        if (twice) {
            return fail(fault, CONTROL_ERROR_BAD_REQUEST, "member %.40s: given twice",
                        item->string);
        }
        if (expected != NULL) {
            return fail(fault,
                        strcmp(item->string, "v") == 0 ? CONTROL_ERROR_VERSION
                                                       : CONTROL_ERROR_BAD_REQUEST,
                        "member %.40s: expected %s", item->string, expected);
        }
    }
    if (!seen.v || !seen.id || !seen.op) {
        return fail(fault, CONTROL_ERROR_BAD_REQUEST, "v, id and op are required");
    }
    if (!seen.peer && (request->op == CONTROL_PING || request->op == CONTROL_PROBE ||
                       request->op == CONTROL_PATH || request->op == CONTROL_OPEN)) {
        return fail(fault, CONTROL_ERROR_BAD_REQUEST, "%s needs a peer",
                    control_op_name(request->op));
    }
    if ((seen.key || seen.address) &&
        !(request->op == CONTROL_PAIR && seen.peer && seen.key && seen.address)) {
        return fail(fault, CONTROL_ERROR_BAD_REQUEST,
                    "key and address belong together, to pair with a peer");
    }
    if (seen.service != (request->op == CONTROL_OPEN)) {
        return fail(fault, CONTROL_ERROR_BAD_REQUEST,
                    "open needs a service, and nothing else does");
    }
    return true;
}

static bool add_address(cJSON *object, const struct control_request *request)
{
    char key[2 * DSB_KEY_BYTES + 1] = "", address[ADDRESS_CHARS_MAX];

    if (!request->key_given) {
        return true;
    }
    hex_encode(key, request->key, DSB_KEY_BYTES);
    address_format(address, &request->address);
    return cJSON_AddStringToObject(object, "key", key) != NULL &&
           cJSON_AddStringToObject(object, "address", address) != NULL;
}

bool control_request_parse(struct control_request *request, struct control_fault *fault,
                           const char *line, size_t line_len)
{
    const char *end = NULL;
    cJSON *object;
    bool good;

    *request = (struct control_request){.timeout_ms = TIMEOUT_DEFAULT_MS};
    object = cJSON_ParseWithLengthOpts(line, line_len, &end, false);
    if (object == NULL || end != line + line_len) {
        cJSON_Delete(object);
        return fail(fault, CONTROL_ERROR_BAD_REQUEST, "one JSON object per line was expected");
    }
    good = take_members(request, fault, object);
    cJSON_Delete(object);
    return good;
}

size_t control_request_format(char *out, size_t out_size, const struct control_request *request)
{
    cJSON *object = cJSON_CreateObject();
    char peer[LABEL_CHARS_MAX], service[SERVICE_NAME_BYTES_MAX + 1] = "";
    bool good;
    size_t len;

    label_device(peer, &request->peer);
    memcpy(service, request->service.bytes, request->service.len);
    good = object != NULL && cJSON_AddNumberToObject(object, "v", CONTROL_VERSION) != NULL &&
           cJSON_AddNumberToObject(object, "id", request->id) != NULL &&
           cJSON_AddStringToObject(object, "op", control_op_name(request->op)) != NULL &&
           (request->peer.len == 0 || cJSON_AddStringToObject(object, "peer", peer) != NULL) &&
           (request->service.len == 0 ||
            cJSON_AddStringToObject(object, "service", service) != NULL) &&
           (request->timeout_ms == 0 ||
            cJSON_AddNumberToObject(object, "timeout_ms", request->timeout_ms) != NULL) &&
           (request->from == 0 || cJSON_AddNumberToObject(object, "from", request->from) != NULL) &&
           add_address(object, request) && out_size >= 2 && out_size <= CONTROL_REQUEST_BYTES_MAX &&
           cJSON_PrintPreallocated(object, out, (int)out_size - 1, false);
    cJSON_Delete(object);
    if (!good) {
        return 0;
    }
    len = strlen(out);
    out[len] = '\n';
    out[len + 1] = 0;
    return len + 1;
}
