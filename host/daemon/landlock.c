// SPDX-License-Identifier: Apache-2.0
// Landlock: which files the network process can reach.
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/daemon/daemon.h"
#include "host/daemon/sandbox.h"

// Rights by the ABI that brought them, in the order of their bits; older headers do not name all of them.
enum {
    RIGHTS_ABI_1 = (1 << 13) - 1,
    RIGHTS_ABI_2 = (1 << 14) - 1, // refer
    RIGHTS_ABI_3 = (1 << 15) - 1, // truncate
    RIGHTS_ABI_5 = (1 << 16) - 1, // ioctl on devices
    NET_BIND_TCP = 1 << 0,
};

// As of ABI 4; an older kernel is given only the first member.
struct ruleset {
    uint64_t handled_files;
    uint64_t handled_net;
};

static uint64_t file_rights(int abi)
{
    if (abi >= 5) {
        return RIGHTS_ABI_5;
    }
    return abi >= 3 ? RIGHTS_ABI_3 : abi == 2 ? RIGHTS_ABI_2 : RIGHTS_ABI_1;
}

static bool allow(int ruleset, int directory, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = directory};

    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

int sandbox_landlock(const struct daemon *d, struct fault *fault)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset handled = {.handled_net = NET_BIND_TCP};
    int ruleset;
    bool good;

    if (abi < 1) {
        return 0;
    }
    handled.handled_files = file_rights(abi);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled,
                           abi >= 4 ? sizeof handled : sizeof handled.handled_files, 0);
    good = ruleset >= 0 &&
           allow(ruleset, d->node_directory,
                 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR) &&
           allow(ruleset, d->run_directory, LANDLOCK_ACCESS_FS_REMOVE_FILE) &&
           syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (!good) {
        (void)fault_errno(fault, EXIT_FAILED, "landlock");
    }
    if (ruleset >= 0) {
        close(ruleset);
    }
    return good ? abi : -1;
}
