// SPDX-License-Identifier: Apache-2.0
// peers: the known ones from the file, or the found ones from the daemon.
#include <stdio.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"
#include "host/common/known_peers.h"

struct row {
    char id[LABEL_CHARS_MAX], key[2 * DSB_KEY_BYTES + 1], fingerprint[FINGERPRINT_CHARS + 1];
    char address[ADDRESS_CHARS_MAX];
};

static void fill_row(struct row *row, const struct known_peer *peer)
{
    *row = (struct row){0};
    label_device(row->id, &peer->id);
    hex_encode(row->key, peer->static_key, DSB_KEY_BYTES);
    fingerprint_of_key(row->fingerprint, peer->static_key);
    address_format(row->address, &peer->address);
}

static int print_known_json(const struct known_peers *peers)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "peers");

    for (size_t i = 0; i < peers->count; i++) {
        const struct known_peer *peer = &peers->entries[i];
        cJSON *entry = cJSON_CreateObject();
        struct row row;
        fill_row(&row, peer);
        cJSON_AddStringToObject(entry, "id", row.id);
        cJSON_AddStringToObject(entry, "key", row.key);
        cJSON_AddStringToObject(entry, "fingerprint", row.fingerprint);
        cJSON_AddStringToObject(entry, "state", known_peer_state_name(peer->trust));
        cJSON_AddStringToObject(entry, "since", peer->since);
        if (peer->address.family != NET_NONE) {
            cJSON_AddStringToObject(entry, "address", row.address);
        }
        cJSON_AddBoolToObject(entry, "dial", peer->dial);
        cJSON_AddStringToObject(entry, "comment", peer->comment);
        cJSON_AddItemToArray(list, entry);
    }
    return json_print(object);
}

static int print_known(const struct known_peers *peers)
{
    if (peers->count == 0) {
        fputs("no known peers; `dsoftbus trust` adds one\n", stderr);
        return EXIT_DONE;
    }
    printf("%-20s %-8s %-41s %-20s %s\n", "ID", "STATE", "FINGERPRINT", "SINCE", "ADDRESS");
    for (size_t i = 0; i < peers->count; i++) {
        const struct known_peer *peer = &peers->entries[i];
        struct row row;
        fill_row(&row, peer);
        printf("%-20s %-8s %-41s %-20s %s%s%s%s\n", row.id, known_peer_state_name(peer->trust),
               row.fingerprint, peer->since, row.address, peer->dial ? " dial" : "",
               peer->comment[0] != 0 ? " # " : "", peer->comment);
    }
    return EXIT_DONE;
}

static int print_found(const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_DEVICES};
    const cJSON *entry;
    struct fault fault;
    cJSON *result;

    result = client_ask(&fault, &call->paths, &request);
    if (result == NULL) {
        return command_fail(&fault);
    }
    if (option_given(call, "json")) {
        return json_print(result);
    }
    printf("%-20s %-8s %-41s %s\n", "ID", "TRUSTED", "FINGERPRINT", "ADDRESS");
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(result, "devices"))
    {
        printf("%-20s %-8s %-41s %s\n", json_text(entry, "id"),
               json_true(entry, "trusted") ? "yes" : "no", json_text(entry, "fingerprint"),
               json_text(entry, "address"));
    }
    cJSON_Delete(result);
    return EXIT_DONE;
}

int command_peers(const struct invocation *call)
{
    struct known_peers peers;
    struct fault fault;
    int node, code;

    if (option_given(call, "found")) {
        return print_found(call);
    }
    node = paths_open(&call->paths, &fault, PATH_NODE);
    if (node < 0 || !known_peers_load(&peers, &fault, node)) {
        return command_fail(&fault);
    }
    close(node);
    code = option_given(call, "json") ? print_known_json(&peers) : print_known(&peers);
    known_peers_free(&peers);
    return code;
}
