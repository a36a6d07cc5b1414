// SPDX-License-Identifier: Apache-2.0
// Parser of the provisioning text. Total: each line is taken apart once, left to right.
#include "services/keystored/provision.h"

#include "noise/ct.h"

struct provision_line {
    const uint8_t *at, *end;
};

struct word {
    const uint8_t *bytes;
    size_t len; // 0: there is no further word
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct word next_word(struct provision_line *line)
{
    while (line->at < line->end && is_blank(*line->at)) {
        line->at++;
    }
    struct word word = {.bytes = line->at};
    while (line->at < line->end && !is_blank(*line->at)) {
        line->at++;
    }
    word.len = (size_t)(line->at - word.bytes);
    return word;
}

static bool word_is(struct word word, const char *text)
{
    for (size_t i = 0; i < word.len; i++) {
        if (text[i] == 0 || word.bytes[i] != (uint8_t)text[i]) {
            return false;
        }
    }
    return text[word.len] == 0;
}

// The value of a hex digit, or 16 and more. CT: secret = c.
static uint64_t hex_digit(uint8_t c)
{
    // 1 when low <= c <= high: then neither difference is negative.
    uint64_t digit = 1 & ~((((uint64_t)c - '0') | ('9' - (uint64_t)c)) >> 63);
    uint64_t lower = 1 & ~((((uint64_t)c - 'a') | ('f' - (uint64_t)c)) >> 63);
    uint64_t upper = 1 & ~((((uint64_t)c - 'A') | ('F' - (uint64_t)c)) >> 63);

    uint64_t value = 16;
    value = ct_select_u64(ct_mask_u64(digit), (uint64_t)c - '0', value);
    value = ct_select_u64(ct_mask_u64(lower), (uint64_t)c - 'a' + 10, value);
    value = ct_select_u64(ct_mask_u64(upper), (uint64_t)c - 'A' + 10, value);
    return value;
}

bool provision_take_key(uint8_t key[static KEYSTORE_KEY_BYTES], struct provision_line *line)
{
    struct word word = next_word(line);
    if (word.len != (size_t)2 * KEYSTORE_KEY_BYTES) {
        return false;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < KEYSTORE_KEY_BYTES; i++) {
        uint64_t high = hex_digit(word.bytes[2 * i]);
        uint64_t low = hex_digit(word.bytes[2 * i + 1]);
        seen |= high | low;
        key[i] = (uint8_t)(high << 4 | (low & 15));
    }
    // Public: whether the text is well formed. All zero is no key: an empty template, most likely.
    return seen < 16 && !ct_is_zero(key, KEYSTORE_KEY_BYTES);
}

// Decimal, 0..max, at most 10 digits, no leading zero.
static bool take_number(uint32_t *out, struct word word, uint32_t max)
{
    uint64_t value = 0;
    if (word.len == 0 || word.len > 10 || (word.len > 1 && word.bytes[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (word.bytes[i] < '0' || word.bytes[i] > '9') {
            return false;
        }
        value = value * 10 + (word.bytes[i] - '0');
    }
    *out = (uint32_t)value;
    return value <= max;
}

static bool is_id_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
}

static bool take_id(uint8_t id[static KEYSTORE_ID_BYTES_MAX], uint8_t *id_len,
                    struct provision_line *line)
{
    struct word word = next_word(line);
    if (word.len == 0 || word.len > KEYSTORE_ID_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (!is_id_char(word.bytes[i])) {
            return false;
        }
        id[i] = word.bytes[i];
    }
    *id_len = (uint8_t)word.len;
    return true;
}

// Cuts a piece off the front of *rest, up to `separator`, which must be there.
static bool cut(struct word *piece, struct word *rest, uint8_t separator)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->bytes[i] == separator) {
            *piece = (struct word){rest->bytes, i};
            *rest = (struct word){rest->bytes + i + 1, rest->len - i - 1};
            return true;
        }
    }
    return false;
}

// a.b.c.d:port
static bool take_address(struct keystore_peer *peer, struct word word)
{
    static const uint8_t separators[4] = {'.', '.', '.', ':'};
    struct word piece;
    uint32_t value;
    for (size_t i = 0; i < 4; i++) {
        if (!cut(&piece, &word, separators[i]) || !take_number(&value, piece, 255)) {
            return false;
        }
        peer->address[i] = (uint8_t)value;
    }
    if (!take_number(&value, word, 65535) || value == 0) {
        return false;
    }
    peer->port = (uint16_t)value;
    peer->has_address = 1;
    return true;
}

static bool parse_id(struct provision *out, struct provision_line *line)
{
    return take_id(out->id, &out->id_len, line);
}

static bool parse_port(struct provision *out, struct provision_line *line)
{
    uint32_t value;
    if (!take_number(&value, next_word(line), 65535) || value == 0) {
        return false;
    }
    out->port = (uint16_t)value;
    return true;
}

static bool parse_static(struct provision *out, struct provision_line *line)
{
    return provision_take_key(out->static_key, line);
}

static bool parse_boot(struct provision *out, struct provision_line *line)
{
    return take_number(&out->boot, next_word(line), UINT32_MAX);
}

static bool parse_peer(struct provision *out, struct provision_line *line)
{
    struct keystore_peer *peer = &out->peers[out->peer_count];
    if (!take_id(peer->id, &peer->id_len, line) || !provision_take_key(peer->public_key, line)) {
        return false;
    }
    struct word word = next_word(line);
    if (word.len > 0 && !word_is(word, "dial")) {
        if (!take_address(peer, word)) {
            return false;
        }
        word = next_word(line);
    }
    if (word.len > 0) {
        if (!word_is(word, "dial")) {
            return false;
        }
        peer->dial = 1;
    }
    out->peer_count++;
    return true;
}

enum {
    FIELD_ID,
    FIELD_PORT,
    FIELD_STATIC,
    FIELD_BOOT,
    FIELDS_REQUIRED,
    FIELD_PEER = FIELDS_REQUIRED,
    FIELDS
};

static const struct provision_option fields[FIELDS] = {
    [FIELD_ID] = {"id", parse_id},
    [FIELD_PORT] = {"port", parse_port},
    [FIELD_STATIC] = {"static", parse_static},
    [FIELD_BOOT] = {"boot", parse_boot},
    [FIELD_PEER] = {"peer", parse_peer},
};

// Trust is one to one: neither an id nor a key stands twice, and nobody is a peer of itself.
static bool newest_peer_is_repeated(const struct provision *p)
{
    const struct keystore_peer *newest = &p->peers[p->peer_count - 1];
    for (uint8_t i = 0; i + 1 < p->peer_count; i++) {
        const struct keystore_peer *other = &p->peers[i];
        bool same_id =
            other->id_len == newest->id_len && ct_equal(other->id, newest->id, newest->id_len);
        if (same_id || ct_equal(other->public_key, newest->public_key, KEYSTORE_KEY_BYTES)) {
            return true;
        }
    }
    return false;
}

static bool lists_itself(const struct provision *p)
{
    for (uint8_t i = 0; i < p->peer_count; i++) {
        if (p->peers[i].id_len == p->id_len && ct_equal(p->peers[i].id, p->id, p->id_len)) {
            return true;
        }
    }
    return false;
}

// The field that a line names: a row of `fields`, the option, or NULL.
static const struct provision_option *field_find(struct word name,
                                                 const struct provision_option *option)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (word_is(name, fields[i].name)) {
            return &fields[i];
        }
    }
    return option != NULL && word_is(name, option->name) ? option : NULL;
}

struct parser {
    struct provision *out;
    const struct provision_option *option;
    uint32_t seen; // bit i: fields[i]; bit FIELDS: the option
};

// One line that is neither empty nor a comment.
static enum provision_error parse_line(struct parser *parser, const char **field_name,
                                       struct provision_line line, size_t line_len)
{
    const struct provision_option *field = field_find(next_word(&line), parser->option);
    *field_name = field == NULL ? "unknown" : field->name;
    if (line_len > PROVISION_LINE_BYTES_MAX) {
        return PROVISION_TOO_LONG;
    }
    if (field == NULL) {
        return PROVISION_UNKNOWN;
    }
    if (field == &fields[FIELD_PEER]) {
        if (parser->out->peer_count == KEYSTORE_PEERS_MAX) {
            return PROVISION_TOO_MANY;
        }
    } else {
        uint32_t bit = UINT32_C(1) << (field == parser->option ? FIELDS : field - fields);
        if (parser->seen & bit) {
            return PROVISION_REPEATED;
        }
        parser->seen |= bit;
    }
    if (!field->parse(parser->out, &line) || next_word(&line).len > 0) {
        return PROVISION_MALFORMED;
    }
    if (field == &fields[FIELD_PEER] && newest_peer_is_repeated(parser->out)) {
        return PROVISION_REPEATED;
    }
    return PROVISION_OK;
}

static enum provision_error parse_lines(struct parser *parser, struct provision_fault *fault,
                                        const uint8_t *text, size_t text_len)
{
    const uint8_t *end = text + text_len;
    for (const uint8_t *start = text; start < end;) {
        const uint8_t *stop = start;
        while (stop < end && *stop != '\n') {
            stop++;
        }
        fault->line++;
        struct provision_line line = {start, stop};
        bool empty = next_word(&line).len == 0;
        if (!empty && *start != '#') {
            enum provision_error error =
                parse_line(parser, &fault->field, (struct provision_line){start, stop},
                           (size_t)(stop - start));
            if (error != PROVISION_OK) {
                return error;
            }
        }
        start = stop < end ? stop + 1 : end;
    }
    return PROVISION_OK;
}

static enum provision_error check_whole(const struct parser *parser, struct provision_fault *fault)
{
    fault->line = 0;
    for (size_t i = 0; i < FIELDS_REQUIRED; i++) {
        if (!(parser->seen & (UINT32_C(1) << i))) {
            fault->field = fields[i].name;
            return PROVISION_MISSING;
        }
    }
    if (lists_itself(parser->out)) {
        fault->field = fields[FIELD_PEER].name;
        return PROVISION_MALFORMED;
    }
    return PROVISION_OK;
}

enum provision_error provision_parse(struct provision *out, struct provision_fault *fault,
                                     const uint8_t *text, size_t text_len,
                                     const struct provision_option *option)
{
    struct parser parser = {.out = out, .option = option};
    *fault = (struct provision_fault){.field = "file"};
    provision_wipe(out);
    if (text_len > PROVISION_FILE_BYTES_MAX) {
        fault->error = PROVISION_TOO_LONG;
        return fault->error;
    }
    fault->error = parse_lines(&parser, fault, text, text_len);
    if (fault->error == PROVISION_OK) {
        fault->error = check_whole(&parser, fault);
    }
    if (fault->error != PROVISION_OK) {
        provision_wipe(out);
    }
    return fault->error;
}

const char *provision_error_name(enum provision_error error)
{
    switch (error) {
    case PROVISION_OK:
        return "ok";
    case PROVISION_MISSING:
        return "missing";
    case PROVISION_REPEATED:
        return "repeated";
    case PROVISION_MALFORMED:
        return "malformed";
    case PROVISION_TOO_LONG:
        return "too long";
    case PROVISION_TOO_MANY:
        return "too many";
    case PROVISION_UNKNOWN:
        return "unknown";
    }
    return "?";
}

void provision_wipe(struct provision *provision)
{
    ct_wipe(provision, sizeof *provision);
}
