// SPDX-License-Identifier: Apache-2.0
// genkey, pubkey, fingerprint: small tools for keys, on standard input and output.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cli/command.h"
#include "host/cli/input.h"
#include "host/common/exit_code.h"
#include "host/common/fingerprint.h"
#include "host/common/hex.h"
#include "host/common/identity_files.h"
#include "noise/ct.h"
#include "noise/x25519.h"

// A key in a file that others can read is no secret for long.
static void warn_if_open_to_others(void)
{
    struct stat status;

    if (fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) &&
        (status.st_mode & 077) != 0) {
        fputs("dsoftbus: warning: the key goes to a file that others can read (use umask 077)\n",
              stderr);
    }
}

int command_genkey(const struct invocation *call)
{
    char text[KEY_TEXT_CHARS];
    struct private_key key;
    bool good;

    (void)call;
    warn_if_open_to_others();
    if (!private_key_generate(&key)) {
        fputs("dsoftbus: the kernel gives no random numbers\n", stderr);
        return EXIT_FAILED;
    }
    private_key_format(text, &key);
    good = write(STDOUT_FILENO, text, sizeof text) == (ssize_t)sizeof text;
    private_key_wipe(&key);
    ct_wipe(text, sizeof text);
    return good ? EXIT_DONE : EXIT_FAILED;
}

int command_pubkey(const struct invocation *call)
{
    char text[2 * DSB_KEY_BYTES + 1] = "";
    uint8_t public[DSB_KEY_BYTES];
    struct private_key key;
    struct fault fault;

    (void)call;
    if (!input_private_key(&key, &fault, "-")) {
        return command_fail(&fault);
    }
    x25519_base(public, key.bytes);
    private_key_wipe(&key);
    hex_encode(text, public, sizeof public);
    puts(text);
    return EXIT_DONE;
}

int command_fingerprint(const struct invocation *call)
{
    const char *name = call->operand_count > 0 ? call->operands[0] : "-";
    char text[INPUT_BYTES_MAX + 1], out[FINGERPRINT_CHARS + 1];
    uint8_t public[DSB_KEY_BYTES];
    struct card card;
    struct fault fault;
    size_t len;

    if (!input_text(text, &fault, name)) {
        return command_fail(&fault);
    }
    len = strcspn(text, " \t\r\n");
    if (hex_decode(public, sizeof public, text, len)) {
        fingerprint_of_key(out, public);
    } else if (card_parse(&card, &fault, text, name)) {
        fingerprint_of_key(out, card.static_public);
    } else {
        (void)fault_set(&fault, EXIT_USAGE,
                        "a public key of 64 hex digits, or a card, was expected in %s",
                        strcmp(name, "-") == 0 ? "standard input" : name);
        return command_fail(&fault);
    }
    puts(out);
    return EXIT_DONE;
}
