// SPDX-License-Identifier: Apache-2.0
// forward: a local TCP port that leads to a service of a peer, each connection over a stream of its own.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/cli/command.h"
#include "host/cli/streams.h"
#include "host/common/address.h"
#include "host/common/exit_code.h"

enum { CONNECTIONS_MAX_AT_ONCE = 256, PIECE_BYTES = 65536, FIXED_POLLS = 2 };

// One direction of a connection: at most one piece is under way.
struct half {
    char *bytes; // PIECE_BYTES
    size_t at, len;
    bool ended; // nothing more comes
    bool done;  // and the other side was told
};

struct forwarded {
    int tcp, stream;          // -1: none; the stream is being opened
    uint32_t request, number; // of the stream
    struct half up, down;     // up: from the TCP connection to the stream
};

struct forward {
    struct streams streams;
    struct control_request target;
    int listener;
    struct forwarded *connections[CONNECTIONS_MAX_AT_ONCE];
    size_t count;
};

// ---- Connections ------------------------------------------------------------------------------------

// broken: the TCP client is to see that it is no end in order.
static void drop(struct forward *f, size_t i, bool broken)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    struct forwarded *c = f->connections[i];

    if (broken) {
        (void)setsockopt(c->tcp, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    close(c->tcp);
    if (c->stream >= 0) {
        close(c->stream);
    }
    free(c->up.bytes);
    free(c->down.bytes);
    free(c);
    f->connections[i] = f->connections[--f->count];
}

static bool add(struct forward *f, int tcp, uint32_t request)
{
    struct forwarded *c = calloc(1, sizeof *c);
    int on = 1;

    if (c == NULL) {
        return false;
    }
    *c = (struct forwarded){.tcp = tcp, .stream = -1, .request = request};
    c->up.bytes = malloc(PIECE_BYTES);
    c->down.bytes = malloc(PIECE_BYTES);
    if (c->up.bytes == NULL || c->down.bytes == NULL) {
        free(c->up.bytes);
        free(c->down.bytes);
        free(c);
        return false;
    }
    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    f->connections[f->count++] = c;
    return true;
}

static bool take_connection(struct forward *f, struct fault *fault)
{
    int tcp = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (tcp < 0) {
        return true; // it has gone again, or descriptors are short for a moment
    }
    if (!streams_ask(&f->streams, fault, &f->target)) {
        close(tcp);
        return false;
    }
    if (!add(f, tcp, f->target.id)) {
        close(tcp);
    }
    return true;
}

// ---- The daemon -------------------------------------------------------------------------------------

static void opened(struct forward *f, const struct streams_line *line)
{
    (void)fcntl(line->socket, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < f->count; i++) {
        struct forwarded *c = f->connections[i];
        if (c->stream < 0 && c->request == line->request) {
            c->stream = line->socket;
            c->number = line->stream;
            return;
        }
    }
    close(line->socket); // the connection has gone meanwhile
}

static void refused(struct forward *f, const struct streams_line *line, const struct fault *fault)
{
    fprintf(stderr, "dsoftbus: a connection was refused: %s\n", fault->text);
    for (size_t i = 0; i < f->count; i++) {
        if (f->connections[i]->stream < 0 && f->connections[i]->request == line->request) {
            drop(f, i, true);
            return;
        }
    }
}

// One that has ended in order has ended here as well, once its last bytes have left.
static void closed(struct forward *f, const struct streams_line *line, const struct fault *fault)
{
    for (size_t i = 0; i < f->count && !line->clean; i++) {
        if (f->connections[i]->stream >= 0 && f->connections[i]->number == line->stream) {
            fprintf(stderr, "dsoftbus: %s\n", fault->text);
            drop(f, i, true);
            return;
        }
    }
}

// Everything that the daemon has said. False with a fault: it is gone.
static bool take_lines(struct forward *f, struct fault *fault)
{
    for (;;) {
        struct streams_line line = streams_next(&f->streams, fault, false);
        switch (line.news) {
        case STREAMS_NOTHING:
            return true;
        case STREAMS_LOST:
            return false;
        case STREAMS_OPENED:
            opened(f, &line);
            break;
        case STREAMS_REFUSED:
            refused(f, &line, fault);
            break;
        case STREAMS_CLOSED:
            closed(f, &line, fault);
            break;
        }
    }
}

// ---- Bytes ------------------------------------------------------------------------------------------

// False: the connection is broken.
static bool move(struct half *half, int from, int to)
{
    ssize_t len;

    if (half->len == 0 && !half->ended) {
        len = recv(from, half->bytes, PIECE_BYTES, MSG_DONTWAIT);
        if (len < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        half->ended = len == 0;
        half->at = 0;
        half->len = (size_t)len;
    }
    if (half->len > 0) {
        len = send(to, half->bytes + half->at, half->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (len < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        half->at += (size_t)len;
        half->len -= (size_t)len;
    }
    return true;
}

static void tell_end(struct half *half, int to)
{
    if (half->ended && half->len == 0 && !half->done) {
        half->done = true;
        (void)shutdown(to, SHUT_WR);
    }
}

// The end of a stream's socket may be that of a stream that has broken off: the daemon has said so before.
static bool relay(struct forward *f, struct forwarded *c, struct fault *fault, bool *lives)
{
    bool had_ended = c->down.ended;
    size_t count = f->count;

    *lives = move(&c->up, c->tcp, c->stream) && move(&c->down, c->stream, c->tcp);
    if (*lives && c->down.ended && !had_ended) {
        if (!take_lines(f, fault)) {
            return false;
        }
        if (f->count != count) {
            return true; // connections have moved: the next round goes on
        }
    }
    if (*lives) {
        tell_end(&c->up, c->stream);
        tell_end(&c->down, c->tcp);
    }
    return true;
}

// ---- The loop -----------------------------------------------------------------------------------------

static short wanted(const struct half *in, const struct half *out)
{
    return (short)((in->len == 0 && !in->ended ? POLLIN : 0) | (out->len > 0 ? POLLOUT : 0));
}

// A connection that waits for nothing is not looked at: its hang-up would wake the loop for ever.
static void add_polls(struct pollfd polls[static 2], const struct forwarded *c)
{
    short tcp = c->stream < 0 ? 0 : wanted(&c->up, &c->down);
    short stream = c->stream < 0 ? 0 : wanted(&c->down, &c->up);

    polls[0] = (struct pollfd){.fd = tcp != 0 ? c->tcp : -1, .events = tcp};
    polls[1] = (struct pollfd){.fd = stream != 0 ? c->stream : -1, .events = stream};
}

static bool serve_connections(struct forward *f, struct fault *fault)
{
    size_t i = 0;

    while (i < f->count) {
        struct forwarded *c = f->connections[i];
        bool lives = true;
        if (c->stream >= 0 && !relay(f, c, fault, &lives)) {
            return false;
        }
        if (i >= f->count || f->connections[i] != c) {
            continue; // it was dropped, and another one has taken its place
        }
        if (!lives || (c->up.done && c->down.done)) {
            drop(f, i, !lives);
        } else {
            i++;
        }
    }
    return true;
}

static int run(struct forward *f)
{
    static struct pollfd polls[FIXED_POLLS + 2 * CONNECTIONS_MAX_AT_ONCE];
    struct fault fault;

    for (;;) {
        size_t count = FIXED_POLLS;
        polls[0] = (struct pollfd){.fd = f->count < CONNECTIONS_MAX_AT_ONCE ? f->listener : -1,
                                   .events = POLLIN};
        polls[1] = (struct pollfd){.fd = f->streams.client.fd, .events = POLLIN};
        for (size_t i = 0; i < f->count; i++, count += 2) {
            add_polls(&polls[count], f->connections[i]);
        }
        if (poll(polls, (nfds_t)count, -1) < 0) {
            continue;
        }
        if (!take_lines(f, &fault) || !serve_connections(f, &fault) ||
            ((polls[0].revents & POLLIN) != 0 && !take_connection(f, &fault))) {
            return command_fail(&fault);
        }
    }
}

// ---- Listening ----------------------------------------------------------------------------------------

// ADDRESS:PORT, localhost:PORT or PORT; port 0 is any.
static bool parse_local(struct net_address *out, const char *text)
{
    const char *colon = strrchr(text, ':'), *port = colon == NULL ? text : colon + 1;
    char host[ADDRESS_CHARS_MAX] = "127.0.0.1";
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text);

    if (strspn(port, "0123456789") != strlen(port) || port[0] == 0 || strlen(port) > 5 ||
        strtoul(port, NULL, 10) > UINT16_MAX || host_len >= sizeof host) {
        return false;
    }
    if (host_len > 0 && (host_len != 9 || strncmp(text, "localhost", host_len) != 0)) {
        memcpy(host, text, host_len);
        host[host_len] = 0;
    }
    if (!address_parse(out, host) || out->port != 0) {
        return false;
    }
    out->port = (uint16_t)strtoul(port, NULL, 10);
    return true;
}

static int listen_on(struct fault *fault, const char *text)
{
    struct net_address local;
    struct sockaddr_storage address;
    char name[ADDRESS_CHARS_MAX];
    socklen_t len;
    int fd, on = 1;

    if (!parse_local(&local, text)) {
        (void)fault_set(fault, EXIT_USAGE, "%.64s: ADDRESS:PORT in numbers was expected", text);
        return -1;
    }
    len = address_to_sockaddr(&address, &local);
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        (void)fault_errno(fault, EXIT_FAILED, "cannot listen on %.64s", text);
        return -1;
    }
    local = address_from_sockaddr(&address);
    address_format(name, &local);
    printf("listening on %s\n", name);
    (void)fflush(stdout);
    return fd;
}

int command_forward(const struct invocation *call)
{
    static struct forward f;
    struct fault fault;
    double timeout;

    if (!option_number(&timeout, &fault, call, "timeout", 10, 0.001, 60) ||
        !streams_target(&f.target, &fault, call->operands[1], call->operands[2]) ||
        !streams_open(&f.streams, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    f.target.timeout_ms = (uint32_t)(timeout * 1000);
    f.listener = listen_on(&fault, call->operands[0]);
    return f.listener < 0 ? command_fail(&fault) : run(&f);
}
