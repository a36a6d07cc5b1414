// SPDX-License-Identifier: Apache-2.0
// pipe: standard input and output joined to a service of a peer.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/cli/command.h"
#include "host/cli/streams.h"
#include "host/common/exit_code.h"

enum { PIECE_BYTES = 65536 };

// Standard input and the stream each have a thread, so that neither direction waits for the other.
static int stream_fd;

static void give_up(const char *what)
{
    fprintf(stderr, "dsoftbus: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILED);
}

// False: the stream takes no more; the daemon will say why.
static bool send_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(stream_fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
    return true;
}

static void *copy_in(void *context)
{
    static char bytes[PIECE_BYTES];
    ssize_t len;

    (void)context;
    while ((len = read(STDIN_FILENO, bytes, sizeof bytes)) != 0) {
        if (len < 0 && errno != EINTR) {
            give_up("standard input");
        }
        if (len > 0 && !send_all(bytes, (size_t)len)) {
            return NULL;
        }
    }
    (void)shutdown(stream_fd, SHUT_WR);
    return NULL;
}

static void write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDOUT_FILENO, bytes, len);
        if (put < 0 && errno != EINTR) {
            give_up("standard output");
        }
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
}

static void *copy_out(void *context)
{
    static char bytes[PIECE_BYTES];
    ssize_t len;

    (void)context;
    while ((len = recv(stream_fd, bytes, sizeof bytes, 0)) > 0 || (len < 0 && errno == EINTR)) {
        if (len > 0) {
            write_all(bytes, (size_t)len);
        }
    }
    return NULL;
}

// Until the daemon says that the stream has ended. What it sent before that is still written.
static int run(struct streams *streams, uint32_t stream)
{
    pthread_t in, out;
    struct fault fault;
    bool good;

    if (pthread_create(&in, NULL, copy_in, NULL) != 0 ||
        pthread_create(&out, NULL, copy_out, NULL) != 0) {
        (void)fault_set(&fault, EXIT_FAILED, "no threads");
        return command_fail(&fault);
    }
    good = streams_wait_end(streams, &fault, stream);
    (void)pthread_join(out, NULL);
    return good ? EXIT_DONE : command_fail(&fault);
}

int command_pipe(const struct invocation *call)
{
    static struct streams streams;
    struct control_request request = {0};
    struct fault fault;
    uint32_t stream;
    double timeout;

    if (!option_number(&timeout, &fault, call, "timeout", 10, 0.001, 60) ||
        !streams_target(&request, &fault, call->operands[0], call->operands[1]) ||
        !streams_open(&streams, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    request.timeout_ms = (uint32_t)(timeout * 1000);
    stream_fd = streams_connect(&streams, &fault, &stream, &request);
    return stream_fd < 0 ? command_fail(&fault) : run(&streams, stream);
}
