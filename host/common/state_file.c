// SPDX-License-Identifier: Apache-2.0
// Reading and replacing of small files.
#include "host/common/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/exit_code.h"

enum { NAME_BYTES = 64 };

// ---- Reading --------------------------------------------------------------------------------------

// Up to max bytes; -1 with errno when that fails.
static ssize_t read_all(int fd, char *bytes, size_t max)
{
    size_t len = 0;

    while (len < max) {
        ssize_t got = read(fd, bytes + len, max - len);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            len += (size_t)got;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return (ssize_t)len;
}

static char *read_open(size_t *len, struct fault *fault, int fd, const char *name, size_t max)
{
    struct stat status;
    char *bytes;
    ssize_t got;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)fault_set(fault, EXIT_NO_STATE, "%s is not a file", name);
        return NULL;
    }
    if (status.st_size < 0 || (uintmax_t)status.st_size > max) {
        (void)fault_set(fault, EXIT_NO_STATE, "%s is larger than %zu bytes", name, max);
        return NULL;
    }
    bytes = malloc((size_t)status.st_size + 1);
    if (bytes == NULL) {
        (void)fault_set(fault, EXIT_FAILED, "no memory to read %s", name);
        return NULL;
    }
    got = read_all(fd, bytes, (size_t)status.st_size);
    if (got < 0) {
        (void)fault_errno(fault, EXIT_NO_STATE, "cannot read %s", name);
        free(bytes);
        return NULL;
    }
    bytes[got] = 0;
    *len = (size_t)got;
    return bytes;
}

char *state_file_read(size_t *len, bool *missing, struct fault *fault, int directory,
                      const char *name, size_t max)
{
    int no_link = directory == AT_FDCWD ? 0 : O_NOFOLLOW; // what a person has named may be a link
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | no_link);
    char *bytes;

    if (missing != NULL) {
        *missing = fd < 0 && errno == ENOENT;
    }
    if (fd < 0) {
        (void)fault_errno(fault, EXIT_NO_STATE, "cannot open %s", name);
        return NULL;
    }
    bytes = read_open(len, fault, fd, name, max);
    close(fd);
    return bytes;
}

// ---- Writing --------------------------------------------------------------------------------------

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return false;
        }
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

// The new file belongs to whom the directory belongs: root may change the files of a service.
static bool give_to_owner(int fd, int directory)
{
    struct stat status;

    return fstat(directory, &status) == 0 &&
           (status.st_uid == geteuid() || fchown(fd, status.st_uid, status.st_gid) == 0);
}

static bool write_new(int directory, const char *name, const void *bytes, size_t len)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good;

    if (fd < 0) {
        return false;
    }
    good = write_all(fd, bytes, len) && give_to_owner(fd, directory) && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

bool state_file_replace(struct fault *fault, int directory, const char *name, const void *bytes,
                        size_t len)
{
    char next[NAME_BYTES];

    snprintf(next, sizeof next, ".%s.next", name);
    if (unlinkat(directory, next, 0) != 0 && errno != ENOENT) {
        return fault_errno(fault, EXIT_FAILED, "cannot remove the old %s", next);
    }
    if (!write_new(directory, next, bytes, len) ||
        renameat(directory, next, directory, name) != 0 || fsync(directory) != 0) {
        (void)fault_errno(fault, EXIT_FAILED, "cannot write %s", name);
        (void)unlinkat(directory, next, 0);
        return false;
    }
    return true;
}

// Written aside and linked: the name appears with the whole contents or not at all, and never replaces anything.
bool state_file_create(struct fault *fault, int directory, const char *name, const void *bytes,
                       size_t len)
{
    char next[NAME_BYTES];
    bool good;

    snprintf(next, sizeof next, ".%s.new", name);
    if (unlinkat(directory, next, 0) != 0 && errno != ENOENT) {
        return fault_errno(fault, EXIT_FAILED, "cannot remove the old %s", next);
    }
    good =
        write_new(directory, next, bytes, len) && linkat(directory, next, directory, name, 0) == 0;
    if (!good) {
        (void)fault_errno(fault, EXIT_FAILED, "cannot make %s", name);
    }
    (void)unlinkat(directory, next, 0);
    return good &&
           (fsync(directory) == 0 || fault_errno(fault, EXIT_FAILED, "cannot sync %s", name));
}

bool state_lock(struct fault *fault, int directory)
{
    while (flock(directory, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return fault_errno(fault, EXIT_FAILED, "cannot lock the state directory");
        }
    }
    return true;
}
