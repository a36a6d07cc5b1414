// SPDX-License-Identifier: Apache-2.0
// The file of known peers.
#include "host/common/known_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/common/hex.h"
#include "host/common/paths.h"
#include "host/common/state_file.h"

static const char header[] = "# known peers of DSoftBus: id, key, state, first seen; then "
                             "address=HOST:PORT, dial, # and a comment\n";

// ---- The list -------------------------------------------------------------------------------------

void known_peers_free(struct known_peers *peers)
{
    free(peers->entries);
    *peers = (struct known_peers){0};
}

bool known_peers_append(struct known_peers *peers, const struct known_peer *peer)
{
    if (peers->count == HOST_PEERS_MAX) {
        return false;
    }
    if (peers->count == peers->capacity) {
        size_t capacity = peers->capacity == 0 ? 16 : 2 * peers->capacity;
        struct known_peer *entries = realloc(peers->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return false;
        }
        peers->entries = entries;
        peers->capacity = capacity;
    }
    peers->entries[peers->count++] = *peer;
    return true;
}

void known_peers_remove(struct known_peers *peers, struct known_peer *peer)
{
    size_t index = (size_t)(peer - peers->entries);

    peers->count--;
    memmove(peer, peer + 1, (peers->count - index) * sizeof *peer);
}

struct known_peer *known_peers_find(const struct known_peers *peers, const struct device_id *id)
{
    for (size_t i = 0; i < peers->count; i++) {
        if (device_id_equal(&peers->entries[i].id, id)) {
            return &peers->entries[i];
        }
    }
    return NULL;
}

struct known_peer *known_peers_find_key(const struct known_peers *peers,
                                        const uint8_t key[static DSB_KEY_BYTES])
{
    for (size_t i = 0; i < peers->count; i++) {
        if (memcmp(peers->entries[i].static_key, key, DSB_KEY_BYTES) == 0) {
            return &peers->entries[i];
        }
    }
    return NULL;
}

// ---- Words ----------------------------------------------------------------------------------------

const char *known_peer_state_name(enum peer_trust trust)
{
    switch (trust) {
    case PEER_UNSET:
        break;
    case PEER_TRUSTED:
        return "pinned";
    case PEER_PENDING:
        return "pending";
    case PEER_REVOKED:
        return "revoked";
    }
    return "unset";
}

static enum peer_trust state_of(const char *word)
{
    static const enum peer_trust states[] = {PEER_TRUSTED, PEER_PENDING, PEER_REVOKED};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(word, known_peer_state_name(states[i])) == 0) {
            return states[i];
        }
    }
    return PEER_UNSET;
}

void known_peer_now(char since[static KNOWN_PEER_SINCE_CHARS + 1])
{
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) == NULL ||
        strftime(since, KNOWN_PEER_SINCE_CHARS + 1, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        memcpy(since, "1970-01-01T00:00:00Z", KNOWN_PEER_SINCE_CHARS + 1);
    }
}

// Digits where digits are, and the punctuation in between: that it is a real date is nobody's concern.
static bool is_since(const char *word)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";

    if (strlen(word) != KNOWN_PEER_SINCE_CHARS) {
        return false;
    }
    for (size_t i = 0; i < KNOWN_PEER_SINCE_CHARS; i++) {
        bool digit = word[i] >= '0' && word[i] <= '9';
        if (shape[i] == 'd' ? !digit : word[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

void known_peer_set_comment(struct known_peer *peer, const char *comment)
{
    size_t len;

    while (*comment == ' ' || (*comment != 0 && is_control(*comment))) {
        comment++; // read back, it would begin behind the blanks
    }
    len = strnlen(comment, HOST_PEER_COMMENT_MAX);
    memset(peer->comment, 0, sizeof peer->comment);
    for (size_t i = 0; i < len; i++) {
        peer->comment[i] = is_control(comment[i]) ? ' ' : comment[i];
    }
}

bool known_peer_id_parse(struct device_id *id, const char *word)
{
    uint8_t bytes[DEVICE_ID_BYTES_MAX];
    size_t len = 0;

    while (*word != 0) {
        if (len == sizeof bytes) {
            return false;
        }
        if (name_char_plain((uint8_t)*word)) {
            bytes[len++] = (uint8_t)*word++;
        } else if (word[0] == '\\' && word[1] == 'x' && strnlen(word + 2, 2) == 2 &&
                   hex_decode(&bytes[len], 1, word + 2, 2)) {
            len++;
            word += 4;
        } else {
            return false;
        }
    }
    return device_id_set(id, bytes, len);
}

// ---- Parsing --------------------------------------------------------------------------------------

// The next word of the line, ended with a 0, or an empty one.
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, " \t");
    size_t len = strcspn(word, " \t");

    *line = word + len + (word[len] != 0);
    word[len] = 0;
    return word;
}

// address=, dial; what is wrong, or NULL.
static const char *parse_options(struct known_peer *peer, char *line)
{
    for (char *word = next_word(&line); *word != 0; word = next_word(&line)) {
        if (strcmp(word, "dial") == 0 && !peer->dial) {
            peer->dial = true;
        } else if (strncmp(word, "address=", 8) == 0 && peer->address.family == NET_NONE) {
            if (!address_parse(&peer->address, word + 8) || peer->address.port == 0) {
                return "address= wants HOST:PORT in numbers, such as 10.0.0.2:34567 or "
                       "[fd00::2]:34567";
            }
        } else {
            return "after the time only address=HOST:PORT, dial, and # with a comment may stand, "
                   "once each";
        }
    }
    return NULL;
}

// What is wrong with the line, or NULL.
static const char *parse_line(struct known_peer *peer, char *line)
{
    char *comment = strchr(line, '#');
    const char *word;

    *peer = (struct known_peer){0};
    if (comment != NULL) {
        known_peer_set_comment(peer, comment + 1);
        *comment = 0;
    }
    if (!known_peer_id_parse(&peer->id, next_word(&line))) {
        return "a device id was expected: 1 to 64 bytes, each 0-9 A-Z a-z . _ - or \\xhh";
    }
    word = next_word(&line);
    if (!hex_decode(peer->static_key, DSB_KEY_BYTES, word, strlen(word))) {
        return "a public key of 64 hex digits was expected after the id";
    }
    peer->trust = state_of(next_word(&line));
    if (peer->trust == PEER_UNSET) {
        return "pinned, pending or revoked was expected after the key";
    }
    word = next_word(&line);
    if (!is_since(word)) {
        return "a time such as 2031-02-03T04:05:06Z was expected after the state";
    }
    memcpy(peer->since, word, KNOWN_PEER_SINCE_CHARS);
    return parse_options(peer, line);
}

// For sorting.
struct place {
    const struct known_peer *peer;
};

static int compare_ids(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = memcmp(x->peer->id.bytes, y->peer->id.bytes, DEVICE_ID_BYTES_MAX);

    return order != 0 ? order : x->peer->id.len - y->peer->id.len;
}

static int compare_keys(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return memcmp(x->peer->static_key, y->peer->static_key, DSB_KEY_BYTES);
}

// Two entries that are equal by this order, or NULL.
static const struct known_peer *repeated(struct place *sorted, size_t count,
                                         int (*compare)(const void *, const void *))
{
    if (count < 2) {
        return NULL;
    }
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 1; i < count; i++) {
        if (compare(&sorted[i - 1], &sorted[i]) == 0) {
            return sorted[i].peer;
        }
    }
    return NULL;
}

// One key for an id, one id for a key.
static bool one_to_one(const struct known_peers *peers, struct fault *fault)
{
    struct place *sorted = malloc((peers->count + 1) * sizeof *sorted);
    const struct known_peer *twice;
    char label[LABEL_CHARS_MAX];
    bool by_id;

    if (sorted == NULL) {
        return fault_set(fault, EXIT_FAILED, "no memory for the known peers");
    }
    for (size_t i = 0; i < peers->count; i++) {
        sorted[i].peer = &peers->entries[i];
    }
    twice = repeated(sorted, peers->count, compare_ids);
    by_id = twice != NULL;
    if (!by_id) {
        twice = repeated(sorted, peers->count, compare_keys);
    }
    free(sorted);
    if (twice == NULL) {
        return true;
    }
    label_device(label, &twice->id);
    return fault_set(fault, EXIT_NO_STATE, PATH_NODE "/" FILE_PEERS ": %s%s is listed twice",
                     by_id ? "" : "the key of ", label);
}

// Takes one line, without its end.
static bool parse_one(struct known_peers *peers, struct fault *fault, const char *text, size_t len,
                      unsigned number)
{
    char line[HOST_PEER_LINE_MAX + 1];
    struct known_peer peer;
    const char *wrong = NULL;

    if (len > HOST_PEER_LINE_MAX || memchr(text, 0, len) != NULL) {
        wrong = "a line of at most 1024 characters was expected";
    } else {
        memcpy(line, text, len);
        line[len] = 0;
        if (len > 0 && line[len - 1] == '\r') {
            line[len - 1] = 0;
        }
        if (line[strspn(line, " \t")] == 0 || line[0] == '#') {
            return true;
        }
        wrong = parse_line(&peer, line);
    }
    if (wrong != NULL) {
        return fault_set(fault, EXIT_NO_STATE, PATH_NODE "/" FILE_PEERS " line %u: %s", number,
                         wrong);
    }
    return known_peers_append(peers, &peer) ||
           fault_set(fault, EXIT_NO_STATE, "more than %d known peers, or no memory for them",
                     HOST_PEERS_MAX);
}

bool known_peers_parse(struct known_peers *peers, struct fault *fault, const char *text,
                       size_t text_len)
{
    const char *end = text + text_len;

    *peers = (struct known_peers){0};
    for (unsigned number = 1; text < end; number++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end == NULL ? end : line_end;
        if (!parse_one(peers, fault, text, (size_t)(line_end - text), number)) {
            known_peers_free(peers);
            return false;
        }
        text = line_end + 1;
    }
    if (!one_to_one(peers, fault)) {
        known_peers_free(peers);
        return false;
    }
    return true;
}

// ---- Formatting -----------------------------------------------------------------------------------

static int format_line(char out[static HOST_PEER_LINE_MAX], const struct known_peer *peer)
{
    char id[LABEL_CHARS_MAX], key[2 * DSB_KEY_BYTES + 1] = "", address[ADDRESS_CHARS_MAX];

    label_device(id, &peer->id);
    hex_encode(key, peer->static_key, DSB_KEY_BYTES);
    address_format(address, &peer->address);
    return snprintf(out, HOST_PEER_LINE_MAX, "%s %s %s %s%s%s%s%s%s\n", id, key,
                    known_peer_state_name(peer->trust), peer->since,
                    peer->address.family != NET_NONE ? " address=" : "",
                    peer->address.family != NET_NONE ? address : "", peer->dial ? " dial" : "",
                    peer->comment[0] != 0 ? " # " : "", peer->comment);
}

char *known_peers_format(size_t *len, const struct known_peers *peers)
{
    char *text = malloc(sizeof header + peers->count * HOST_PEER_LINE_MAX);

    if (text == NULL) {
        return NULL;
    }
    memcpy(text, header, sizeof header);
    *len = sizeof header - 1;
    for (size_t i = 0; i < peers->count; i++) {
        *len += (size_t)format_line(text + *len, &peers->entries[i]);
    }
    return text;
}

// ---- The file -------------------------------------------------------------------------------------

bool known_peers_load(struct known_peers *peers, struct fault *fault, int directory)
{
    bool missing, good;
    size_t len;
    char *text = state_file_read(&len, &missing, fault, directory, FILE_PEERS, HOST_PEERS_FILE_MAX);

    *peers = (struct known_peers){0};
    if (text == NULL) {
        return missing;
    }
    good = known_peers_parse(peers, fault, text, len);
    free(text);
    return good;
}

bool known_peers_save(struct fault *fault, int directory, const struct known_peers *peers)
{
    size_t len;
    char *text = known_peers_format(&len, peers);
    bool good;

    if (text == NULL) {
        return fault_set(fault, EXIT_FAILED, "no memory for the known peers");
    }
    good = state_file_replace(fault, directory, FILE_PEERS, text, len);
    free(text);
    return good;
}
