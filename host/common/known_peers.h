// SPDX-License-Identifier: Apache-2.0
// The known peers: whom this node trusts, as one text file that people may read and edit.
//
//     # known peers of DSoftBus: id, key, state, first seen; then address=HOST:PORT, dial, # and a comment
//     node-b c4fdc1...d17d pinned 2031-02-03T04:05:06Z address=10.42.0.11:34568 dial # the one in the lab
//
// One line per peer. state is pinned (trusted), pending (not yet) or revoked (no more). An id has one key and a key one
// id: that is what the file is for. Bytes of an id outside [0-9A-Za-z._-] are written as \xhh. Only people change the
// file, through `dsoftbus` or an editor; the daemon reads it when it starts and on reload, and never writes it.
#ifndef HOST_COMMON_KNOWN_PEERS_H
#define HOST_COMMON_KNOWN_PEERS_H

#include <stdbool.h>
#include <stddef.h>

#include "dsoftbus/peers.h"
#include "host/common/fault.h"
#include "host/common/limits.h"

enum { KNOWN_PEER_SINCE_CHARS = 20 }; // 2031-02-03T04:05:06Z

struct known_peer {
    struct device_id id;
    uint8_t static_key[DSB_KEY_BYTES];
    enum peer_trust trust;
    bool dial;
    struct net_address address; // NET_NONE: found by discovery only
    char since[KNOWN_PEER_SINCE_CHARS + 1];
    char comment[HOST_PEER_COMMENT_MAX + 1];
};

// Zero bytes are an empty list.
struct known_peers {
    struct known_peer *entries;
    size_t count, capacity;
};

void known_peers_free(struct known_peers *peers);

// Reads all lines of a text of text_len bytes followed by a 0. The first mistake is a fault that names the line; then
// the list is empty.
bool known_peers_parse(struct known_peers *peers, struct fault *fault, const char *text,
                       size_t text_len) __attribute__((warn_unused_result));

// The text for the list, with its length in *len; NULL when there is no memory. The caller frees it.
char *known_peers_format(size_t *len, const struct known_peers *peers)
    __attribute__((warn_unused_result));

// node/peers, `directory` being "node". No file is an empty list.
bool known_peers_load(struct known_peers *peers, struct fault *fault, int directory)
    __attribute__((warn_unused_result));

// Replaces node/peers as a whole. The caller holds the lock of the directory since it loaded the list.
bool known_peers_save(struct fault *fault, int directory, const struct known_peers *peers)
    __attribute__((warn_unused_result));

// NULL if there is none.
struct known_peer *known_peers_find(const struct known_peers *peers, const struct device_id *id);
struct known_peer *known_peers_find_key(const struct known_peers *peers,
                                        const uint8_t key[static DSB_KEY_BYTES]);

// Adds an entry whose id and key are not listed (the caller has looked). False: no memory, or the list is full.
bool known_peers_append(struct known_peers *peers, const struct known_peer *peer)
    __attribute__((warn_unused_result));

void known_peers_remove(struct known_peers *peers, struct known_peer *peer);

// An id as label_device writes it. False: a byte that should have been escaped, a bad escape, too long, or no UTF-8.
bool known_peer_id_parse(struct device_id *id, const char *word)
    __attribute__((warn_unused_result));

// "pinned", "pending", "revoked".
const char *known_peer_state_name(enum peer_trust trust);

// The present moment as `since` has it.
void known_peer_now(char since[static KNOWN_PEER_SINCE_CHARS + 1]);

// A comment that fits into a line: control characters become blanks, what is too long is cut.
void known_peer_set_comment(struct known_peer *peer, const char *comment);

#endif
