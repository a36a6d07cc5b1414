// SPDX-License-Identifier: Apache-2.0
// init: makes the identity. id: shows it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/cli/input.h"
#include "host/cli/qr.h"
#include "host/common/exit_code.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"
#include "host/common/identity_files.h"
#include "host/common/state_file.h"
#include "noise/ct.h"
#include "noise/x25519.h"

// ---- init -----------------------------------------------------------------------------------------

// The host's name, with what an id may not have left out.
static bool default_id(struct device_id *id, struct fault *fault)
{
    char name[DEVICE_ID_BYTES_MAX + 1] = "";
    size_t len = 0;

    if (gethostname(name, sizeof name - 1) != 0 && errno != ENAMETOOLONG) {
        name[0] = 0;
    }
    for (size_t i = 0; name[i] != 0; i++) {
        if (name_char_plain((uint8_t)name[i])) {
            name[len++] = name[i];
        }
    }
    name[len] = 0;
    return len > 0 ? device_id_parse(id, fault, name)
                   : fault_set(fault, EXIT_USAGE, "this host has no name: use --id");
}

// Which id the node is to have: the option's, the old one's, or the host's name.
static bool choose_id(struct device_id *id, struct fault *fault, const struct invocation *call,
                      const struct card *old)
{
    const char *option = option_value(call, "id");

    if (option != NULL) {
        return device_id_parse(id, fault, option);
    }
    if (old->id.len > 0) {
        *id = old->id;
        return true;
    }
    return default_id(id, fault);
}

static bool write_key(struct fault *fault, int directory, const struct private_key *key,
                      bool replace)
{
    char text[KEY_TEXT_CHARS];
    bool good;

    private_key_format(text, key);
    good = replace ? state_file_replace(fault, directory, FILE_KEY, text, sizeof text)
                   : state_file_create(fault, directory, FILE_KEY, text, sizeof text);
    ct_wipe(text, sizeof text);
    return good;
}

// The key: from --key, or fresh. One that is there already (an earlier init was killed between its two files) is kept
// unless it is to be replaced.
static bool provide_key(struct private_key *key, struct fault *fault, const struct invocation *call,
                        int directory)
{
    const char *file = option_value(call, "key");
    bool replace = option_given(call, "new-key");

    if (!replace && faccessat(directory, FILE_KEY, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return file == NULL
                   ? private_key_load(key, fault, directory)
                   : fault_set(fault, EXIT_FAILED, "there is a key already: --new-key replaces it");
    }
    if (file != NULL) {
        return input_private_key(key, fault, file) && write_key(fault, directory, key, replace);
    }
    return (private_key_generate(key) ||
            fault_set(fault, EXIT_FAILED, "the kernel gives no random numbers")) &&
           write_key(fault, directory, key, replace);
}

static bool make_identity(struct card *card, struct fault *fault, const struct invocation *call,
                          int node, int secret)
{
    struct card old = {0};
    struct private_key key = {{0}};
    char text[CARD_CHARS_MAX];
    bool exists = faccessat(node, FILE_IDENTITY, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

    if (exists && !card_load(&old, fault, node)) {
        return false;
    }
    if (exists && !option_given(call, "new-key")) {
        return fault_set(fault, EXIT_FAILED,
                         "this node has an identity already (%.*s); --new-key replaces its key",
                         (int)old.id.len, (const char *)old.id.bytes);
    }
    if (!choose_id(&card->id, fault, call, &old) || !provide_key(&key, fault, call, secret)) {
        return false;
    }
    x25519_base(card->static_public, key.bytes);
    private_key_wipe(&key);
    card_format(text, card);
    return state_file_replace(fault, node, FILE_IDENTITY, text, strlen(text));
}

// The card of the identity that is there. False: there is none.
static bool is_there(struct card *card, struct fault *fault, const struct invocation *call,
                     int node)
{
    return option_given(call, "if-missing") &&
           faccessat(node, FILE_IDENTITY, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
           card_load(card, fault, node);
}

int command_init(const struct invocation *call)
{
    char fingerprint[FINGERPRINT_CHARS + 1];
    struct card card = {0};
    struct fault fault;
    int node = -1, secret = -1;
    bool good;

    if (!paths_create(&call->paths, &fault)) {
        return command_fail(&fault);
    }
    node = paths_open(&call->paths, &fault, PATH_NODE);
    secret = node < 0 ? -1 : paths_open(&call->paths, &fault, PATH_SECRET);
    good =
        secret >= 0 && state_lock(&fault, node) &&
        (is_there(&card, &fault, call, node) || make_identity(&card, &fault, call, node, secret));
    close(secret);
    close(node);
    if (!good) {
        return command_fail(&fault);
    }
    fingerprint_of_key(fingerprint, card.static_public);
    printf("device id    %.*s\nfingerprint  %s\nstate        %s\n", (int)card.id.len,
           (const char *)card.id.bytes, fingerprint, call->paths.state);
    return EXIT_DONE;
}

// ---- id -------------------------------------------------------------------------------------------

// The card without its line end: what `dsoftbus trust --card -` takes.
static bool print_qr(struct fault *fault, const struct card *card)
{
    char text[CARD_CHARS_MAX];

    card_format(text, card);
    text[strcspn(text, "\n")] = 0;
    return qr_print(stdout, fault, text);
}

int command_id(const struct invocation *call)
{
    char fingerprint[FINGERPRINT_CHARS + 1], key[2 * DSB_KEY_BYTES + 1] = "";
    char text[CARD_CHARS_MAX], id[LABEL_CHARS_MAX];
    struct card card;
    struct fault fault;
    int node = paths_open(&call->paths, &fault, PATH_NODE);

    if (node < 0 || !card_load(&card, &fault, node)) {
        return command_fail(&fault);
    }
    close(node);
    if (option_given(call, "card")) {
        card_format(text, &card);
        fputs(text, stdout);
        return EXIT_DONE;
    }
    fingerprint_of_key(fingerprint, card.static_public);
    hex_encode(key, card.static_public, DSB_KEY_BYTES);
    label_device(id, &card.id);
    if (option_given(call, "json")) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "id", id);
        cJSON_AddStringToObject(object, "key", key);
        cJSON_AddStringToObject(object, "fingerprint", fingerprint);
        return json_print(object);
    }
    if (option_given(call, "qr") && !print_qr(&fault, &card)) {
        return command_fail(&fault);
    }
    printf("device id    %s\npublic key   %s\nfingerprint  %s\n", id, key, fingerprint);
    return EXIT_DONE;
}
