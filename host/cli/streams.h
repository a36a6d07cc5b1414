// SPDX-License-Identifier: Apache-2.0
// Streams on the control socket: their sockets come with answers, their ends as lines of their own.
#ifndef HOST_CLI_STREAMS_H
#define HOST_CLI_STREAMS_H

#include <stddef.h>

#include "host/cli/client.h"

enum { STREAMS_SOCKETS_MAX = 32 };

struct streams {
    struct client client;
    char text[16384]; // read, and not yet given out
    size_t len;
    int sockets[STREAMS_SOCKETS_MAX]; // likewise, each for the next good answer to `open`
    size_t socket_count;
};

// What a line says.
enum streams_news {
    STREAMS_NOTHING, // no whole line is there
    STREAMS_LOST,    // dsoftbusd is gone
    STREAMS_OPENED,  // request, stream, socket
    STREAMS_REFUSED, // request; the fault
    STREAMS_CLOSED,  // stream; clean, or the fault
};

struct streams_line {
    enum streams_news news;
    uint32_t request, stream;
    int socket;
    bool clean;
};

bool streams_open(struct streams *streams, struct fault *fault, const struct paths *paths)
    __attribute__((warn_unused_result));
void streams_close(struct streams *streams);

// Reads PEER and SERVICE as the user has given them.
bool streams_target(struct control_request *request, struct fault *fault, const char *peer,
                    const char *service) __attribute__((warn_unused_result));

// Asks for a stream; request->id is set.
bool streams_ask(struct streams *streams, struct fault *fault, struct control_request *request)
    __attribute__((warn_unused_result));

// The next line; `wait`: until there is one.
struct streams_line streams_next(struct streams *streams, struct fault *fault, bool wait);

// Asks and waits: the socket, and the number in *stream; -1 with a fault.
int streams_connect(struct streams *streams, struct fault *fault, uint32_t *stream,
                    struct control_request *request) __attribute__((warn_unused_result));

// Waits for the end of the stream. False with a fault: it has not ended in order.
bool streams_wait_end(struct streams *streams, struct fault *fault, uint32_t stream)
    __attribute__((warn_unused_result));

#endif
