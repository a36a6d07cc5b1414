// SPDX-License-Identifier: Apache-2.0
// The ways to read a row of bytes in which a key could stand: raw, as hex, as base64.
//
// What is read is decoded, instead of encoding what is looked for: so any case, any alignment and any number of keys
// cost one pass.
//
//     raw          the bytes themselves
//     hex          each run of hex digits, from its first and from its second digit
//     hex tokens   all words made of an even number of hex digits, with or without 0x, joined over whatever
//                  stands between them: "aa bb", "aa:bb", "0xaa, 0xbb", and pieces on several lines
//     base64       each run of characters of both alphabets (RFC 4648 4 and 5), from each of the four bit offsets that a
//                  byte can have in it
#ifndef TESTS_QEMU_KEYSCAN_VIEWS_H
#define TESTS_QEMU_KEYSCAN_VIEWS_H

#include <stddef.h>
#include <stdint.h>

enum view_kind { VIEW_RAW, VIEW_HEX, VIEW_HEX_TOKENS, VIEW_BASE64, VIEW_KINDS };

struct view {
    uint8_t *bytes;
    size_t *origin; // where in the data each byte comes from (its first digit)
    size_t len, cap;
};

// Replaces what the view was. It starts as zero bytes.
void view_make(struct view *view, enum view_kind kind, const uint8_t *data, size_t data_len);

void view_free(struct view *view);

const char *view_name(enum view_kind kind);

#endif
