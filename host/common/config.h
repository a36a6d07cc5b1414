// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration: an INI file, none of which is needed.
#ifndef HOST_COMMON_CONFIG_H
#define HOST_COMMON_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/announce.h"
#include "dsoftbus/identity.h"
#include "host/common/fault.h"
#include "host/common/limits.h"

enum {
    CONFIG_LISTEN_MAX = 8,
    CONFIG_FILE_BYTES_MAX = 65536,
    CONFIG_LINE_CHARS_MAX = 198 // libinih has a buffer of 200
};

enum {
    CONFIG_SERVICES_MAX = ANNOUNCE_SERVICES_MAX, // an announce lists them all
    CONFIG_PATH_BYTES = 256,                     // more than a line has
    CONFIG_ALLOW_MAX = 64,                       // device ids of one service
};

enum service_kind { SERVICE_ECHO, SERVICE_FILE, SERVICE_TCP };

struct service_config {
    enum service_kind kind;
    char name[SERVICE_NAME_BYTES_MAX + 1];
    bool allow_all; // every trusted peer
    struct device_id allow[CONFIG_ALLOW_MAX];
    size_t allow_count;
    struct net_address address; // SERVICE_TCP: where it leads
};

enum log_verbosity { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE };

struct config {
    // [node]
    uint16_t port;                                // of sessions
    struct net_address listen[CONFIG_LISTEN_MAX]; // ports are 0
    size_t listen_count;
    uint16_t sessions_max, half_open_max, peers_max, streams_max, record_bytes;
    enum log_verbosity log;
    // [discovery]
    bool discovery; // false: no announce is sent, none is heard
    bool multicast, broadcast;
    uint16_t ttl_s;
    char interfaces[HOST_INTERFACES_MAX][IF_NAMESIZE]; // only these; none: all
    size_t interface_count;
    // [metrics]
    uint16_t metrics_port; // of the loopback; 0: none
    // [security]
    bool sandbox;
    // [echo], [file], [tcp NAME]: each is there if its section is
    struct service_config services[CONFIG_SERVICES_MAX];
    size_t service_count;
    char file_directory[CONFIG_PATH_BYTES]; // empty: none
    uint64_t file_bytes_max;                // of one received file
};

void config_default(struct config *config);

// Reads the text of a file called `name`. An unknown section or key, a bad value or a repeated key is a fault with
// file, line, and what was expected; the configuration is then not to be used.
bool config_parse(struct config *config, struct fault *fault, const char *text, const char *name)
    __attribute__((warn_unused_result));

// The defaults, then the file; no file is fine unless `must_exist`.
bool config_load(struct config *config, struct fault *fault, const char *path, bool must_exist)
    __attribute__((warn_unused_result));

// All keys with their present values, as a file that config_parse reads. The caller frees it; NULL: no memory.
char *config_format(const struct config *config) __attribute__((warn_unused_result));

#endif
