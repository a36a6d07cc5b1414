// SPDX-License-Identifier: Apache-2.0
// dsoftbusd: the bus of this device. The protocol is dsoftbus/; this is its shell on neuron.
//
// It holds no device and no static key: the network is netstackd's, Diffie-Hellman with the static key keystored's.
#include <stdbool.h>

#include "bus_rights.h"
#include "dsoftbusd_caps.h"
#include "markers.h"
#include "noise/ct.h"
#include "noise/rng.h"
#include "processes.h"
#include "services/dsoftbusd/local.h"
#include "services/dsoftbusd/report.h"
#include "services/dsoftbusd/shell.h"
#include "services/lib/init.h"
#include "services/lib/keystore.h"
#include "services/lib/log.h"
#include "services/lib/string.h"

enum {
    ANNOUNCE_TTL_S = 60,
    OWN_ANNOUNCE_DEADLINE_MS =
        5000, // lwIP hands it over within the call; more is a network that does not work
};

static struct shell shell;
static struct report report;
static struct rng rng;
static struct local local;

// The processes with a right on the bus, and their rights: rows of the system manifest.
static const struct client {
    uint32_t process;
    const char *name;
    neuron_handle signal, memory;
} clients[] = {
#define CLIENT(process, name, signal, memory) {process, name, signal, memory},
    BUS_CLIENTS(CLIENT)};
static const struct right right_rows[] = {
#define RIGHT(process, kind, peer, service) {process, kind, peer, service},
    BUS_RIGHTS(RIGHT)};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct peer peers[OS_PEERS_MAX];
static struct device devices[OS_DEVICES_MAX];
static struct source sources[OS_SOURCES_MAX + 1]; // more than half-open handshakes
static struct connection connections[LINKS_MAX];
static uint8_t records[OS_SESSIONS_MAX * BUS_RECORD_BYTES(OS_RECORD_PLAINTEXT)];
static struct bus_event events[OS_EVENTS_MAX];
static struct stream streams[OS_STREAMS_MAX];
static uint8_t stream_buffers[OS_STREAMS_MAX * OS_STREAM_BUFFER_BYTES];
enum { OUTPUT_BYTES = BUS_OUTPUT_BYTES(OS_RECORD_PLAINTEXT, OS_OUTPUT_RECORDS) };
static uint8_t outputs[BUS_OUTPUTS(OS_SESSIONS_MAX) * OUTPUT_BYTES];

static const struct bus_tables tables = {
    .peers = peers,
    .peers_max = OS_PEERS_MAX,
    .devices = devices,
    .devices_max = OS_DEVICES_MAX,
    .devices_reserved = OS_DEVICES_RESERVED,
    .sources = sources,
    .sources_max = OS_SOURCES_MAX + 1,
    .connections = connections,
    .connections_max = LINKS_MAX,
    .half_open_max = OS_HALF_OPEN_MAX,
    .records = records,
    .records_len = sizeof records,
    .sessions_max = OS_SESSIONS_MAX,
    .events = events,
    .events_max = OS_EVENTS_MAX,
    .streams = streams,
    .streams_max = OS_STREAMS_MAX,
    .stream_buffers = stream_buffers,
    .stream_buffers_len = sizeof stream_buffers,
    .stream_buffer_bytes = OS_STREAM_BUFFER_BYTES,
    .outputs = outputs,
    .outputs_len = sizeof outputs,
    .output_bytes = OUTPUT_BYTES,
};

static void seed_generator(void)
{
    uint8_t seed[RNG_SEED_LEN];
    enum keystore_status status = keystore_seed(seed, HANDLE_CALL_KEYSTORED);
    if (status != KEYSTORE_OK) {
        die("dsoftbusd: no seed (%d)", (int)status);
    }
    rng_seed(&rng, seed);
    ct_wipe(seed, sizeof seed);
}

static uint16_t start_bus(const struct keystore_identity *identity)
{
    struct bus_config config = {
        .session = {.record_plaintext_max = OS_RECORD_PLAINTEXT,
                    .streams_max = OS_STREAMS_PER_SESSION,
                    .random = rng_random,
                    .random_ctx = &rng},
        .port = identity->port,
        .ttl_s = ANNOUNCE_TTL_S,
    };
    memcpy(config.session.static_public, identity->public_key, sizeof config.session.static_public);
    if (!device_id_set(&config.session.id, identity->id, identity->id_len)) {
        die("dsoftbusd: malformed identity");
    }
    enum bus_error error = bus_init(&shell.bus, &config, &tables, clock_ms());
    if (error != BUS_OK) {
        die("dsoftbusd: bus not started (%d)", (int)error);
    }
    return identity->port;
}

static void start_local(void)
{
    static const struct rights rights = {right_rows, COUNT(right_rows)};
    uint32_t first_generation;
    if (rng_random(&rng, (uint8_t *)&first_generation, sizeof first_generation) != NOISE_OK) {
        die("dsoftbusd: no randomness");
    }
    local_start(&local, &shell.bus, &report, &rights, first_generation);
    for (size_t i = 0; i < COUNT(clients); i++) {
        void *shared;
        size_t bytes;
        if (sys_map(&shared, &bytes, clients[i].memory, NEURON_READ | NEURON_WRITE) != NEURON_OK ||
            bytes > UINT32_MAX) {
            die("dsoftbusd: the memory of %s cannot be mapped", clients[i].name);
        }
        struct local_client_config config = {clients[i].process, clients[i].name, shared,
                                             (uint32_t)bytes};
        if (!local_add_client(&local, &config)) {
            die("dsoftbusd: too many local clients");
        }
    }
}

static void add_peers(uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        struct keystore_peer provisioned;
        struct peer peer = {.trust = PEER_TRUSTED};
        if (keystore_peer(&provisioned, HANDLE_CALL_KEYSTORED, i) != KEYSTORE_OK ||
            !device_id_set(&peer.id, provisioned.id, provisioned.id_len)) {
            die("dsoftbusd: malformed peer %u", i);
        }
        memcpy(peer.static_key, provisioned.public_key, sizeof peer.static_key);
        peer.dial = provisioned.dial != 0;
        if (provisioned.has_address) {
            peer.configured = (struct net_address){.family = NET_IPV4, .port = provisioned.port};
            memcpy(peer.configured.bytes, provisioned.address, sizeof provisioned.address);
        }
        enum peers_error error = bus_peer_add(&shell.bus, clock_ms(), NULL, &peer);
        if (error != PEERS_OK) {
            die("dsoftbusd: peer %u not accepted (%d)", i, (int)error);
        }
    }
}

// Deals with everything there is, until nothing is left but waiting. What has happened is said before
// what follows from it is done, so that the console is never behind the network.
static void work(void)
{
    bool more = true;
    if (clock_ms() >= bus_next_deadline(&shell.bus)) {
        bus_tick(&shell.bus, clock_ms());
    }
    report_tick(&report, clock_ms());
    while (more) {
        struct bus_event event;
        struct stream_status status;
        uint32_t stream;
        more = false;
        while (bus_next_event(&shell.bus, &event)) {
            report_event(&report, &shell.bus, clock_ms(), &event);
            local_event(&local, clock_ms(), &event);
            more = true;
        }
        while (bus_next_stream(&shell.bus, &stream, &status)) {
            local_stream_news(&local, clock_ms(), stream, &status);
            more = true;
        }
        more = shell_act(&shell) || more;
    }
}

static uint64_t next_deadline_ms(void)
{
    uint64_t bus = bus_next_deadline(&shell.bus);
    uint64_t lines = report_deadline(&report);
    return bus < lines ? bus : lines;
}

static void signal_clients(void)
{
    uint32_t signals = local_take_signals(&local);
    for (size_t i = 0; i < COUNT(clients); i++) {
        if (signals >> i & 1 && sys_signal(clients[i].signal) != NEURON_OK) {
            local_client_ended(&local, clock_ms(), clients[i].process); // it is not there any more
        }
    }
}

static void on_notification(uint64_t bits)
{
    for (size_t i = 0; i < COUNT(clients); i++) {
        if (bits & neuron_bit_ended(clients[i].process)) {
            local_client_ended(&local, clock_ms(), clients[i].process);
        }
    }
}

// The reply to a request; it goes out with the next wait, after what the request has caused.
static struct {
    neuron_handle to; // 0: none is due
    enum dsb_status label;
    size_t len;
    union local_reply reply;
} answer;

static struct sys_event wait_for_event(neuron_handle endpoint, uint64_t deadline)
{
    if (answer.to == 0) {
        return sys_wait(endpoint, HANDLE_NOTIFICATION, deadline);
    }
    neuron_handle to = answer.to;
    answer.to = 0;
    memcpy(ipc_page->message, &answer.reply, answer.len);
    return sys_reply_wait(to, answer.label, answer.len, endpoint, HANDLE_NOTIFICATION, deadline);
}

// Waits for one event until deadline_ms and deals with it; endpoint 0: takes no requests. What the network has is
// taken in rounds, so that neither it nor local clients keep the other waiting.
static void run(neuron_handle endpoint, uint64_t deadline_ms)
{
    static bool network_has_more;
    uint64_t deadline = deadline_ms > NEURON_NEVER / NEURON_TICKS_PER_MS
                            ? NEURON_NEVER
                            : deadline_ms * NEURON_TICKS_PER_MS;
    struct sys_event event = wait_for_event(endpoint, network_has_more ? 0 : deadline);
    if (event.status == NEURON_OK && event.kind == NEURON_GOT_MESSAGE) {
        answer.label = local_serve(&answer.reply, &answer.len, &local, clock_ms(), event.sender,
                                   event.label, ipc_page->message, event.len);
        answer.to = event.reply;
    } else if (event.status == NEURON_OK) {
        on_notification(event.bits);
        network_has_more = true;
    } else if (event.status != NEURON_TIMED_OUT && event.status != NEURON_CANCELLED &&
               event.status != NEURON_BAD_HANDLE) { // those two: the caller does not wait any more
        die("dsoftbusd: wait failed (%d)", (int)event.status);
    }
    if (network_has_more) {
        network_has_more = shell_receive(&shell);
    }
    work();
    signal_clients();
}

// The first announce proves discovery: it must come back to us through the group.
static void announce_and_hear(void)
{
    uint64_t deadline = clock_ms() + OWN_ANNOUNCE_DEADLINE_MS;
    bus_announce(&shell.bus, clock_ms());
    work();
    while (!report.own_announce_heard) {
        if (clock_ms() >= deadline) {
            die("dsoftbusd: discovery down: our own announce does not come back");
        }
        run(0, deadline);
    }
    log_line(MARKER_DSOFTBUSD_DISCOVERY_UP);
    if (shell.announced < 2) {
        die("dsoftbusd: announce not sent to the group and by broadcast");
    }
    log_line(MARKER_DSOFTBUSD_ANNOUNCE_SENT);
}

int main(void);
int main(void)
{
    struct keystore_identity identity;
    seed_generator();
    if (keystore_identity(&identity, HANDLE_CALL_KEYSTORED) != KEYSTORE_OK) {
        die("dsoftbusd: no identity");
    }
    uint16_t port = start_bus(&identity);
    start_local();
    shell_open(&shell, port);
    announce_and_hear();
    if (!shell_listens(&shell, port)) {
        die("dsoftbusd: not listening");
    }
    log_line(MARKER_DSOFTBUSD_TRANSPORT_UP);
    add_peers(identity.peer_count);
    if (bus_counts(&shell.bus).peers != identity.peer_count) {
        die("dsoftbusd: not all peers taken");
    }
    log_line(MARKER_DSOFTBUSD_READY);
    init_check_in(HANDLE_CALL_INIT, 0);
    for (;;) {
        run(HANDLE_ENDPOINT, next_deadline_ms());
    }
}
