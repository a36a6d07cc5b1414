// SPDX-License-Identifier: Apache-2.0
// The control socket.
#include "host/daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

// ---- Clients --------------------------------------------------------------------------------------

static void on_ready(uv_poll_t *poll, int status, int events);

static struct control_client *find(const struct control *control, uint32_t id)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i] != NULL && control->clients[i]->id == id) {
            return control->clients[i];
        }
    }
    return NULL;
}

static void free_client(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_client(struct control_client *client)
{
    struct control *control = &client->daemon->control;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i] == client) {
            control->clients[i] = NULL;
        }
    }
    for (size_t i = 0; i < client->handed_count; i++) {
        close(client->handed[i].fd);
    }
    client->handed_count = 0;
    waiting_drop(client->daemon, client->id);
    pairing_drop(client->daemon, client->id);
    openings_drop(client->daemon, client->id);
    channels_drop(client->daemon, client->id);
    client->id = 0;
    uv_close((uv_handle_t *)&client->poll, free_client);
    close(client->fd);
}

// A client that does not take its answers is not listened to.
static void watch(struct control_client *client)
{
    bool pending = client->out_sent < client->out_len;

    if (uv_poll_start(&client->poll, pending ? UV_WRITABLE : UV_READABLE, on_ready) != 0) {
        daemon_die("cannot watch a control client");
    }
}

// ---- Out ------------------------------------------------------------------------------------------

// A socket goes with the byte to which it belongs, and what is behind the next one's place waits for that.
static ssize_t send_some(struct control_client *client)
{
    bool hand = client->handed_count > 0 && client->handed[0].at == client->out_sent;
    size_t next = hand ? 1 : 0;
    size_t end = client->handed_count > next ? client->handed[next].at : client->out_len;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {{0}};
    struct iovec piece = {client->out + client->out_sent, end - client->out_sent};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    ssize_t sent;

    if (hand) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &client->handed[0].fd, sizeof(int));
    }
    sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0 && hand) {
        close(client->handed[0].fd);
        client->handed_count--;
        memmove(client->handed, client->handed + 1,
                client->handed_count * sizeof client->handed[0]);
    }
    return sent;
}

static void flush(struct control_client *client)
{
    while (client->out_sent < client->out_len) {
        ssize_t sent = send_some(client);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            close_client(client);
            return;
        }
        if (sent < 0) {
            break;
        }
        client->out_sent += (size_t)sent;
    }
    if (client->out_sent == client->out_len) {
        client->out_sent = client->out_len = 0;
    }
    watch(client);
}

static bool append(struct control_client *client, const char *text)
{
    size_t len = strlen(text);

    if (len >= sizeof client->out - client->out_len) {
        return false;
    }
    memcpy(client->out + client->out_len, text, len);
    client->out[client->out_len + len] = '\n';
    client->out_len += len + 1;
    return true;
}

// The reply object becomes ours.
static void send_reply(struct daemon *d, uint32_t id, cJSON *reply)
{
    struct control_client *client = find(&d->control, id);
    char *text = client == NULL ? NULL : cJSON_PrintUnformatted(reply);

    cJSON_Delete(reply);
    if (client == NULL) {
        return;
    }
    if (text == NULL || !append(client, text)) {
        log_line(LOG_WARNING, "a control client takes too little of its answers: closed");
        close_client(client);
    } else {
        flush(client);
    }
    cJSON_free(text);
}

static cJSON *reply_object(uint32_t request, bool good)
{
    cJSON *reply = cJSON_CreateObject();

    cJSON_AddNumberToObject(reply, "v", CONTROL_VERSION);
    cJSON_AddNumberToObject(reply, "id", request);
    cJSON_AddBoolToObject(reply, "ok", good);
    return reply;
}

void control_reply(struct daemon *d, uint32_t client, uint32_t request, cJSON *result)
{
    cJSON *reply = reply_object(request, true);

    if (result == NULL || !cJSON_AddItemToObject(reply, "result", result)) {
        cJSON_Delete(result);
        cJSON_Delete(reply);
        control_reply_error(d, client, request, CONTROL_ERROR_INTERNAL, "no memory for the answer");
        return;
    }
    send_reply(d, client, reply);
}

void control_reply_error(struct daemon *d, uint32_t client, uint32_t request, const char *code,
                         const char *format, ...)
{
    cJSON *reply = reply_object(request, false);
    cJSON *error = cJSON_AddObjectToObject(reply, "error");
    char text[FAULT_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cJSON_AddStringToObject(error, "code", code);
    cJSON_AddStringToObject(error, "text", text);
    send_reply(d, client, reply);
}

bool control_reply_socket(struct daemon *d, uint32_t client, uint32_t request, cJSON *result,
                          int fd)
{
    struct control_client *to = find(&d->control, client);

    if (to == NULL || to->handed_count == CONTROL_HANDED_MAX) {
        cJSON_Delete(result);
        close(fd);
        if (to != NULL) {
            close_client(to);
        }
        return false;
    }
    to->handed[to->handed_count].fd = fd;
    to->handed[to->handed_count++].at = to->out_len;
    control_reply(d, client, request, result);
    return find(&d->control, client) != NULL;
}

void control_event(struct daemon *d, uint32_t client, const char *event, cJSON *object)
{
    cJSON_AddNumberToObject(object, "v", CONTROL_VERSION);
    cJSON_AddStringToObject(object, "event", event);
    send_reply(d, client, object);
}

bool control_client_lives(const struct daemon *d, uint32_t client)
{
    const struct control_client *c = find(&d->control, client);
    struct pollfd state = {.fd = c == NULL ? -1 : c->fd, .events = POLLRDHUP};

    return c != NULL && poll(&state, 1, 0) == 0;
}

// ---- In -------------------------------------------------------------------------------------------

static void take_line(struct daemon *d, uint32_t client, const char *line, size_t len)
{
    struct control_request request;
    struct control_fault fault;

    if (control_request_parse(&request, &fault, line, len)) {
        control_perform(d, client, &request);
    } else {
        control_reply_error(d, client, request.id, fault.code, "%s", fault.text);
    }
}

// Every whole line; what is left moves to the front. The client may be gone afterwards.
static void take_lines(struct control_client *client)
{
    struct daemon *d = client->daemon;
    uint32_t id = client->id;
    char *line = client->in, *end = client->in + client->in_len, *line_end;

    while ((line_end = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        take_line(d, id, line, (size_t)(line_end - line));
        line = line_end + 1;
        if (find(&d->control, id) == NULL) {
            return;
        }
    }
    client->in_len = (size_t)(end - line);
    memmove(client->in, line, client->in_len);
    if (client->in_len == sizeof client->in) {
        log_line(LOG_WARNING, "a control client sent a line of more than %zu bytes: closed",
                 sizeof client->in);
        close_client(client);
    }
}

static void read_client(struct control_client *client)
{
    ssize_t len = recv(client->fd, client->in + client->in_len, sizeof client->in - client->in_len,
                       MSG_DONTWAIT);

    if (len > 0) {
        client->in_len += (size_t)len;
        take_lines(client);
    } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_client(client);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct control_client *client = poll->data;

    if (status < 0) {
        close_client(client);
    } else if ((events & UV_WRITABLE) != 0) {
        flush(client);
    } else if ((events & UV_READABLE) != 0) {
        read_client(client);
    }
}

// ---- Listening ------------------------------------------------------------------------------------

// Whoever runs the daemon, and root.
static bool may_connect(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static bool add_client(struct daemon *d, int fd)
{
    struct control *control = &d->control;
    struct control_client *client;
    size_t place = 0;

    while (place < CONTROL_CLIENTS_MAX && control->clients[place] != NULL) {
        place++;
    }
    client = place == CONTROL_CLIENTS_MAX ? NULL : calloc(1, sizeof *client);
    if (client == NULL || uv_poll_init(&d->loop, &client->poll, fd) != 0) {
        free(client);
        return false;
    }
    client->poll.data = client;
    client->daemon = d;
    client->fd = fd;
    client->id = ++control->last_id == 0 ? ++control->last_id : control->last_id;
    control->clients[place] = client;
    watch(client);
    return true;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;
    int fd = accept4(d->control.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)status;
    (void)events;
    if (fd < 0) {
        return;
    }
    if (!may_connect(fd)) {
        log_line(LOG_WARNING, "a control client of another user was refused");
        close(fd);
    } else if (!add_client(d, fd)) {
        log_line(LOG_WARNING, "a control client was refused: there are %d", CONTROL_CLIENTS_MAX);
        close(fd);
    }
}

// The lock is held as long as the daemon lives; so a socket that is there is a dead one's.
static bool bind_socket(struct daemon *d, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s/" PATH_RUN "/" FILE_CONTROL,
                       d->paths.state);
    mode_t mask;
    bool bound;

    if (len < 0 || (size_t)len >= sizeof address.sun_path) {
        return fault_set(fault, EXIT_USAGE,
                         "the path of the control socket, %s/" PATH_RUN "/" FILE_CONTROL
                         ", is longer than the %zu characters that sockets may have",
                         d->paths.state, sizeof address.sun_path - 1);
    }
    if (flock(d->run_directory, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? fault_set(fault, EXIT_FAILED, "dsoftbusd runs already for %s", d->paths.state)
                   : fault_errno(fault, EXIT_FAILED, "cannot lock %s/" PATH_RUN, d->paths.state);
    }
    (void)unlinkat(d->run_directory, FILE_CONTROL, 0);
    mask = umask(0177);
    bound = bind(d->control.fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
            listen(d->control.fd, CONTROL_CLIENTS_MAX) == 0;
    (void)umask(mask);
    return bound ||
           fault_errno(fault, EXIT_FAILED, "cannot open the control socket %s", address.sun_path);
}

bool control_open(struct daemon *d, struct fault *fault)
{
    struct control *control = &d->control;

    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->fd < 0) {
        return fault_errno(fault, EXIT_FAILED, "no control socket");
    }
    if (!bind_socket(d, fault)) {
        close(control->fd);
        return false;
    }
    control->poll.data = d;
    if (uv_poll_init(&d->loop, &control->poll, control->fd) != 0 ||
        uv_poll_start(&control->poll, UV_READABLE, on_connection) != 0) {
        daemon_die("cannot watch the control socket");
    }
    return true;
}

void control_close(struct daemon *d)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (d->control.clients[i] != NULL) {
            close_client(d->control.clients[i]);
        }
    }
    uv_close((uv_handle_t *)&d->control.poll, NULL);
    close(d->control.fd);
    (void)unlinkat(d->run_directory, FILE_CONTROL, 0);
}
