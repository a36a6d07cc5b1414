// SPDX-License-Identifier: Apache-2.0
// Input.
#include "host/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "noise/ct.h"

static bool read_text(char text[static INPUT_BYTES_MAX + 1], struct fault *fault, int fd,
                      const char *name)
{
    size_t len = 0;
    ssize_t got;

    do {
        got = read(fd, text + len, INPUT_BYTES_MAX + 1 - len);
        len += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && len <= INPUT_BYTES_MAX) || (got < 0 && errno == EINTR));
    if (got < 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot read %s", name);
    }
    if (len > INPUT_BYTES_MAX || memchr(text, 0, len) != NULL) {
        return fault_set(fault, EXIT_USAGE, "%s is not a short text", name);
    }
    text[len] = 0;
    return true;
}

bool input_text(char text[static INPUT_BYTES_MAX + 1], struct fault *fault, const char *name)
{
    bool standard = strcmp(name, "-") == 0, good;
    int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot open %s", name);
    }
    good = read_text(text, fault, fd, standard ? "standard input" : name);
    if (!standard) {
        close(fd);
    }
    return good;
}

bool input_private_key(struct private_key *key, struct fault *fault, const char *name)
{
    char text[INPUT_BYTES_MAX + 1] = "";
    bool read = input_text(text, fault, name);
    bool good = read && private_key_parse(key, text, strlen(text));

    ct_wipe(text, sizeof text);
    if (!good) {
        private_key_wipe(key);
    }
    if (read && !good) {
        return fault_set(fault, EXIT_USAGE, "a private key of 64 hex digits was expected in %s",
                         strcmp(name, "-") == 0 ? "standard input" : name);
    }
    return good;
}

bool input_confirmed(const char *question)
{
    char answer[16];

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return false;
    }
    fprintf(stderr, "%s Type yes to confirm: ", question);
    return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}
