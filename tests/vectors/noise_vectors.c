// SPDX-License-Identifier: Apache-2.0
// noise-vectors FILE...: runs Noise test vectors in the common JSON form against noise/.
//
// Every entry for Noise_XK_25519_ChaChaPoly_BLAKE2s is run as both sides: each handshake message must be written
// byte for byte, and read back to its payload; the handshake hash must match when it is given; the transport
// messages must be sealed and opened. Entries for other protocols are not ours and are passed over.
//
// Prints a line for each failure, with its place, and at the end `N passed, N failed`. Exit status: 0 when
// something passed and nothing failed, 1 when an entry failed or none was run, 2 when a file cannot be used (which
// counts as a failure).
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "noise/noise_xk.h"

static const char protocol[] = "Noise_XK_25519_ChaChaPoly_BLAKE2s";

enum {
    HANDSHAKE_MESSAGES = 3,
    FILE_LEN_MAX = 64 << 20,
};

struct bytes {
    uint8_t data[XK_MESSAGE_MAX];
    size_t len;
};

struct side {
    struct xk_handshake hs;
    struct xk_sender sender;
    struct xk_receiver receiver;
    struct bytes static_private, ephemeral, prologue;
    uint8_t static_public[XK_KEY_LEN];
};

// One entry being run. `where` is what a failure line begins with.
struct run {
    char where[512];
    const cJSON *entry;
    struct side initiator, responder;
    struct bytes payload, ciphertext;
};

static bool fail(const struct run *run, const char *format, ...)
{
    va_list arguments;
    printf("FAIL %s: ", run->where);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_decode(struct bytes *out, const char *hex)
{
    size_t digits = strlen(hex);
    if (digits % 2 != 0 || digits / 2 > sizeof out->data) {
        return false;
    }
    for (size_t i = 0; i < digits / 2; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out->data[i] = (uint8_t)(high << 4 | low);
    }
    out->len = digits / 2;
    return true;
}

// Reads a field of hex digits; an absent one is empty when it may be absent.
static bool get_hex(const struct run *run, struct bytes *out, const cJSON *object, const char *name,
                    bool may_be_absent)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    out->len = 0;
    if (item == NULL && may_be_absent) {
        return true;
    }
    if (item == NULL || !cJSON_IsString(item)) {
        return fail(run, "\"%s\" is missing or not a string", name);
    }
    if (!hex_decode(out, item->valuestring)) {
        return fail(run, "\"%s\" is not an even number of at most %d hex digits", name,
                    2 * XK_MESSAGE_MAX);
    }
    return true;
}

static bool get_key(const struct run *run, struct bytes *out, const char *name)
{
    if (!get_hex(run, out, run->entry, name, false)) {
        return false;
    }
    return out->len == XK_KEY_LEN || fail(run, "\"%s\" is not %d bytes", name, XK_KEY_LEN);
}

static enum noise_error give_ephemeral(void *ctx, uint8_t *out, size_t len)
{
    const struct side *side = ctx;
    if (len != side->ephemeral.len) {
        return NOISE_ERR_RANDOM;
    }
    memcpy(out, side->ephemeral.data, len);
    return NOISE_OK;
}

static bool read_keys(struct run *run)
{
    struct side *i = &run->initiator;
    struct side *r = &run->responder;
    if (!get_key(run, &i->static_private, "init_static") ||
        !get_key(run, &i->ephemeral, "init_ephemeral") ||
        !get_key(run, &r->static_private, "resp_static") ||
        !get_key(run, &r->ephemeral, "resp_ephemeral") ||
        !get_hex(run, &i->prologue, run->entry, "init_prologue", true) ||
        !get_hex(run, &r->prologue, run->entry, "resp_prologue", true)) {
        return false;
    }
    xk_public_key(i->static_public, i->static_private.data);
    xk_public_key(r->static_public, r->static_private.data);
    return true;
}

static struct xk_config side_config(struct side *side, const uint8_t *remote_static)
{
    return (struct xk_config){
        .static_public = side->static_public,
        .static_private = side->static_private.data,
        .remote_static = remote_static,
        .prologue = side->prologue.data,
        .prologue_len = side->prologue.len,
        .random = give_ephemeral,
        .random_ctx = side,
    };
}

static bool start(struct run *run)
{
    // The initiator's belief about the responder's key; it follows from resp_static when not given.
    struct bytes *remote = &run->payload;
    if (!read_keys(run) || !get_hex(run, remote, run->entry, "init_remote_static", true)) {
        return false;
    }
    if (remote->len != 0 && remote->len != XK_KEY_LEN) {
        return fail(run, "\"init_remote_static\" is not %d bytes", XK_KEY_LEN);
    }
    struct xk_config i = side_config(
        &run->initiator, remote->len != 0 ? remote->data : run->responder.static_public);
    struct xk_config r = side_config(&run->responder, NULL);
    enum noise_error error = xk_initiator_init(&run->initiator.hs, &i);
    if (error == NOISE_OK) {
        error = xk_responder_init(&run->responder.hs, &r);
    }
    return error == NOISE_OK || fail(run, "init: %s", noise_error_name(error));
}

static enum noise_error write_message(struct run *run, int n, struct bytes *out)
{
    const uint8_t *payload = run->payload.data;
    size_t payload_len = run->payload.len;
    if (n == 0) {
        return xk_initiator_write_message_1(&run->initiator.hs, out->data, sizeof out->data,
                                            &out->len, payload, payload_len);
    }
    if (n == 1) {
        return xk_responder_write_message_2(&run->responder.hs, out->data, sizeof out->data,
                                            &out->len, payload, payload_len);
    }
    return xk_initiator_write_message_3(&run->initiator.hs, out->data, sizeof out->data, &out->len,
                                        payload, payload_len);
}

static enum noise_error read_message(struct run *run, int n, struct bytes *out)
{
    const uint8_t *message = run->ciphertext.data;
    size_t message_len = run->ciphertext.len;
    if (n == 0) {
        return xk_responder_read_message_1(&run->responder.hs, out->data, sizeof out->data,
                                           &out->len, message, message_len);
    }
    if (n == 1) {
        return xk_initiator_read_message_2(&run->initiator.hs, out->data, sizeof out->data,
                                           &out->len, message, message_len);
    }
    return xk_responder_read_message_3(&run->responder.hs, out->data, sizeof out->data, &out->len,
                                       message, message_len);
}

static bool same(const struct bytes *a, const struct bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

// What both kinds of message have to show: `error` and `out` are what writing gave, then what reading gave.
static bool check_step(const struct run *run, int n, const char *act, enum noise_error error,
                       const struct bytes *out, const struct bytes *expected)
{
    if (error != NOISE_OK) {
        return fail(run, "messages[%d]: %s: %s", n, act, noise_error_name(error));
    }
    return same(out, expected) || fail(run, "messages[%d]: %s: other bytes", n, act);
}

static bool run_handshake_message(struct run *run, int n)
{
    static struct bytes out;
    enum noise_error error = write_message(run, n, &out);
    if (!check_step(run, n, "write", error, &out, &run->ciphertext)) {
        return false;
    }
    error = read_message(run, n, &out);
    return check_step(run, n, "read", error, &out, &run->payload);
}

static enum noise_error open_at(struct side *to, const struct run *run, struct bytes *out)
{
    return xk_receiver_open(&to->receiver, out->data, sizeof out->data, &out->len,
                            run->ciphertext.data, run->ciphertext.len);
}

// Who sends a transport message is not written in a file: it is the side whose key opens it.
static bool run_transport_message(struct run *run, int n)
{
    static struct bytes out;
    struct side *from = &run->responder;
    enum noise_error error = open_at(&run->initiator, run, &out);
    if (error == NOISE_ERR_AUTH) {
        from = &run->initiator;
        error = open_at(&run->responder, run, &out);
    }
    if (!check_step(run, n, "open", error, &out, &run->payload)) {
        return false;
    }
    error = xk_sender_seal(&from->sender, out.data, sizeof out.data, &out.len, run->payload.data,
                           run->payload.len);
    return check_step(run, n, "seal", error, &out, &run->ciphertext);
}

static bool finish_handshake(struct run *run)
{
    struct bytes *expected = &run->payload;
    uint8_t i_hash[XK_HASH_LEN], r_hash[XK_HASH_LEN];
    if (!get_hex(run, expected, run->entry, "handshake_hash", true)) {
        return false;
    }
    if (xk_handshake_hash(&run->initiator.hs, i_hash) != NOISE_OK ||
        xk_handshake_hash(&run->responder.hs, r_hash) != NOISE_OK ||
        memcmp(i_hash, r_hash, sizeof i_hash) != 0) {
        return fail(run, "the two sides have different handshake hashes");
    }
    if (expected->len != 0 &&
        (expected->len != sizeof i_hash || memcmp(expected->data, i_hash, sizeof i_hash) != 0)) {
        return fail(run, "handshake_hash: other bytes");
    }
    if (xk_split(&run->initiator.hs, &run->initiator.sender, &run->initiator.receiver) !=
            NOISE_OK ||
        xk_split(&run->responder.hs, &run->responder.sender, &run->responder.receiver) !=
            NOISE_OK) {
        return fail(run, "split");
    }
    return true;
}

static bool run_messages(struct run *run)
{
    const cJSON *messages = cJSON_GetObjectItemCaseSensitive(run->entry, "messages");
    const cJSON *message;
    int n = 0;
    if (!cJSON_IsArray(messages) || cJSON_GetArraySize(messages) < HANDSHAKE_MESSAGES) {
        return fail(run, "\"messages\" is not an array of at least %d", HANDSHAKE_MESSAGES);
    }
    cJSON_ArrayForEach(message, messages)
    {
        if (!get_hex(run, &run->payload, message, "payload", false) ||
            !get_hex(run, &run->ciphertext, message, "ciphertext", false)) {
            return fail(run, "messages[%d] cannot be read", n);
        }
        if (!(n < HANDSHAKE_MESSAGES ? run_handshake_message(run, n)
                                     : run_transport_message(run, n))) {
            return false;
        }
        n++;
        if (n == HANDSHAKE_MESSAGES && !finish_handshake(run)) {
            return false;
        }
    }
    return true;
}

static bool is_ours(const cJSON *entry)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(entry, "protocol_name");
    if (name == NULL) {
        name = cJSON_GetObjectItemCaseSensitive(entry, "name");
    }
    return cJSON_IsString(name) && strcmp(name->valuestring, protocol) == 0;
}

struct totals {
    unsigned passed, failed;
};

static bool run_file(struct totals *totals, const char *path, const cJSON *root)
{
    static struct run run;
    const cJSON *vectors = cJSON_GetObjectItemCaseSensitive(root, "vectors");
    const cJSON *entry;
    int n = 0;
    if (!cJSON_IsArray(vectors)) {
        (void)fprintf(stderr, "noise-vectors: %s: no array \"vectors\" at the top\n", path);
        return false;
    }
    cJSON_ArrayForEach(entry, vectors)
    {
        if (is_ours(entry)) {
            (void)snprintf(run.where, sizeof run.where, "%s: vectors[%d]", path, n);
            run.entry = entry;
            bool passed = start(&run) && run_messages(&run);
            totals->passed += passed;
            totals->failed += !passed;
        }
        n++;
    }
    return true;
}

// The text of a file, with a zero byte after it, to be freed. NULL: the reason was printed.
static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
        rewind(file);
    }
    if (size >= 0 && size <= FILE_LEN_MAX) {
        text = calloc(1, (size_t)size + 1);
    }
    if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) {
        (void)fprintf(stderr, "noise-vectors: %s: cannot be read\n", path);
        free(text);
        text = NULL;
    } else {
        *len = (size_t)size;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return text;
}

static void print_parse_error(const char *path, const char *text, const char *at)
{
    unsigned line = 1;
    unsigned column = 1;
    for (; text < at; text++) {
        line += *text == '\n';
        column = *text == '\n' ? 1 : column + 1;
    }
    (void)fprintf(stderr, "noise-vectors: %s:%u:%u: not JSON from here\n", path, line, column);
}

static bool use_file(struct totals *totals, const char *path)
{
    const char *end = NULL;
    size_t len = 0;
    char *text = read_file(path, &len);
    if (text == NULL) {
        return false;
    }
    cJSON *root = cJSON_ParseWithLengthOpts(text, len + 1, &end, true);
    bool used = false;
    if (root == NULL) {
        print_parse_error(path, text, end != NULL ? end : text);
    } else {
        used = run_file(totals, path, root);
    }
    cJSON_Delete(root);
    free(text);
    return used;
}

int main(int argc, char **argv)
{
    struct totals totals = {0};
    bool all_used = true;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: noise-vectors FILE...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        if (!use_file(&totals, argv[i])) {
            totals.failed++;
            all_used = false;
        }
    }
    if (all_used && totals.passed + totals.failed == 0) {
        (void)fprintf(stderr, "noise-vectors: no entry for %s\n", protocol);
    }
    printf("%u passed, %u failed\n", totals.passed, totals.failed);
    if (!all_used) {
        return 2;
    }
    return totals.failed == 0 && totals.passed > 0 ? 0 : 1;
}
