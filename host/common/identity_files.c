// SPDX-License-Identifier: Apache-2.0
// The node's own identity on disk.
#include "host/common/identity_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/hex.h"
#include "host/common/paths.h"
#include "host/common/state_file.h"
#include "noise/ct.h"

// ---- Keys -----------------------------------------------------------------------------------------

void private_key_wipe(struct private_key *key)
{
    ct_wipe(key, sizeof *key);
}

bool private_key_generate(struct private_key *key)
{
    return getrandom(key->bytes, sizeof key->bytes, 0) == (ssize_t)sizeof key->bytes;
}

void private_key_format(char text[static KEY_TEXT_CHARS], const struct private_key *key)
{
    hex_encode(text, key->bytes, sizeof key->bytes);
    text[KEY_TEXT_CHARS - 1] = '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool private_key_parse(struct private_key *key, const char *text, size_t text_len)
{
    while (text_len > 0 && is_blank(text[text_len - 1])) {
        text_len--;
    }
    return hex_decode(key->bytes, sizeof key->bytes, text, text_len);
}

// A key that others could have read is no longer a secret.
static bool only_ours(struct fault *fault, int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return fault_errno(fault, EXIT_NO_STATE, "cannot look at " PATH_SECRET "/" FILE_KEY);
    }
    if (!S_ISREG(status.st_mode)) {
        return fault_set(fault, EXIT_NO_STATE, PATH_SECRET "/" FILE_KEY " is not a file");
    }
    if (status.st_uid != geteuid() && status.st_uid != 0 && geteuid() != 0) {
        return fault_set(fault, EXIT_NO_STATE,
                         PATH_SECRET "/" FILE_KEY
                                     " belongs to user %u, not to user %u who runs this",
                         (unsigned)status.st_uid, (unsigned)geteuid());
    }
    if ((status.st_mode & 077) != 0) {
        return fault_set(
            fault, EXIT_NO_STATE,
            PATH_SECRET "/" FILE_KEY " is open to others (mode %04o): chmod 600 it; if anybody may "
                        "have read it, make a new identity with `dsoftbus init --new-key`",
            (unsigned)status.st_mode & 07777);
    }
    return true;
}

static bool read_key(struct private_key *key, struct fault *fault, int fd)
{
    char text[KEY_TEXT_CHARS + 1]; // one more than there may be
    ssize_t len = read(fd, text, sizeof text);
    bool good = len > 0 && private_key_parse(key, text, (size_t)len);

    ct_wipe(text, sizeof text);
    return good || fault_set(fault, EXIT_NO_STATE,
                             PATH_SECRET "/" FILE_KEY " is damaged: 64 hex digits were expected");
}

bool private_key_load(struct private_key *key, struct fault *fault, int directory)
{
    int fd = openat(directory, FILE_KEY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool good;

    private_key_wipe(key);
    if (fd < 0 && errno == ENOENT) {
        return fault_set(fault, EXIT_NO_STATE,
                         "there is no " PATH_SECRET "/" FILE_KEY ": `dsoftbus init` makes it");
    }
    if (fd < 0) {
        return fault_errno(fault, EXIT_NO_STATE, "cannot open " PATH_SECRET "/" FILE_KEY);
    }
    good = only_ours(fault, fd) && read_key(key, fault, fd);
    close(fd);
    return good;
}

// ---- Cards ----------------------------------------------------------------------------------------

bool device_id_parse(struct device_id *id, struct fault *fault, const char *text)
{
    size_t len = strlen(text);

    if (!name_plain((const uint8_t *)text, len) || !device_id_set(id, (const uint8_t *)text, len)) {
        return fault_set(fault, EXIT_USAGE,
                         "\"%.64s\" is no device id: 1 to 64 of the characters 0-9 A-Z a-z . _ -",
                         text);
    }
    return true;
}

void card_format(char out[static CARD_CHARS_MAX], const struct card *card)
{
    size_t len = card->id.len;

    memcpy(out, card->id.bytes, len);
    out[len++] = ' ';
    hex_encode(out + len, card->static_public, DSB_KEY_BYTES);
    len += (size_t)2 * DSB_KEY_BYTES;
    out[len++] = '\n';
    out[len] = 0;
}

bool card_parse(struct card *card, struct fault *fault, const char *text, const char *what)
{
    size_t id_len = strcspn(text, " \t\r\n");
    const char *key = text + id_len + strspn(text + id_len, " \t");
    size_t key_len = strcspn(key, " \t\r\n");

    memset(card, 0, sizeof *card);
    if (!name_plain((const uint8_t *)text, id_len) ||
        !device_id_set(&card->id, (const uint8_t *)text, id_len) ||
        !hex_decode(card->static_public, DSB_KEY_BYTES, key, key_len) ||
        strspn(key + key_len, " \t\r") != strcspn(key + key_len, "\n")) {
        return fault_set(fault, EXIT_USAGE,
                         "%s is no card: a device id and 64 hex digits were expected, in one line, "
                         "as `dsoftbus id --card` prints them",
                         what);
    }
    return true;
}

bool card_load(struct card *card, struct fault *fault, int directory)
{
    bool missing, good;
    size_t len;
    char *text = state_file_read(&len, &missing, fault, directory, FILE_IDENTITY, 512);

    if (text == NULL) {
        return missing ? fault_set(fault, EXIT_NO_STATE,
                                   "there is no " PATH_NODE "/" FILE_IDENTITY
                                   ": `dsoftbus init` makes it")
                       : false;
    }
    good = card_parse(card, fault, text, PATH_NODE "/" FILE_IDENTITY);
    free(text);
    if (!good) {
        fault->exit_code = EXIT_NO_STATE;
    }
    return good;
}
