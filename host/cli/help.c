// SPDX-License-Identifier: Apache-2.0
// Help texts, and the commands help and version.
#include <string.h>

#include "host/cli/generate.h"
#include "host/common/exit_code.h"
#include "host/common/version.h"

enum { TEXT_WIDTH = 90 };

// Breaks the text into lines at blanks.
static void print_wrapped(FILE *out, const char *text)
{
    size_t len = strlen(text);

    while (len > TEXT_WIDTH) {
        size_t cut = TEXT_WIDTH;
        while (cut > 0 && text[cut] != ' ') {
            cut--;
        }
        cut = cut == 0 ? TEXT_WIDTH : cut;
        fprintf(out, "%.*s\n", (int)cut, text);
        text += cut + (text[cut] == ' ');
        len = strlen(text);
    }
    fprintf(out, "%s\n", text);
}

void help_overview(FILE *out)
{
    fputs("usage: dsoftbus [--state DIR] COMMAND ...\n\n", out);
    for (size_t i = 0; i < command_count; i++) {
        fprintf(out, "  %-12s %-12s %s\n", commands[i].name, commands[i].operands,
                commands[i].summary);
    }
    fputs("\n`dsoftbus help COMMAND` explains one. --state DIR: where identity and known peers "
          "are.\n",
          out);
}

void help_command(FILE *out, const struct command *command)
{
    char title[80];

    fprintf(out, "usage: dsoftbus %s%s%s%s\n\n%s\n", command->name,
            command->options[0].name != NULL ? " [OPTIONS]" : "",
            command->operands[0] != 0 ? " " : "", command->operands, command->summary);
    if (command->details[0] != 0) {
        fputc('\n', out);
        print_wrapped(out, command->details);
    }
    if (command->options[0].name != NULL) {
        fputs("\n", out);
    }
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        const struct command_option *option = &command->options[i];
        snprintf(title, sizeof title, "--%s%s%s", option->name, option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        fprintf(out, "  %-22s %s\n", title, option->help);
    }
}

int command_help(const struct invocation *call)
{
    if (call->operand_count == 0) {
        help_overview(stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, call->operands[0]) == 0) {
            help_command(stdout, &commands[i]);
            return EXIT_DONE;
        }
    }
    fprintf(stderr, "dsoftbus: there is no command %.64s\n", call->operands[0]);
    return EXIT_USAGE;
}

int command_version(const struct invocation *call)
{
    (void)call;
    puts("dsoftbus " HOST_VERSION);
    return EXIT_DONE;
}
