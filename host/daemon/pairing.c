// SPDX-License-Identifier: Apache-2.0
// Pairing attempts of control clients.
#include "host/daemon/pairing.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/hex.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

// ---- Outcomes -------------------------------------------------------------------------------------

static void answer_code(struct daemon *d, const struct bus_event *event)
{
    cJSON *result = cJSON_CreateObject();
    char id[LABEL_CHARS_MAX], key[2 * DSB_KEY_BYTES + 1] = "", address[ADDRESS_CHARS_MAX];

    label_device(id, &event->id);
    hex_encode(key, event->key, DSB_KEY_BYTES);
    address_format(address, &event->address);
    cJSON_AddNumberToObject(result, "code", event->code);
    cJSON_AddStringToObject(result, "id", id);
    cJSON_AddStringToObject(result, "key", key);
    cJSON_AddStringToObject(result, "address", address);
    control_reply(d, d->pairing.client, d->pairing.request, result);
}

static void answer_failure(struct daemon *d, const struct bus_event *event)
{
    const char *code = CONTROL_ERROR_PAIR,
               *text = close_reason_name((enum close_reason)event->reason);
    int dial_error = links_dial_error(&d->links, event->connection);

    if (event->reason == REASON_PAIR_TIMEOUT) {
        code = CONTROL_ERROR_TIMEOUT;
        text = "nobody came within 60 seconds";
    } else if (event->reason == REASON_PAIR_REFUSED) {
        text = "the other side is not open for pairing, or knows this device already: run "
               "`dsoftbus pair` there "
               "first, then this again";
    } else if (event->reason == REASON_PAIR_COMMITMENT) {
        text = "SOMEBODY IS TRYING TO GET IN BETWEEN: the other side broke its commitment. Nothing "
               "was trusted";
    } else if (event->reason == REASON_HANDSHAKE_AUTH) {
        text = "the device there has not the key that it announced (or that its card says)";
    } else if (event->reason == REASON_CONNECT_FAILED && dial_error != 0) {
        code = CONTROL_ERROR_DIAL;
        text = strerror(dial_error);
    } else if (event->reason == REASON_DISCONNECTED) {
        text = "the other side has gone in the middle of it";
    }
    control_reply_error(d, d->pairing.client, d->pairing.request, code, "%s", text);
}

void pairing_event(struct daemon *d, const struct bus_event *event)
{
    char id[LABEL_CHARS_MAX];

    d->pairing.guesses += event->guess;
    if (!d->pairing.on || d->pairing.role != event->role) {
        return; // of an attempt that was called off
    }
    label_device(id, &event->id);
    if (event->type == BUS_PAIR_CODE) {
        log_line(LOG_NOTICE, "pairing: %s and this node have a code for their users to compare",
                 id);
        answer_code(d, event);
    } else {
        log_line(LOG_NOTICE, "pairing%s%s failed: %s", event->id.len > 0 ? " with " : "",
                 event->id.len > 0 ? id : "", close_reason_name((enum close_reason)event->reason));
        answer_failure(d, event);
    }
    d->pairing.on = false;
}

// ---- Beginning ------------------------------------------------------------------------------------

// The one device that discovery has heard under this id, or NULL with a reason.
static const struct device *find_device(struct daemon *d, const char **why,
                                        const struct device_id *id)
{
    const struct device *found = NULL;

    *why = "has not been found; `dsoftbus peers --found` lists who was, and --card with --address "
           "needs no discovery";
    for (uint16_t i = 0; i < d->bus.discovery.max; i++) {
        const struct device *device = &d->bus.discovery.devices[i];
        if (device->id.len == 0 || device->expires_ms <= clock_ms() ||
            !device_id_equal(&device->id, id)) {
            continue;
        }
        if (found != NULL) {
            *why = "was found twice, with different keys: take the card of the right one (--card, "
                   "--address)";
            return NULL;
        }
        found = device;
    }
    return found;
}

static const char *refusal(enum bus_error error)
{
    if (error == BUS_ERR_DUPLICATE) {
        return "is known with another key, or its key under another id, or is this node itself: "
               "`dsoftbus revoke "
               "--forget` comes first if it was really given a new key";
    }
    return error == BUS_ERR_FULL ? "cannot be called: no connection is free" : "cannot be called";
}

// False: answered with an error.
static bool call_peer(struct daemon *d, uint32_t client, const struct control_request *request)
{
    struct net_address address = request->address;
    const uint8_t *key = request->key;
    char label[LABEL_CHARS_MAX];
    const char *why = NULL;
    enum bus_error error;

    label_device(label, &request->peer);
    if (!request->key_given) {
        const struct device *device = find_device(d, &why, &request->peer);
        if (device == NULL) {
            control_reply_error(d, client, request->id, CONTROL_ERROR_NO_PEER, "%s %s", label, why);
            return false;
        }
        address = device->addresses[0].address;
        key = device->static_key;
    }
    error = bus_pair_start(&d->bus, clock_ms(), &request->peer, key, &address);
    if (error != BUS_OK) {
        control_reply_error(d, client, request->id, CONTROL_ERROR_STATE, "%s %s", label,
                            refusal(error));
    }
    return error == BUS_OK;
}

// False: answered with an error.
static bool may_begin(struct daemon *d, uint32_t client, const struct control_request *request)
{
    struct pairing *pairing = &d->pairing;
    uint64_t now_ms = clock_ms();

    if (now_ms >= pairing->window_ends_ms) {
        pairing->guesses = 0;
    }
    if (pairing->on) {
        control_reply_error(d, client, request->id, CONTROL_ERROR_BUSY,
                            "another `dsoftbus pair` is under way");
        return false;
    }
    if (pairing->guesses >= HOST_PAIR_GUESSES_MAX) {
        control_reply_error(
            d, client, request->id, CONTROL_ERROR_LIMIT,
            "%u attempts in ten minutes are enough: each gives somebody in between one guess. "
            "The next is possible in %llu s",
            pairing->guesses, (unsigned long long)(pairing->window_ends_ms - now_ms) / 1000 + 1);
        return false;
    }
    if (pairing->guesses == 0) {
        pairing->window_ends_ms = now_ms + HOST_PAIR_WINDOW_MS;
    }
    return true;
}

void pairing_begin(struct daemon *d, uint32_t client, const struct control_request *request)
{
    bool calls = request->peer.len > 0;

    if (!may_begin(d, client, request) || (calls && !call_peer(d, client, request))) {
        return;
    }
    if (!calls) {
        bus_pair_arm(&d->bus, clock_ms());
        log_line(LOG_NOTICE, "open for pairing for 60 s, one attempt");
    }
    d->pairing.on = true;
    d->pairing.client = client;
    d->pairing.request = request->id;
    d->pairing.role = calls ? SESSION_INITIATOR : SESSION_RESPONDER;
}

void pairing_drop(struct daemon *d, uint32_t client)
{
    if (d->pairing.on && d->pairing.client == client) {
        d->pairing.on = false;
        log_line(LOG_NOTICE, "pairing was called off");
        bus_pair_cancel(&d->bus, clock_ms());
    }
}
