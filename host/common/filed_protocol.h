// SPDX-License-Identifier: Apache-2.0
// Between dsoftbusd and the file process: one message for each file, which carries the socket of its stream
// (SCM_RIGHTS) over a SOCK_SEQPACKET pair. There are no answers: what is to be said goes over the stream.
#ifndef HOST_COMMON_FILED_PROTOCOL_H
#define HOST_COMMON_FILED_PROTOCOL_H

#include <stdint.h>

#include "dsoftbus/identity.h"

enum { FILED_SOCKET_FD = 3 };

struct filed_job {
    uint64_t bytes_max;    // of the file
    struct device_id peer; // who sends it
};

#endif
