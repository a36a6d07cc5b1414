// SPDX-License-Identifier: Apache-2.0
// landlock and seccomp for the file process.
#include "host/filed/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/landlock.h"

static const int calls[] = {
    // Its sockets.
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(setsockopt),
    SCMP_SYS(close),
    // The files of its directory.
    SCMP_SYS(openat),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(flock),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fsync),
    SCMP_SYS(renameat2),
    SCMP_SYS(linkat),
    SCMP_SYS(unlinkat),
    // A process for each transfer.
    SCMP_SYS(clone),
    SCMP_SYS(wait4),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    // Memory, signals, the end.
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static bool limit_calls(struct fault *fault)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    }
    if (error == 0) {
        error = seccomp_load(filter);
    }
    seccomp_release(filter);
    errno = -error;
    return error == 0 || fault_errno(fault, EXIT_FAILED, "seccomp");
}

static bool drop_privileges(struct fault *fault)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {{0}};
    const struct rlimit none = {0, 0};

    return (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            syscall(SYS_capset, &header, nothing) == 0) ||
           fault_errno(fault, EXIT_FAILED, "privileges cannot be given up");
}

bool confine(struct fault *fault, int directory)
{
    const struct landlock_rule rule = {
        .fd = directory,
        .rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                  LANDLOCK_ACCESS_FS_TRUNCATE,
    };
    int abi;

    if (!drop_privileges(fault)) {
        return false;
    }
    abi = landlock_enter(fault, &rule, 1, LANDLOCK_TCP_BIND | LANDLOCK_TCP_CONNECT);
    if (abi == 0) {
        fputs("dsoftbus-filed: this kernel has no landlock: a fault in this process could reach "
              "this user's files\n",
              stderr);
    }
    return abi >= 0 && limit_calls(fault);
}
