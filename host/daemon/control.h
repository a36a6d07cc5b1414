// SPDX-License-Identifier: Apache-2.0
// The control socket: who may speak to the daemon, and how the lines go in and out (host/common/control.h).
#ifndef HOST_DAEMON_CONTROL_H
#define HOST_DAEMON_CONTROL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "host/common/control.h"
#include "host/common/fault.h"

struct daemon;

struct control_client {
    uv_poll_t poll;
    struct daemon *daemon;
    int fd;
    uint32_t id; // never 0; 0: it is being closed
    size_t in_len;
    char in[CONTROL_REQUEST_BYTES_MAX];
    size_t out_sent, out_len;          // what is still to be sent is out[out_sent..out_len)
    char out[CONTROL_REPLY_BYTES_MAX]; // pages that are not touched cost nothing
    size_t handed_count;               // sockets that go out, each with the first byte of its reply
    struct {
        int fd;
        size_t at; // in out
    } handed[CONTROL_HANDED_MAX];
};

struct control {
    uv_poll_t poll;
    int fd;
    uint32_t last_id;
    struct control_client *clients[CONTROL_CLIENTS_MAX];
};

// Opens run/control. There is one daemon for a state directory: another one that runs is a fault.
bool control_open(struct daemon *d, struct fault *fault) __attribute__((warn_unused_result));

// Closes all clients and removes the socket.
void control_close(struct daemon *d);

// Answers. The result becomes the daemon's; NULL, or one that lost a part for lack of memory, becomes an error.
// A client that has gone meanwhile is not answered.
void control_reply(struct daemon *d, uint32_t client, uint32_t request, cJSON *result);
void control_reply_error(struct daemon *d, uint32_t client, uint32_t request, const char *code,
                         const char *format, ...) __attribute__((format(printf, 5, 6)));

// The same with a socket, which becomes the daemon's too. False: the client is gone, or takes too little of its answers.
bool control_reply_socket(struct daemon *d, uint32_t client, uint32_t request, cJSON *result,
                          int fd) __attribute__((warn_unused_result));

// A line that answers nothing: v and event are added.
void control_event(struct daemon *d, uint32_t client, const char *event, cJSON *object);

// Whether the client's program is still there.
bool control_client_lives(const struct daemon *d, uint32_t client);

// What the operations do (control_ops.c).
void control_perform(struct daemon *d, uint32_t client, const struct control_request *request);

#endif
