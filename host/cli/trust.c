// SPDX-License-Identifier: Apache-2.0
// trust and revoke: the only commands that change the known peers.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/cli/input.h"
#include "host/cli/trust.h"
#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"
#include "host/common/known_peers.h"
#include "host/common/state_file.h"

// ---- The file, locked -----------------------------------------------------------------------------

struct edit {
    int directory;
    struct card own;
    struct known_peers peers;
};

static void edit_end(struct edit *edit)
{
    known_peers_free(&edit->peers);
    if (edit->directory >= 0) {
        close(edit->directory);
    }
}

static bool edit_begin(struct edit *edit, struct fault *fault, const struct paths *paths)
{
    *edit = (struct edit){.directory = paths_open(paths, fault, PATH_NODE)};
    if (edit->directory < 0 || !state_lock(fault, edit->directory) ||
        !card_load(&edit->own, fault, edit->directory) ||
        !known_peers_load(&edit->peers, fault, edit->directory)) {
        edit_end(edit);
        return false;
    }
    return true;
}

// The daemon, if it runs, is told. It need not run.
static int tell_daemon(const struct paths *paths)
{
    struct control_request request = {.op = CONTROL_RELOAD};
    struct client client;
    struct fault fault;
    cJSON *result;
    int code = EXIT_DONE;

    if (!client_open(&client, &fault, paths)) {
        if (client.absent) {
            fputs("dsoftbusd does not run; it will read this when it starts\n", stderr);
            return EXIT_DONE;
        }
        fputs("dsoftbus: the file is written, but a daemon that runs has not been told\n", stderr);
        return command_fail(&fault);
    }
    result = client_call(&client, &fault, &request);
    client_close(&client);
    if (result == NULL) {
        return command_fail(&fault);
    }
    if (json_number(result, "refused") > 0) {
        fputs("dsoftbus: the file is written, but dsoftbusd has not taken all of it; its log says "
              "why\n",
              stderr);
        code = EXIT_FAILED;
    }
    cJSON_Delete(result);
    return code;
}

// ---- Which key ------------------------------------------------------------------------------------

static bool fingerprint_fits(struct fault *fault, const char *typed,
                             const uint8_t key[static DSB_KEY_BYTES])
{
    char wanted[FINGERPRINT_CHARS + 1], have[FINGERPRINT_CHARS + 1];
    unsigned group;

    fingerprint_of_key(have, key);
    switch (fingerprint_read(wanted, &group, typed)) {
    case FINGERPRINT_OK:
        return strcmp(wanted, have) == 0 ||
               fault_set(
                   fault, EXIT_KEY_CHANGED,
                   "the device's fingerprint is %s, not the one given: it is not the device that "
                   "you mean, or somebody is in between",
                   have);
    case FINGERPRINT_LENGTH:
        return fault_set(fault, EXIT_USAGE,
                         "a fingerprint has %d groups of %d characters, such as %s",
                         FINGERPRINT_GROUPS, FINGERPRINT_GROUP_CHARS, have);
    case FINGERPRINT_CHARACTER:
        return fault_set(fault, EXIT_USAGE, "a fingerprint has letters and the digits 2 to 7 only");
    case FINGERPRINT_GROUP:
        return fault_set(fault, EXIT_USAGE, "group %u of the fingerprint is mistyped", group);
    }
    return false;
}

static const cJSON *find_device(const cJSON *devices, const char *id, bool *several)
{
    const cJSON *entry, *found = NULL;

    *several = false;
    cJSON_ArrayForEach(entry, devices)
    {
        if (strcmp(json_text(entry, "id"), id) == 0) {
            *several = found != NULL;
            found = entry;
        }
    }
    return found;
}

// The key that discovery has heard for this id. Two keys for one id: somebody lies, and only a fingerprint tells who.
static bool discovered_key(struct card *card, struct fault *fault, const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_DEVICES};
    const char *id = call->operands[0];
    const cJSON *device;
    bool several, good;
    cJSON *result;

    result = client_ask(fault, &call->paths, &request);
    if (result == NULL) {
        return false;
    }
    device = find_device(cJSON_GetObjectItemCaseSensitive(result, "devices"), id, &several);
    good = device != NULL && !several &&
           hex_decode(card->static_public, DSB_KEY_BYTES, json_text(device, "key"),
                      strlen(json_text(device, "key")));
    cJSON_Delete(result);
    if (several) {
        return fault_set(
            fault, EXIT_KEY_CHANGED,
            "two devices call themselves %s, with different keys: take the card of the "
            "right one (`dsoftbus trust --card FILE`)",
            id);
    }
    return good ||
           fault_set(fault, EXIT_NO_PEER,
                     "no device %s has been found; take its card (`dsoftbus trust --card FILE`)",
                     id);
}

// Shows the fingerprint and asks.
static bool confirmed(struct fault *fault, const char *id, const uint8_t key[static DSB_KEY_BYTES])
{
    char fingerprint[FINGERPRINT_CHARS + 1];

    fingerprint_of_key(fingerprint, key);
    fprintf(stderr,
            "%s was found with the fingerprint\n\n    %s\n\n`dsoftbus id` on that device shows its "
            "true one. ",
            id, fingerprint);
    return input_confirmed("Are they the same?") ||
           fault_set(fault, EXIT_FAILED,
                     "not confirmed: nothing has changed (without a terminal, use --fingerprint or "
                     "--card)");
}

// Id and key of whom the command line means; *known is its entry, if it has one.
static bool choose_card(struct card *card, struct fault *fault, const struct invocation *call,
                        const struct known_peers *peers)
{
    const char *file = option_value(call, "card");
    const char *typed = option_value(call, "fingerprint");
    const struct known_peer *known;

    if (file != NULL) {
        char text[INPUT_BYTES_MAX + 1];
        return input_text(text, fault, file) &&
               card_parse(card, fault, text, strcmp(file, "-") == 0 ? "standard input" : file) &&
               (typed == NULL || fingerprint_fits(fault, typed, card->static_public));
    }
    if (!known_peer_id_parse(&card->id, call->operands[0])) {
        return fault_set(fault, EXIT_USAGE, "\"%.64s\" is no device id", call->operands[0]);
    }
    known = known_peers_find(peers, &card->id);
    if (known != NULL) { // what it was trusted with before
        memcpy(card->static_public, known->static_key, DSB_KEY_BYTES);
        return typed == NULL || fingerprint_fits(fault, typed, card->static_public);
    }
    return discovered_key(card, fault, call) &&
           (typed != NULL ? fingerprint_fits(fault, typed, card->static_public)
                          : confirmed(fault, call->operands[0], card->static_public));
}

// ---- trust ----------------------------------------------------------------------------------------

static bool key_changed(struct fault *fault, const struct known_peer *known,
                        const struct card *card)
{
    char id[LABEL_CHARS_MAX], old[FINGERPRINT_CHARS + 1], new[FINGERPRINT_CHARS + 1];

    label_device(id, &known->id);
    fingerprint_of_key(old, known->static_key);
    fingerprint_of_key(new, card->static_public);
    return fault_set(fault, EXIT_KEY_CHANGED,
                     "THE KEY OF %s HAS CHANGED\n"
                     "    known since %s: %s\n"
                     "    offered now:                     %s\n"
                     "Either the device was given a new key, or something pretends to be it. "
                     "Nothing has changed here.\n"
                     "Ask whoever looks after the device for the fingerprint that `dsoftbus id` "
                     "shows on it. Only if it is the\n"
                     "new one: dsoftbus revoke --forget %s, then trust it again.",
                     id, known->since, old, new, id);
}

// Neither half of the pair may be known with another half, and it may not be ours.
static bool pair_is_free(struct fault *fault, const struct edit *edit, const struct card *card)
{
    const struct known_peer *by_id = known_peers_find(&edit->peers, &card->id);
    const struct known_peer *by_key = known_peers_find_key(&edit->peers, card->static_public);
    char id[LABEL_CHARS_MAX];

    if (device_id_equal(&card->id, &edit->own.id) ||
        memcmp(card->static_public, edit->own.static_public, DSB_KEY_BYTES) == 0) {
        return fault_set(fault, EXIT_USAGE,
                         "this is our own %s: every node needs an id and a key of its own",
                         device_id_equal(&card->id, &edit->own.id) ? "id" : "key");
    }
    if (by_id != NULL && by_id != by_key) {
        return key_changed(fault, by_id, card);
    }
    if (by_key != NULL && by_id == NULL) {
        label_device(id, &by_key->id);
        return fault_set(fault, EXIT_KEY_CHANGED,
                         "this key is known as %s: one key has one id. If the device was renamed, "
                         "`dsoftbus revoke --forget %s` comes first",
                         id, id);
    }
    return true;
}

static bool set_reach(struct known_peer *peer, struct fault *fault, const struct invocation *call)
{
    const char *address = option_value(call, "address");

    if (address != NULL && strcmp(address, "none") == 0) {
        peer->address = (struct net_address){0};
    } else if (address != NULL &&
               (!address_parse(&peer->address, address) || peer->address.port == 0)) {
        return fault_set(
            fault, EXIT_USAGE,
            "--address %.64s: HOST:PORT in numbers was expected, such as 10.0.0.2:34567 or "
            "[fd00::2]:34567",
            address);
    }
    if (option_given(call, "dial") && option_given(call, "no-dial")) {
        return fault_set(fault, EXIT_USAGE, "--dial and --no-dial exclude each other");
    }
    peer->dial = (peer->dial || option_given(call, "dial")) && !option_given(call, "no-dial");
    return true;
}

static bool put(struct known_peer *result, struct fault *fault, struct edit *edit,
                const struct invocation *call, const struct card *card)
{
    struct known_peer *known = known_peers_find(&edit->peers, &card->id);
    struct known_peer peer = {.id = card->id};

    memcpy(peer.static_key, card->static_public, DSB_KEY_BYTES);
    known_peer_now(peer.since);
    if (known != NULL) {
        peer = *known;
    }
    peer.trust = option_given(call, "pending") ? PEER_PENDING : PEER_TRUSTED;
    if (option_given(call, "comment")) {
        known_peer_set_comment(&peer, option_value(call, "comment"));
    }
    if (!set_reach(&peer, fault, call)) {
        return false;
    }
    if (known != NULL) {
        *known = peer;
    } else if (!known_peers_append(&edit->peers, &peer)) {
        return fault_set(fault, EXIT_FAILED, "there are too many known peers");
    }
    *result = peer;
    return known_peers_save(fault, edit->directory, &edit->peers);
}

static int say_trusted(const struct paths *paths, const struct known_peer *peer)
{
    char id[LABEL_CHARS_MAX], fingerprint[FINGERPRINT_CHARS + 1];

    label_device(id, &peer->id);
    fingerprint_of_key(fingerprint, peer->static_key);
    printf("%s is %s, with the fingerprint %s\n", id, known_peer_state_name(peer->trust),
           fingerprint);
    return tell_daemon(paths);
}

static bool pin(struct known_peer *peer, struct fault *fault, struct edit *edit,
                const struct card *card)
{
    struct known_peer *known = known_peers_find(&edit->peers, &card->id);

    if (known != NULL) {
        known->trust = PEER_TRUSTED;
        *peer = *known;
    } else {
        *peer = (struct known_peer){.id = card->id, .trust = PEER_TRUSTED};
        memcpy(peer->static_key, card->static_public, DSB_KEY_BYTES);
        known_peer_now(peer->since);
        known_peer_set_comment(peer, "paired");
        if (!known_peers_append(&edit->peers, peer)) {
            return fault_set(fault, EXIT_FAILED, "there are too many known peers");
        }
    }
    return known_peers_save(fault, edit->directory, &edit->peers);
}

int trust_pin(const struct paths *paths, const struct card *card)
{
    struct known_peer peer;
    struct fault fault;
    struct edit edit;
    bool good;

    if (!edit_begin(&edit, &fault, paths)) {
        return command_fail(&fault);
    }
    good = pair_is_free(&fault, &edit, card) && pin(&peer, &fault, &edit, card);
    edit_end(&edit);
    return good ? say_trusted(paths, &peer) : command_fail(&fault);
}

int command_trust(const struct invocation *call)
{
    struct known_peer peer = {0};
    struct card card = {0};
    struct fault fault;
    struct edit edit;
    bool good;

    if ((call->operand_count == 0) == !option_given(call, "card")) {
        (void)fault_set(&fault, EXIT_USAGE, "an ID or --card FILE is needed, and not both");
        return command_fail(&fault);
    }
    if (!edit_begin(&edit, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    good = choose_card(&card, &fault, call, &edit.peers) && pair_is_free(&fault, &edit, &card) &&
           put(&peer, &fault, &edit, call, &card);
    edit_end(&edit);
    if (!good) {
        return command_fail(&fault);
    }
    return say_trusted(&call->paths, &peer);
}

// ---- revoke ---------------------------------------------------------------------------------------

static bool withdraw(struct fault *fault, struct edit *edit, const struct invocation *call)
{
    struct known_peer *peer;
    struct device_id id;

    if (!known_peer_id_parse(&id, call->operands[0])) {
        return fault_set(fault, EXIT_USAGE, "\"%.64s\" is no device id", call->operands[0]);
    }
    peer = known_peers_find(&edit->peers, &id);
    if (peer == NULL) {
        return fault_set(fault, EXIT_NO_PEER, "%s is not a known peer; `dsoftbus peers` lists them",
                         call->operands[0]);
    }
    if (option_given(call, "forget")) {
        known_peers_remove(&edit->peers, peer);
    } else {
        peer->trust = PEER_REVOKED;
    }
    return known_peers_save(fault, edit->directory, &edit->peers);
}

int command_revoke(const struct invocation *call)
{
    struct fault fault;
    struct edit edit;
    bool good;

    if (!edit_begin(&edit, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    good = withdraw(&fault, &edit, call);
    edit_end(&edit);
    if (!good) {
        return command_fail(&fault);
    }
    printf("%s is %s\n", call->operands[0], option_given(call, "forget") ? "forgotten" : "revoked");
    return tell_daemon(&call->paths);
}
