// SPDX-License-Identifier: Apache-2.0
// Many peers in one process, for measuring a daemon: each has an identity and a session of its own.
//
//     host_swarm peers COUNT                        lines for the daemon's file of known peers
//     host_swarm idle PORT ID KEY COUNT             opens a session for each, says so, keeps them until standard input ends
//     host_swarm busy PORT ID KEY COUNT SECONDS     the same as idle, but every tenth moves data through the service echo for
//                                                   so long, and compares what comes back; prints MB per second, one way
//     host_swarm rate PORT ID KEY COUNT SECONDS     opens and closes them all the time; prints how many came up
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dsoftbus/session.h"
#include "dsoftbus/stream.h"
#include "host/common/hex.h"
#include "noise/blake2s.h"
#include "noise/x25519.h"

enum {
    PEERS_MAX = 12000,
    AT_ONCE = 48,  // handshakes
    SOURCES = 250, // addresses 127.0.1.x: a daemon limits what one source may have half open
    RECORD_MAX = 4096,
    OUTPUT_RECORDS = 4,
    STREAM_BYTES = 16384, // receive buffer
    MOVING_EVERY = 10,    // peers
    EVENTS = 256,
};

struct peer {
    struct session session;
    struct session_config config;
    uint64_t sent, received; // on the stream of those that move data
    uint8_t static_private[DSB_KEY_BYTES];
    uint32_t stream;
    int fd; // -1: not connected
    bool up;
    bool blocked; // the socket takes no more
    bool finished, ended;
};

static struct peer peers[PEERS_MAX];
static struct session_memory memory;
static struct device_id daemon_id;
static uint8_t daemon_key[DSB_KEY_BYTES];
static in_port_t daemon_port;
static int loop_fd;
static unsigned count, next_peer, opening, established;
static unsigned moving; // streams that have not ended
static bool enough;     // they are to end
static bool forever;    // sessions are closed when they are up, and opened again

static void die(const char *what)
{
    fprintf(stderr, "host_swarm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
    return now_us() / 1000;
}

static enum noise_error random_bytes(void *context, uint8_t *out, size_t len)
{
    (void)context;
    return getrandom(out, len, 0) == (ssize_t)len ? NOISE_OK : NOISE_ERR_RANDOM;
}

// ---- Identities -------------------------------------------------------------------------------------

static void make_peer(unsigned i)
{
    struct peer *p = &peers[i];
    char name[32];
    int len = snprintf(name, sizeof name, "peer-%u", i);

    blake2s(p->static_private, (const uint8_t *)name, (size_t)len);
    p->fd = -1;
    p->config.static_private = p->static_private;
    p->config.record_plaintext_max = RECORD_MAX;
    p->config.random = random_bytes;
    p->config.memory = &memory;
    x25519_base(p->config.static_public, p->static_private);
    if (!device_id_set(&p->config.id, (const uint8_t *)name, (size_t)len)) {
        die("id");
    }
}

static void print_peers(void)
{
    for (unsigned i = 0; i < count; i++) {
        char key[2 * DSB_KEY_BYTES + 1] = "";
        hex_encode(key, peers[i].config.static_public, DSB_KEY_BYTES);
        printf("%.*s %s pinned 2031-02-03T04:05:06Z\n", (int)peers[i].config.id.len,
               (const char *)peers[i].config.id.bytes, key);
    }
}

// ---- Sessions ---------------------------------------------------------------------------------------

static void open_next(void);

static void close_peer(struct peer *p)
{
    opening -= !p->up;
    if (p->stream != 0 && !p->ended) {
        fputs("host_swarm: a stream is lost\n", stderr);
        exit(1);
    }
    session_wipe(&p->session);
    close(p->fd);
    p->fd = -1;
    p->up = false;
    if (forever) {
        open_next();
    }
}

static void watch(struct peer *p, bool blocked)
{
    struct epoll_event event = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0u), .data.ptr = p};

    if (p->blocked != blocked && epoll_ctl(loop_fd, EPOLL_CTL_MOD, p->fd, &event) != 0) {
        die("epoll");
    }
    p->blocked = blocked;
}

static bool flush(struct peer *p)
{
    const uint8_t *bytes;
    size_t len;

    while ((bytes = session_output(&p->session, &len)) != NULL && len > 0) {
        ssize_t sent = send(p->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            watch(p, true);
            return errno == EAGAIN;
        }
        session_output_done(&p->session, (size_t)sent);
    }
    return true;
}

static void connect_peer(struct peer *p)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    int on = 1;

    from.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(p - peers) % SOURCES);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = daemon_port;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) != 0 || // no TIME_WAIT
        bind(p->fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        connect(p->fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        epoll_ctl(loop_fd, EPOLL_CTL_ADD, p->fd, &event) != 0) {
        die("connect");
    }
    opening++;
    if (session_start_initiator(&p->session, &p->config, now_ms(), &daemon_id, daemon_key) ==
            SESSION_ENDED ||
        !flush(p)) {
        die("start");
    }
}

// ---- Moving data --------------------------------------------------------------------------------------

static uint8_t pattern(const struct peer *p, uint64_t at)
{
    return (uint8_t)(at * 31 + at / 251 + (uint64_t)(p - peers));
}

static void read_stream(struct peer *p)
{
    uint8_t bytes[STREAM_BYTES];
    enum stream_error error;
    size_t len;

    while ((error = stream_read(&memory.streams, now_ms(), p->stream, bytes, sizeof bytes, &len)) ==
           STREAM_OK) {
        for (size_t i = 0; i < len; i++) {
            if (bytes[i] != pattern(p, p->received + i)) {
                fputs("host_swarm: what comes back is not what was sent\n", stderr);
                exit(1);
            }
        }
        p->received += len;
    }
    if (error == STREAM_END && p->finished && p->received == p->sent) {
        p->ended = true;
        moving--;
        stream_close(&memory.streams, now_ms(), p->stream, BYE_NORMAL);
    } else if (error != STREAM_WOULD_BLOCK) {
        fprintf(stderr, "host_swarm: a stream: %s\n", stream_error_name(error));
        exit(1);
    }
}

static void write_stream(struct peer *p)
{
    uint8_t bytes[RECORD_MAX];
    size_t taken;

    while (!enough) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = pattern(p, p->sent + i);
        }
        if (stream_write(&memory.streams, now_ms(), p->stream, bytes, sizeof bytes, &taken) !=
            STREAM_OK) {
            return;
        }
        p->sent += taken;
    }
    if (!p->finished) {
        p->finished = true;
        if (stream_finish(&memory.streams, now_ms(), p->stream) != STREAM_OK) {
            die("finish");
        }
    }
}

static void serve_streams(void)
{
    struct stream_status status;
    uint32_t stream;

    while (stream_next(&memory.streams, &stream, &status)) {
        struct peer *p = &peers[status.tag];
        if ((status.ready & (STREAM_READABLE | STREAM_GONE)) != 0) {
            read_stream(p);
        }
        if (!p->ended && (status.ready & STREAM_WRITABLE) != 0) {
            write_stream(p);
        }
        if (!flush(p)) {
            die("send");
        }
    }
}

static void open_streams(void)
{
    for (unsigned i = 0; i < count; i += MOVING_EVERY, moving++) {
        if (stream_open(&peers[i].session, now_ms(), &peers[i].stream, (const uint8_t *)"echo",
                        4) != STREAM_OK) {
            die("stream");
        }
        stream_set_tag(&memory.streams, peers[i].stream, i);
        if (!flush(&peers[i])) {
            die("send");
        }
    }
}

// ---- Connecting ---------------------------------------------------------------------------------------

// The next peer without a session.
static void open_next(void)
{
    for (unsigned tries = 0; tries < count; tries++) {
        struct peer *p = &peers[next_peer];
        next_peer = (next_peer + 1) % count;
        if (p->fd < 0) {
            connect_peer(p);
            return;
        }
    }
}

// False: the session has ended.
static bool take_event(struct peer *p, enum session_event event)
{
    if (event == SESSION_IDENTITY) {
        return session_accept(&p->session, now_ms()) != SESSION_ENDED;
    }
    if (event == SESSION_ESTABLISHED) {
        p->up = true;
        opening--;
        established++;
    }
    return event != SESSION_ENDED;
}

static void read_peer(struct peer *p)
{
    static uint8_t bytes[65536];
    ssize_t len = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    bool was_up = p->up, good = len > 0;

    for (size_t at = 0; good && at < (size_t)len;) {
        enum session_event event;
        at += session_receive(&p->session, &event, now_ms(), bytes + at, (size_t)len - at);
        good = take_event(p, event);
    }
    if (!good) {
        fprintf(stderr, "host_swarm: a session has ended: %s\n",
                close_reason_name(session_reason(&p->session)));
        exit(1);
    }
    if (!flush(p) || (p->up && !was_up && forever)) {
        close_peer(p);
    }
}

static void turn(int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(loop_fd, events, EVENTS, timeout_ms);

    for (int i = 0; i < ready; i++) {
        struct peer *p = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0 && p->fd >= 0) {
            watch(p, false);
            if (!flush(p)) {
                die("send");
            }
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && p->fd >= 0) {
            read_peer(p);
        }
    }
    serve_streams();
}

// ---- Modes ------------------------------------------------------------------------------------------

static void open_all(void)
{
    while (established < count) {
        while (opening < AT_ONCE && established + opening < count) {
            open_next();
        }
        turn(1000);
    }
}

static void keep_idle(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    open_all();
    printf("%u\n", established);
    (void)fflush(stdout);
    while (poll(&input, 1, 0) == 0) {
        turn(100);
    }
}

static void move_data(double seconds)
{
    uint64_t started_us, bytes = 0;

    open_all();
    open_streams();
    started_us = now_us();
    while (moving > 0) {
        turn(10);
        if (!enough && now_us() - started_us > (uint64_t)(seconds * 1e6)) {
            enough = true;
            for (unsigned i = 0; i < count; i += MOVING_EVERY) {
                write_stream(&peers[i]);
                (void)flush(&peers[i]);
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        bytes += peers[i].received;
        if (!peers[i].up) {
            die("a session is lost");
        }
    }
    printf("%.1f\n", (double)bytes / (double)(now_us() - started_us));
}

static void measure_rate(double seconds)
{
    uint64_t started_us, ends_us;

    forever = true;
    for (unsigned i = 0; i < AT_ONCE && i < count; i++) {
        open_next();
    }
    started_us = now_us() + 500000; // warm by then
    while (now_us() < started_us) {
        turn(10);
    }
    established = 0;
    started_us = now_us();
    ends_us = started_us + (uint64_t)(seconds * 1e6);
    while (now_us() < ends_us) {
        turn(10);
    }
    printf("%.1f\n", established / ((double)(now_us() - started_us) / 1e6));
}

static void prepare(char **argv)
{
    struct rlimit files = {PEERS_MAX + 64, PEERS_MAX + 64};
    size_t block = SESSION_RECORD_BYTES(RECORD_MAX);
    size_t output = SESSION_OUTPUT_BYTES(RECORD_MAX, OUTPUT_RECORDS);
    uint16_t streams = (uint16_t)(count / MOVING_EVERY + 1);
    uint8_t *blocks = calloc(count, block), *outputs = calloc(count, output);
    uint8_t *buffers = calloc(streams, STREAM_BYTES);
    struct stream *table = calloc(streams, sizeof *table);

    daemon_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    if (blocks == NULL || outputs == NULL || buffers == NULL || table == NULL ||
        !device_id_set(&daemon_id, (const uint8_t *)argv[3], strlen(argv[3])) ||
        !hex_decode(daemon_key, sizeof daemon_key, argv[4], strlen(argv[4]))) {
        die("arguments");
    }
    pool_init(&memory.inputs, blocks, block, (uint16_t)count);
    pool_init(&memory.outputs, outputs, output, (uint16_t)count);
    stream_table_init(&memory.streams, table, streams, buffers, STREAM_BYTES);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop_fd < 0) {
        die("epoll");
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[1] : "";
    bool list = strcmp(mode, "peers") == 0 && argc == 3;
    bool idle = strcmp(mode, "idle") == 0 && argc == 6;
    bool rate = strcmp(mode, "rate") == 0 && argc == 7;
    bool busy = strcmp(mode, "busy") == 0 && argc == 7;

    if (!list && !idle && !rate && !busy) {
        fputs("usage: see the beginning of host_swarm.c\n", stderr);
        return 2;
    }
    count = (unsigned)strtoul(argv[list ? 2 : 5], NULL, 10);
    if (count == 0 || count > PEERS_MAX) {
        die("count");
    }
    for (unsigned i = 0; i < count; i++) {
        make_peer(i);
    }
    if (list) {
        print_peers();
        return 0;
    }
    prepare(argv);
    if (idle) {
        keep_idle();
    } else if (busy) {
        move_data(strtod(argv[6], NULL));
    } else {
        measure_rate(strtod(argv[6], NULL));
    }
    return 0;
}
