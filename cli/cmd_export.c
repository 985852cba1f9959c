/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace export: a recording in another format. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/looking.h"
#include "cli/options.h"
#include "cli/plugins.h"
#include "cli/say.h"
#include "cli/selection_options.h"
#include "formats/byte_buffer.h"

enum { OPT_FORMAT = 2, OPT_OUTPUT, OPT_OPTION, OPT_PLUGIN, OPT_MAX_SIZE };
enum { MAX_OPTIONS = 256 };

static const struct lt_option options[] = {
    {"format", 'f', true, OPT_FORMAT}, {"output", 'o', true, OPT_OUTPUT},
    {"option", 'O', true, OPT_OPTION}, {"max-size", 0, true, OPT_MAX_SIZE},
    {"plugin", 0, true, OPT_PLUGIN},   {0},
};

struct export
{
    struct lt_selection selection;
    struct lt_logs logs;
    struct lt_plugins plugins;
    struct live_trace_option *exporter_options; /* keys owned: the text before '=' */
    size_t n_options, options_alloc;
    const char *format, *file;
};

static int add_option(struct export *e, struct lt_str key, const char *value)
{
    if (lt_array_grow(&e->exporter_options, &e->options_alloc, e->n_options + 1,
                      sizeof(e->exporter_options[0]), MAX_OPTIONS))
        return lt_say_usage("too many options: at most %d", MAX_OPTIONS);
    char *copy = strndup(key.data, key.len);
    if (!copy)
        return lt_say_failure("out of memory");
    e->exporter_options[e->n_options++] = (struct live_trace_option){copy, value};
    return 0;
}

static int add_pair(struct export *e, const char *pair)
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair)
        return lt_say_usage("--option %s is no option: write --option KEY=VALUE", pair);
    return add_option(e, (struct lt_str){pair, (size_t)(equals - pair)}, equals + 1);
}

static int take(void *ctx, int id, const char *value)
{
    struct export *e = ctx;
    switch (id) {
    case 0:
        return lt_logs_add(&e->logs, value);
    case OPT_FORMAT:
        e->format = value;
        return 0;
    case OPT_OUTPUT:
        e->file = value;
        return 0;
    case OPT_OPTION:
        return add_pair(e, value);
    case OPT_MAX_SIZE:
        return add_option(e, (struct lt_str){"max-size", strlen("max-size")}, value);
    case OPT_PLUGIN:
        return lt_plugins_add(&e->plugins, value);
    default:
        return lt_selection_option(&e->selection, id, value) == 0 ? 0 : LT_EXIT_USAGE;
    }
}

static int choose(struct export *e, const struct live_trace_exporter **exporter)
{
    const struct lt_registry *registry = e->plugins.registry;
    if (e->format) {
        *exporter = lt_registry_find(registry, e->format);
        return *exporter ? 0 : lt_plugins_unknown(&e->plugins, e->format);
    }
    if (!e->file || strcmp(e->file, "-") == 0)
        return lt_say_usage(
            "export needs a format: give -f FORMAT (`live-trace formats` lists them), "
            "or -o FILE with an ending that says it");
    *exporter = lt_registry_for_file(registry, e->file);
    if (!*exporter)
        return lt_say_usage(
            "the ending of %s says no format: give -f FORMAT (see `live-trace formats`)", e->file);
    return 0;
}

static int show(struct export *e)
{
    struct lt_looking looking = {
        .selection = &e->selection,
        .logs = &e->logs,
        .options = e->exporter_options,
        .n_options = e->n_options,
        .file = e->file,
    };
    int status = lt_plugins_load(&e->plugins);
    if (!status)
        status = choose(e, &looking.exporter);
    if (!status)
        status = lt_logs_default(&e->logs);
    return status ? status : lt_look(&looking);
}

static void release(struct export *e)
{
    for (size_t i = 0; i < e->n_options; i++)
        free((char *)e->exporter_options[i].key);
    free(e->exporter_options);
    lt_selection_release(&e->selection);
    lt_logs_release(&e->logs);
    lt_plugins_release(&e->plugins);
}

static int run(const struct lt_command *self, char **argv)
{
    struct export e = {0};
    struct lt_options o = {
        .command = self->name, .tables = {options, lt_selection_options}, .argv = argv};
    int status = lt_options_each(&o, take, &e);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status)
        status = show(&e);
    release(&e);
    return status;
}

const struct lt_command lt_cmd_export = {
    .name = "export",
    .summary = "write a recording as speedscope, folded stacks, JSON ...",
    .help = "Usage: live-trace export -f FORMAT [-o FILE] [selection] [LOG...]\n"
            "\n"
            "  -f, --format FORMAT   see `live-trace formats`; FILE's ending may say it\n"
            "  -o, --output FILE     standard output if left out\n"
            "  -O, --option KEY=VAL  for the format: `live-trace formats FORMAT`\n"
            "  --max-size SIZE       of speedscope's (100M): coarser where it is more; 0: any\n"
            "  --plugin FILE         load a format\n"
            "\n",
    .shared_help = lt_selection_help,
    .example = "live-trace export -o flame.svg --no-idle -O title='My program'",
    .run = run,
};
