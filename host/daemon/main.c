// SPDX-License-Identifier: Apache-2.0
// dsoftbusd: start, loop, end.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/common/exit_code.h"
#include "host/common/fingerprint.h"
#include "host/common/version.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"
#include "host/daemon/notify.h"

enum {
    STOP_WITHIN_MS = 3000, // for the last words of all sessions
    DEADLINE_EVERY_MS =
        10 // the bus looks at everything it has to say when something is due: no more often
};

static const char usage[] =
    "usage: dsoftbusd [--state DIR] [--config FILE]\n"
    "\n"
    "The session bus daemon. It needs an identity, which `dsoftbus init` makes, and no "
    "configuration.\n"
    "\n"
    "  --state DIR     where identity and known peers are (default: see dsoftbusd(8))\n"
    "  --config FILE   settings (default: none are needed)\n"
    "  --version       print the version\n"
    "  --help          print this\n"
    "\n"
    "SIGHUP: read the known peers and the services again. SIGTERM, SIGINT: end all sessions and "
    "stop.\n";

void daemon_die(const char *format, ...)
{
    char text[FAULT_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_line(LOG_ERROR, "%s", text);
    exit(EXIT_FAILED);
}

// ---- The loop -------------------------------------------------------------------------------------

static void act(struct daemon *d, const struct bus_action *action)
{
    switch (action->type) {
    case BUS_DIAL:
        links_dial(d, action);
        break;
    case BUS_OUTPUT:
        links_output(d, action->connection);
        break;
    case BUS_CLOSE:
        links_close(d, action->connection);
        break;
    case BUS_DATAGRAM:
        datagrams_send(d, action);
        break;
    }
}

// One round of everything that has become due. True if there was anything: it may have made more due.
static bool settle_once(struct daemon *d)
{
    struct stream_status status;
    struct bus_action action;
    struct bus_event event;
    uint32_t stream;
    bool any = keys_submit(d);

    while (bus_next_action(&d->bus, clock_ms(), &action)) {
        act(d, &action);
        any = true;
    }
    while (bus_next_event(&d->bus, &event)) {
        report_event(d, &event);
        any = true;
    }
    while (bus_next_stream(&d->bus, &stream, &status)) {
        if ((status.ready & STREAM_OFFERED) != 0 && status.tag == 0) {
            services_offered(d, stream, &status);
        } else if (status.tag == 0) { // offered, and gone before it was seen
            bus_stream_close(&d->bus, clock_ms(), stream, BYE_NORMAL);
        } else if (!openings_news(d, &status)) {
            channels_news(d, &status);
        }
        any = true;
    }
    return any;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// When something is to be done although nothing happens.
static uint64_t next_deadline(struct daemon *d)
{
    uint64_t now_ms = clock_ms(), deadline_ms;

    if (now_ms >= d->looked_ms + DEADLINE_EVERY_MS) {
        d->looked_ms = now_ms;
        d->bus_due_ms = bus_next_deadline(&d->bus);
        deadline_ms = d->bus_due_ms;
    } else { // what happens now may have made something due sooner: it will be looked at soon
        deadline_ms = earlier(d->bus_due_ms, d->looked_ms + DEADLINE_EVERY_MS);
    }
    deadline_ms = earlier(deadline_ms, waiting_deadline(&d->waiting));
    deadline_ms = earlier(deadline_ms, openings_deadline(&d->openings));
    deadline_ms = earlier(deadline_ms, report_deadline(&d->report));
    deadline_ms = earlier(deadline_ms, d->watchdog_due_ms);
    return d->stopping ? earlier(deadline_ms, d->stop_by_ms) : deadline_ms;
}

static void arm_timer(struct daemon *d)
{
    uint64_t deadline_ms = next_deadline(d);
    struct itimerspec at = {0};

    if (deadline_ms == d->armed_ms) {
        return;
    }
    d->armed_ms = deadline_ms;
    if (deadline_ms != TIME_NEVER) {
        at.it_value.tv_sec = (time_t)(deadline_ms / 1000);
        at.it_value.tv_nsec = (long)(deadline_ms % 1000) * 1000000 + 1; // 0 would switch it off
    }
    if (timerfd_settime(d->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0) {
        daemon_die("the timer cannot be set");
    }
}

// All connections are closed, or have had their time.
static void stop_if_done(struct daemon *d)
{
    if (d->stopping && (bus_counts(&d->bus).connections == 0 || clock_ms() >= d->stop_by_ms)) {
        uv_stop(&d->loop);
    }
}

static void on_settle(uv_prepare_t *prepare)
{
    struct daemon *d = prepare->data;

    datagrams_refresh(d);
    while (settle_once(d)) {
    }
    arm_timer(d);
    stop_if_done(d);
}

static void on_timer(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;
    uint64_t expirations, now_ms = clock_ms();

    (void)status;
    (void)events;
    (void)!read(d->timer_fd, &expirations, sizeof expirations);
    d->armed_ms = TIME_NEVER;
    bus_tick(&d->bus, now_ms);
    waiting_tick(d, now_ms);
    openings_tick(d, now_ms);
    report_tick(d, now_ms);
    if (now_ms >= d->watchdog_due_ms) {
        notify_send("WATCHDOG=1");
        d->watchdog_due_ms = now_ms + notify_watchdog_ms();
    }
}

void daemon_stop(struct daemon *d, int exit_code)
{
    if (d->stopping) {
        return;
    }
    notify_send("STOPPING=1");
    d->stopping = true;
    d->exit_code = exit_code;
    d->stop_by_ms = clock_ms() + STOP_WITHIN_MS;
    links_stop(d);
    channels_close(d);
    bus_shutdown(&d->bus, clock_ms());
}

static void on_stop_signal(uv_signal_t *signal, int number)
{
    log_line(LOG_NOTICE, "stopping (%s)", number == SIGTERM ? "SIGTERM" : "SIGINT");
    daemon_stop(signal->data, EXIT_DONE);
}

static void on_reload_signal(uv_signal_t *signal, int number)
{
    struct daemon *d = signal->data;
    struct peers_change change;
    struct fault fault;

    (void)number;
    if (peers_apply(d, &change, &fault)) {
        log_line(LOG_NOTICE,
                 "known peers read again: %u added, %u changed, %u revoked, %u as before",
                 change.added, change.changed, change.revoked, change.unchanged);
    } else {
        log_line(LOG_ERROR, "the known peers stay as they were: %s", fault.text);
    }
    if (services_reload(d, &fault)) {
        log_line(LOG_NOTICE, "services read again: there are %zu", d->config.service_count);
    } else {
        log_line(LOG_ERROR, "the services stay as they were: %s", fault.text);
    }
}

static void open_signal(struct daemon *d, uv_signal_t *signal, int number, uv_signal_cb callback)
{
    signal->data = d;
    if (uv_signal_init(&d->loop, signal) != 0 || uv_signal_start(signal, callback, number) != 0) {
        daemon_die("signals cannot be taken");
    }
}

static void open_loop(struct daemon *d)
{
    if (uv_loop_init(&d->loop) != 0) {
        daemon_die("no event loop");
    }
    d->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    d->armed_ms = TIME_NEVER;
    d->timer.data = d;
    if (d->timer_fd < 0 || uv_poll_init(&d->loop, &d->timer, d->timer_fd) != 0 ||
        uv_poll_start(&d->timer, UV_READABLE, on_timer) != 0) {
        daemon_die("no timer");
    }
    d->settle.data = d;
    if (uv_prepare_init(&d->loop, &d->settle) != 0 ||
        uv_prepare_start(&d->settle, on_settle) != 0) {
        daemon_die("no event loop");
    }
    open_signal(d, &d->stop_signals[0], SIGTERM, on_stop_signal);
    open_signal(d, &d->stop_signals[1], SIGINT, on_stop_signal);
    open_signal(d, &d->reload_signal, SIGHUP, on_reload_signal);
}

// ---- The bus --------------------------------------------------------------------------------------

static enum noise_error random_bytes(void *context, uint8_t *out, size_t out_len)
{
    (void)context;
    return getrandom(out, out_len, 0) == (ssize_t)out_len ? NOISE_OK : NOISE_ERR_RANDOM;
}

// Zero pages that cost nothing until they are touched; never given back.
static void *table(struct fault *fault, size_t bytes, const char *what)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        (void)fault_errno(fault, EXIT_FAILED, "no memory for %s", what);
        return NULL;
    }
    return memory;
}

static bool make_tables(struct bus_tables *tables, struct fault *fault, const struct config *config)
{
    struct bus_tables t = {
        .peers_max = config->peers_max,
        .devices_max = LINUX_DEVICES_MAX,
        .devices_reserved = LINUX_DEVICES_RESERVED,
        .sources_max = (uint16_t)(4 * config->half_open_max),
        .half_open_max = config->half_open_max,
        .sessions_max = config->sessions_max,
        .events_max = LINUX_EVENTS_MAX,
        .streams_max = config->streams_max,
        .stream_buffer_bytes = LINUX_STREAM_BUFFER_BYTES,
        .output_bytes = (uint32_t)BUS_OUTPUT_BYTES(config->record_bytes, HOST_OUTPUT_RECORDS),
    };

    t.connections_max = (uint16_t)BUS_CONNECTIONS(t.half_open_max, t.sessions_max);
    t.records_len = t.sessions_max * BUS_RECORD_BYTES(config->record_bytes);
    t.peers = table(fault, t.peers_max * sizeof *t.peers, "known peers");
    t.devices = table(fault, t.devices_max * sizeof *t.devices, "devices");
    t.sources = table(fault, t.sources_max * sizeof *t.sources, "sources");
    t.connections = table(fault, t.connections_max * sizeof *t.connections, "connections");
    t.records = table(fault, t.records_len, "records");
    t.events = table(fault, t.events_max * sizeof *t.events, "events");
    t.streams = table(fault, t.streams_max * sizeof *t.streams, "streams");
    t.stream_buffers_len = (size_t)t.streams_max * t.stream_buffer_bytes;
    t.stream_buffers = table(fault, t.stream_buffers_len, "streams");
    t.outputs_len = BUS_OUTPUTS((size_t)t.sessions_max) * t.output_bytes;
    t.outputs = table(fault, t.outputs_len, "output");
    *tables = t;
    return t.peers != NULL && t.devices != NULL && t.sources != NULL && t.connections != NULL &&
           t.records != NULL && t.events != NULL && t.streams != NULL && t.stream_buffers != NULL &&
           t.outputs != NULL;
}

static bool start_bus(struct daemon *d, struct fault *fault)
{
    struct bus_config config = {.port = d->config.port, .ttl_s = d->config.ttl_s};
    struct bus_tables tables;

    config.session.id = d->own.id;
    memcpy(config.session.static_public, d->own.static_public, DSB_KEY_BYTES);
    config.session.record_plaintext_max = d->config.record_bytes;
    config.session.streams_max = d->config.streams_max < LINUX_STREAMS_PER_SESSION
                                     ? d->config.streams_max
                                     : LINUX_STREAMS_PER_SESSION;
    config.session.random = random_bytes;
    if (!make_tables(&tables, fault, &d->config)) {
        return false;
    }
    d->status = table(fault, tables.peers_max * sizeof *d->status, "peers");
    d->services.announced =
        table(fault, tables.peers_max * sizeof *d->services.announced, "services");
    if (d->status == NULL || d->services.announced == NULL) {
        return false;
    }
    if (!channels_open(d, tables.streams_max)) {
        return fault_set(fault, EXIT_FAILED, "no memory for streams");
    }
    if (bus_init(&d->bus, &config, &tables, clock_ms()) != BUS_OK) {
        return fault_set(fault, EXIT_FAILED, "the bus does not start with these settings");
    }
    return true;
}

// A descriptor for each connection, and some. With fewer, sessions would fail in the middle of the night.
static bool raise_file_limit(struct daemon *d, struct fault *fault)
{
    rlim_t wanted =
        (rlim_t)BUS_CONNECTIONS((unsigned)d->config.half_open_max, d->config.sessions_max) +
        d->config.streams_max + CONTROL_CLIENTS_MAX + HOST_FILES_SPARE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return fault_errno(fault, EXIT_FAILED, "the limit of open files");
    }
    if (limit.rlim_cur >= wanted) {
        return true;
    }
    limit.rlim_cur = wanted;
    limit.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ||
           fault_set(fault, EXIT_USAGE,
                     "%u sessions and %u handshakes need %llu open files, which is more than this "
                     "user may "
                     "have: lower [node] max-sessions or max-half-open, or raise the limit",
                     d->config.sessions_max, d->config.half_open_max, (unsigned long long)wanted);
}

// ---- Start ----------------------------------------------------------------------------------------

static bool open_state(struct daemon *d, struct fault *fault)
{
    uint8_t static_public[DSB_KEY_BYTES];

    d->node_directory = paths_open(&d->paths, fault, PATH_NODE);
    d->run_directory = d->node_directory < 0 ? -1 : paths_open(&d->paths, fault, PATH_RUN);
    if (d->run_directory < 0 || !card_load(&d->own, fault, d->node_directory) ||
        !keys_start(&d->keys, fault, &d->paths, static_public) || !files_start(d, fault)) {
        return false;
    }
    return memcmp(static_public, d->own.static_public, DSB_KEY_BYTES) == 0 ||
           fault_set(fault, EXIT_NO_STATE,
                     PATH_NODE "/" FILE_IDENTITY " and " PATH_SECRET "/" FILE_KEY
                               " do not belong together: one of them was replaced alone");
}

static bool start(struct daemon *d, struct fault *fault)
{
    struct peers_change change;

    if (!config_load(&d->config, fault, d->paths.config, d->paths.config_given)) {
        return false;
    }
    log_set(d->config.log);
    if (!raise_file_limit(d, fault) || !open_state(d, fault) || !start_bus(d, fault)) {
        return false;
    }
    open_loop(d);
    notify_open();
    if (!control_open(d, fault) || !links_open(d, fault) || !datagrams_open(d, fault) ||
        !metrics_http_open(d, fault) || !peers_apply(d, &change, fault)) {
        return false;
    }
    services_open(d);
    keys_watch(d);
    files_watch(d);
    return sandbox_enter(d, fault);
}

static void say_ready(struct daemon *d)
{
    char id[LABEL_CHARS_MAX], fingerprint[FINGERPRINT_CHARS + 1];

    label_device(id, &d->own.id);
    fingerprint_of_key(fingerprint, d->own.static_public);
    log_line(LOG_NOTICE, "%s, fingerprint %s", id, fingerprint);
    log_line(LOG_NOTICE,
             "ready on port %u with %u known peers; discovery %s, seccomp %s, landlock %s",
             d->config.port, d->bus.peers.count, d->datagrams.fd >= 0 ? "on" : "off",
             d->sandbox.seccomp ? "on" : "off", d->sandbox.landlock_abi > 0 ? "on" : "off");
    d->started_ms = clock_ms();
    d->watchdog_due_ms = notify_watchdog_ms() > 0 ? clock_ms() : TIME_NEVER;
    notify_send("READY=1");
    if (d->datagrams.fd >= 0) {
        bus_announce(&d->bus, clock_ms());
    }
}

// What remains after the last session: the control socket and the key process go.
static void finish(struct daemon *d)
{
    control_close(d);
    metrics_http_close(d);
    files_stop(d);
    keys_stop(d);
    log_line(LOG_NOTICE, "stopped");
}

// The exit code in *code when the program is to end at once.
static bool parse_options(struct daemon *d, int *code, int argc, char **argv)
{
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *state = NULL, *config = NULL;
    struct fault fault;
    int option;

    *code = EXIT_DONE;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's') {
            state = optarg;
        } else if (option == 'c') {
            config = optarg;
        } else if (option == 'v' || option == 'h') {
            fputs(option == 'v' ? "dsoftbusd " HOST_VERSION "\n" : usage, stdout);
            return false;
        } else {
            *code = EXIT_USAGE;
            fputs(usage, stderr);
            return false;
        }
    }
    if (optind != argc) {
        *code = EXIT_USAGE;
        fputs(usage, stderr);
        return false;
    }
    if (!paths_find(&d->paths, &fault, state, config)) {
        *code = fault.exit_code;
        log_line(LOG_ERROR, "%s", fault.text);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    struct fault fault;
    int code;

    if (!parse_options(&d, &code, argc, argv)) {
        return code;
    }
    if (!sandbox_hide_memory(&fault) || !start(&d, &fault)) {
        log_line(LOG_ERROR, "%s", fault.text);
        return fault.exit_code;
    }
    say_ready(&d);
    (void)uv_run(&d.loop, UV_RUN_DEFAULT);
    finish(&d);
    return d.exit_code;
}
