/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace formats: what can be written and read. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/options.h"
#include "cli/plugins.h"
#include "cli/say.h"
#include "formats/profile_reader.h"

enum { OPT_JSON = 2, OPT_PLUGIN };

static const struct lt_option options[] = {
    {"json", 0, false, OPT_JSON},
    {"plugin", 0, true, OPT_PLUGIN},
    {0},
};

static const char *or_dash(const char *text)
{
    return text && *text ? text : "-";
}

/* A line of the table: name, ending, read by, from. */
enum { COLUMNS = 4 };
struct row {
    const char *cells[COLUMNS];
};

static struct row output_row(const struct lt_exporter_entry *e)
{
    if (!e->exporter)
        return (struct row){{e->name ? e->name : "(unavailable)", "-", e->unavailable, e->origin}};
    return (struct row){{e->exporter->name, or_dash(e->exporter->extension),
                         or_dash(e->exporter->read_by), e->origin}};
}

static struct row input_row(const struct lt_input_format *f)
{
    return (struct row){{f->name, or_dash(f->extension), f->description, ""}};
}

/* Makes room for the first n cells. */
static void widen(int widths[COLUMNS], struct row row, int n)
{
    for (int i = 0; i < n; i++) {
        int width = (int)strlen(row.cells[i]);
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

/* The last cell that says something has no blanks behind it. */
static void print_row(const int widths[COLUMNS], struct row row)
{
    int last = *row.cells[COLUMNS - 1] ? COLUMNS - 1 : COLUMNS - 2;
    for (int i = 0; i <= last; i++)
        printf("  %-*s", i < last ? widths[i] : 0, row.cells[i]);
    putchar('\n');
}

static void print_text(const struct lt_registry *registry)
{
    const struct row head = {{"NAME", "ENDING", "READ BY", "FROM"}};
    int widths[COLUMNS] = {0};
    widen(widths, head, COLUMNS);
    for (size_t i = 0; i < lt_registry_count(registry); i++)
        widen(widths, output_row(lt_registry_at(registry, i)), COLUMNS);
    for (size_t i = 0; lt_input_formats[i]; i++)
        widen(widths, input_row(lt_input_formats[i]), 2);
    puts("Output formats (export -f NAME):");
    print_row(widths, head);
    for (size_t i = 0; i < lt_registry_count(registry); i++)
        print_row(widths, output_row(lt_registry_at(registry, i)));
    puts("\nInput formats, found by content; each may be gzipped:");
    for (size_t i = 0; lt_input_formats[i]; i++)
        print_row(widths, input_row(lt_input_formats[i]));
}

/* One output, with the options that it has. */
static void print_one(const struct lt_registry *registry, const struct live_trace_exporter *e)
{
    const struct live_trace_option_info *o = e->options;

    printf("%s: %s\n  ending   %s\n  read by  %s\n", e->name, e->description, or_dash(e->extension),
           or_dash(e->read_by));
    for (size_t i = 0; i < lt_registry_count(registry); i++)
        if (lt_registry_at(registry, i)->exporter == e)
            printf("  from     %s\n", lt_registry_at(registry, i)->origin);
    if (!o || !o->key)
        return;
    printf("\nOptions (export -f %s -O KEY=VALUE):\n", e->name);
    for (; o->key; o++) {
        int width = printf("  %s=%s", o->key, o->value);
        printf("%*s%s\n", width < 28 ? 30 - width : 2, "", o->description);
    }
}

static void json_options(struct lt_json *j, const struct live_trace_option_info *o)
{
    lt_json_key(j, "options");
    lt_json_array(j);
    for (; o && o->key; o++) {
        lt_json_object(j);
        lt_json_key_text(j, "key", o->key);
        lt_json_key_text(j, "value", o->value);
        lt_json_key_text(j, "description", o->description);
        lt_json_end(j);
    }
    lt_json_end(j);
}

static void json_output(struct lt_json *j, const struct lt_exporter_entry *e)
{
    lt_json_object(j);
    lt_json_key_text(j, "name", e->name);
    lt_json_key_text(j, "description", e->exporter ? e->exporter->description : NULL);
    lt_json_key_text(j, "extension", e->exporter ? e->exporter->extension : NULL);
    lt_json_key_text(j, "read_by", e->exporter ? e->exporter->read_by : NULL);
    json_options(j, e->exporter ? e->exporter->options : NULL);
    lt_json_key_text(j, "origin", e->origin);
    lt_json_key(j, "available");
    lt_json_bool(j, e->exporter != NULL);
    lt_json_key_text(j, "unavailable", e->unavailable);
    lt_json_end(j);
}

static int print_json(const struct lt_registry *registry)
{
    struct lt_json j;
    lt_json_to_stdout(&j);
    lt_json_object(&j);
    lt_json_key(&j, "output");
    lt_json_array(&j);
    for (size_t i = 0; i < lt_registry_count(registry); i++)
        json_output(&j, lt_registry_at(registry, i));
    lt_json_end(&j);
    lt_json_key(&j, "input");
    lt_json_array(&j);
    for (size_t i = 0; lt_input_formats[i]; i++) {
        lt_json_object(&j);
        lt_json_key_text(&j, "name", lt_input_formats[i]->name);
        lt_json_key_text(&j, "description", lt_input_formats[i]->description);
        lt_json_key_text(&j, "extension", lt_input_formats[i]->extension);
        lt_json_key_text(&j, "origin", "built in");
        lt_json_end(&j);
    }
    lt_json_end(&j);
    lt_json_end(&j);
    return lt_json_end_stdout(&j);
}

struct formats {
    struct lt_plugins plugins;
    const char *name; /* the one that is asked about; NULL: all */
    bool json;
};

static int take(void *ctx, int id, const char *value)
{
    struct formats *f = ctx;
    if (id == OPT_PLUGIN)
        return lt_plugins_add(&f->plugins, value);
    if (id == 0 && f->name)
        return lt_say_usage("formats shows one format: leave out %s", value);
    if (id == 0)
        f->name = value;
    f->json = f->json || id == OPT_JSON;
    return 0;
}

static int show(struct formats *f)
{
    int status = lt_plugins_load(&f->plugins);
    if (status)
        return status;
    if (f->json && f->name)
        return lt_say_usage("--json shows all formats: leave out %s", f->name);
    if (f->json)
        return print_json(f->plugins.registry);
    if (!f->name) {
        print_text(f->plugins.registry);
        return 0;
    }
    const struct live_trace_exporter *e = lt_registry_find(f->plugins.registry, f->name);
    if (!e)
        return lt_plugins_unknown(&f->plugins, f->name);
    print_one(f->plugins.registry, e);
    return 0;
}

static int run(const struct lt_command *self, char **argv)
{
    struct formats f = {0};
    struct lt_options o = {.command = self->name, .tables = {options}, .argv = argv};
    int status = lt_options_each(&o, take, &f);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status)
        status = show(&f);
    lt_plugins_release(&f.plugins);
    return status;
}

const struct lt_command lt_cmd_formats = {
    .name = "formats",
    .summary = "list the output and input formats",
    .help = "Usage: live-trace formats [--json] [--plugin FILE] [FORMAT]\n"
            "\n"
            "Lists each output and input format: its name, the ending of its files, what\n"
            "reads it and where it came from. Plug-ins are taken from the folders in\n"
            "$LIVE_TRACE_EXPORTERS, from the configured folder, and from --plugin FILE.\n"
            "With FORMAT only that output, and its options (export -O KEY=VALUE).\n"
            "\n"
            "  --json         the same as JSON\n"
            "  --plugin FILE  load a plug-in\n",
    .example = "live-trace formats",
    .run = run,
};
