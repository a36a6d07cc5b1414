// SPDX-License-Identifier: Apache-2.0
// services: what this node offers, or what a peer announces.
#include <stdio.h>

#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/common/exit_code.h"
#include "host/common/known_peers.h"

static void print_allowed(const cJSON *service)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(service, "allow"), *item;
    const char *separator = "";

    cJSON_ArrayForEach(item, list)
    {
        printf("%s%s", separator, cJSON_GetStringValue(item));
        separator = ", ";
    }
    puts(cJSON_GetArraySize(list) == 0 ? "nobody" : "");
}

static void print_own(const cJSON *list)
{
    const cJSON *service;

    printf("%-20s %-6s %-32s %s\n", "NAME", "KIND", "LEADS TO", "ALLOWED");
    cJSON_ArrayForEach(service, list)
    {
        const char *where = json_has(service, "address") ? json_text(service, "address")
                                                         : json_text(service, "directory");
        printf("%-20s %-6s %-32s ", json_text(service, "name"), json_text(service, "kind"),
               where[0] != 0 ? where : "-");
        print_allowed(service);
    }
}

static void print_announced(const cJSON *result, const char *peer)
{
    const cJSON *service;

    if (!json_true(result, "announced")) {
        printf("no announce of %s is heard at present; what it offers is not known\n", peer);
        return;
    }
    cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(result, "services"))
    {
        puts(json_text(service, "name"));
    }
}

int command_services(const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_SERVICES};
    const char *peer = call->operand_count > 0 ? call->operands[0] : NULL;
    struct fault fault;
    cJSON *result;

    if (peer != NULL && !known_peer_id_parse(&request.peer, peer)) {
        (void)fault_set(&fault, EXIT_USAGE, "\"%.64s\" is no device id", peer);
        return command_fail(&fault);
    }
    result = client_ask(&fault, &call->paths, &request);
    if (result == NULL) {
        return command_fail(&fault);
    }
    if (option_given(call, "json")) {
        return json_print(result);
    }
    if (peer != NULL) {
        print_announced(result, peer);
    } else {
        print_own(cJSON_GetObjectItemCaseSensitive(result, "services"));
    }
    cJSON_Delete(result);
    return EXIT_DONE;
}
