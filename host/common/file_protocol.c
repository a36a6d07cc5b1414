// SPDX-License-Identifier: Apache-2.0
// The bytes of the file service.
#include "host/common/file_protocol.h"

#include <string.h>

#include "dsoftbus/bytes.h"
#include "dsoftbus/identity.h"

static const uint8_t magic[4] = {'D', 'S', 'B', 'F'};

const char *file_status_text(uint8_t status)
{
#define FILE_STATUS_TEXT(name, number, text) [number] = (text),
    static const char *const texts[] = {FILE_STATUS_TABLE(FILE_STATUS_TEXT)};
#undef FILE_STATUS_TEXT

    return status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown";
}

// In UTF-8 the control characters above 127 are 0xc2 and then 0x80..0x9f.
bool file_name_good(const char *name, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)name;

    if (len == 0 || len > HOST_FILE_NAME_MAX || name[0] == '.' || !utf8_valid(bytes, len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool c1 = i > 0 && bytes[i - 1] == 0xc2 && bytes[i] < 0xa0;
        if (bytes[i] < 0x20 || bytes[i] == 0x7f || bytes[i] == '/' || c1) {
            return false;
        }
    }
    return true;
}

// The character that begins with these two or three bytes.
static bool deceives(const uint8_t bytes[static 3])
{
    uint8_t last = bytes[2];

    if (bytes[0] == 0xd8) {
        return bytes[1] == 0x9c;
    }
    if (bytes[0] != 0xe2) {
        return false;
    }
    return (bytes[1] == 0x80 && (last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae))) ||
           (bytes[1] == 0x81 && last >= 0xa6 && last <= 0xa9);
}

bool file_name_shows(const char *name, size_t len)
{
    if (!file_name_good(name, len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const uint8_t bytes[3] = {(uint8_t)name[i], i + 1 < len ? (uint8_t)name[i + 1] : 0,
                                  i + 2 < len ? (uint8_t)name[i + 2] : 0};
        if (deceives(bytes)) {
            return false;
        }
    }
    return true;
}

size_t file_header_encode(uint8_t out[static FILE_HEADER_BYTES_MAX],
                          const struct file_header *header)
{
    size_t len = strlen(header->name);

    memcpy(out, magic, sizeof magic);
    out[4] = FILE_VERSION;
    out[5] = (uint8_t)len;
    store_be64(out + 6, header->size);
    memcpy(out + 14, header->hash, FILE_HASH_BYTES);
    memcpy(out + FILE_HEADER_BYTES, header->name, len);
    return FILE_HEADER_BYTES + len;
}

bool file_header_begin(struct file_header *header, size_t *name_len,
                       const uint8_t in[static FILE_HEADER_BYTES])
{
    *header = (struct file_header){.size = load_be64(in + 6)};
    *name_len = in[5];
    memcpy(header->hash, in + 14, FILE_HASH_BYTES);
    return memcmp(in, magic, sizeof magic) == 0 && in[4] == FILE_VERSION && *name_len > 0 &&
           header->size <= INT64_MAX;
}

void file_answer_encode(uint8_t out[static FILE_ANSWER_BYTES], const struct file_answer *answer)
{
    out[0] = answer->status;
    store_be64(out + 1, answer->offset);
}

struct file_answer file_answer_decode(const uint8_t in[static FILE_ANSWER_BYTES])
{
    return (struct file_answer){.status = in[0], .offset = load_be64(in + 1)};
}
