/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace version. */
#include "config.h"

#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/say.h"

static int run(const struct lt_command *self, char **argv)
{
    struct lt_options o = {.command = self->name, .argv = argv};
    int id = lt_options_next(&o);
    if (id == LT_OPTION_HELP)
        return lt_command_help(self);
    if (id == 0)
        return lt_say_usage("version takes no arguments: leave out %s", o.value);
    if (id == -2)
        return LT_EXIT_USAGE;
    puts("live-trace " PACKAGE_VERSION);
    return LT_EXIT_OK;
}

const struct lt_command lt_cmd_version = {
    .name = "version",
    .summary = "which version this is",
    .help = "Usage: live-trace version\n"
            "\n"
            "Prints the name and version of this program.\n",
    .example = "live-trace version",
    .run = run,
};
