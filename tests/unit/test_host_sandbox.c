// SPDX-License-Identifier: Apache-2.0
// The filter of system calls of the network process: what it must do stays possible, and ways out of it are not.
#include "host/daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct row {
    const char *name;
    long call, arguments[3];
    bool allowed;
};

// Descriptor 2 is standard error, 1000 is none: an allowed call fails with something else than EPERM, or not at all.
static const struct row rows[] = {
    {"non-blocking", SYS_ioctl, {1000, FIONBIO, 0}, true},
    {"non-blocking, high bits of the request are not looked at by the kernel",
     SYS_ioctl,
     {1000, (long)(FIONBIO | UINT64_C(1) << 32), 0},
     true},
    {"flags", SYS_fcntl, {1000, F_GETFL, 0}, true},
    {"a stream for a local program",
     SYS_socketpair,
     {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0},
     true},
    {"a socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}, true},
    {"typing into the terminal", SYS_ioctl, {2, TIOCSTI, 0}, false},
    {"the same with high bits", SYS_ioctl, {2, (long)(TIOCSTI | UINT64_C(1) << 32), 0}, false},
    {"selection into the console", SYS_ioctl, {2, 0x541c, 0}, false},
    {"owner of signals", SYS_fcntl, {2, F_SETOWN, 1}, false},
    {"number of signals", SYS_fcntl, {2, 10, SIGKILL}, false},
    {"owner of signals, by ioctl", SYS_ioctl, {2, 0x8901, 0}, false},
    {"signal to another process", SYS_tgkill, {1, 1, 0}, false},
    {"signal", SYS_kill, {1, 0, 0}, false},
    {"unix socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, false},
    {"unix datagrams", SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0}, false},
    {"opening to write", SYS_openat, {AT_FDCWD, 0, O_WRONLY}, false},
    {"opening to make", SYS_openat, {AT_FDCWD, 0, O_RDONLY | O_CREAT}, false},
    {"program", SYS_execve, {0, 0, 0}, false},
    {"process", SYS_clone, {0, 0, 0}, false},
    {"debugging", SYS_ptrace, {0, 0, 0}, false},
    {"another process's memory", SYS_process_vm_readv, {1, 0, 0}, false},
    {"memory to execute", SYS_mprotect, {0, 0, PROT_READ | PROT_EXEC}, false},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool as_wanted(const struct row *row)
{
    long result = syscall(row->call, row->arguments[0], row->arguments[1], row->arguments[2], NULL);

    return row->allowed == !(result < 0 && errno == EPERM);
}

// As _exit, before which the address sanitizer would make a system call that is not allowed.
static void leave(int code)
{
    (void)syscall(SYS_exit_group, code);
}

static bool enter(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sandbox_seccomp() == 0;
}

static int wait_for(pid_t pid)
{
    int status = 0;

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

// The number of the first row that is not as it should be; ROWS: none; above: no filter.
static int try_rows(void)
{
    int i = 0;

    if (!enter()) {
        return ROWS + 1;
    }
    while (i < ROWS && as_wanted(&rows[i])) {
        i++;
    }
    return i;
}

static void test_calls(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        leave(try_rows());
    }
    status = wait_for(pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) < ROWS) {
        fail_msg("row %d: %s", WEXITSTATUS(status), rows[WEXITSTATUS(status)].name);
    }
    assert_int_equal(WEXITSTATUS(status), ROWS);
}

// As abort() does after a failed assertion.
static void test_a_process_still_signals_itself(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        leave(enter() ? raise(SIGABRT) : 0);
    }
    status = wait_for(pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_a_process_still_signals_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
