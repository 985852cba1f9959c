/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace diff: what changed from one recording to another. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/looking.h"
#include "cli/options.h"
#include "cli/out_file.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/selection_options.h"
#include "exporters/difference.h"
#include "formats/lt_error.h"

enum { OPT_FORMAT = 2, OPT_OUTPUT, OPT_MOST_COMMON, OPT_SUM, OPT_JSON, OPT_FAIL_ABOVE };
enum { DEFAULT_ROWS = 30 };

static const struct lt_option options[] = {
    {"format", 'f', true, OPT_FORMAT},
    {"output", 'o', true, OPT_OUTPUT},
    {"most-common", 'm', true, OPT_MOST_COMMON},
    {"sum-all-frames", 0, false, OPT_SUM},
    {"json", 0, false, OPT_JSON},
    {"fail-above", 0, true, OPT_FAIL_ABOVE},
    {0},
};

static const char *const formats[] = {"text", "folded", "svg", "json"};
enum format { TEXT, FOLDED, SVG, JSON, FORMATS };

struct diff {
    struct lt_selection selection;
    struct lt_logs logs[LT_FLAME_SIDES];
    unsigned n_sides;
    enum format format;
    const char *file;
    size_t rows;
    bool sum, has_limit;
    double limit; /* per cent of the whole that a row may grow by */
};

static int set_format(struct diff *d, const char *value)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (strcmp(formats[i], value) == 0) {
            d->format = (enum format)i;
            return 0;
        }
    }
    return lt_say_usage("diff does not write %s: give -f text, folded, svg or json", value);
}

static int set_rows(struct diff *d, const char *value)
{
    if (!*value || strspn(value, "0123456789") != strlen(value))
        return lt_say_usage("-m %s is no number: write -m 30", value);
    d->rows = (size_t)strtoull(value, NULL, 10);
    return 0;
}

static int set_limit(struct diff *d, const char *value)
{
    char *end;
    d->limit = strtod(value, &end);
    d->has_limit = true;
    if (end == value || *end || !(d->limit >= 0 && d->limit <= 100))
        return lt_say_usage("--fail-above %s is no share: write a number from 0 to 100", value);
    return 0;
}

static int take(void *ctx, int id, const char *value)
{
    struct diff *d = ctx;
    switch (id) {
    case 0:
        if (d->n_sides == LT_FLAME_SIDES)
            return lt_say_usage("diff compares two recordings: give BASE and LOG");
        return lt_logs_add(&d->logs[d->n_sides++], value);
    case OPT_FORMAT:
        return set_format(d, value);
    case OPT_OUTPUT:
        d->file = value;
        return 0;
    case OPT_MOST_COMMON:
        return set_rows(d, value);
    case OPT_SUM:
        d->sum = true;
        return 0;
    case OPT_JSON:
        d->format = JSON;
        return 0;
    case OPT_FAIL_ABOVE:
        return set_limit(d, value);
    default:
        return lt_selection_option(&d->selection, id, value) == 0 ? 0 : LT_EXIT_USAGE;
    }
}

static int write_difference(const struct diff *d, const struct lt_difference *difference,
                            struct lt_output *output)
{
    switch (d->format) {
    case FOLDED:
        return lt_difference_write_folded(difference, output);
    case SVG:
        return lt_difference_write_svg(difference, output);
    case JSON:
        return lt_difference_write_json(difference, output);
    case TEXT:
    case FORMATS:
        break;
    }
    return lt_difference_write_text(difference, d->rows, output);
}

static int judge(const struct diff *d, const struct lt_difference *difference)
{
    double growth = lt_difference_growth(difference);
    if (!d->has_limit || growth <= d->limit)
        return LT_EXIT_OK;
    for (size_t i = 0; i < difference->n_real; i++) {
        const struct lt_difference_row *row = &difference->rows[i];
        if (row->change * 100 >= growth)
            lt_say("%s grew by %.2f per cent of the whole, more than --fail-above %g: look at its "
                   "callers, or raise the limit",
                   row->label, growth, d->limit);
    }
    return LT_EXIT_DIFFERS;
}

static int compare(const struct diff *d)
{
    struct lt_progress progress;
    struct lt_difference difference;
    struct lt_message message = {""};
    struct lt_out_file out;
    const struct lt_difference_request request = {
        .selection = &d->selection,
        .logs = {(const char *const *)d->logs[0].at, (const char *const *)d->logs[1].at},
        .n_logs = {d->logs[0].n, d->logs[1].n},
        .by_line = d->format == TEXT || d->format == JSON,
        .all_frames = d->sum,
        .note = lt_show_note,
        .progress = lt_show_progress,
        .ctx = &progress,
    };
    lt_progress_begin(&progress);
    int error = lt_difference_make(&difference, &request, &message);
    lt_progress_end(&progress);
    int status = 0;
    if (error)
        status = error == LT_ERR_USAGE ? lt_say_usage("%s", message.text)
                                       : lt_say_failure("%s", message.text);
    if (!status)
        status = lt_out_file_open(&out, d->file);
    if (!status) {
        error = write_difference(d, &difference, &out.output);
        if (error)
            snprintf(message.text, sizeof(message.text),
                     "the difference cannot be written (%s): make room or choose another place",
                     lt_error_text(error));
        status = lt_out_file_close(&out, error, message.text);
    }
    if (!status)
        status = judge(d, &difference);
    lt_difference_release(&difference);
    return status;
}

static int run(const struct lt_command *self, char **argv)
{
    struct diff d = {.rows = DEFAULT_ROWS};
    struct lt_options o = {
        .command = self->name, .tables = {options, lt_selection_options}, .argv = argv};
    int status = lt_options_each(&o, take, &d);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status && d.n_sides < LT_FLAME_SIDES)
        status = lt_say_usage("diff compares two recordings: give BASE and LOG");
    else if (!status)
        status = compare(&d);
    lt_selection_release(&d.selection);
    for (unsigned i = 0; i < LT_FLAME_SIDES; i++)
        lt_logs_release(&d.logs[i]);
    return status;
}

const struct lt_command lt_cmd_diff = {
    .name = "diff",
    .summary = "what changed from one recording to another, chance told apart",
    .help = "Usage: live-trace diff [selection] [-m N] [--sum-all-frames] BASE LOG\n"
            "\n"
            "  -f text|folded|svg|json  text; stacks with two counts; a flame graph (-o FILE)\n"
            "  --fail-above PERCENT     exit status 3 if a share really grew by more points\n"
            "\n"
            "~ is what may be chance: two-proportion z-test on each row, corrected after Holm,\n"
            "5%. It takes samples as independent, which those of one long call are not.\n"
            "\n",
    .shared_help = lt_selection_help,
    .example = "live-trace diff --fail-above 5 before.ltrace after.ltrace",
    .run = run,
};
