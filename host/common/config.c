// SPDX-License-Identifier: Apache-2.0
// The configuration: one table of keys says what they are called, what they may be, and where they go.
#include "host/common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/address.h"
#include "host/common/config_services.h"
#include "host/common/exit_code.h"
#include "host/common/state_file.h"

enum key_kind { KEY_NUMBER, KEY_SWITCH, KEY_LOG, KEY_LISTEN, KEY_INTERFACES };

struct key {
    const char *section, *name, *expected; // what its value may be, in words
    size_t offset;                         // of the member
    enum key_kind kind;
    unsigned min, max;     // KEY_NUMBER
    unsigned number_value; // default of KEY_NUMBER and KEY_SWITCH
};

#define MEMBER(name) offsetof(struct config, name)

static const struct key keys[] = {
    {"node", "port", "a TCP port, 1 to 65535", MEMBER(port), KEY_NUMBER, 1, 65535, 34567},
    {"node", "listen", "up to 8 addresses in numbers, such as 0.0.0.0, [::]", MEMBER(listen),
     KEY_LISTEN, 0, 0, 0},
    {"node", "max-sessions", "a number of sessions, 1 to 16384", MEMBER(sessions_max), KEY_NUMBER,
     1, HOST_SESSIONS_MAX, LINUX_SESSIONS_MAX},
    {"node", "max-half-open", "a number of handshakes, 9 to 4096", MEMBER(half_open_max),
     KEY_NUMBER, HALF_OPEN_RESERVED + 1, HOST_HALF_OPEN_MAX, LINUX_HALF_OPEN_MAX},
    {"node", "max-peers", "a number of known peers, 1 to 65534", MEMBER(peers_max), KEY_NUMBER, 1,
     HOST_PEERS_MAX, LINUX_PEERS_MAX},
    {"node", "max-streams", "a number of open streams, 1 to 16384", MEMBER(streams_max), KEY_NUMBER,
     1, HOST_STREAMS_MAX, LINUX_STREAMS_MAX},
    {"node", "record-size", "the largest record we accept, 512 to 65519 bytes",
     MEMBER(record_bytes), KEY_NUMBER, RECORD_PLAINTEXT_BYTES_MIN, RECORD_PLAINTEXT_BYTES_MAX,
     HOST_RECORD_DEFAULT},
    {"node", "log", "quiet, normal or verbose", MEMBER(log), KEY_LOG, 0, 0, LOG_NORMAL},
    {"discovery", "enabled", "yes or no", MEMBER(discovery), KEY_SWITCH, 0, 0, true},
    {"discovery", "multicast", "yes or no", MEMBER(multicast), KEY_SWITCH, 0, 0, true},
    {"discovery", "broadcast", "yes or no", MEMBER(broadcast), KEY_SWITCH, 0, 0, true},
    {"discovery", "ttl", "seconds for which an announce holds, 3 to 3600", MEMBER(ttl_s),
     KEY_NUMBER, ANNOUNCE_TTL_MIN_S, ANNOUNCE_TTL_MAX_S, ANNOUNCE_TTL_DEFAULT_S},
    {"discovery", "interfaces", "names of up to 64 interfaces, or all", MEMBER(interfaces),
     KEY_INTERFACES, 0, 0, 0},
    {"metrics", "port", "a TCP port of 127.0.0.1 for Prometheus, or 0 for none",
     MEMBER(metrics_port), KEY_NUMBER, 0, 65535, 0},
    {"security", "sandbox", "yes or no", MEMBER(sandbox), KEY_SWITCH, 0, 0, true},
};
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

// ---- Values ---------------------------------------------------------------------------------------

static bool set_number(const struct key *key, struct config *config, const char *value)
{
    size_t len = strspn(value, "0123456789");
    unsigned long number;
    uint16_t stored;

    if (len == 0 || len > 5 || value[len] != 0) {
        return false;
    }
    number = strtoul(value, NULL, 10);
    if (number < key->min || number > key->max) {
        return false;
    }
    stored = (uint16_t)number;
    memcpy((char *)config + key->offset, &stored, sizeof stored);
    return true;
}

static bool set_switch(const struct key *key, struct config *config, const char *value)
{
    bool on = strcmp(value, "yes") == 0;

    if (!on && strcmp(value, "no") != 0) {
        return false;
    }
    memcpy((char *)config + key->offset, &on, sizeof on);
    return true;
}

static const char *const log_names[] = {"quiet", "normal", "verbose"};

static bool set_log(struct config *config, const char *value)
{
    for (unsigned i = 0; i < sizeof log_names / sizeof log_names[0]; i++) {
        if (strcmp(value, log_names[i]) == 0) {
            config->log = (enum log_verbosity)i;
            return true;
        }
    }
    return false;
}

// Takes the next word off a list that is separated by commas or blanks. False: there is none, or it does not fit.
static bool next_item(char *out, size_t out_size, const char **list)
{
    const char *word = *list + strspn(*list, ", \t");
    size_t len = strcspn(word, ", \t");

    *list = word + len;
    if (len == 0 || len >= out_size) {
        return false;
    }
    memcpy(out, word, len);
    out[len] = 0;
    return true;
}

static bool set_listen(struct config *config, const char *value)
{
    char word[ADDRESS_CHARS_MAX];

    config->listen_count = 0;
    while (next_item(word, sizeof word, &value)) {
        struct net_address *address = &config->listen[config->listen_count];
        if (config->listen_count == CONFIG_LISTEN_MAX || !address_parse(address, word) ||
            address->port != 0) {
            return false;
        }
        config->listen_count++;
    }
    return *value == 0 && config->listen_count > 0;
}

#define INTERFACE_CHARS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:@+-"

static bool set_interfaces(struct config *config, const char *value)
{
    config->interface_count = 0;
    if (strcmp(value, "all") == 0) {
        return true;
    }
    while (config->interface_count < HOST_INTERFACES_MAX &&
           next_item(config->interfaces[config->interface_count], IF_NAMESIZE, &value)) {
        const char *name = config->interfaces[config->interface_count];
        if (name[strspn(name, INTERFACE_CHARS)] != 0) {
            return false; // the kernel would allow it, but ';' begins a comment, and who would want the others?
        }
        config->interface_count++;
    }
    return *value == 0 && config->interface_count > 0;
}

static bool set_value(const struct key *key, struct config *config, const char *value)
{
    switch (key->kind) {
    case KEY_NUMBER:
        return set_number(key, config, value);
    case KEY_SWITCH:
        return set_switch(key, config, value);
    case KEY_LOG:
        return set_log(config, value);
    case KEY_LISTEN:
        return set_listen(config, value);
    case KEY_INTERFACES:
        return set_interfaces(config, value);
    }
    return false;
}

void config_default(struct config *config)
{
    memset(config, 0, sizeof *config);
    config->listen[0].family = NET_IPV4;
    config->listen[1].family = NET_IPV6;
    config->listen_count = 2;
    config->log = LOG_NORMAL;
    config->file_bytes_max = CONFIG_FILE_BYTES_DEFAULT;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        uint16_t number = (uint16_t)keys[i].number_value;
        bool on = keys[i].number_value != 0;
        if (keys[i].kind == KEY_NUMBER) {
            memcpy((char *)config + keys[i].offset, &number, sizeof number);
        } else if (keys[i].kind == KEY_SWITCH) {
            memcpy((char *)config + keys[i].offset, &on, sizeof on);
        }
    }
}

// ---- Parsing --------------------------------------------------------------------------------------

struct parse {
    struct config *config;
    bool seen[KEY_COUNT];
    char wrong[FAULT_TEXT_BYTES / 2]; // empty until something is
};

// libinih's handler: 0 marks the line as wrong.
static int take_value(void *context, const char *section, const char *name, const char *value)
{
    struct parse *parse = context;

    if (parse->wrong[0] != 0) {
        return 0;
    }
    if (config_service_section(section)) {
        return config_service_take(parse->config, parse->wrong, sizeof parse->wrong, section, name,
                                   value);
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(section, keys[i].section) != 0 || strcmp(name, keys[i].name) != 0) {
            continue;
        }
        if (parse->seen[i]) {
            snprintf(parse->wrong, sizeof parse->wrong, "[%s] %s is given twice", section, name);
            return 0;
        }
        parse->seen[i] = true;
        if (!set_value(&keys[i], parse->config, value)) {
            snprintf(parse->wrong, sizeof parse->wrong, "[%s] %s = %.80s: expected %s", section,
                     name, value, keys[i].expected);
            return 0;
        }
        return 1;
    }
    snprintf(parse->wrong, sizeof parse->wrong,
             "[%.40s] %.40s is unknown; `dsoftbus config show` lists all keys", section, name);
    return 0;
}

// libinih would take what is behind that for another line.
static unsigned first_long_line(const char *text)
{
    for (unsigned number = 1; *text != 0; number++) {
        size_t len = strcspn(text, "\n");
        if (len > CONFIG_LINE_CHARS_MAX) {
            return number;
        }
        text += len + (text[len] != 0);
    }
    return 0;
}

bool config_parse(struct config *config, struct fault *fault, const char *text, const char *name)
{
    struct parse parse = {.config = config};
    unsigned too_long = first_long_line(text);
    int line;

    if (too_long != 0) {
        return fault_set(fault, EXIT_USAGE, "%s line %u: at most %d characters were expected", name,
                         too_long, CONFIG_LINE_CHARS_MAX);
    }
    line = ini_parse_string(text, take_value, &parse);
    if (line < 0) {
        return fault_set(fault, EXIT_USAGE, "%s: no memory to read it", name);
    }
    if (line > 0) {
        return fault_set(fault, EXIT_USAGE, "%s line %d: %s", name, line,
                         parse.wrong[0] != 0 ? parse.wrong
                                             : "[section] or key = value was expected");
    }
    return config_services_check(config, fault, name);
}

bool config_load(struct config *config, struct fault *fault, const char *path, bool must_exist)
{
    bool missing, good;
    size_t len;
    char *text;

    config_default(config);
    text = state_file_read(&len, &missing, fault, AT_FDCWD, path, CONFIG_FILE_BYTES_MAX);
    if (text == NULL) {
        fault->exit_code = EXIT_USAGE;
        return missing && !must_exist;
    }
    good = strlen(text) == len ? config_parse(config, fault, text, path)
                               : fault_set(fault, EXIT_USAGE, "%s is not a text", path);
    free(text);
    return good;
}

// ---- Formatting -----------------------------------------------------------------------------------

static void print_list(FILE *out, const struct key *key, const struct config *config)
{
    size_t count = key->kind == KEY_LISTEN ? config->listen_count : config->interface_count;

    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_CHARS_MAX];
        if (key->kind == KEY_LISTEN) {
            address_format(text, &config->listen[i]);
        } else {
            snprintf(text, sizeof text, "%s", config->interfaces[i]);
        }
        fprintf(out, "%s%s", i > 0 ? ", " : "", text);
    }
    fputs(count == 0 ? "all\n" : "\n", out);
}

static void print_value(FILE *out, const struct key *key, const struct config *config)
{
    uint16_t number;
    bool on;

    switch (key->kind) {
    case KEY_NUMBER:
        memcpy(&number, (const char *)config + key->offset, sizeof number);
        fprintf(out, "%u\n", number);
        break;
    case KEY_SWITCH:
        memcpy(&on, (const char *)config + key->offset, sizeof on);
        fprintf(out, "%s\n", on ? "yes" : "no");
        break;
    case KEY_LOG:
        fprintf(out, "%s\n", log_names[config->log]);
        break;
    case KEY_LISTEN:
    case KEY_INTERFACES:
        print_list(out, key, config);
        break;
    }
}

char *config_format(const struct config *config)
{
    const char *section = "";
    size_t len;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(section, keys[i].section) != 0) {
            fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", keys[i].section);
            section = keys[i].section;
        }
        fprintf(out, "# %s\n%s = ", keys[i].expected, keys[i].name);
        print_value(out, &keys[i], config);
    }
    config_services_print(out, config);
    return fclose(out) == 0 ? text : (free(text), NULL);
}
