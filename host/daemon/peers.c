// SPDX-License-Identifier: Apache-2.0
// From the file of known peers to the bus.
#include "host/daemon/peers.h"

#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/exit_code.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

uint16_t peers_index(const struct daemon *d, const struct device_id *id)
{
    return peers_find_id(&d->bus.peers, id);
}

static const char *refusal(enum peers_error error)
{
    switch (error) {
    case PEERS_OK:
        break;
    case PEERS_FULL:
        return "there are as many as [node] max-peers allows";
    case PEERS_BAD_ID:
        return "its id is empty";
    case PEERS_BAD_TRUST:
        return "its state is none";
    case PEERS_OWN_IDENTITY:
        return "it has our own id or our own key";
    case PEERS_DUPLICATE:
        return "until now the id had another key, or the key another id: restart dsoftbusd to use "
               "the "
               "new pair";
    }
    return "unknown";
}

static void add(struct daemon *d, struct peers_change *change, const struct known_peer *known)
{
    struct peer peer = {.id = known->id,
                        .trust = (uint8_t)known->trust,
                        .dial = known->dial,
                        .configured = known->address};
    char label[LABEL_CHARS_MAX];
    enum peers_error error;

    memcpy(peer.static_key, known->static_key, DSB_KEY_BYTES);
    error = bus_peer_add(&d->bus, clock_ms(), NULL, &peer);
    if (error == PEERS_OK) {
        change->added++;
        return;
    }
    change->refused++;
    label_device(label, &known->id);
    log_line(LOG_WARNING, "known peer %s is left out: %s", label, refusal(error));
}

static void set_trust(struct daemon *d, uint16_t index, enum peer_trust trust)
{
    if (bus_peer_set_trust(&d->bus, clock_ms(), index, trust) != BUS_OK) {
        daemon_die("a peer's trust cannot be set");
    }
}

// The same id and key as before: state, address and dial may differ.
static void update(struct daemon *d, struct peers_change *change, uint16_t index,
                   const struct known_peer *known)
{
    struct peer *peer =
        &d->bus.tables.peers[index]; // our memory; the bus offers no other way to change these two
    bool nowhere = peer->configured.family == NET_NONE && known->address.family == NET_NONE;
    bool reach = peer->dial != known->dial ||
                 (!nowhere && !net_address_equal(&peer->configured, &known->address));

    if (!reach && peer->trust == known->trust) {
        change->unchanged++;
        return;
    }
    peer->dial = known->dial;
    peer->configured = known->address;
    set_trust(d, index, known->trust); // dials too, if that is now wanted
    if (known->trust == PEER_REVOKED) {
        change->revoked++;
    } else {
        change->changed++;
    }
}

// What the bus knows and the file, with this very key, does not.
static void revoke_missing(struct daemon *d, struct peers_change *change,
                           const struct known_peers *known)
{
    for (uint16_t i = 0; i < d->bus.peers.count; i++) {
        const struct peer *peer = bus_peer(&d->bus, i);
        const struct known_peer *entry = known_peers_find(known, &peer->id);
        bool same =
            entry != NULL && memcmp(entry->static_key, peer->static_key, DSB_KEY_BYTES) == 0;
        if (!same && peer->trust != PEER_REVOKED) {
            set_trust(d, i, PEER_REVOKED);
            change->revoked++;
        }
    }
}

bool peers_apply(struct daemon *d, struct peers_change *change, struct fault *fault)
{
    struct known_peers known;

    *change = (struct peers_change){0};
    if (!known_peers_load(&known, fault, d->node_directory)) {
        return false;
    }
    revoke_missing(d, change, &known);
    for (size_t i = 0; i < known.count; i++) {
        const struct known_peer *entry = &known.entries[i];
        uint16_t index = peers_index(d, &entry->id);
        if (index != PEER_NONE &&
            memcmp(bus_peer(&d->bus, index)->static_key, entry->static_key, DSB_KEY_BYTES) == 0) {
            update(d, change, index, entry);
        } else {
            add(d, change, entry);
        }
    }
    known_peers_free(&known);
    return true;
}
