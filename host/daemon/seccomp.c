// SPDX-License-Identifier: Apache-2.0
// seccomp: which system calls the network process can make.
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/daemon/sandbox.h"

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
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

// Commands to descriptors that are needed. Others type into the user's terminal (TIOCSTI), which is still there as standard
// error, or have a signal sent to any process of the user (F_SETOWN, FIOSETOWN).
static const struct {
    int call;
    uint32_t command;
} commands[] = {
    {SCMP_SYS(fcntl), F_GETFD}, {SCMP_SYS(fcntl), F_SETFD},         {SCMP_SYS(fcntl), F_GETFL},
    {SCMP_SYS(fcntl), F_SETFL}, {SCMP_SYS(fcntl), F_DUPFD_CLOEXEC}, {SCMP_SYS(ioctl), FIONBIO},
    {SCMP_SYS(ioctl), FIOCLEX}, {SCMP_SYS(ioctl), FIONREAD},        {SCMP_SYS(ioctl), SIOCGIFINDEX},
};

static int allow_commands(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, commands[i].call, 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, commands[i].command));
    }
    return error;
}

// Those of which only a part is needed.
static int allow_parts(scmp_filter_ctx filter)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};
    int error = 0;

    for (size_t i = 0; i < sizeof families / sizeof families[0] && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
    }
    // For streams of local programs; a datagram socket would reach those of others.
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
                                 SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
                                 SCMP_A1(SCMP_CMP_EQ, SOCK_STREAM | SOCK_CLOEXEC, 0));
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
    if (error == 0) { // abort() signals itself
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    }
    return error == 0 ? allow_commands(filter) : error;
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
int sandbox_seccomp(void)
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
