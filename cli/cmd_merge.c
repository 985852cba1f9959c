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

struct merge {
    struct lt_selection all; /* of which only strictness can be chosen */
    struct lt_logs logs;
    const char *file;
};

static int take(void *ctx, int id, const char *value)
{
    struct merge *m = ctx;
    if (id == 0)
        return lt_logs_add(&m->logs, value);
    if (id == OPT_OUTPUT)
        m->file = value;
    m->all.strict = m->all.strict || id == OPT_STRICT;
    return 0;
}

static int run(const struct lt_command *self, char **argv)
{
    struct merge m = {0};
    struct lt_options o = {.command = self->name, .tables = {options}, .argv = argv};
    int status = lt_options_each(&o, take, &m);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status && !m.file)
        status = lt_say_usage("merge needs a name for the new trace: give -o FILE");
    else if (!status && !m.logs.n)
        status = lt_say_usage("merge needs recordings: name traces, or a folder of them");
    else if (!status)
        status = lt_splice_logs(&m.all, &m.logs, m.file);
    lt_logs_release(&m.logs);
    return status;
}

const struct lt_command lt_cmd_merge = {
    .name = "merge",
    .summary = "join recordings of processes and hosts on one clock",
    .help = "Usage: live-trace merge -o FILE [--strict] LOG...\n"
            "\n"
            "LOG: traces and other recordings with times (each may be gzipped), folders.\n"
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
