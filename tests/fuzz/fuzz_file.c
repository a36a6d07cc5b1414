// SPDX-License-Identifier: Apache-2.0
// Fuzzer: the header of the file service. Whatever is taken is written again as it came, and its name is a plain one.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/file_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, size_t len)
{
    if (len == 0 || len > HOST_FILE_NAME_MAX || name[0] == '.' || memchr(name, '/', len) != NULL ||
        memchr(name, 0, len) != NULL || memchr(name, '\n', len) != NULL ||
        memchr(name, 0x1b, len) != NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[FILE_HEADER_BYTES_MAX];
    struct file_header header;
    size_t name_len;

    if (size < FILE_HEADER_BYTES || !file_header_begin(&header, &name_len, data) ||
        name_len > size - FILE_HEADER_BYTES ||
        !file_name_good((const char *)data + FILE_HEADER_BYTES, name_len)) {
        return 0;
    }
    check_name((const char *)data + FILE_HEADER_BYTES, name_len);
    memcpy(header.name, data + FILE_HEADER_BYTES, name_len);
    if (file_header_encode(again, &header) != FILE_HEADER_BYTES + name_len ||
        memcmp(again, data, FILE_HEADER_BYTES + name_len) != 0) {
        abort();
    }
    return 0;
}
