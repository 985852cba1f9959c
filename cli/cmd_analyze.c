/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace analyze: the classic report on standard output. */
#include "config.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/looking.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/selection_options.h"
#include "exporters/exporter_registry.h"

enum { OPT_MOST_COMMON = 2, OPT_SUM, OPT_JSON, OPT_FOLLOW, OPT_EVERY };
enum { MAX_OPTIONS = 3 };

static const struct lt_option options[] = {
    {"most-common", 'm', true, OPT_MOST_COMMON},
    {"sum-all-frames", 0, false, OPT_SUM},
    {"json", 0, false, OPT_JSON},
    {"every", 0, true, OPT_EVERY},
    {"follow", 0, false, OPT_FOLLOW},
    {0},
};

struct analyze {
    struct lt_selection selection;
    struct lt_logs logs;
    struct live_trace_option exporter_options[MAX_OPTIONS];
    size_t n_options;
    const char *most_common, *every;
    bool sum, json, follow;
};

/* Does the user's locale have the characters of a sparkline? */
static bool has_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale)
        return false;
    bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

static int show(struct analyze *a)
{
    struct lt_registry *registry;
    char message[256] = "";
    /* The outputs keep all stacks; a report is about those that do something. */
    if (a->selection.idle == LT_UNSET)
        a->selection.idle = LT_NO;
    if (a->most_common)
        a->exporter_options[a->n_options++] =
            (struct live_trace_option){"most-common", a->most_common};
    if (a->sum)
        a->exporter_options[a->n_options++] = (struct live_trace_option){"sum-all-frames", "1"};
    if (a->every) {
        a->exporter_options[a->n_options++] = (struct live_trace_option){"every", a->every};
        a->exporter_options[a->n_options++] =
            (struct live_trace_option){"blocks", has_utf8() ? "1" : "0"};
    }
    if (a->json)
        a->exporter_options[a->n_options++] = (struct live_trace_option){"json", "1"};
    if (lt_registry_new(&registry, NULL, NULL, NULL, 0, message, sizeof(message)))
        return lt_say_failure("%s", message);
    const struct lt_looking looking = {
        .exporter = lt_registry_find(registry, a->every ? "slots" : "text"),
        .selection = &a->selection,
        .logs = &a->logs,
        .options = a->exporter_options,
        .n_options = a->n_options,
    };
    int status = a->follow ? lt_look_follow(&looking) : lt_look(&looking);
    lt_registry_free(registry);
    return status;
}

/* Takes one option: 0, or an exit status after a message; *help when it is that. */
static int take(void *ctx, int id, const char *value)
{
    struct analyze *a = ctx;
    switch (id) {
    case 0:
        return lt_logs_add(&a->logs, value);
    case OPT_MOST_COMMON:
        if (!*value || strspn(value, "0123456789") != strlen(value))
            return lt_say_usage("-m %s is no number: write -m 30", value);
        a->most_common = value;
        return 0;
    case OPT_SUM:
        a->sum = true;
        return 0;
    case OPT_EVERY:
        a->every = value;
        return 0;
    case OPT_FOLLOW:
        a->follow = true;
        return 0;
    case OPT_JSON:
        a->json = true;
        return 0;
    default:
        return lt_selection_option(&a->selection, id, value) == 0 ? 0 : LT_EXIT_USAGE;
    }
}

/* What only the report of single frames can do. */
static int check_every(const struct analyze *a)
{
    if (a->every && (a->most_common || a->sum))
        return lt_say_usage("--every shows one frame a slot: leave out -m and --sum-all-frames");
    return 0;
}

static void release(struct analyze *a)
{
    lt_selection_release(&a->selection);
    lt_logs_release(&a->logs);
}

static int analyze(struct analyze *a)
{
    int status = check_every(a);
    if (!status)
        status = lt_logs_default(&a->logs);
    return status ? status : show(a);
}

static int run(const struct lt_command *self, char **argv)
{
    struct analyze a = {0};
    struct lt_options o = {
        .command = self->name, .tables = {options, lt_selection_options}, .argv = argv};
    int status = lt_options_each(&o, take, &a);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status)
        status = analyze(&a);
    release(&a);
    return status;
}

int lt_analyze_file(const char *path)
{
    struct analyze a = {0};
    int status = lt_logs_add(&a.logs, path);
    if (!status)
        status = show(&a);
    release(&a);
    return status;
}

const struct lt_command lt_cmd_analyze = {
    .name = "analyze",
    .summary = "report where the time went, your own code marked with <====",
    .help = "Usage: live-trace analyze [selection] [-m N] [--sum-all-frames] [LOG...]\n"
            "       live-trace analyze [selection] --every DURATION [--json] [LOG...]\n"
            "\n"
            "Without LOG: the newest trace. LOG: a trace, or what another profiler wrote\n"
            "(see live-trace formats; each may be gzipped), a folder, - for standard input.\n"
            "\n"
            "  -m N, --most-common N  so many rows (30)\n"
            "  --sum-all-frames       count every line of a stack, not only the innermost\n"
            "  --every DURATION       a table by time: 1h, 10m, 30s; at most 1440 slots\n"
            "  --json                 the same as JSON\n"
            "  --follow               of one that is still written: every 2 s, to its end\n"
            "\n",
    .shared_help = lt_selection_help,
    .example = "live-trace analyze --mine -m 10",
    .run = run,
};
