// SPDX-License-Identifier: Apache-2.0
// doctor: goes the way that a session goes, and says at which step it ends.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dsoftbus/reason.h"
#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/cli/path.h"
#include "host/common/config.h"
#include "host/common/exit_code.h"
#include "host/common/identity_files.h"
#include "host/common/known_peers.h"

static void good(const char *step, const char *detail)
{
    printf("good  %-16s %s\n", step, detail);
}

static int bad(const char *step, int code, const char *detail)
{
    printf("BAD   %-16s %s\n", step, detail);
    return code;
}

// ---- This node ------------------------------------------------------------------------------------

static int check_files(const struct invocation *call)
{
    struct known_peers peers;
    struct config config;
    struct fault fault;
    struct card card;
    char text[128];
    int node = paths_open(&call->paths, &fault, PATH_NODE);

    if (node < 0 || !card_load(&card, &fault, node)) {
        return bad("identity", fault.exit_code, fault.text);
    }
    good("identity", call->paths.state);
    if (!known_peers_load(&peers, &fault, node)) {
        close(node);
        return bad("known peers", fault.exit_code, fault.text);
    }
    close(node);
    snprintf(text, sizeof text, "%zu", peers.count);
    good("known peers", text);
    known_peers_free(&peers);
    if (!config_load(&config, &fault, call->paths.config, false)) {
        return bad("configuration", fault.exit_code, fault.text);
    }
    good("configuration", call->paths.config);
    return EXIT_DONE;
}

static int check_daemon(struct client *client, const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_STATUS};
    struct fault fault;
    cJSON *status;

    if (!client_open(client, &fault, &call->paths)) {
        return bad("daemon", fault.exit_code, fault.text);
    }
    status = client_call(client, &fault, &request);
    if (status == NULL) {
        client_close(client);
        return bad("daemon", fault.exit_code, fault.text);
    }
    good("daemon", json_text(status, "version"));
    if (!json_true(status, "discovery")) {
        good("discovery", "off by configuration: peers need an address");
    } else if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(status, "interfaces")) == 0) {
        (void)bad("discovery", EXIT_FAILED, "no network interface is up with an IPv4 address");
    } else {
        good("discovery", "on");
    }
    cJSON_Delete(status);
    return EXIT_DONE;
}

// ---- The way to a peer ----------------------------------------------------------------------------

// The connection did not come up: what errno means for a person.
static int explain_connect(const cJSON *probe)
{
    switch ((int)json_number(probe, "errno")) {
    case ECONNREFUSED:
        return bad("TCP", EXIT_NO_ANSWER,
                   "port closed: the host is there, but no daemon listens on this port (does it "
                   "run there? is "
                   "the port right?)");
    case ENETUNREACH:
    case EHOSTUNREACH:
        return bad("TCP", EXIT_NO_ANSWER,
                   "no route: this machine knows no way to that address, or the host is off");
    case EACCES:
    case EPERM:
        return bad("TCP", EXIT_NO_ANSWER, "a firewall of this machine forbids the connection");
    case ETIMEDOUT:
        return bad("TCP", EXIT_NO_ANSWER,
                   "no answer: the host is off, or a firewall on the way drops the packets");
    }
    return bad("TCP", EXIT_NO_ANSWER, strerror((int)json_number(probe, "errno")));
}

static int explain_bye(const cJSON *probe)
{
    const char *bye = json_text(probe, "bye");
    char text[256];

    if (strcmp(bye, bye_reason_name(BYE_NOT_PERMITTED)) == 0) {
        return bad("trust there", EXIT_REFUSED,
                   "the peer knows this node, but does not trust it (revoked or pending there)");
    }
    snprintf(text, sizeof text, "the peer said bye: %.64s", bye);
    return bad("session", EXIT_REFUSED, text);
}

struct finding {
    enum close_reason reason;
    enum exit_code code;
    const char *step, *text;
};

static const struct finding findings[] = {
    {REASON_BAD_PREAMBLE, EXIT_REFUSED, "protocol",
     "something listens there, but it is not DSoftBus"},
    {REASON_MESSAGE_LENGTH, EXIT_REFUSED, "protocol",
     "something listens there, but it is not DSoftBus"},
    {REASON_OUT_OF_TURN, EXIT_REFUSED, "protocol",
     "something listens there, but it is not DSoftBus"},
    {REASON_HANDSHAKE_AUTH, EXIT_REFUSED, "key",
     "what answers there does not have the key that is known for this peer"},
    {REASON_DISCONNECTED, EXIT_REFUSED, "trust there",
     "closed without a word during the handshake: most often the peer does not know this node "
     "(trust it there), "
     "has another key than we think, or another id"},
    {REASON_HANDSHAKE_TIMEOUT, EXIT_NO_ANSWER, "handshake",
     "the connection is up, but no answer comes: not DSoftBus, or the path drops larger packets"},
};

static int explain(const cJSON *probe)
{
    int reason = (int)json_number(probe, "reason_code");
    char text[128];

    if (reason == REASON_CONNECT_FAILED || reason == REASON_CONNECT_TIMEOUT) {
        return explain_connect(probe);
    }
    if (reason == REASON_PEER_BYE) {
        return explain_bye(probe);
    }
    if (reason == REASON_VERSION) {
        snprintf(text, sizeof text,
                 "the other side says that it speaks version %.0f only (unauthenticated)",
                 json_number(probe, "peer_version"));
        return bad("version", EXIT_REFUSED, text);
    }
    for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
        if ((int)findings[i].reason == reason) {
            return bad(findings[i].step, (int)findings[i].code, findings[i].text);
        }
    }
    return bad("session", EXIT_FAILED, json_text(probe, "reason"));
}

static int check_path(struct client *client, const struct device_id *peer)
{
    char text[PATH_TEXT_BYTES];

    switch (path_try(text, client, peer)) {
    case PATH_GOOD:
        good("MTU", text);
        return EXIT_DONE;
    case PATH_BLACK_HOLE:
    case PATH_SILENT:
        return bad("MTU", EXIT_NO_ANSWER, text);
    case PATH_UNTRIED:
        return bad("MTU", EXIT_FAILED, text);
    }
    return EXIT_FAILED;
}

static int check_peer(struct client *client, const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_PROBE, .timeout_ms = 25000};
    struct fault fault;
    cJSON *probe;
    int code;

    if (!known_peer_id_parse(&request.peer, call->operands[0])) {
        return bad("peer", EXIT_USAGE, "this is no device id");
    }
    probe = client_call(client, &fault, &request);
    if (probe == NULL) {
        return bad(fault.exit_code == EXIT_NO_PEER ? "trust here" : "address", fault.exit_code,
                   fault.text);
    }
    good("address", json_text(probe, "address"));
    if (!json_true(probe, "established")) {
        code = explain(probe);
        cJSON_Delete(probe);
        return code;
    }
    cJSON_Delete(probe);
    good("session", "established: key, id and trust fit on both sides");
    request.op = CONTROL_PING;
    probe = client_call(client, &fault, &request);
    if (probe == NULL) {
        return bad("ping", fault.exit_code, fault.text);
    }
    cJSON_Delete(probe);
    good("ping", "answered");
    return check_path(client, &request.peer);
}

int command_doctor(const struct invocation *call)
{
    struct client client;
    int code = check_files(call);

    if (code != EXIT_DONE) {
        return code;
    }
    code = check_daemon(&client, call);
    if (code != EXIT_DONE) {
        return code;
    }
    if (call->operand_count > 0) {
        code = check_peer(&client, call);
    }
    client_close(&client);
    return code;
}
