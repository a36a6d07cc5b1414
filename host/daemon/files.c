// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the file process.
#include "host/daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/filed_protocol.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

_Static_assert((int)FILED_SOCKET_FD == (int)CHILD_SOCKET_FD, "where the socket is");

bool files_running(const struct files *files)
{
    return files->running;
}

bool files_start(struct daemon *d, struct fault *fault)
{
    struct files *files = &d->files;
    ssize_t len;
    char ready;

    if (d->config.file_directory[0] == 0) {
        return true;
    }
    if (!child_start(&files->child, fault, "dsoftbus-filed", d->config.file_directory)) {
        return false;
    }
    do {
        len = recv(files->child.fd, &ready, sizeof ready, 0);
    } while (len < 0 && errno == EINTR);
    if (len != (ssize_t)sizeof ready) {
        return child_failed(&files->child, fault, "the file process");
    }
    files->running = true;
    return fcntl(files->child.fd, F_SETFL, O_NONBLOCK) == 0 ||
           fault_errno(fault, EXIT_FAILED, "the file process's socket");
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;

    (void)status;
    (void)events;
    log_line(LOG_ERROR, "the file process has ended: no files are received any more");
    files_stop(d);
    services_lose_files(d);
}

void files_watch(struct daemon *d)
{
    if (!d->files.running) {
        return;
    }
    d->files.poll.data = d;
    if (uv_poll_init(&d->loop, &d->files.poll, d->files.child.fd) != 0 ||
        uv_poll_start(&d->files.poll, UV_READABLE, on_ready) != 0) {
        daemon_die("cannot watch the file process");
    }
}

void files_stop(struct daemon *d)
{
    if (d->files.running) {
        d->files.running = false;
        uv_close((uv_handle_t *)&d->files.poll, NULL);
        close(d->files.child.fd);
    }
}

static bool send_job(int to, const struct filed_job *job, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct filed_job copy = *job;
    struct iovec piece = {&copy, sizeof copy};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof copy;
}

enum bye_reason files_join(struct daemon *d, uint32_t stream, uint16_t peer)
{
    const struct filed_job job = {.bytes_max = d->config.file_bytes_max,
                                  .peer = bus_peer(&d->bus, peer)->id};
    struct channel *channel;
    int pair[2];
    bool sent;

    if (!d->files.running) {
        return BYE_NO_SUCH_SERVICE;
    }
    if (d->channels.files == HOST_RECEIVING_MAX ||
        channels_files_of(&d->channels, peer) >= HOST_RECEIVING_OF_PEER_MAX ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return BYE_LIMIT;
    }
    sent = send_job(d->files.child.fd, &job, pair[1]);
    close(pair[1]);
    channel = sent ? channel_new(d, CHANNEL_LOCAL, stream, pair[0]) : NULL;
    if (channel == NULL) {
        close(pair[0]);
        return BYE_LIMIT;
    }
    channel->file = true;
    channel->file_peer = peer;
    d->channels.files++;
    return BYE_NORMAL;
}
