// SPDX-License-Identifier: Apache-2.0
// Messages to the service manager.
#include "host/daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;

void notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    int fd;

    if (len < 2 || len >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = 0; // the abstract name space
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, address_len) != 0) {
        close(fd);
        fd = -1;
    }
    notify_fd = fd;
}

void notify_send(const char *state)
{
    if (notify_fd >= 0) {
        (void)send(notify_fd, state, strlen(state), MSG_NOSIGNAL);
    }
}

// Half of what the manager allows, as sd_watchdog_enabled(3) advises; only when it is meant for this process.
uint64_t notify_watchdog_ms(void)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (notify_fd < 0 || period == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid())) {
        return 0;
    }
    return strtoull(period, NULL, 10) / 2000;
}
