// SPDX-License-Identifier: Apache-2.0
// Services in the configuration.
#include "host/common/config_services.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/exit_code.h"
#include "host/common/known_peers.h"

#define TCP_SECTION    "tcp "
#define EXPECT_ALLOW   "up to 64 device ids, * for every trusted peer, or none"
#define EXPECT_ADDRESS "an address in numbers with a port, such as 127.0.0.1:22"
#define EXPECT_PATH    "the absolute path of a directory"
#define EXPECT_SIZE    "a number of bytes, with K, M, G or T behind it if wanted"

const char *service_kind_name(enum service_kind kind)
{
    switch (kind) {
    case SERVICE_ECHO:
        return "echo";
    case SERVICE_FILE:
        return "file";
    case SERVICE_TCP:
        return "tcp";
    }
    return "none";
}

const struct service_config *config_service_find(const struct config *config, const char *name,
                                                 size_t name_len)
{
    for (size_t i = 0; i < config->service_count; i++) {
        const struct service_config *service = &config->services[i];
        if (strlen(service->name) == name_len && memcmp(service->name, name, name_len) == 0) {
            return service;
        }
    }
    return NULL;
}

bool config_service_section(const char *section)
{
    return strcmp(section, "echo") == 0 || strcmp(section, "file") == 0 ||
           strncmp(section, TCP_SECTION, sizeof TCP_SECTION - 1) == 0;
}

// ---- Values ---------------------------------------------------------------------------------------

static int wrong_text(char *wrong, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Always 0.
static int wrong_text(char *wrong, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(wrong, size, format, args);
    va_end(args);
    return 0;
}

static bool allow_one(struct service_config *service, const char *word)
{
    if (strcmp(word, "*") == 0) {
        service->allow_all = true;
        return true;
    }
    if (service->allow_count == CONFIG_ALLOW_MAX || strcmp(word, "none") == 0 || // that is nobody
        !known_peer_id_parse(&service->allow[service->allow_count], word)) {
        return false;
    }
    service->allow_count++;
    return true;
}

// Adds to what earlier lines have allowed.
static bool set_allow(struct service_config *service, const char *value)
{
    char word[LABEL_CHARS_MAX];

    if (strcmp(value, "none") == 0) {
        return true;
    }
    do {
        size_t len;
        value += strspn(value, ", \t");
        len = strcspn(value, ", \t");
        if (len == 0 || len >= sizeof word) {
            return false;
        }
        memcpy(word, value, len);
        word[len] = 0;
        value += len;
        if (!allow_one(service, word)) {
            return false;
        }
    } while (*value != 0);
    return true;
}

static bool set_size(struct config *config, const char *value)
{
    static const char units[] = "KMGT";
    size_t len = strspn(value, "0123456789");
    const char *unit = value[len] == 0 ? NULL : strchr(units, value[len]);
    unsigned shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);
    uint64_t number = strtoull(value, NULL, 10);

    if (len == 0 || len > 15 || (value[len] != 0 && (unit == NULL || value[len + 1] != 0)) ||
        number == 0 || number > (uint64_t)INT64_MAX >> shift) {
        return false;
    }
    config->file_bytes_max = number << shift;
    return true;
}

static bool set_directory(struct config *config, const char *value)
{
    int len = snprintf(config->file_directory, sizeof config->file_directory, "%s", value);

    return value[0] == '/' && len >= 0 && (size_t)len < sizeof config->file_directory;
}

// The service of a section, made when it is new. NULL with what is wrong.
static struct service_config *service_of(struct config *config, char *wrong, size_t wrong_size,
                                         const char *section)
{
    static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-";
    bool tcp = strncmp(section, TCP_SECTION, sizeof TCP_SECTION - 1) == 0;
    const char *name = tcp ? section + sizeof TCP_SECTION - 1 : section;
    enum service_kind kind = tcp                            ? SERVICE_TCP
                             : strcmp(section, "echo") == 0 ? SERVICE_ECHO
                                                            : SERVICE_FILE;
    size_t len = strlen(name);
    struct service_config *service;

    for (size_t i = 0; i < config->service_count; i++) {
        service = &config->services[i];
        if (strcmp(service->name, name) == 0 && service->kind == kind) {
            return service;
        }
    }
    if (len == 0 || len > SERVICE_NAME_BYTES_MAX || strspn(name, plain) != len ||
        (tcp && config_service_section(name))) {
        (void)wrong_text(wrong, wrong_size,
                         "[%s]: expected [tcp NAME], NAME being of 0-9 A-Z a-z . _ - and neither "
                         "echo nor file",
                         section);
        return NULL;
    }
    if (config->service_count == CONFIG_SERVICES_MAX) {
        (void)wrong_text(wrong, wrong_size, "[%s]: expected at most %d services", section,
                         CONFIG_SERVICES_MAX);
        return NULL;
    }
    service = &config->services[config->service_count++];
    *service = (struct service_config){.kind = kind};
    memcpy(service->name, name, len + 1);
    return service;
}

enum service_field { FIELD_DIRECTORY, FIELD_SIZE, FIELD_ADDRESS };

struct service_key {
    enum service_kind kind;
    enum service_field field;
    const char *name, *expected;
};

static const struct service_key service_keys[] = {
    {SERVICE_FILE, FIELD_DIRECTORY, "directory", EXPECT_PATH},
    {SERVICE_FILE, FIELD_SIZE, "max-size", EXPECT_SIZE},
    {SERVICE_TCP, FIELD_ADDRESS, "address", EXPECT_ADDRESS},
};

static const struct service_key *find_key(enum service_kind kind, const char *name)
{
    for (size_t i = 0; i < sizeof service_keys / sizeof service_keys[0]; i++) {
        if (service_keys[i].kind == kind && strcmp(service_keys[i].name, name) == 0) {
            return &service_keys[i];
        }
    }
    return NULL;
}

// Whether a key that may come once has come.
static bool is_set(const struct config *config, const struct service_config *service,
                   const struct service_key *key)
{
    switch (key->field) {
    case FIELD_DIRECTORY:
        return config->file_directory[0] != 0;
    case FIELD_SIZE:
        return config->file_bytes_max != CONFIG_FILE_BYTES_DEFAULT;
    case FIELD_ADDRESS:
        return service->address.family != NET_NONE;
    }
    return false;
}

static bool set_key(struct config *config, struct service_config *service,
                    const struct service_key *key, const char *value)
{
    switch (key->field) {
    case FIELD_DIRECTORY:
        return set_directory(config, value);
    case FIELD_SIZE:
        return set_size(config, value);
    case FIELD_ADDRESS:
        return address_parse(&service->address, value) && service->address.port != 0;
    }
    return false;
}

int config_service_take(struct config *config, char *wrong, size_t wrong_size, const char *section,
                        const char *name, const char *value)
{
    struct service_config *service = service_of(config, wrong, wrong_size, section);
    const struct service_key *key;

    if (service == NULL) {
        return 0;
    }
    if (strcmp(name, "allow") == 0) {
        return set_allow(service, value)
                   ? 1
                   : wrong_text(wrong, wrong_size, "[%s] %s = %.80s: expected %s", section, name,
                                value, EXPECT_ALLOW);
    }
    key = find_key(service->kind, name);
    if (key == NULL) {
        return wrong_text(wrong, wrong_size,
                          "[%.60s] %.40s is unknown; `dsoftbus config show` lists all keys",
                          section, name);
    }
    if (is_set(config, service, key)) {
        return wrong_text(wrong, wrong_size, "[%s] %s is given twice", section, name);
    }
    return set_key(config, service, key, value)
               ? 1
               : wrong_text(wrong, wrong_size, "[%s] %s = %.80s: expected %s", section, name, value,
                            key->expected);
}

bool config_services_check(const struct config *config, struct fault *fault, const char *name)
{
    for (size_t i = 0; i < config->service_count; i++) {
        const struct service_config *service = &config->services[i];
        if (service->kind == SERVICE_TCP && service->address.family == NET_NONE) {
            return fault_set(fault, EXIT_USAGE, "%s: [tcp %s] address is missing: expected %s",
                             name, service->name, EXPECT_ADDRESS);
        }
        if (service->kind == SERVICE_FILE && config->file_directory[0] == 0) {
            return fault_set(fault, EXIT_USAGE, "%s: [file] directory is missing: expected %s",
                             name, EXPECT_PATH);
        }
    }
    return true;
}

// ---- Formatting -----------------------------------------------------------------------------------

static void print_allow(FILE *out, const struct service_config *service)
{
    char label[LABEL_CHARS_MAX];

    fprintf(out, "# %s; may be given several times\n", EXPECT_ALLOW);
    if (service->allow_all || service->allow_count == 0) {
        fprintf(out, "allow = %s\n", service->allow_all ? "*" : "none");
    }
    for (size_t i = 0; i < service->allow_count; i++) {
        label_device(label, &service->allow[i]);
        fprintf(out, "allow = %s\n", label);
    }
}

static void print_service(FILE *out, const struct config *config,
                          const struct service_config *service)
{
    char address[ADDRESS_CHARS_MAX];

    fprintf(out, "\n[%s%s]\n", service->kind == SERVICE_TCP ? TCP_SECTION : "", service->name);
    if (service->kind == SERVICE_TCP) {
        address_format(address, &service->address);
        fprintf(out, "# %s\naddress = %s\n", EXPECT_ADDRESS, address);
    } else if (service->kind == SERVICE_FILE) {
        fprintf(out, "# %s\ndirectory = %s\n# %s\nmax-size = %llu\n", EXPECT_PATH,
                config->file_directory, EXPECT_SIZE, (unsigned long long)config->file_bytes_max);
    }
    print_allow(out, service);
}

void config_services_print(FILE *out, const struct config *config)
{
    bool tcp = false;

    for (size_t i = 0; i < config->service_count; i++) {
        print_service(out, config, &config->services[i]);
        tcp = tcp || config->services[i].kind == SERVICE_TCP;
    }
    if (config_service_find(config, "echo", 4) == NULL) {
        fputs("\n# [echo]\n# allow = " EXPECT_ALLOW "\n", out);
    }
    if (config_service_find(config, "file", 4) == NULL) {
        fputs("\n# [file]\n# directory = " EXPECT_PATH "\n# max-size = " EXPECT_SIZE
              "\n# allow = " EXPECT_ALLOW "\n",
              out);
    }
    if (!tcp) {
        fputs("\n# [tcp NAME]\n# address = " EXPECT_ADDRESS "\n# allow = " EXPECT_ALLOW "\n", out);
    }
}
