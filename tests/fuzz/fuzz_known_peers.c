// SPDX-License-Identifier: Apache-2.0
// Any text is a list of known peers or one fault that names a line or a peer; a list is written and read back unchanged.
#include <stdlib.h>
#include <string.h>

#include "host/common/exit_code.h"
#include "host/common/known_peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void require_equal(const struct known_peers *a, const struct known_peers *b)
{
    require(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct known_peer *x = &a->entries[i], *y = &b->entries[i];
        require(device_id_equal(&x->id, &y->id) && x->trust == y->trust && x->dial == y->dial);
        require(memcmp(x->static_key, y->static_key, sizeof x->static_key) == 0);
        require(strcmp(x->since, y->since) == 0 && strcmp(x->comment, y->comment) == 0);
        require(x->address.family == y->address.family && x->address.port == y->address.port);
        require(memcmp(x->address.bytes, y->address.bytes, sizeof x->address.bytes) == 0);
    }
}

static void require_one_to_one(const struct known_peers *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        const struct known_peer *peer = &peers->entries[i];
        require(known_peers_find(peers, &peer->id) == peer);
        require(known_peers_find_key(peers, peer->static_key) == peer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct known_peers peers, again;
    struct fault fault = {0};
    char *text = calloc(1, size + 1), *written;
    size_t len;

    require(text != NULL);
    memcpy(text, data, size);
    if (!known_peers_parse(&peers, &fault, text, size)) {
        require(peers.count == 0 && peers.entries == NULL);
        require(fault.exit_code == EXIT_NO_STATE && fault.text[0] != 0);
        free(text);
        return 0;
    }
    require_one_to_one(&peers);
    written = known_peers_format(&len, &peers);
    require(written != NULL && known_peers_parse(&again, &fault, written, len));
    require_equal(&peers, &again);
    known_peers_free(&again);
    known_peers_free(&peers);
    free(written);
    free(text);
    return 0;
}
