// SPDX-License-Identifier: Apache-2.0
// Landlock by its system calls: the C library has none of them.
#include "host/common/landlock.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/exit_code.h"

// Rights by the ABI that brought them, in the order of their bits; older headers do not name all of them.
enum {
    RIGHTS_ABI_1 = (1 << 13) - 1,
    RIGHTS_ABI_2 = (1 << 14) - 1, // refer
    RIGHTS_ABI_3 = (1 << 15) - 1, // truncate
    RIGHTS_ABI_5 = (1 << 16) - 1, // ioctl on devices
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

int landlock_abi(void)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi < 1 ? 0 : abi;
}

static bool add(int ruleset, const struct landlock_rule *rule, uint64_t handled)
{
    struct landlock_path_beneath_attr attr = {.allowed_access = rule->rights & handled,
                                              .parent_fd = rule->fd};

    return rule->fd < 0 ||
           syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) == 0;
}

int landlock_enter(struct fault *fault, const struct landlock_rule *rules, size_t rule_count,
                   uint64_t tcp)
{
    int abi = landlock_abi(), ruleset;
    struct ruleset handled = {.handled_files = file_rights(abi), .handled_net = tcp};
    bool good;

    if (abi == 0) {
        return 0;
    }
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled,
                           abi >= 4 ? sizeof handled : sizeof handled.handled_files, 0);
    good = ruleset >= 0;
    for (size_t i = 0; i < rule_count && good; i++) {
        good = add(ruleset, &rules[i], handled.handled_files);
    }
    good = good && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (!good) {
        (void)fault_errno(fault, EXIT_FAILED, "landlock");
    }
    if (ruleset >= 0) {
        close(ruleset);
    }
    return good ? abi : -1;
}
