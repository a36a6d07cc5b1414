// SPDX-License-Identifier: Apache-2.0
// The state directory and the configuration file.
#include "host/common/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/exit_code.h"

#define CONFIG_NAME "dsoftbusd.ini"

// The variable's value, or NULL when it is not set, empty, or not an absolute path (as the XDG specification says).
static const char *directory_variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] == '/' ? value : NULL;
}

static bool join(char out[static PATH_MAX], struct fault *fault, const char *a, const char *b)
{
    int len = snprintf(out, PATH_MAX, "%s%s", a, b);

    return (len >= 0 && len < PATH_MAX) ||
           fault_set(fault, EXIT_USAGE, "the path %.40s... is too long", a);
}

// STATE, as far as nobody has named it.
static bool default_state(struct paths *paths, struct fault *fault)
{
    const char *xdg = directory_variable("XDG_STATE_HOME");
    const char *home = directory_variable("HOME");
    const char *service = directory_variable("STATE_DIRECTORY");

    if (service != NULL) {
        return join(paths->state, fault, service, "");
    }
    if (xdg != NULL) {
        return join(paths->state, fault, xdg, "/dsoftbus");
    }
    if (geteuid() == 0) {
        return join(paths->state, fault, PATH_STATE_ROOT, "");
    }
    if (home != NULL) {
        return join(paths->state, fault, home, "/.local/state/dsoftbus");
    }
    return fault_set(fault, EXIT_NO_STATE,
                     "no state directory: neither --state nor HOME is given; use --state DIR");
}

static bool default_config(struct paths *paths, struct fault *fault)
{
    const char *xdg = directory_variable("XDG_CONFIG_HOME");
    const char *home = directory_variable("HOME");

    if (geteuid() == 0 || directory_variable("STATE_DIRECTORY") != NULL) {
        return join(paths->config, fault, "/etc/dsoftbus/", CONFIG_NAME);
    }
    if (xdg != NULL) {
        return join(paths->config, fault, xdg, "/dsoftbus/" CONFIG_NAME);
    }
    return join(paths->config, fault, home != NULL ? home : "", "/.config/dsoftbus/" CONFIG_NAME);
}

bool paths_find(struct paths *paths, struct fault *fault, const char *state_option,
                const char *config_option)
{
    const char *state = state_option != NULL ? state_option : getenv("DSOFTBUS_STATE");
    bool named = state != NULL && state[0] != 0;

    memset(paths, 0, sizeof *paths);
    if (!(named ? join(paths->state, fault, state, "") : default_state(paths, fault))) {
        return false;
    }
    if (config_option != NULL) {
        paths->config_given = true;
        return join(paths->config, fault, config_option, "");
    }
    return named ? join(paths->config, fault, paths->state, "/" CONFIG_NAME)
                 : default_config(paths, fault);
}

// ---- Directories ----------------------------------------------------------------------------------

int paths_open(const struct paths *paths, struct fault *fault, const char *sub)
{
    char path[PATH_MAX];
    struct stat status;
    int fd;

    if (snprintf(path, sizeof path, "%s/%s", paths->state, sub) >= PATH_MAX) {
        (void)fault_set(fault, EXIT_USAGE, "the path %.40s... is too long", paths->state);
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        (void)fault_set(fault, EXIT_NO_STATE, "%s does not exist: `dsoftbus init` makes it", path);
        return -1;
    }
    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)fault_errno(fault, EXIT_NO_STATE, "cannot open %s", path);
        return -1;
    }
    if ((status.st_uid != geteuid() && status.st_uid != 0 && geteuid() != 0) ||
        (status.st_mode & 022) != 0) {
        (void)fault_set(
            fault, EXIT_NO_STATE,
            "%s can be written by others (owner %u, mode %04o): make it yours, mode 0700", path,
            (unsigned)status.st_uid, (unsigned)status.st_mode & 07777);
        close(fd);
        return -1;
    }
    return fd;
}

static bool make_directory(struct fault *fault, const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ||
           fault_errno(fault, EXIT_NO_STATE, "cannot make the directory %s", path);
}

// Makes every directory on the way to, and including, `path`.
static bool make_directories(struct fault *fault, const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    for (size_t i = 0; i <= len; i++) {
        part[i] = path[i];
        if (i > 0 && (path[i] == '/' || path[i] == 0)) {
            part[i] = 0;
            if (!make_directory(fault, part)) {
                return false;
            }
            part[i] = path[i];
        }
    }
    return true;
}

bool paths_create(const struct paths *paths, struct fault *fault)
{
    static const char *const subs[] = {"/" PATH_SECRET, "/" PATH_NODE, "/" PATH_RUN};
    char path[PATH_MAX];

    if (!make_directories(fault, paths->state)) {
        return false;
    }
    for (size_t i = 0; i < sizeof subs / sizeof subs[0]; i++) {
        if (!join(path, fault, paths->state, subs[i]) || !make_directory(fault, path)) {
            return false;
        }
    }
    return true;
}
