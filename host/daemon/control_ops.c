// SPDX-License-Identifier: Apache-2.0
// What control clients may ask for, and the answers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"
#include "host/common/version.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

static void add_number(cJSON *object, const char *name, uint64_t value)
{
    cJSON_AddNumberToObject(object, name, (double)value);
}

static void add_key(cJSON *object, const uint8_t key[static DSB_KEY_BYTES])
{
    char text[2 * DSB_KEY_BYTES + 1] = "", fingerprint[FINGERPRINT_CHARS + 1];

    hex_encode(text, key, DSB_KEY_BYTES);
    fingerprint_of_key(fingerprint, key);
    cJSON_AddStringToObject(object, "key", text);
    cJSON_AddStringToObject(object, "fingerprint", fingerprint);
}

static void add_id(cJSON *object, const struct device_id *id)
{
    char label[LABEL_CHARS_MAX];

    label_device(label, id);
    cJSON_AddStringToObject(object, "id", label);
}

static void add_address(cJSON *object, const char *name, const struct net_address *address)
{
    char text[ADDRESS_CHARS_MAX];

    if (address->family != NET_NONE) {
        address_format(text, address);
        cJSON_AddStringToObject(object, name, text);
    }
}

// How long ago, in milliseconds; nothing when it never was.
static void add_age(cJSON *object, const char *name, uint64_t then_ms)
{
    if (then_ms != 0) {
        add_number(object, name, clock_ms() - then_ms);
    }
}

// ---- status ---------------------------------------------------------------------------------------

static cJSON *status(struct daemon *d)
{
    cJSON *object = cJSON_CreateObject(), *list;
    struct bus_counts counts = bus_counts(&d->bus);

    add_id(object, &d->own.id);
    add_key(object, d->own.static_public);
    cJSON_AddStringToObject(object, "version", HOST_VERSION);
    add_number(object, "uptime_ms", clock_ms() - d->started_ms);
    list = cJSON_AddArrayToObject(object, "listen");
    for (size_t i = 0; i < d->links.listener_count; i++) {
        char text[ADDRESS_CHARS_MAX];
        address_format(text, &d->links.listeners[i].address);
        cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
    list = cJSON_AddArrayToObject(object, "interfaces");
    for (size_t i = 0; i < d->datagrams.interface_count; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(d->datagrams.interfaces[i].name));
    }
    cJSON_AddBoolToObject(object, "discovery", d->datagrams.fd >= 0);
    cJSON_AddBoolToObject(object, "seccomp", d->sandbox.seccomp);
    add_number(object, "landlock", (uint64_t)d->sandbox.landlock_abi);
    add_number(object, "peers", counts.peers);
    add_number(object, "devices", counts.devices);
    add_number(object, "sessions", counts.sessions_up);
    add_number(object, "half_open", counts.half_open);
    add_number(object, "streams", counts.streams);
    add_number(object, "established", counts.established);
    add_number(object, "rejected", counts.rejected);
    return object;
}

// ---- peers ----------------------------------------------------------------------------------------

static void add_last_end(cJSON *object, const struct peer_status *status)
{
    char text[CONTROL_TEXT_BYTES];
    const char *name = close_reason_name((enum close_reason)status->reason);

    if (status->ended_ms == 0) {
        return;
    }
    if (status->reason == REASON_PEER_BYE) {
        snprintf(text, sizeof text, "%s: %s", name, bye_reason_name(status->peer_bye));
    } else if (status->reason == REASON_CONNECT_FAILED && status->dial_error != 0) {
        snprintf(text, sizeof text, "%s: %s", name, strerror(status->dial_error));
    } else {
        snprintf(text, sizeof text, "%s", name);
    }
    cJSON_AddStringToObject(object, "last_end", text);
    add_age(object, "last_end_ms_ago", status->ended_ms);
}

static cJSON *peer_object(struct daemon *d, uint16_t index)
{
    const struct peer *peer = bus_peer(&d->bus, index);
    const struct peer_status *status = &d->status[index];
    const struct device *device = discovery_of_peer(&d->bus.discovery, clock_ms(), index);
    cJSON *object = cJSON_CreateObject();

    add_id(object, &peer->id);
    add_key(object, peer->static_key);
    cJSON_AddStringToObject(object, "state", known_peer_state_name((enum peer_trust)peer->trust));
    cJSON_AddBoolToObject(object, "dial", peer->dial);
    add_address(object, "configured", &peer->configured);
    add_address(object, "last_address", &peer->last_bound);
    if (device != NULL) {
        add_address(object, "announced", &device->addresses[0].address);
    }
    cJSON_AddBoolToObject(object, "outbound", bus_session(&d->bus, index, SESSION_INITIATOR) != 0);
    cJSON_AddBoolToObject(object, "inbound", bus_session(&d->bus, index, SESSION_RESPONDER) != 0);
    add_number(object, "sessions", status->sessions);
    add_age(object, "last_session_ms_ago", status->established_ms);
    add_number(object, "bytes_in", status->bytes_in);
    add_number(object, "bytes_out", status->bytes_out);
    add_last_end(object, status);
    return object;
}

static cJSON *peers(struct daemon *d, uint32_t from)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "peers");
    uint32_t count = d->bus.peers.count, index = from;

    for (; index < count && index - from < CONTROL_PAGE_MAX; index++) {
        cJSON_AddItemToArray(list, peer_object(d, (uint16_t)index));
    }
    if (index < count) {
        add_number(object, "next", index);
    }
    return object;
}

// ---- devices --------------------------------------------------------------------------------------

static cJSON *devices(struct daemon *d)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "devices");

    for (uint16_t i = 0; i < d->bus.discovery.max; i++) {
        const struct device *device = &d->bus.discovery.devices[i];
        cJSON *entry;
        if (device->id.len == 0 || device->expires_ms <= clock_ms()) {
            continue;
        }
        entry = cJSON_CreateObject();
        add_id(entry, &device->id);
        add_key(entry, device->static_key);
        cJSON_AddBoolToObject(entry, "trusted", device->peer != PEER_NONE);
        add_address(entry, "address", &device->addresses[0].address);
        add_age(entry, "heard_ms_ago", device->heard_ms);
        cJSON_AddItemToArray(list, entry);
    }
    return object;
}

// ---- reload, metrics ------------------------------------------------------------------------------

static void reload(struct daemon *d, uint32_t client, uint32_t request)
{
    struct peers_change change;
    struct fault fault;
    cJSON *object;

    if (!peers_apply(d, &change, &fault)) {
        log_line(LOG_ERROR, "the known peers stay as they were: %s", fault.text);
        control_reply_error(d, client, request, CONTROL_ERROR_STATE, "%s", fault.text);
        return;
    }
    object = cJSON_CreateObject();
    add_number(object, "added", change.added);
    add_number(object, "changed", change.changed);
    add_number(object, "revoked", change.revoked);
    add_number(object, "unchanged", change.unchanged);
    add_number(object, "refused", change.refused);
    control_reply(d, client, request, object);
}

static cJSON *metrics(struct daemon *d)
{
    cJSON *object = cJSON_CreateObject();
    char *text = metrics_format(d);

    if (text != NULL) {
        cJSON_AddStringToObject(object, "text", text);
    }
    free(text);
    return object;
}

void control_perform(struct daemon *d, uint32_t client, const struct control_request *request)
{
    switch (request->op) {
    case CONTROL_STATUS:
        control_reply(d, client, request->id, status(d));
        break;
    case CONTROL_PEERS:
        control_reply(d, client, request->id, peers(d, request->from));
        break;
    case CONTROL_DEVICES:
        control_reply(d, client, request->id, devices(d));
        break;
    case CONTROL_PING:
    case CONTROL_PROBE:
    case CONTROL_PATH:
        waiting_add(d, client, request);
        break;
    case CONTROL_RELOAD:
        reload(d, client, request->id);
        break;
    case CONTROL_METRICS:
        control_reply(d, client, request->id, metrics(d));
        break;
    case CONTROL_PAIR:
        pairing_begin(d, client, request);
        break;
    case CONTROL_OPEN:
        openings_add(d, client, request);
        break;
    case CONTROL_SERVICES:
        services_list(d, client, request);
        break;
    case CONTROL_OP_COUNT:
        break;
    }
}
