// SPDX-License-Identifier: Apache-2.0
// dsoftbus: finds the subcommand, reads its options, and runs it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/command.h"
#include "host/cli/generate.h"
#include "host/common/exit_code.h"

// ---- What commands use ----------------------------------------------------------------------------

const char *option_value(const struct invocation *call, const char *name)
{
    for (size_t i = 0; call->command->options[i].name != NULL; i++) {
        if (strcmp(call->command->options[i].name, name) == 0) {
            return call->values[i];
        }
    }
    abort(); // a command that asks for what its table does not have
}

bool option_given(const struct invocation *call, const char *name)
{
    return option_value(call, name) != NULL;
}

bool option_number(double *out, struct fault *fault, const struct invocation *call,
                   const char *name, double by_default, double min, double max)
{
    const char *text = option_value(call, name);
    char *end;

    *out = by_default;
    if (text == NULL) {
        return true;
    }
    *out = strtod(text, &end);
    return (end != text && *end == 0 && *out >= min && *out <= max) ||
           fault_set(fault, EXIT_USAGE, "--%s %s: a number from %g to %g was expected", name, text,
                     min, max);
}

int command_fail(const struct fault *fault)
{
    fprintf(stderr, "dsoftbus: %s\n", fault->text);
    return fault->exit_code;
}

// ---- Command lines --------------------------------------------------------------------------------

struct line {
    int argc;
    char **argv;
    int next;
    const char *state;
    bool help;
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

// The argument of an option: behind '=', or the next word.
static const char *take_argument(struct line *line, const char *equals)
{
    if (equals != NULL) {
        return equals + 1;
    }
    return line->next < line->argc ? line->argv[line->next++] : NULL;
}

static bool store_option(const char **place, struct fault *fault, struct line *line,
                         const char *word, const char *equals, bool wants_argument)
{
    if (!wants_argument && equals != NULL) {
        return fault_set(fault, EXIT_USAGE, "%.64s: the option takes no argument", word);
    }
    if (*place != NULL) {
        return fault_set(fault, EXIT_USAGE, "%.64s is given twice", word);
    }
    *place = wants_argument ? take_argument(line, equals) : "";
    return *place != NULL || fault_set(fault, EXIT_USAGE, "%.64s needs an argument", word);
}

static bool take_option(struct invocation *call, struct fault *fault, struct line *line,
                        const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        line->help = true;
        return true;
    }
    if (len == 7 && strncmp(word, "--state", len) == 0) {
        return store_option(&line->state, fault, line, word, equals, true);
    }
    for (size_t i = 0; call->command != NULL && call->command->options[i].name != NULL; i++) {
        const struct command_option *option = &call->command->options[i];
        if (strlen(option->name) + 2 == len && strncmp(word + 2, option->name, len - 2) == 0) {
            return store_option(&call->values[i], fault, line, word, equals,
                                option->argument != NULL);
        }
    }
    return fault_set(
        fault, EXIT_USAGE, "there is no option %.64s here; `dsoftbus help%s%s` lists them", word,
        call->command != NULL ? " " : "", call->command != NULL ? call->command->name : "");
}

static bool take_word(struct invocation *call, struct fault *fault, const char *word)
{
    if (call->command == NULL) {
        call->command = find_command(word);
        return call->command != NULL ||
               fault_set(fault, EXIT_USAGE, "there is no command %.64s; `dsoftbus help` lists them",
                         word);
    }
    if (call->operand_count == call->command->operands_max) {
        return fault_set(fault, EXIT_USAGE, "%.64s is too much: dsoftbus %s %s", word,
                         call->command->name, call->command->operands);
    }
    call->operands[call->operand_count++] = word;
    return true;
}

static bool parse(struct invocation *call, struct fault *fault, struct line *line)
{
    bool only_words = false;

    while (line->next < line->argc) {
        const char *word = line->argv[line->next++];
        bool option = !only_words && word[0] == '-' && word[1] != 0;
        if (option && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!(option ? take_option(call, fault, line, word)
                            : take_word(call, fault, word))) {
            return false;
        }
    }
    if (call->command == NULL || line->help) {
        return true;
    }
    if (call->operand_count < call->command->operands_min) {
        return fault_set(fault, EXIT_USAGE, "something is missing: dsoftbus %s %s",
                         call->command->name, call->command->operands);
    }
    return paths_find(&call->paths, fault, line->state, NULL);
}

int main(int argc, char **argv)
{
    struct line line = {.argc = argc, .argv = argv, .next = 1};
    struct invocation call = {0};
    struct fault fault;

    if (argc == 3 && strcmp(argv[1], "--generate") == 0) { // for the build
        return generate(argv[2]);
    }
    if (!parse(&call, &fault, &line)) {
        return command_fail(&fault);
    }
    if (line.help && call.command != NULL) {
        help_command(stdout, call.command);
        return EXIT_DONE;
    }
    if (call.command == NULL) {
        help_overview(line.help ? stdout : stderr);
        return line.help ? EXIT_DONE : EXIT_USAGE;
    }
    return call.command->run(&call);
}
