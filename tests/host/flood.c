// SPDX-License-Identifier: Apache-2.0
// An attacker with many addresses: connections that say nothing, and datagrams that are no announces.
//
//     flood TARGET TCP_PORT UDP_PORT FIRST_SOURCE SOURCES CONNECTIONS DATAGRAMS_PER_MS SECONDS
//
// Opens the connections evenly over the time, from SOURCES addresses in turn, and keeps them. At the end prints one line
// of JSON: how many got through to the other side, how many of those it has not closed, how many datagrams went out,
// and how long it took.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_MAX = 1024, DATAGRAM_MAX = 1400 };

struct plan {
    struct sockaddr_in tcp, udp;
    uint32_t first_source, sources;
    unsigned connections, datagrams_per_ms, seconds;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t random_number(void)
{
    static uint32_t state = 2463534242; // xorshift32: any bytes will do

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

// ---- Connections ----------------------------------------------------------------------------------

static int open_silent(const struct plan *plan, unsigned number)
{
    const struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr = {.s_addr = htonl(plan->first_source + number % plan->sources)},
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof from) != 0) {
        die("a source address");
    }
    if (connect(fd, (const struct sockaddr *)&plan->tcp, sizeof plan->tcp) != 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

// Connected once, and still open.
static void count_connections(const int *fds, unsigned count, unsigned *reached, unsigned *kept)
{
    *reached = *kept = 0;
    for (unsigned i = 0; i < count; i++) {
        struct pollfd state = {.fd = fds[i], .events = POLLIN | POLLOUT};
        int error = 0;
        socklen_t len = sizeof error;
        if (fds[i] < 0 || poll(&state, 1, 0) != 1) {
            continue;
        }
        (void)getsockopt(fds[i], SOL_SOCKET, SO_ERROR, &error, &len);
        *reached += error == 0 || error == ECONNRESET;
        *kept += error == 0 && (state.revents & (POLLIN | POLLHUP | POLLERR)) == 0;
    }
}

// ---- Datagrams ------------------------------------------------------------------------------------

// Bytes at random; half of them begin as an announce does.
static size_t make_datagram(uint8_t *out)
{
    static const uint8_t start[] = {'N', 'X', 'S', 'B', 1, 6, 'n', 'o', 'd', 'e', '-', 'b'};
    size_t len = random_number() % DATAGRAM_MAX;

    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(random_number() >> 24);
    }
    if (random_number() % 2 == 0 && len > sizeof start) {
        memcpy(out, start, random_number() % sizeof start);
    }
    return len;
}

static unsigned send_datagrams(int fd, const struct plan *plan, unsigned count)
{
    static uint8_t bytes[64][DATAGRAM_MAX];
    static struct iovec pieces[BATCH_MAX];
    static struct mmsghdr messages[BATCH_MAX];
    struct sockaddr_in to = plan->udp;
    int sent;

    count = count < BATCH_MAX ? count : BATCH_MAX;
    for (unsigned i = 0; i < count; i++) {
        if (i < 64) {
            pieces[i].iov_base = bytes[i];
            pieces[i].iov_len = make_datagram(bytes[i]);
        } else {
            pieces[i] = pieces[i % 64];
        }
        messages[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &pieces[i], .msg_iovlen = 1}};
    }
    sent = sendmmsg(fd, messages, count, 0);
    return sent < 0 ? 0 : (unsigned)sent;
}

// ---- Both -----------------------------------------------------------------------------------------

static void attack(const struct plan *plan, int *fds)
{
    uint64_t begin = now_ns(), datagrams = 0, wanted = 0;
    uint64_t total = (uint64_t)plan->datagrams_per_ms * 1000 * plan->seconds;
    unsigned opened = 0, reached, kept;
    int udp = socket(AF_INET, SOCK_DGRAM, 0);

    if (udp < 0) {
        die("socket");
    }
    while (opened < plan->connections || datagrams < total) {
        uint64_t elapsed_ms = (now_ns() - begin) / 1000000;
        uint64_t due = plan->connections * elapsed_ms / (plan->seconds * 1000ull);
        for (; opened < due && opened < plan->connections; opened++) {
            fds[opened] = open_silent(plan, opened);
        }
        wanted = plan->datagrams_per_ms * elapsed_ms;
        wanted = wanted < total ? wanted : total;
        if (datagrams < wanted) {
            datagrams += send_datagrams(udp, plan, (unsigned)(wanted - datagrams));
        } else {
            usleep(500);
        }
    }
    count_connections(fds, opened, &reached, &kept);
    printf("{\"connections\": %u, \"reached\": %u, \"kept\": %u, \"datagrams\": %llu, \"seconds\": "
           "%.2f}\n",
           opened, reached, kept, (unsigned long long)datagrams, (double)(now_ns() - begin) / 1e9);
}

// At least 1.
static uint32_t number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end != 0 || value < 1 || value > UINT32_MAX) {
        fprintf(stderr, "%s: a number was expected\n", text);
        exit(2);
    }
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    struct plan plan = {.tcp = {.sin_family = AF_INET}, .udp = {.sin_family = AF_INET}};
    struct rlimit files;
    struct in_addr first;
    int *fds;

    if (argc != 9 || inet_pton(AF_INET, argv[1], &plan.tcp.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[4], &first) != 1) {
        fputs("usage: flood TARGET TCP_PORT UDP_PORT FIRST_SOURCE SOURCES CONNECTIONS "
              "DATAGRAMS_PER_MS SECONDS\n",
              stderr);
        return 2;
    }
    plan.udp.sin_addr = plan.tcp.sin_addr;
    plan.tcp.sin_port = htons((uint16_t)number(argv[2]));
    plan.udp.sin_port = htons((uint16_t)number(argv[3]));
    plan.first_source = ntohl(first.s_addr);
    plan.sources = number(argv[5]);
    plan.connections = number(argv[6]);
    plan.datagrams_per_ms = number(argv[7]);
    plan.seconds = number(argv[8]);
    files.rlim_cur = files.rlim_max = plan.connections + 64;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
        die("the limit of open files");
    }
    fds = calloc(plan.connections + 1, sizeof *fds);
    if (fds == NULL) {
        die("memory");
    }
    attack(&plan, fds);
    free(fds);
    return 0;
}
