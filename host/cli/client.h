// SPDX-License-Identifier: Apache-2.0
// The command's end of the control socket.
#ifndef HOST_CLI_CLIENT_H
#define HOST_CLI_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "host/common/control.h"
#include "host/common/fault.h"
#include "host/common/paths.h"

struct client {
    int fd;
    bool absent; // it is not open because no daemon runs
    uint32_t last_request;
};

// Connects. No daemon: client->absent, and a fault with EXIT_NO_DAEMON that says how to start it. A daemon that cannot be
// reached for another reason has the same exit code.
bool client_open(struct client *client, struct fault *fault, const struct paths *paths)
    __attribute__((warn_unused_result));
void client_close(struct client *client);

// Asks and waits. The result, which the caller deletes; NULL with a fault, whose exit code follows from the daemon's
// error code. request->id is set here.
cJSON *client_call(struct client *client, struct fault *fault, struct control_request *request)
    __attribute__((warn_unused_result));

// A connection for one question.
cJSON *client_ask(struct fault *fault, const struct paths *paths, struct control_request *request)
    __attribute__((warn_unused_result));

// The two halves of client_call, for who waits for other things as well.
bool client_send(struct client *client, struct fault *fault, const struct control_request *request)
    __attribute__((warn_unused_result));
void client_error(struct fault *fault, const cJSON *error);

// Members of answers; what is missing is "" or 0.
const char *json_text(const cJSON *object, const char *name);
double json_number(const cJSON *object, const char *name);
bool json_true(const cJSON *object, const char *name);
bool json_has(const cJSON *object, const char *name);

// Prints the object, with line ends and blanks. It is deleted. The exit code.
int json_print(cJSON *object);

#endif
