// SPDX-License-Identifier: Apache-2.0
// Starting the other programs.
#include "host/daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/exit_code.h"

static bool program_path(char out[static PATH_MAX], struct fault *fault, const char *name)
{
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
    size_t room;
    char *end;

    if (len <= 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot find this program's own directory");
    }
    out[len] = 0;
    end = strrchr(out, '/');
    end = end == NULL ? out : end + 1;
    room = PATH_MAX - (size_t)(end - out);
    return (size_t)snprintf(end, room, "%s", name) < room ||
           fault_set(fault, EXIT_FAILED, "this program's own directory has too long a name");
}

// In the child: only the socket and the standard descriptors remain. Does not return.
static void become(char *program, char *argument, int fd)
{
    char *const argv[] = {program, argument, NULL};
    char *const environment[] = {NULL};

    if (fd == CHILD_SOCKET_FD ? fcntl(fd, F_SETFD, 0) == 0
                              : dup2(fd, CHILD_SOCKET_FD) == CHILD_SOCKET_FD) {
        execve(program, argv, environment);
    }
    dprintf(STDERR_FILENO, "dsoftbusd: cannot start %s: %s\n", program, strerror(errno));
    _exit(EXIT_FAILED);
}

bool child_failed(const struct child *child, struct fault *fault, const char *what)
{
    int status = 0;

    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return fault_set(
        fault, WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EXIT_FAILED,
        "%s could not start", what);
}

bool child_start(struct child *child, struct fault *fault, const char *name, char *argument)
{
    char program[PATH_MAX];
    int pair[2];

    if (!program_path(program, fault, name)) {
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return fault_errno(fault, EXIT_FAILED, "no socket for %s", name);
    }
    child->fd = pair[0];
    child->pid = fork();
    if (child->pid < 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot start %s", name);
    }
    if (child->pid == 0) {
        become(program, argument, pair[1]);
    }
    close(pair[1]);
    return true;
}
