// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd inside our loop: no thread of its own, its epoll descriptor watched like any socket.
#include "host/daemon/metrics_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/common/exit_code.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

enum { CLIENTS_MAX = 8, SILENCE_S = 5, TICK_MS = 1000 };

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, char *text,
                                 enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, mode);
    enum MHD_Result result;

    if (response == NULL) {
        if (mode == MHD_RESPMEM_MUST_FREE) {
            free(text);
        }
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "text/plain; version=0.0.4; charset=utf-8");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

// NOLINTBEGIN(readability-non-const-parameter): the signature is the library's
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **state)
// NOLINTEND(readability-non-const-parameter)
{
    static char no_page[] = "only /metrics is here\n", no_method[] = "only GET is possible\n";
    char *text;

    (void)version;
    (void)upload;
    (void)upload_len;
    (void)state;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return send_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, no_method,
                         MHD_RESPMEM_PERSISTENT);
    }
    if (strcmp(url, "/metrics") != 0) {
        return send_text(connection, MHD_HTTP_NOT_FOUND, no_page, MHD_RESPMEM_PERSISTENT);
    }
    text = metrics_format(context);
    return text == NULL ? MHD_NO : send_text(connection, MHD_HTTP_OK, text, MHD_RESPMEM_MUST_FREE);
}

static bool busy(const struct metrics_http *http)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info == NULL || info->num_connections > 0;
}

// Until a whole tick has passed without a connection: the library listens again, after it was full, only in its next turn.
static void on_tick(uv_timer_t *timer)
{
    struct metrics_http *http = timer->data;
    bool was_busy = busy(http);

    (void)MHD_run(http->server);
    if (!was_busy && !busy(http)) {
        (void)uv_timer_stop(timer);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct metrics_http *http = poll->data;

    (void)status;
    (void)events;
    (void)MHD_run(http->server);
    if (!uv_is_active((const uv_handle_t *)&http->timer)) {
        (void)uv_timer_start(&http->timer, on_tick, TICK_MS, TICK_MS);
    }
}

bool metrics_http_open(struct daemon *d, struct fault *fault)
{
    struct metrics_http *http = &d->metrics_http;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(d->config.metrics_port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const union MHD_DaemonInfo *info;

    if (d->config.metrics_port == 0) {
        return true;
    }
    http->server = MHD_start_daemon(MHD_USE_EPOLL, d->config.metrics_port, NULL, NULL, answer, d,
                                    MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
                                    (unsigned)CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                    (unsigned)SILENCE_S, MHD_OPTION_END);
    if (http->server == NULL) {
        return fault_errno(fault, EXIT_FAILED, "cannot open [metrics] port %u of 127.0.0.1",
                           d->config.metrics_port);
    }
    info = MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_EPOLL_FD);
    http->poll.data = http->timer.data = http;
    if (info == NULL || uv_timer_init(&d->loop, &http->timer) != 0 ||
        uv_poll_init(&d->loop, &http->poll, info->epoll_fd) != 0 ||
        uv_poll_start(&http->poll, UV_READABLE, on_ready) != 0) {
        daemon_die("cannot watch the metrics port");
    }
    log_line(LOG_NOTICE, "metrics on http://127.0.0.1:%u/metrics", d->config.metrics_port);
    return true;
}

void metrics_http_close(struct daemon *d)
{
    if (d->metrics_http.server != NULL) {
        (void)uv_poll_stop(&d->metrics_http.poll);
        MHD_stop_daemon(d->metrics_http.server);
    }
}
