// SPDX-License-Identifier: Apache-2.0
// pair: two people compare a code.
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/cli/input.h"
#include "host/cli/trust.h"
#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"
#include "host/common/known_peers.h"

static bool read_card(struct control_request *request, struct fault *fault, const char *file)
{
    char text[INPUT_BYTES_MAX + 1];
    struct card card;

    if (!input_text(text, fault, file) ||
        !card_parse(&card, fault, text, strcmp(file, "-") == 0 ? "standard input" : file)) {
        return false;
    }
    request->peer = card.id;
    request->key_given = true;
    memcpy(request->key, card.static_public, DSB_KEY_BYTES);
    return true;
}

// Whom the command line means: nobody (then we wait), a device by its name, or the one of a card.
static bool choose(struct control_request *request, struct fault *fault,
                   const struct invocation *call)
{
    const char *file = option_value(call, "card"), *address = option_value(call, "address");

    if ((file == NULL) != (address == NULL) || (file != NULL && call->operand_count > 0)) {
        return fault_set(fault, EXIT_USAGE,
                         "--card and --address belong together, and leave no place for an ID");
    }
    if (file != NULL) {
        return ((address_parse(&request->address, address) && request->address.port != 0) ||
                fault_set(fault, EXIT_USAGE, "--address %.64s: HOST:PORT in numbers was expected",
                          address)) &&
               read_card(request, fault, file);
    }
    return call->operand_count == 0 || known_peer_id_parse(&request->peer, call->operands[0]) ||
           fault_set(fault, EXIT_USAGE, "\"%.64s\" is no device id", call->operands[0]);
}

static bool ask_daemon(cJSON **result, struct fault *fault, const struct invocation *call,
                       struct control_request *request)
{
    struct client client;

    if (!client_open(&client, fault, &call->paths)) {
        return false;
    }
    if (request->peer.len == 0) {
        fputs("open for 60 seconds: on the other device, run `dsoftbus pair` with this one's id\n",
              stderr);
    }
    *result = client_call(&client, fault, request);
    client_close(&client);
    return *result != NULL;
}

// What the user saw; what was typed before it was there to be seen is no answer.
static bool same_code(const cJSON *result, const struct card *card)
{
    char fingerprint[FINGERPRINT_CHARS + 1];
    unsigned code = (unsigned)json_number(result, "code");

    fingerprint_of_key(fingerprint, card->static_public);
    fprintf(stderr, "%s at %s, fingerprint %s\n\n    %03u %03u\n\n", json_text(result, "id"),
            json_text(result, "address"), fingerprint, code / 1000, code % 1000);
    (void)tcflush(STDIN_FILENO, TCIFLUSH);
    return input_confirmed("Does the other device show the same six digits?");
}

int command_pair(const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_PAIR, .timeout_ms = CONTROL_TIMEOUT_MAX_MS};
    struct card card = {0};
    struct fault fault;
    cJSON *result;
    bool good;

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        (void)fault_set(&fault, EXIT_USAGE,
                        "two people compare a code: this needs a terminal (without one, "
                        "`dsoftbus trust --card` or --fingerprint)");
        return command_fail(&fault);
    }
    if (!choose(&request, &fault, call) || !ask_daemon(&result, &fault, call, &request)) {
        return command_fail(&fault);
    }
    good = known_peer_id_parse(&card.id, json_text(result, "id")) &&
           hex_decode(card.static_public, DSB_KEY_BYTES, json_text(result, "key"),
                      strlen(json_text(result, "key")));
    if (!good) {
        (void)fault_set(&fault, EXIT_FAILED, "dsoftbusd gives no id and key");
    } else if (!same_code(result, &card)) {
        good = fault_set(&fault, EXIT_REFUSED,
                         "not confirmed: nothing is trusted. If the digits differ, somebody "
                         "stands between the two devices");
    }
    cJSON_Delete(result);
    return good ? trust_pin(&call->paths, &card) : command_fail(&fault);
}
