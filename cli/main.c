/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace: finds the command, runs it, and makes sure that what it printed has arrived. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/say.h"

static const struct lt_command *const commands[] = {
    &lt_cmd_run,     &lt_cmd_run_and_analyze, &lt_cmd_attach, &lt_cmd_dump,
    &lt_cmd_analyze, &lt_cmd_export,          &lt_cmd_view,   &lt_cmd_diff,
    &lt_cmd_cut,     &lt_cmd_merge,           &lt_cmd_info,   &lt_cmd_formats,
    &lt_cmd_version,
};

/* Words that users may know, but that this version does not have. */
static const char *const later[] = {"top"};

enum {
    COMMANDS = sizeof(commands) / sizeof(commands[0]),
    LATER = sizeof(later) / sizeof(later[0])
};

static const struct lt_command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int print_overview(void)
{
    puts("live-trace: what is your Python interpreter doing all day long?\n\n"
         "Usage: live-trace COMMAND [options] ...\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
    puts("\n`live-trace COMMAND --help` says more.\n\n"
         "Example:\n"
         "  live-trace run-and-analyze script.py\n"
         "  live-trace export -o out.speedscope.json");
    return LT_EXIT_OK;
}

int lt_command_help(const struct lt_command *command)
{
    fputs(command->help, stdout);
    if (command->shared_help)
        fputs(command->shared_help, stdout);
    printf("\nExample: %s\n", command->example);
    return LT_EXIT_OK;
}

static int unknown(const char *word)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < LATER; i++) {
        if (strcmp(later[i], word) == 0)
            return lt_say_usage(
                "this version has no `%s` yet: see `live-trace --help` for what it has", word);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *near = lt_nearest(word, names, COMMANDS);
    if (near)
        return lt_say_usage("unknown command %s: did you mean %s?", word, near);
    return lt_say_usage("unknown command %s: see `live-trace --help`", word);
}

static int help_on(char **argv)
{
    if (!argv[0])
        return print_overview();
    const struct lt_command *command = find(argv[0]);
    return command ? lt_command_help(command) : unknown(argv[0]);
}

static int dispatch(char **argv)
{
    const char *word = argv[1];
    if (!word) {
        print_overview();
        return LT_EXIT_USAGE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return help_on(argv + 2);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return lt_cmd_version.run(&lt_cmd_version, argv + 2);
    const struct lt_command *command = find(word);
    return command ? command->run(command, argv + 2) : unknown(word);
}

/* A full disk must not look like success. */
static int finish(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno == EPIPE)
        return status ? status : LT_EXIT_FAILURE;
    lt_say("cannot write to standard output: %s", strerror(errno));
    return status ? status : LT_EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    (void)argc;
    /* A reader that has seen enough is an error code of the write, and quiet. A command that starts
     * a program gives it the handling that it would have had. */
    signal(SIGPIPE, SIG_IGN);
    return finish(dispatch(argv));
}
