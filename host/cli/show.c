// SPDX-License-Identifier: Apache-2.0
// show: the daemon as it is now. metrics: its counters.
#include <stdio.h>
#include <string.h>

#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/common/exit_code.h"

// ---- Values for people ----------------------------------------------------------------------------

static void print_age(double ms)
{
    double seconds = ms / 1000;

    if (seconds < 120) {
        printf("%.0f s ago", seconds);
    } else if (seconds < 7200) {
        printf("%.0f min ago", seconds / 60);
    } else if (seconds < 172800) {
        printf("%.0f h ago", seconds / 3600);
    } else {
        printf("%.0f days ago", seconds / 86400);
    }
}

static void print_bytes(double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    printf(unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
}

static void print_list(const char *title, const cJSON *list)
{
    const cJSON *item;
    bool first = true;

    printf("  %-13s", title);
    cJSON_ArrayForEach(item, list)
    {
        printf("%s%s", first ? "" : ", ", cJSON_GetStringValue(item));
        first = false;
    }
    puts(first ? "none" : "");
}

// ---- show -----------------------------------------------------------------------------------------

static void print_status(const cJSON *status)
{
    printf("node: %s\n  fingerprint  %s\n  public key   %s\n", json_text(status, "id"),
           json_text(status, "fingerprint"), json_text(status, "key"));
    print_list("listening", cJSON_GetObjectItemCaseSensitive(status, "listen"));
    print_list("discovery", cJSON_GetObjectItemCaseSensitive(status, "interfaces"));
    printf(
        "  sessions     %.0f up, %.0f half open, %.0f established since the start, %.0f refused\n",
        json_number(status, "sessions"), json_number(status, "half_open"),
        json_number(status, "established"), json_number(status, "rejected"));
    printf("  streams      %.0f open\n", json_number(status, "streams"));
    printf("  sandbox      seccomp %s, landlock %s\n", json_true(status, "seccomp") ? "on" : "off",
           json_number(status, "landlock") > 0 ? "on" : "off");
}

static void print_session(const cJSON *peer)
{
    bool out = json_true(peer, "outbound"), in = json_true(peer, "inbound");

    printf("  session      %s%s%s\n", out ? "dialled by us" : "", out && in ? ", " : "",
           in    ? "dialled by the peer"
           : out ? ""
                 : "none");
    if (json_has(peer, "last_session_ms_ago")) {
        printf("  handshake    ");
        print_age(json_number(peer, "last_session_ms_ago"));
        printf(", %.0f so far\n  transfer     ", json_number(peer, "sessions"));
        print_bytes(json_number(peer, "bytes_in"));
        printf(" received, ");
        print_bytes(json_number(peer, "bytes_out"));
        puts(" sent");
    }
}

static void print_peer(const cJSON *peer)
{
    static const char *const addresses[][2] = {
        {"last_address", "last bound"}, {"configured", "configured"}, {"announced", "announced"}};

    printf("\npeer: %s (%s%s)\n  fingerprint  %s\n", json_text(peer, "id"),
           json_text(peer, "state"), json_true(peer, "dial") ? ", dial" : "",
           json_text(peer, "fingerprint"));
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        if (json_has(peer, addresses[i][0])) {
            printf("  %-12s %s\n", addresses[i][1], json_text(peer, addresses[i][0]));
        }
    }
    print_session(peer);
    if (json_has(peer, "last_end")) {
        printf("  last end     %s, ", json_text(peer, "last_end"));
        print_age(json_number(peer, "last_end_ms_ago"));
        putchar('\n');
    }
}

// All pages of peers into one list; with `only`, no others. False with a fault.
static bool collect_peers(cJSON *list, struct fault *fault, struct client *client, const char *only)
{
    struct control_request request = {.op = CONTROL_PEERS};
    bool more = true;

    while (more) {
        cJSON *page = client_call(client, fault, &request), *peers, *peer;
        if (page == NULL) {
            return false;
        }
        peers = cJSON_GetObjectItemCaseSensitive(page, "peers");
        while ((peer = cJSON_DetachItemFromArray(peers, 0)) != NULL) {
            if (only == NULL || strcmp(json_text(peer, "id"), only) == 0) {
                cJSON_AddItemToArray(list, peer);
            } else {
                cJSON_Delete(peer);
            }
        }
        more = json_has(page, "next");
        request.from = (uint32_t)json_number(page, "next");
        cJSON_Delete(page);
    }
    return only == NULL || cJSON_GetArraySize(list) > 0 ||
           fault_set(fault, EXIT_NO_PEER, "%.64s is not a known peer; `dsoftbus peers` lists them",
                     only);
}

static int print_all(cJSON *status, bool json)
{
    const cJSON *peer;

    if (json) {
        return json_print(status);
    }
    print_status(status);
    cJSON_ArrayForEach(peer, cJSON_GetObjectItemCaseSensitive(status, "known"))
    {
        print_peer(peer);
    }
    cJSON_Delete(status);
    return EXIT_DONE;
}

int command_show(const struct invocation *call)
{
    const char *only = call->operand_count > 0 ? call->operands[0] : NULL;
    struct control_request request = {.op = CONTROL_STATUS};
    struct client client;
    struct fault fault;
    cJSON *status;
    bool good;

    if (!client_open(&client, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    status = client_call(&client, &fault, &request);
    good = status != NULL &&
           collect_peers(cJSON_AddArrayToObject(status, "known"), &fault, &client, only);
    client_close(&client);
    if (!good) {
        cJSON_Delete(status);
        return command_fail(&fault);
    }
    return print_all(status, option_given(call, "json"));
}

int command_metrics(const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_METRICS};
    struct fault fault;
    cJSON *result;

    result = client_ask(&fault, &call->paths, &request);
    if (result == NULL) {
        return command_fail(&fault);
    }
    fputs(json_text(result, "text"), stdout);
    cJSON_Delete(result);
    return EXIT_DONE;
}
