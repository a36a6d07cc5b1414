// SPDX-License-Identifier: Apache-2.0
// Any datagram decodes to an announce or to one error; what decodes encodes to the same body again.
#include <stdlib.h>
#include <string.h>

#include "dsoftbus/announce.h"
#include "dsoftbus/label.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct announce announce, again;
    uint8_t bytes[ANNOUNCE_BYTES_MAX];
    char label[LABEL_CHARS_MAX];
    size_t len;

    if (announce_decode(&announce, data, size) != ANNOUNCE_OK) {
        const uint8_t *memory = (const uint8_t *)&announce;
        for (size_t i = 0; i < sizeof announce; i++) {
            require(memory[i] == 0);
        }
        return 0;
    }
    require(announce.ttl_s >= ANNOUNCE_TTL_MIN_S && announce.ttl_s <= ANNOUNCE_TTL_MAX_S);
    label_device(label, &announce.id);
    for (size_t i = 0; label[i] != 0; i++) {
        require(label[i] == '\\' || name_char_plain((uint8_t)label[i]));
    }
    require(announce_encode(bytes, sizeof bytes, &len, &announce) == ANNOUNCE_OK);
    require(memcmp(bytes, data, len - (announce.has_trailer ? ANNOUNCE_TRAILER_BYTES : 0)) == 0);
    require(announce_decode(&again, bytes, len) == ANNOUNCE_OK);
    require(again.seq == announce.seq && again.ttl_s == announce.ttl_s &&
            again.port == announce.port);
    return 0;
}
