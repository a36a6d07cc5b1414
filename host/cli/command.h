// SPDX-License-Identifier: Apache-2.0
// The subcommands of dsoftbus: one table, from which help, manual and completions are made, and one file for each.
#ifndef HOST_CLI_COMMAND_H
#define HOST_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "host/common/fault.h"
#include "host/common/paths.h"

enum { COMMAND_OPTIONS_MAX = 8, COMMAND_OPERANDS_MAX = 1024 };

struct command_option {
    const char *name;     // without the two dashes; NULL ends the list
    const char *argument; // its name in the help, or NULL: it has none
    const char *help;
};

struct invocation;

struct command {
    const char *name;
    const char *operands; // as the help shows them
    size_t operands_min, operands_max;
    const char *summary; // one line
    const char *details; // paragraphs, or ""
    struct command_option options[COMMAND_OPTIONS_MAX + 1];
    int (*run)(const struct invocation *call); // the exit code
};

// A command line that fits its command's table.
struct invocation {
    const struct command *command;
    struct paths paths;
    const char *values
        [COMMAND_OPTIONS_MAX]; // beside command->options: NULL: not given; "" without an argument
    const char *operands[COMMAND_OPERANDS_MAX];
    size_t operand_count;
};

extern const struct command commands[];
extern const size_t command_count;

// The value of an option of the command's table; NULL: not given.
const char *option_value(const struct invocation *call, const char *name);
bool option_given(const struct invocation *call, const char *name);

// A number within bounds, or the default when the option is not given. False with a fault.
bool option_number(double *out, struct fault *fault, const struct invocation *call,
                   const char *name, double by_default, double min, double max)
    __attribute__((warn_unused_result));

// Prints "dsoftbus: " and the text on standard error; the exit code.
int command_fail(const struct fault *fault);

int command_init(const struct invocation *call);
int command_genkey(const struct invocation *call);
int command_pubkey(const struct invocation *call);
int command_fingerprint(const struct invocation *call);
int command_id(const struct invocation *call);
int command_peers(const struct invocation *call);
int command_trust(const struct invocation *call);
int command_revoke(const struct invocation *call);
int command_pair(const struct invocation *call);
int command_ping(const struct invocation *call);
int command_show(const struct invocation *call);
int command_doctor(const struct invocation *call);
int command_pipe(const struct invocation *call);
int command_forward(const struct invocation *call);
int command_send(const struct invocation *call);
int command_receive(const struct invocation *call);
int command_services(const struct invocation *call);
int command_metrics(const struct invocation *call);
int command_config(const struct invocation *call);
int command_version(const struct invocation *call);
int command_help(const struct invocation *call);

#endif
