// SPDX-License-Identifier: Apache-2.0
// ping: round trips over the session with a peer.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/common/exit_code.h"
#include "host/common/known_peers.h"

struct pings {
    unsigned sent, received;
    double min_ms, max_ms, sum_ms;
    int failure; // exit code of the last ping that failed
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void take_answer(struct pings *pings, const cJSON *result, const char *peer, bool quiet)
{
    double rtt_ms = json_number(result, "rtt_us") / 1000;

    pings->min_ms = pings->received == 0 || rtt_ms < pings->min_ms ? rtt_ms : pings->min_ms;
    pings->max_ms = rtt_ms > pings->max_ms ? rtt_ms : pings->max_ms;
    pings->sum_ms += rtt_ms;
    pings->received++;
    if (!quiet) {
        printf("answer from %s (%s): number=%u time=%.3f ms\n", peer, json_text(result, "address"),
               pings->sent, rtt_ms);
        (void)fflush(stdout);
    }
}

// False when it makes no sense to go on.
static bool ping_once(struct pings *pings, struct client *client, struct control_request *request,
                      const char *peer, bool quiet)
{
    struct fault fault;
    cJSON *result;

    pings->sent++;
    result = client_call(client, &fault, request);
    if (result != NULL) {
        take_answer(pings, result, peer, quiet);
        cJSON_Delete(result);
        return true;
    }
    pings->failure = fault.exit_code;
    if (interrupted) {
        pings->sent--;
        return false;
    }
    fprintf(stderr, "dsoftbus: %s: %s\n", peer, fault.text);
    return fault.exit_code == EXIT_NO_ANSWER;
}

static void wait_interval(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    (void)nanosleep(&pause, NULL); // an interrupt ends it early
}

static int print_summary(const struct pings *pings, const char *peer, bool json)
{
    double lost = pings->sent == 0 ? 0 : 100.0 * (pings->sent - pings->received) / pings->sent;
    double average = pings->received == 0 ? 0 : pings->sum_ms / pings->received;
    int code = pings->received > 0   ? EXIT_DONE
               : pings->failure != 0 ? pings->failure
                                     : EXIT_NO_ANSWER;

    if (json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "peer", peer);
        cJSON_AddNumberToObject(object, "sent", pings->sent);
        cJSON_AddNumberToObject(object, "received", pings->received);
        cJSON_AddNumberToObject(object, "min_ms", pings->min_ms);
        cJSON_AddNumberToObject(object, "avg_ms", average);
        cJSON_AddNumberToObject(object, "max_ms", pings->max_ms);
        (void)json_print(object);
        return code;
    }
    printf("--- %s: %u sent, %u answered, %.0f%% lost\n", peer, pings->sent, pings->received, lost);
    if (pings->received > 0) {
        printf("round trip min/avg/max = %.3f/%.3f/%.3f ms\n", pings->min_ms, average,
               pings->max_ms);
    }
    return code;
}

static void run(struct pings *pings, struct client *client, struct control_request *request,
                const char *peer, bool quiet, double count, double interval)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    (void)sigaction(SIGINT, &action, NULL);
    while (!interrupted && (count == 0 || pings->sent < count)) {
        if (pings->sent > 0) {
            wait_interval(interval);
        }
        if (interrupted || !ping_once(pings, client, request, peer, quiet)) {
            return;
        }
    }
}

int command_ping(const struct invocation *call)
{
    struct control_request request = {.op = CONTROL_PING};
    const char *peer = call->operands[0];
    double count, interval, timeout;
    struct pings pings = {0};
    struct client client;
    struct fault fault;

    if (!option_number(&count, &fault, call, "count", 4, 0, 1e9) ||
        !option_number(&interval, &fault, call, "interval", 1, 0, 3600) ||
        !option_number(&timeout, &fault, call, "timeout", 5, 0.001, 60)) {
        return command_fail(&fault);
    }
    if (!known_peer_id_parse(&request.peer, peer)) {
        (void)fault_set(&fault, EXIT_USAGE, "\"%.64s\" is no device id", peer);
        return command_fail(&fault);
    }
    request.timeout_ms = (uint32_t)(timeout * 1000);
    if (!client_open(&client, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    run(&pings, &client, &request, peer, option_given(call, "json"), count, interval);
    client_close(&client);
    return print_summary(&pings, peer, option_given(call, "json"));
}
