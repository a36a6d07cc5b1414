// SPDX-License-Identifier: Apache-2.0
// Requests to the daemon.
#include "host/cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/common/exit_code.h"

enum { GRACE_S = 10 }; // beyond the time-out of the request itself

bool client_open(struct client *client, struct fault *fault, const struct paths *paths)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s/" PATH_RUN "/" FILE_CONTROL,
                       paths->state);

    *client = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (client->fd < 0) {
        return fault_errno(fault, EXIT_FAILED, "no socket");
    }
    if (len < 0 || (size_t)len >= sizeof address.sun_path) {
        (void)fault_set(fault, EXIT_USAGE,
                        "the path %s/" PATH_RUN "/" FILE_CONTROL " is too long for a socket",
                        paths->state);
    } else if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        return true;
    } else if (errno == ENOENT || errno == ECONNREFUSED) {
        client->absent = true;
        (void)fault_set(fault, EXIT_NO_DAEMON,
                        "dsoftbusd does not run for %s: start `dsoftbusd`, or name another --state",
                        paths->state);
    } else {
        (void)fault_errno(fault, EXIT_NO_DAEMON, "cannot reach dsoftbusd through %s",
                          address.sun_path);
    }
    close(client->fd);
    return false;
}

void client_close(struct client *client)
{
    close(client->fd);
}

// ---- One call -------------------------------------------------------------------------------------

bool client_send(struct client *client, struct fault *fault, const struct control_request *request)
{
    char line[CONTROL_REQUEST_BYTES_MAX];
    size_t len = control_request_format(line, sizeof line, request);

    if (len == 0 || send(client->fd, line, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return fault_errno(fault, EXIT_NO_DAEMON, "dsoftbusd does not take the request");
    }
    return true;
}

// One line, in new memory that the caller frees; NULL with a fault.
static char *receive_line(const struct client *client, struct fault *fault, uint32_t timeout_ms)
{
    const struct timeval patience = {.tv_sec = timeout_ms / 1000 + GRACE_S};
    size_t len = 0, size = 0;
    char *line = NULL;

    (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    do {
        ssize_t got;
        if (size - len < 4096) {
            char *more = size > CONTROL_REPLY_BYTES_MAX ? NULL : realloc(line, size + 65536);
            if (more == NULL) {
                break;
            }
            line = more;
            size += 65536;
        }
        got = recv(client->fd, line + len, size - len - 1, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    } while (memchr(line, '\n', len) == NULL);
    if (len == 0 || line[len - 1] != '\n') {
        free(line);
        (void)fault_set(fault, EXIT_NO_DAEMON, "dsoftbusd has not answered; its log may say why");
        return NULL;
    }
    line[len] = 0;
    return line;
}

static int exit_code_of(const char *code)
{
    static const struct {
        const char *code;
        int exit_code;
    } table[] = {
        {CONTROL_ERROR_NO_PEER, EXIT_NO_PEER},      {CONTROL_ERROR_NOT_TRUSTED, EXIT_NO_PEER},
        {CONTROL_ERROR_NO_ADDRESS, EXIT_NO_ANSWER}, {CONTROL_ERROR_TIMEOUT, EXIT_NO_ANSWER},
        {CONTROL_ERROR_DIAL, EXIT_NO_ANSWER},       {CONTROL_ERROR_LOST, EXIT_NO_ANSWER},
        {CONTROL_ERROR_STATE, EXIT_NO_STATE},       {CONTROL_ERROR_PAIR, EXIT_REFUSED},
        {CONTROL_ERROR_LIMIT, EXIT_REFUSED},        {CONTROL_ERROR_REFUSED, EXIT_REFUSED},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(code, table[i].code) == 0) {
            return table[i].exit_code;
        }
    }
    return EXIT_FAILED;
}

void client_error(struct fault *fault, const cJSON *error)
{
    (void)fault_set(fault, exit_code_of(json_text(error, "code")), "%s", json_text(error, "text"));
}

static cJSON *take_result(struct fault *fault, const char *line, uint32_t request)
{
    cJSON *reply = cJSON_Parse(line), *result = NULL;
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(reply, "error");

    if (json_number(reply, "v") != CONTROL_VERSION || json_number(reply, "id") != request) {
        (void)fault_set(fault, EXIT_FAILED,
                        "dsoftbusd answers in another version of the protocol: restart it");
    } else if (json_true(reply, "ok")) {
        result = cJSON_DetachItemFromObjectCaseSensitive(reply, "result");
    } else {
        client_error(fault, error);
    }
    cJSON_Delete(reply);
    return result;
}

cJSON *client_call(struct client *client, struct fault *fault, struct control_request *request)
{
    cJSON *result;
    char *line;

    request->id = ++client->last_request;
    if (!client_send(client, fault, request)) {
        return NULL;
    }
    line = receive_line(client, fault, request->timeout_ms);
    if (line == NULL) {
        return NULL;
    }
    result = take_result(fault, line, request->id);
    free(line);
    return result;
}

cJSON *client_ask(struct fault *fault, const struct paths *paths, struct control_request *request)
{
    struct client client;
    cJSON *result;

    if (!client_open(&client, fault, paths)) {
        return NULL;
    }
    result = client_call(&client, fault, request);
    client_close(&client);
    return result;
}

// ---- Members --------------------------------------------------------------------------------------

const char *json_text(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text != NULL ? text : "";
}

double json_number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

bool json_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool json_has(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name) != NULL;
}

int json_print(cJSON *object)
{
    char *text = cJSON_Print(object);

    cJSON_Delete(object);
    if (text == NULL) {
        fputs("dsoftbus: no memory\n", stderr);
        return EXIT_FAILED;
    }
    puts(text);
    cJSON_free(text);
    return EXIT_DONE;
}
