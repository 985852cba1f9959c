/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace merge: recordings of many processes and hosts as one trace. */
#include "config.h"

#include "cli/command.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/splicing.h"

enum { OPT_OUTPUT = 2, OPT_STRICT };

static const struct lt_option options[] = {
    {"output", 'o', true, OPT_OUTPUT},
    {"strict", 0, false, OPT_STRICT},
    {0},
};

static int run(const struct lt_command *self, char **argv)
{
    struct lt_selection all = {0};
    struct lt_logs logs = {0};
    struct lt_options o = {.command = self->name, .tables = {options}, .argv = argv};
    const char *file = NULL;
    bool help = false;
    int status = 0, id = 0;
    while (!status && !help && (id = lt_options_next(&o)) >= 0) {
        help = id == LT_OPTION_HELP;
        all.strict = all.strict || id == OPT_STRICT;
        if (id == OPT_OUTPUT)
            file = o.value;
        else if (id == 0)
            status = lt_logs_add(&logs, o.value);
    }
    if (id == -2)
        status = LT_EXIT_USAGE;
    if (help)
        status = lt_command_help(self);
    else if (!status && !file)
        status = lt_say_usage("merge needs a name for the new trace: give -o FILE");
    else if (!status && !logs.n)
        status = lt_say_usage("merge needs recordings: name traces, or a folder of them");
    else if (!status)
        status = lt_splice_logs(&all, &logs, file);
    lt_logs_release(&logs);
    return status;
}

const struct lt_command lt_cmd_merge = {
    .name = "merge",
    .summary = "join recordings of processes and hosts on one clock",
    .help = "Usage: live-trace merge -o FILE [--strict] LOG...\n"
            "\n"
            "LOG: traces and classic logs (each may be gzipped), folders of them.\n"
            "\n"
            "  -o, --output FILE   the new trace; - is standard output\n"
            "  --strict            damage is a failure\n"
            "\n"
            "Each recording is placed by its wall clock, and where it read that clock more than\n"
            "once, along the line between the readings. Ticks of one interval become one, so\n"
            "times are true to one and a half intervals. What has no times (folded stacks)\n"
            "cannot be merged; `analyze` and `export` take several LOGs of any kind.\n",
    .example = "live-trace merge -o day.ltrace web1.ltrace web2.ltrace",
    .run = run,
};
