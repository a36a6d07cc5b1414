// SPDX-License-Identifier: Apache-2.0
// Capabilities, no_new_privs, seccomp.
#include "host/daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

// ---- seccomp --------------------------------------------------------------------------------------

static const int plain_calls[] = {
    // The loop and its sockets.
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(accept4),
    SCMP_SYS(connect),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(shutdown),
    SCMP_SYS(close),
    SCMP_SYS(fcntl),
    SCMP_SYS(ioctl),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    // Time and randomness.
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    // Who a control client is.
    SCMP_SYS(geteuid),
    // Reading the known peers again; removing the control socket.
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(unlinkat),
    // Memory, signals, the end.
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

// Those of which only a part is needed.
static int allow_parts(scmp_filter_ctx filter)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};
    int error = 0;

    for (size_t i = 0; i < sizeof families / sizeof families[0] && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
    }
    if (error == 0) { // for streams of local programs
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
                                 SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    }
    if (error == 0) { // getifaddrs binds its netlink socket; landlock keeps TCP from being bound
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
    }
    if (error == 0) {
        error =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
    }
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    return error;
}

static int allow_all(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < sizeof plain_calls / sizeof plain_calls[0] && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
    }
    return error == 0 ? allow_parts(filter) : error;
}

// Any other call fails with EPERM: a C library that tries something new goes on without it.
static int filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error;

    if (filter == NULL) {
        return -ENOMEM;
    }
    error = allow_all(filter);
    if (error == 0) {
        error = seccomp_load(filter);
    }
    seccomp_release(filter);
    return error;
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
    error = filter_calls();
    if (error != 0) {
        errno = -error;
        log_line(LOG_WARNING,
                 "this kernel has no seccomp filters (%d): system calls are not limited", -error);
    }
    d->sandbox.seccomp = error == 0;
    return true;
}
