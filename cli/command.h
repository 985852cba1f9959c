/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands: one file cmd_*.c and one const struct each, all of them in the table of main.c. */
#ifndef LT_COMMAND_H
#define LT_COMMAND_H

struct lt_command {
    const char *name;
    const char *summary; /* one line, for the list of commands */
    /* What `live-trace NAME --help` prints, in 80x24: its own part, a part that commands share (or
     * NULL), an example. */
    const char *help, *shared_help, *example;
    /* argv: behind the command's name, NULL-terminated. Returns the exit status. */
    int (*run)(const struct lt_command *self, char **argv);
};

extern const struct lt_command lt_cmd_run, lt_cmd_run_and_analyze, lt_cmd_attach, lt_cmd_dump,
    lt_cmd_analyze, lt_cmd_export, lt_cmd_cut, lt_cmd_diff, lt_cmd_merge, lt_cmd_info,
    lt_cmd_formats, lt_cmd_version, lt_cmd_view;

/* Prints the help of a command on standard output; returns the exit status. */
int lt_command_help(const struct lt_command *command);

/* `analyze` of one file with its defaults, on standard output: what run-and-analyze ends with. */
int lt_analyze_file(const char *path);

#endif
