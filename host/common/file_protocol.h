// SPDX-License-Identifier: Apache-2.0
// What goes over a stream of the service `file` (docs/WIRE.md): a header, an answer, the content from some offset on, and
// a last answer.
#ifndef HOST_COMMON_FILE_PROTOCOL_H
#define HOST_COMMON_FILE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/common/limits.h"

enum {
    FILE_VERSION = 1,
    FILE_HASH_BYTES = 32,
    FILE_HEADER_BYTES = 4 + 1 + 1 + 8 + FILE_HASH_BYTES, // the name follows
    FILE_HEADER_BYTES_MAX = FILE_HEADER_BYTES + HOST_FILE_NAME_MAX,
    FILE_ANSWER_BYTES = 1 + 8,
};

#define FILE_STATUS_TABLE(ROW)                                                                     \
    ROW(FILE_GO_ON, 0, "go on")         /* first answer: from the offset; last one: stored */      \
    ROW(FILE_THERE, 1, "already there") /* with the same content; nothing is to be sent */         \
    ROW(FILE_BAD_REQUEST, 2, "not a request of this version")                                      \
    ROW(FILE_BAD_NAME, 3, "the name is not allowed")                                               \
    ROW(FILE_EXISTS, 4, "there is another file of this name, and none is overwritten")             \
    ROW(FILE_TOO_LARGE, 5, "it is larger than is taken")                                           \
    ROW(FILE_NO_SPACE, 6, "there is no space for it")                                              \
    ROW(FILE_BUSY, 7, "this very file is being received already")                                  \
    ROW(FILE_WRONG_HASH, 8, "what arrived is not what was announced")                              \
    ROW(FILE_FAILED, 9, "it could not be stored; the log there says why")

#define FILE_STATUS_ENUM(name, number, text) name = (number),
enum file_status { FILE_STATUS_TABLE(FILE_STATUS_ENUM) };
#undef FILE_STATUS_ENUM

// The text; "unknown" for a number that has none.
const char *file_status_text(uint8_t status);

struct file_header {
    char name[HOST_FILE_NAME_MAX + 1];
    uint64_t size;
    uint8_t hash[FILE_HASH_BYTES]; // BLAKE2s of the content
};

struct file_answer {
    uint8_t status;
    uint64_t offset;
};

// 1..255 bytes of UTF-8 without a slash, a control character or a dot in front.
bool file_name_good(const char *name, size_t len);

// A good one that looks like what it is: without the characters that turn the direction of others or end a line (U+061C,
// U+200E, U+200F, U+2028..U+202E, U+2066..U+2069). They are allowed in a name, but are not shown as they are.
bool file_name_shows(const char *name, size_t len);

// Returns the length. The name is a good one.
size_t file_header_encode(uint8_t out[static FILE_HEADER_BYTES_MAX],
                          const struct file_header *header);

// The fixed part: true, and how long the name behind it is.
bool file_header_begin(struct file_header *header, size_t *name_len,
                       const uint8_t in[static FILE_HEADER_BYTES])
    __attribute__((warn_unused_result));

void file_answer_encode(uint8_t out[static FILE_ANSWER_BYTES], const struct file_answer *answer);
struct file_answer file_answer_decode(const uint8_t in[static FILE_ANSWER_BYTES]);

#endif
