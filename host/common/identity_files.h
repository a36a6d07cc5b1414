// SPDX-License-Identifier: Apache-2.0
// The node's own identity on disk: its private key, its device id and public key.
#ifndef HOST_COMMON_IDENTITY_FILES_H
#define HOST_COMMON_IDENTITY_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "dsoftbus/identity.h"
#include "host/common/fault.h"

enum { KEY_TEXT_CHARS = 2 * DSB_KEY_BYTES + 1 }; // 64 hex digits and a line end

// A static private key. Never printed or compared; copied and wiped by these functions only.
struct private_key {
    uint8_t bytes[DSB_KEY_BYTES];
};

void private_key_wipe(struct private_key *key);

// A fresh one from the kernel's generator; false when that fails.
bool private_key_generate(struct private_key *key) __attribute__((warn_unused_result));

// CT: secret = key, text; public = lengths. The text is KEY_TEXT_CHARS characters, without a closing 0.
void private_key_format(char text[static KEY_TEXT_CHARS], const struct private_key *key);

// 64 hex digits, which blanks and line ends may follow. On an error the key is zero.
bool private_key_parse(struct private_key *key, const char *text, size_t text_len)
    __attribute__((warn_unused_result));

// Reads secret/key, `directory` being "secret". Refuses a file that others can read or write, or that belongs to
// somebody else. On an error the key is zero.
bool private_key_load(struct private_key *key, struct fault *fault, int directory)
    __attribute__((warn_unused_result));

// What one node has to know of another to trust it, and what it tells of itself: a line "<device id> <64 hex digits>".
struct card {
    struct device_id id;
    uint8_t static_public[DSB_KEY_BYTES];
};

enum { CARD_CHARS_MAX = DEVICE_ID_BYTES_MAX + 1 + 2 * DSB_KEY_BYTES + 2 };

// Writes the line with its end and a closing 0.
void card_format(char out[static CARD_CHARS_MAX], const struct card *card);

// Blanks at the end, and further lines, are ignored. `what` names the text in the fault (EXIT_USAGE).
bool card_parse(struct card *card, struct fault *fault, const char *text, const char *what)
    __attribute__((warn_unused_result));

// Reads node/identity, `directory` being "node".
bool card_load(struct card *card, struct fault *fault, int directory)
    __attribute__((warn_unused_result));

// Of the text, or a fault that says what a device id of ours is made of.
bool device_id_parse(struct device_id *id, struct fault *fault, const char *text)
    __attribute__((warn_unused_result));

#endif
