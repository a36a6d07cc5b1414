// SPDX-License-Identifier: Apache-2.0
// Capabilities, no_new_privs, and then landlock.c and seccomp.c.
#include "host/daemon/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

bool sandbox_hide_memory(struct fault *fault)
{
    const struct rlimit none = {0, 0};

    return (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) ||
           fault_errno(fault, EXIT_FAILED, "core dumps cannot be switched off");
}

static bool drop_capabilities(struct fault *fault)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            syscall(SYS_capset, &header, none) == 0) ||
           fault_errno(fault, EXIT_FAILED, "privileges cannot be given up");
}

bool sandbox_enter(struct daemon *d, struct fault *fault)
{
    int error;

    if (!drop_capabilities(fault)) {
        return false;
    }
    if (!d->config.sandbox) {
        log_line(LOG_WARNING, "running without a sandbox: [security] sandbox = no");
        return true;
    }
    d->sandbox.landlock_abi = sandbox_landlock(d, fault);
    if (d->sandbox.landlock_abi < 0) {
        return false;
    }
    if (d->sandbox.landlock_abi == 0) {
        log_line(
            LOG_WARNING,
            "this kernel has no landlock: a fault in this process could reach this user's files");
    }
    error = sandbox_seccomp();
    if (error != 0) {
        errno = -error;
        log_line(LOG_WARNING,
                 "this kernel has no seccomp filters (%d): system calls are not limited", -error);
    }
    d->sandbox.seccomp = error == 0;
    return true;
}
