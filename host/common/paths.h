// SPDX-License-Identifier: Apache-2.0
// Where things are.
//
//     STATE/secret/key     the static private key: 64 hex digits; mode 0600, read by dsoftbus-keyd only
//     STATE/node/identity  the device id and the public key: what `dsoftbus id --card` prints
//     STATE/node/peers     the known peers (host/common/known_peers.h)
//     STATE/run/control    the daemon's control socket
//
// STATE is the first of: the option --state; $DSOFTBUS_STATE; $STATE_DIRECTORY (set by a service manager);
// $XDG_STATE_HOME/dsoftbus; /var/lib/dsoftbus for root; $HOME/.local/state/dsoftbus.
// The configuration file, which need not exist, is the first of: the option --config; STATE/dsoftbusd.ini when STATE
// was given by one of the first two; /etc/dsoftbus/dsoftbusd.ini for root and for services;
// $XDG_CONFIG_HOME/dsoftbus/dsoftbusd.ini; $HOME/.config/dsoftbus/dsoftbusd.ini.
#ifndef HOST_COMMON_PATHS_H
#define HOST_COMMON_PATHS_H

#include <limits.h>
#include <stdbool.h>

#include "host/common/fault.h"

#define PATH_SECRET     "secret"
#define PATH_NODE       "node"
#define PATH_RUN        "run"
#define FILE_KEY        "key"
#define FILE_IDENTITY   "identity"
#define FILE_PEERS      "peers"
#define FILE_CONTROL    "control"
#define PATH_STATE_ROOT "/var/lib/dsoftbus"

struct paths {
    char state[PATH_MAX];
    char config[PATH_MAX];
    bool config_given; // by the option: then it must exist
};

// The options may be NULL. False with a fault: no directory can be found, or a path is too long.
bool paths_find(struct paths *paths, struct fault *fault, const char *state_option,
                const char *config_option) __attribute__((warn_unused_result));

// Opens STATE/sub as a directory: a descriptor, or -1 with a fault (EXIT_NO_STATE). The directory must belong to
// us or to root, and nobody else may write to it.
int paths_open(const struct paths *paths, struct fault *fault, const char *sub)
    __attribute__((warn_unused_result));

// Makes STATE with its directories, mode 0700, as far as they do not exist.
bool paths_create(const struct paths *paths, struct fault *fault)
    __attribute__((warn_unused_result));

#endif
