// SPDX-License-Identifier: Apache-2.0
// dsoftbusd: the bus of this device. The protocol is dsoftbus/; this is its shell on neuron.
//
// It holds no device and no static key: the network is netstackd's, Diffie-Hellman with the static key keystored's.
#include <stdbool.h>

#include "dsoftbusd_caps.h"
#include "markers.h"
#include "noise/ct.h"
#include "noise/rng.h"
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

static struct peer peers[OS_PEERS_MAX];
static struct device devices[OS_DEVICES_MAX];
static struct source sources[OS_SOURCES_MAX + 1]; // more than half-open handshakes
static struct connection connections[LINKS_MAX];
static uint8_t records[OS_SESSIONS_MAX * BUS_RECORD_BYTES(OS_RECORD_PLAINTEXT)];
static struct bus_event events[OS_EVENTS_MAX];

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
        more = false;
        while (bus_next_event(&shell.bus, &event)) {
            report_event(&report, &shell.bus, clock_ms(), &event);
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

// Waits until there is something to do or deadline_ms has come.
static void wait_for_work(uint64_t deadline_ms)
{
    uint64_t deadline = deadline_ms > NEURON_NEVER / NEURON_TICKS_PER_MS
                            ? NEURON_NEVER
                            : deadline_ms * NEURON_TICKS_PER_MS;
    struct sys_event event = sys_wait(0, HANDLE_NOTIFICATION, deadline);
    if (event.status != NEURON_OK && event.status != NEURON_TIMED_OUT) {
        die("dsoftbusd: wait failed (%d)", (int)event.status);
    }
    if (event.status == NEURON_OK) {
        while (shell_receive(&shell)) {
            work();
        }
    }
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
        wait_for_work(deadline);
        work();
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
        work();
        wait_for_work(next_deadline_ms());
    }
}
