// SPDX-License-Identifier: Apache-2.0
// A TCP echo through libuv, both ends: what a round trip costs without a bus.
//
//     host_echo serve           prints its port, then echoes
//     host_echo ask PORT COUNT  prints the median round trip of 12 bytes in microseconds
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { MESSAGE_BYTES = 12, COUNT_MAX = 100000 };

static uv_tcp_t tcp;
static uv_write_t request;
static char message[MESSAGE_BYTES];
static double samples[COUNT_MAX];
static unsigned count, done, received;
static uint64_t sent_ns;

static void die(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "host_echo: %s: %s\n", what, uv_strerror(error));
        exit(1);
    }
}

static void give_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    static char room[65536];

    (void)handle;
    (void)wanted;
    *buf = uv_buf_init(room, sizeof room);
}

// ---- Serving ----------------------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_server_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    uv_buf_t piece = uv_buf_init(buf->base, len > 0 ? (unsigned)len : 0);

    if (len < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
    } else if (len > 0 && uv_try_write(stream, &piece, 1) != (int)len) {
        die(UV_EAGAIN, "echo"); // a few bytes always fit
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *client = calloc(1, sizeof *client);

    die(status, "connection");
    die(uv_tcp_init(server->loop, client), "connection");
    die(uv_accept(server, (uv_stream_t *)client), "accept");
    die(uv_tcp_nodelay(client, 1), "nodelay");
    die(uv_read_start((uv_stream_t *)client, give_room, on_server_read), "read");
}

static void serve(uv_loop_t *loop)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof address;

    die(uv_tcp_init(loop, &tcp), "tcp");
    die(uv_tcp_bind(&tcp, (const struct sockaddr *)&address, 0), "bind");
    die(uv_listen((uv_stream_t *)&tcp, 16, on_connection), "listen");
    die(uv_tcp_getsockname(&tcp, (struct sockaddr *)&address, &len), "port");
    printf("%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

// ---- Asking -----------------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void ask(void)
{
    uv_buf_t piece = uv_buf_init(message, sizeof message);

    received = 0;
    sent_ns = uv_hrtime();
    die(uv_write(&request, (uv_stream_t *)&tcp, &piece, 1, NULL), "write");
}

static void on_client_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    (void)buf;
    die(len < 0 ? (int)len : 0, "read");
    received += (unsigned)len;
    if (received < MESSAGE_BYTES) {
        return;
    }
    samples[done++] = (double)(uv_hrtime() - sent_ns) / 1e3;
    if (done < count) {
        ask();
        return;
    }
    qsort(samples, count, sizeof samples[0], compare);
    printf("%.2f\n", samples[count / 2]);
    uv_stop(stream->loop);
}

static void on_connected(uv_connect_t *connect, int status)
{
    die(status, "connect");
    die(uv_tcp_nodelay(&tcp, 1), "nodelay");
    die(uv_read_start(connect->handle, give_room, on_client_read), "read");
    ask();
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uv_connect_t connect;

    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        serve(loop);
    } else if (argc == 4 && strcmp(argv[1], "ask") == 0) {
        address.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
        count = (unsigned)strtoul(argv[3], NULL, 10);
        count = count == 0 || count > COUNT_MAX ? COUNT_MAX : count;
        die(uv_tcp_init(loop, &tcp), "tcp");
        die(uv_tcp_connect(&connect, &tcp, (const struct sockaddr *)&address, on_connected),
            "connect");
    } else {
        fputs("usage: host_echo serve | ask PORT COUNT\n", stderr);
        return 2;
    }
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
