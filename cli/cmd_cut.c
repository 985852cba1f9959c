/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace cut: a selection as a trace. */
#include "config.h"

#include "cli/command.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/selection_options.h"
#include "cli/splicing.h"

enum { OPT_OUTPUT = 2 };

static const struct lt_option options[] = {
    {"output", 'o', true, OPT_OUTPUT},
    {0},
};

struct cut {
    struct lt_selection selection;
    struct lt_logs logs;
    const char *file;
};

static int take(void *ctx, int id, const char *value)
{
    struct cut *c = ctx;
    switch (id) {
    case 0:
        return lt_logs_add(&c->logs, value);
    case OPT_OUTPUT:
        c->file = value;
        return 0;
    default:
        return lt_selection_option(&c->selection, id, value) == 0 ? 0 : LT_EXIT_USAGE;
    }
}

/* A trace keeps frames as they were recorded. */
static int check(const struct cut *c)
{
    const struct lt_selection *s = &c->selection;
    const char *option = s->by != LT_BY_DEFAULT        ? "--by"
                         : s->thread_roots != LT_UNSET ? "--threads"
                         : s->full_paths               ? "--full-paths"
                         : s->unit != LT_UNIT_DEFAULT  ? "--unit"
                                                       : NULL;
    if (option)
        return lt_say_usage("%s says how stacks are shown, not which: give it to the command that "
                            "shows the new trace",
                            option);
    return c->file ? 0 : lt_say_usage("cut needs a name for the new trace: give -o FILE");
}

static int cut(struct cut *c)
{
    int status = check(c);
    if (!status)
        status = lt_logs_default(&c->logs);
    return status ? status : lt_splice_logs(&c->selection, &c->logs, c->file);
}

static int run(const struct lt_command *self, char **argv)
{
    struct cut c = {0};
    struct lt_options o = {
        .command = self->name, .tables = {options, lt_selection_options}, .argv = argv};
    int status = lt_options_each(&o, take, &c);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status)
        status = cut(&c);
    lt_selection_release(&c.selection);
    lt_logs_release(&c.logs);
    return status;
}

const struct lt_command lt_cmd_cut = {
    .name = "cut",
    .summary = "write what a selection keeps as a trace of its own",
    .help = "Usage: live-trace cut -o FILE [selection] [LOG...]\n"
            "\n"
            "  -o, --output FILE   the new trace; - is standard output\n"
            "\n"
            "Frames stay as they were recorded, but for what --hide and --mine leave out; --by,\n"
            "--threads, --full-paths and --unit have no meaning here. Several LOGs: see merge.\n"
            "\n",
    .shared_help = lt_selection_help,
    .example = "live-trace cut -o peak.ltrace --from 2026-11-23T10:00 --to 2026-11-23T10:05",
    .run = run,
};
