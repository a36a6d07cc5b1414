// SPDX-License-Identifier: Apache-2.0
// Landlock: which files and which TCP ports a process can reach from now on.
#ifndef HOST_COMMON_LANDLOCK_H
#define HOST_COMMON_LANDLOCK_H

#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>

#include "host/common/fault.h"

// Of ABI 3; older headers do not name it.
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1 << 14)
#endif

enum { LANDLOCK_TCP_BIND = 1 << 0, LANDLOCK_TCP_CONNECT = 1 << 1 };

// What may be done beneath a directory, or with a file. fd -1: the rule is left out.
struct landlock_rule {
    int fd;
    uint64_t rights;
};

// The ABI; 0: this kernel has no landlock.
int landlock_abi(void);

// Every file is out of reach but for the rules, and so are the TCP operations of `tcp` where the kernel knows them.
// Returns the ABI that is in force; 0: the kernel has none; -1 with a fault when it has and refuses.
int landlock_enter(struct fault *fault, const struct landlock_rule *rules, size_t rule_count,
                   uint64_t tcp) __attribute__((warn_unused_result));

#endif
