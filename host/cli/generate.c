// SPDX-License-Identifier: Apache-2.0
// Manual and completions.
#include "host/cli/generate.h"

#include <string.h>

#include "host/common/exit_code.h"

// ---- Manual (scdoc) -------------------------------------------------------------------------------

// scdoc gives a meaning to these characters.
static void print_escaped(const char *text)
{
    for (; *text != 0; text++) {
        if (strchr("\\*_<>", *text) != NULL) {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void man_command(const struct command *command)
{
    printf("*%s*", command->name);
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        const struct command_option *option = &command->options[i];
        printf(" [*--%s*", option->name);
        if (option->argument != NULL) {
            printf(" _%s_", option->argument);
        }
        putchar(']');
    }
    if (command->operands[0] != 0) {
        putchar(' ');
        print_escaped(command->operands);
    }
    printf("\n\tTo ");
    print_escaped(command->summary);
    printf(".\n\n");
    if (command->details[0] != 0) {
        putchar('\t');
        print_escaped(command->details);
        printf("\n\n");
    }
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        const struct command_option *option = &command->options[i];
        printf("\t*--%s*%s%s%s: ", option->name, option->argument != NULL ? " _" : "",
               option->argument != NULL ? option->argument : "",
               option->argument != NULL ? "_" : "");
        print_escaped(option->help);
        printf("\n\n");
    }
}

static void man(void)
{
    puts("dsoftbus(1)\n\n# NAME\n\ndsoftbus - command line of the DSoftBus daemon\n\n# SYNOPSIS\n\n"
         "*dsoftbus* [*--state* _DIR_] _COMMAND_ ...\n\n# DESCRIPTION\n\n"
         "Speaks to *dsoftbusd*(8), and looks after the identity and the known peers of this node. "
         "Keys come and go "
         "through files, standard input and standard output only.\n\n# COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        man_command(&commands[i]);
    }
    puts("# EXIT CODES\n");
#define EXIT_CODE_LINE(name, number, text) printf("*%d*: %s\n\n", number, text);
    EXIT_CODE_TABLE(EXIT_CODE_LINE)
#undef EXIT_CODE_LINE
    puts("# FILES\n\n_STATE_/secret/key\n\tthe private key, read by the key process "
         "only\n\n_STATE_/node/identity\n\tthe "
         "device id and the public key\n\n_STATE_/node/peers\n\tthe known peers\n\n_STATE_ is the "
         "first of: *--state*, "
         "$DSOFTBUS\\_STATE, $STATE\\_DIRECTORY, $XDG\\_STATE\\_HOME/dsoftbus, /var/lib/dsoftbus "
         "for root, "
         "$HOME/.local/state/dsoftbus.\n\n# SEE ALSO\n\n*dsoftbusd*(8)");
}

// ---- Completions ----------------------------------------------------------------------------------

static bool takes_peer(const struct command *command)
{
    return strstr(command->operands, "PEER") != NULL || strstr(command->operands, "ID") != NULL;
}

static void bash(void)
{
    puts("# bash completion for dsoftbus\n_dsoftbus() {\n    local word=${COMP_WORDS[COMP_CWORD]} "
         "command= i\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n        case ${COMP_WORDS[i]} in\n           "
         " --state) ((i++)) ;;\n"
         "            -*) ;;\n            *) command=${COMP_WORDS[i]}; break ;;\n        esac\n    "
         "done\n"
         "    case $command in");
    for (size_t i = 0; i < command_count; i++) {
        printf("        %s) COMPREPLY=($(compgen -W \"--help --state", commands[i].name);
        for (size_t j = 0; commands[i].options[j].name != NULL; j++) {
            printf(" --%s", commands[i].options[j].name);
        }
        if (takes_peer(&commands[i])) {
            printf(" $(dsoftbus peers 2>/dev/null | awk 'NR > 1 {print $1}')");
        }
        if (strcmp(commands[i].name, "config") == 0) {
            printf(" check show");
        }
        puts("\" -- \"$word\")) ;;");
    }
    printf("        *) COMPREPLY=($(compgen -W \"--help --state");
    for (size_t i = 0; i < command_count; i++) {
        printf(" %s", commands[i].name);
    }
    puts("\" -- \"$word\")) ;;\n    esac\n}\ncomplete -o default -F _dsoftbus dsoftbus");
}

// In zsh's and fish's single quotes.
static void print_quoted(const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (*text == '[' || *text == ']' || *text == ':') {
            putchar(' ');
        } else {
            putchar(*text);
        }
    }
}

static void zsh(void)
{
    puts("#compdef dsoftbus\nlocal -a commands\ncommands=(");
    for (size_t i = 0; i < command_count; i++) {
        printf("    '%s:", commands[i].name);
        print_quoted(commands[i].summary);
        puts("'");
    }
    puts(")\nif (( CURRENT == 2 )); then\n    _describe command commands\n    return\nfi\ncase "
         "$words[2] in");
    for (size_t i = 0; i < command_count; i++) {
        printf("    %s) _arguments", commands[i].name);
        for (size_t j = 0; commands[i].options[j].name != NULL; j++) {
            const struct command_option *option = &commands[i].options[j];
            printf(" '--%s[", option->name);
            print_quoted(option->help);
            printf("]%s%s'", option->argument != NULL ? ":" : "",
                   option->argument == NULL                ? ""
                   : strcmp(option->argument, "FILE") == 0 ? "file:_files"
                                                           : "value:");
        }
        puts(takes_peer(&commands[i]) ? " '1: :' '2:peer:($(dsoftbus peers 2>/dev/null | awk \"NR "
                                        "> 1 {print \\$1}\"))' ;;"
                                      : " ;;");
    }
    puts("esac");
}

static void fish(void)
{
    puts("# fish completion for dsoftbus\ncomplete -c dsoftbus -f");
    for (size_t i = 0; i < command_count; i++) {
        printf("complete -c dsoftbus -n __fish_use_subcommand -a %s -d '", commands[i].name);
        print_quoted(commands[i].summary);
        puts("'");
        for (size_t j = 0; commands[i].options[j].name != NULL; j++) {
            const struct command_option *option = &commands[i].options[j];
            printf("complete -c dsoftbus -n '__fish_seen_subcommand_from %s' -l %s%s -d '",
                   commands[i].name, option->name, option->argument != NULL ? " -r" : "");
            print_quoted(option->help);
            puts("'");
        }
        if (takes_peer(&commands[i])) {
            printf("complete -c dsoftbus -n '__fish_seen_subcommand_from %s' -a \"(dsoftbus peers "
                   "2>/dev/null | awk "
                   "'NR > 1 {print \\$1}')\"\n",
                   commands[i].name);
        }
    }
}

int generate(const char *what)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } kinds[] = {{"man", man}, {"bash", bash}, {"zsh", zsh}, {"fish", fish}};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(what, kinds[i].name) == 0) {
            kinds[i].print();
            return EXIT_DONE;
        }
    }
    return EXIT_USAGE;
}
