// SPDX-License-Identifier: Apache-2.0
// Any configuration is taken or is one fault that says where; what was taken is written and read back as the same one.
#include <stdlib.h>
#include <string.h>

#include "host/common/config.h"
#include "host/common/exit_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void require_bounds(const struct config *config)
{
    require(config->port != 0 && config->sessions_max >= 1 && config->peers_max >= 1);
    require(config->sessions_max <= HOST_SESSIONS_MAX && config->peers_max <= HOST_PEERS_MAX);
    require(config->half_open_max > HALF_OPEN_RESERVED &&
            config->half_open_max <= HOST_HALF_OPEN_MAX);
    require(config->record_bytes >= RECORD_PLAINTEXT_BYTES_MIN);
    require(config->listen_count >= 1 && config->listen_count <= CONFIG_LISTEN_MAX);
    require(config->interface_count <= HOST_INTERFACES_MAX && config->log <= LOG_VERBOSE);
    for (size_t i = 0; i < config->interface_count; i++) {
        require(memchr(config->interfaces[i], 0, IF_NAMESIZE) != NULL);
    }
}

// A long list of interfaces is written longer than it was read: with blanks.
static int lines_fit(const char *text)
{
    size_t len = strcspn(text, "\n");

    while (*text != 0 && len <= CONFIG_LINE_CHARS_MAX) {
        text += len + (text[len] != 0);
        len = strcspn(text, "\n");
    }
    return *text == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config, again;
    struct fault fault = {0};
    char *text = calloc(1, size + 1), *written, *rewritten;

    require(text != NULL);
    memcpy(text, data, size);
    config_default(&config);
    if (!config_parse(&config, &fault, text, "name")) {
        require(fault.exit_code == EXIT_USAGE && strncmp(fault.text, "name", 4) == 0);
        free(text);
        return 0;
    }
    require_bounds(&config);
    written = config_format(&config);
    require(written != NULL);
    config_default(&again);
    if (lines_fit(written)) {
        require(config_parse(&again, &fault, written, "name"));
        rewritten = config_format(&again);
        require(rewritten != NULL && strcmp(written, rewritten) == 0);
        free(rewritten);
    }
    free(written);
    free(text);
    return 0;
}
