// SPDX-License-Identifier: Apache-2.0
// Help, manual pages and shell completions, all from the table of commands.
#ifndef HOST_CLI_GENERATE_H
#define HOST_CLI_GENERATE_H

#include <stdio.h>

#include "host/cli/command.h"

void help_overview(FILE *out);
void help_command(FILE *out, const struct command *command);

// "man" (scdoc source), "bash", "zsh" or "fish", on standard output. The exit code.
int generate(const char *what);

#endif
