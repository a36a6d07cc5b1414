// SPDX-License-Identifier: Apache-2.0
// dsoftbus-filed: receives files into one directory, and reaches nothing else.
//
// Started by dsoftbusd with a socket as descriptor 3 and the directory as its argument. Each message on the socket brings
// the stream of one file, for which a process is made: it may wait for the network and for the disk. All of it ends when
// the socket closes.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/limits.h"
#include "host/filed/confine.h"
#include "host/filed/receive.h"

static int open_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, 0) != 0) {
        fprintf(stderr, "dsoftbus-filed: [file] directory = %s: %s\n", path, strerror(errno));
        return -1;
    }
    return fd;
}

// The next stream, with its job; -1: the socket is closed, or what came is none of dsoftbusd's messages.
static int next_job(struct filed_job *job)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec piece = {job, sizeof *job};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t len;
    int fd;

    do {
        len = recvmsg(FILED_SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    if (len != (ssize_t)sizeof *job || message.msg_controllen != sizeof control ||
        control.header.cmsg_type != SCM_RIGHTS ||
        control.header.cmsg_len != CMSG_LEN(sizeof(int)) || job->peer.len > DEVICE_ID_BYTES_MAX) {
        return -1;
    }
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

// Whether what becomes of the next file is told also when it is not stored: a peer that asks without end must not fill the
// log.
static bool may_tell(void)
{
    static time_t second;
    static unsigned files;
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec != second) {
        second = now.tv_sec;
        files = 0;
    }
    if (files++ == HOST_FILES_TOLD_PER_SECOND) {
        fputs("dsoftbus-filed: many files at once: refusals among the next ones are not told\n",
              stderr);
    }
    return files <= HOST_FILES_TOLD_PER_SECOND;
}

// Until dsoftbusd is gone. A process may be at work after its stream has ended, so dsoftbusd's limit is none for these.
static void serve(int directory)
{
    struct filed_job job = {0};
    unsigned running = 0;
    int stream;

    while ((stream = next_job(&job)) >= 0) {
        bool tell = may_tell();
        pid_t pid = -1;
        while (running > 0 && waitpid(-1, NULL, WNOHANG) > 0) {
            running--;
        }
        errno = EAGAIN;
        if (running < HOST_FILE_PROCESSES_MAX) {
            pid = fork();
        }
        if (pid == 0) {
            close(FILED_SOCKET_FD);
            receive_file(directory, stream, &job, tell);
            _exit(EXIT_DONE);
        }
        if (pid < 0) {
            if (tell) {
                fprintf(stderr, "dsoftbus-filed: no process for a file: %s\n", strerror(errno));
            }
            receive_fail(stream);
        } else {
            running++;
        }
        close(stream);
    }
}

int main(int argc, char **argv)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
    const char ready = 1;
    struct fault fault;
    int directory;

    if (argc != 2) {
        fputs("usage: dsoftbus-filed DIRECTORY    (dsoftbusd starts it)\n", stderr);
        return EXIT_USAGE;
    }
    (void)umask(0077);
    (void)sigaction(SIGCHLD, &usual, NULL); // else they could not be counted
    (void)sigaction(SIGINT, &ignore, NULL); // it goes when dsoftbusd goes
    (void)sigaction(SIGTERM, &ignore, NULL);
    directory = open_directory(argv[1]);
    if (directory < 0) {
        return EXIT_USAGE;
    }
    receive_remove_old_parts(directory);
    if (!confine(&fault, directory)) {
        fprintf(stderr, "dsoftbus-filed: %s\n", fault.text);
        return fault.exit_code;
    }
    if (send(FILED_SOCKET_FD, &ready, sizeof ready, MSG_NOSIGNAL) != (ssize_t)sizeof ready) {
        return EXIT_FAILED;
    }
    serve(directory);
    return EXIT_DONE;
}
