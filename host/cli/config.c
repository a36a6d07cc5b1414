// SPDX-License-Identifier: Apache-2.0
// config: checks the configuration, or shows what is in force.
#include "host/common/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/command.h"
#include "host/common/exit_code.h"

int command_config(const struct invocation *call)
{
    const char *given = option_value(call, "config");
    const char *path = given != NULL ? given : call->paths.config;
    bool show = strcmp(call->operands[0], "show") == 0;
    struct config config;
    struct fault fault;
    char *text;

    if (!show && strcmp(call->operands[0], "check") != 0) {
        (void)fault_set(&fault, EXIT_USAGE, "check or show was expected, not %.64s",
                        call->operands[0]);
        return command_fail(&fault);
    }
    if (!config_load(&config, &fault, path, given != NULL)) {
        return command_fail(&fault);
    }
    if (!show) {
        printf("%s: %s\n", path,
               access(path, F_OK) == 0 ? "good" : "there is none, which is good too");
        return EXIT_DONE;
    }
    text = config_format(&config);
    if (text == NULL) {
        (void)fault_set(&fault, EXIT_FAILED, "no memory");
        return command_fail(&fault);
    }
    fputs(text, stdout);
    free(text);
    return EXIT_DONE;
}
