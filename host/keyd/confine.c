// SPDX-License-Identifier: Apache-2.0
// seccomp for the key process.
#include "host/keyd/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "host/common/exit_code.h"

static int allow(scmp_filter_ctx filter)
{
    static const int calls[] = {
        SCMP_SYS(recvfrom),   SCMP_SYS(sendto),          SCMP_SYS(exit),
        SCMP_SYS(exit_group), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn),
    };

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

bool confine(struct fault *fault)
{
    scmp_filter_ctx filter;
    int error;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return fault_errno(fault, EXIT_FAILED, "no_new_privs");
    }
    filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return fault_set(fault, EXIT_FAILED, "seccomp: no filter");
    }
    error = allow(filter);
    if (error == 0) {
        error = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (error != 0) {
        errno = -error;
        return fault_errno(fault, EXIT_FAILED, "seccomp");
    }
    return true;
}
