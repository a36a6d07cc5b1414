// SPDX-License-Identifier: Apache-2.0
// Landlock: which files the network process can reach.
#include "host/common/landlock.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/daemon/daemon.h"
#include "host/daemon/sandbox.h"

// What a reload reads: the usual directory of the configuration, in which nothing else lies. Beside a file that --config
// names there may be anything, and beside one in the state directory is the key: of those the very file. -1: none.
static int configuration(const struct daemon *d)
{
    size_t len = strlen(d->paths.state);
    bool in_state = strncmp(d->paths.config, d->paths.state, len) == 0;
    char path[PATH_MAX];

    if (d->paths.config_given || in_state) {
        return open(d->paths.config, O_PATH | O_CLOEXEC);
    }
    snprintf(path, sizeof path, "%s", d->paths.config);
    return open(dirname(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int sandbox_landlock(const struct daemon *d, struct fault *fault)
{
    int config = configuration(d);
    const struct landlock_rule rules[] = {
        {d->node_directory, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR},
        {d->run_directory, LANDLOCK_ACCESS_FS_REMOVE_FILE},
        {config, LANDLOCK_ACCESS_FS_READ_FILE},
    };
    int abi = landlock_enter(fault, rules, sizeof rules / sizeof rules[0], LANDLOCK_TCP_BIND);

    if (config >= 0) {
        close(config);
    }
    return abi;
}
