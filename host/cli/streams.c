// SPDX-License-Identifier: Apache-2.0
// Lines and sockets from the daemon.
#include "host/cli/streams.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/known_peers.h"

bool streams_open(struct streams *streams, struct fault *fault, const struct paths *paths)
{
    streams->len = streams->socket_count = 0;
    return client_open(&streams->client, fault, paths);
}

void streams_close(struct streams *streams)
{
    for (size_t i = 0; i < streams->socket_count; i++) {
        close(streams->sockets[i]);
    }
    client_close(&streams->client);
}

bool streams_target(struct control_request *request, struct fault *fault, const char *peer,
                    const char *service)
{
    size_t len = strlen(service);

    if (!known_peer_id_parse(&request->peer, peer)) {
        return fault_set(fault, EXIT_USAGE, "\"%.64s\" is no device id", peer);
    }
    if (len == 0 || len > SERVICE_NAME_BYTES_MAX) {
        return fault_set(fault, EXIT_USAGE, "\"%.64s\" is no service name", service);
    }
    request->service.len = (uint8_t)len;
    memcpy(request->service.bytes, service, len);
    return true;
}

bool streams_ask(struct streams *streams, struct fault *fault, struct control_request *request)
{
    request->op = CONTROL_OPEN;
    request->id = ++streams->client.last_request;
    return client_send(&streams->client, fault, request);
}

// ---- Reading --------------------------------------------------------------------------------------

static void take_sockets(struct streams *streams, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        int fd;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
            c->cmsg_len != CMSG_LEN(sizeof fd)) {
            continue;
        }
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        if (streams->socket_count < STREAMS_SOCKETS_MAX) {
            streams->sockets[streams->socket_count++] = fd;
        } else {
            close(fd);
        }
    }
}

// False: nothing there, or the daemon is gone (*lost).
static bool read_more(struct streams *streams, bool *lost, bool wait)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec piece = {streams->text + streams->len, sizeof streams->text - streams->len};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t len;

    do {
        len = recvmsg(streams->client.fd, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        *lost = len == 0 || errno != EAGAIN;
        return false;
    }
    take_sockets(streams, &message);
    streams->len += (size_t)len;
    return true;
}

static struct streams_line take_answer(struct streams *streams, struct fault *fault,
                                       const cJSON *reply)
{
    struct streams_line line = {.news = STREAMS_REFUSED,
                                .request = (uint32_t)json_number(reply, "id")};
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(reply, "result");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(reply, "error");

    if (!json_true(reply, "ok")) {
        client_error(fault, error);
    } else if (streams->socket_count == 0) {
        (void)fault_set(fault, EXIT_FAILED, "dsoftbusd has sent no socket with the stream");
    } else {
        line.news = STREAMS_OPENED;
        line.stream = (uint32_t)json_number(result, "stream");
        line.socket = streams->sockets[0];
        streams->socket_count--;
        memmove(streams->sockets, streams->sockets + 1,
                streams->socket_count * sizeof streams->sockets[0]);
    }
    return line;
}

static struct streams_line take_event(struct fault *fault, const cJSON *event)
{
    struct streams_line line = {.news = STREAMS_CLOSED,
                                .stream = (uint32_t)json_number(event, "stream"),
                                .clean = json_true(event, "clean")};

    if (!line.clean) {
        (void)fault_set(fault, EXIT_BROKEN, "the stream has broken off: %.200s",
                        json_text(event, "reason"));
    }
    return line;
}

struct streams_line streams_next(struct streams *streams, struct fault *fault, bool wait)
{
    struct streams_line line = {.news = STREAMS_NOTHING};
    bool lost = false;
    char *end;
    cJSON *object;

    while ((end = memchr(streams->text, '\n', streams->len)) == NULL) {
        if (!read_more(streams, &lost, wait)) {
            line.news = lost ? STREAMS_LOST : STREAMS_NOTHING;
            (void)fault_set(fault, EXIT_NO_DAEMON, "dsoftbusd is gone");
            return line;
        }
    }
    object = cJSON_ParseWithLength(streams->text, (size_t)(end - streams->text));
    streams->len -= (size_t)(end + 1 - streams->text);
    memmove(streams->text, end + 1, streams->len);
    line =
        json_has(object, "event") ? take_event(fault, object) : take_answer(streams, fault, object);
    cJSON_Delete(object);
    return line;
}

// ---- Waiting --------------------------------------------------------------------------------------

int streams_connect(struct streams *streams, struct fault *fault, uint32_t *stream,
                    struct control_request *request)
{
    struct streams_line line = {.news = STREAMS_NOTHING};

    if (!streams_ask(streams, fault, request)) {
        return -1;
    }
    do {
        line = streams_next(streams, fault, true);
    } while (line.news == STREAMS_CLOSED);
    if (line.news != STREAMS_OPENED) {
        return -1;
    }
    *stream = line.stream;
    return line.socket;
}

bool streams_wait_end(struct streams *streams, struct fault *fault, uint32_t stream)
{
    struct streams_line line;

    do {
        line = streams_next(streams, fault, true);
    } while (line.news != STREAMS_LOST && (line.news != STREAMS_CLOSED || line.stream != stream));
    return line.news == STREAMS_CLOSED && line.clean;
}
