/* SPDX-License-Identifier: Apache-2.0
 *
 * A flame graph, or a flame chart, as one SVG file. Stacks are merged as they come; the picture is
 * laid out and drawn at the end. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/flame_palette.h"
#include "exporters/flame_svg.h"
#include "exporters/head_text.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

struct svg_state {
    const struct live_trace_host *host;
    struct lt_flame_drawing drawing;
    bool reverse, unit_is_time, no_counts, is_chart;
    enum lt_flame_order order;
    double min_width; /* pixels */
    struct lt_flame_tree *tree;
    char *meta_title, *meta_command, *meta_by, *meta_selection;
    int64_t start_realtime_ns, interval_ns;
    uint64_t stacks; /* stack samples */
    struct lt_buf subtitle, description;
};

/* The first ones are of graphs alone. */
enum { OF_GRAPHS = 2 };
static const struct live_trace_option_info options[] = {
    {"reverse", "0|1", "innermost frames as roots, their callers on them (0)"},
    {"sort", "name|weight", "the order of callees (name)"},
    {"icicle", "0|1", "the root on top, callees below it (0)"},
    {"title", "TEXT", "instead of the program's command"},
    {"subtitle", "TEXT", "instead of when and how much was recorded"},
    {"notes", "TEXT", "a line below the subtitle (none)"},
    {"min-width", "PIXELS", "leave out narrower boxes (0.1)"},
    {"width", "PIXELS", "of the still picture, 200 to 10000 (1200)"},
    {"font-size", "PIXELS", "6 to 48 (12)"},
    {"palette", "NAME", "owner, module, hot, blue, green, purple, grey (owner)"},
    {"theme", "auto|light|dark", "auto is the reader's choice (auto)"},
    {"count-name", "TEXT", "what weights count, if not time (samples)"},
    {"script", "0|1", "zoom, search and keys in the browser (1)"},
    {0},
};

static void release(struct svg_state *s)
{
    lt_flame_tree_free(s->tree);
    free(s->meta_title);
    free(s->meta_command);
    free(s->meta_by);
    free(s->meta_selection);
    lt_buf_release(&s->subtitle);
    lt_buf_release(&s->description);
    free(s);
}

static int read_switches(struct svg_state *s)
{
    int error = lt_option_switch(s->host, "icicle", &s->drawing.icicle);

    if (error == 0) {
        error = lt_option_switch(s->host, "reverse", &s->reverse);
    }
    return error < 0 ? error : lt_option_switch(s->host, "script", &s->drawing.script);
}

static int read_numbers(struct svg_state *s)
{
    int error = lt_option_number(s->host, "min-width", 0, 1000, &s->min_width);

    if (error == 0) {
        error = lt_option_number(s->host, "width", 200, 10000, &s->drawing.width);
    }
    return error < 0 ? error : lt_option_number(s->host, "font-size", 6, 48, &s->drawing.font_size);
}

static int read_choices(struct svg_state *s)
{
    static const char *const orders[] = {"name", "weight", NULL};
    static const char *const themes[] = {"auto", "light", "dark", NULL};
    int order = 0, theme = LT_FLAME_THEME_AUTO;
    int error = lt_option_choice(s->host, "palette", lt_flame_palette_names, &s->drawing.palette);

    if (error == 0) {
        error = lt_option_choice(s->host, "sort", orders, &order);
    }
    if (error == 0) {
        error = lt_option_choice(s->host, "theme", themes, &theme);
    }
    s->order = order == 0 ? LT_FLAME_BY_LABEL : LT_FLAME_BY_WEIGHT;
    s->drawing.theme = (enum lt_flame_theme)theme;
    return error;
}

static int svg_open(const struct live_trace_host *host, void **state)
{
    struct svg_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    s->min_width = 0.1;
    s->drawing = (struct lt_flame_drawing){.script = true, .width = 1200, .font_size = 12};
    error = read_switches(s);
    if (error == 0) {
        error = read_numbers(s);
    }
    if (error == 0) {
        error = read_choices(s);
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int svg_meta(void *state, const struct live_trace_meta *meta)
{
    struct svg_state *s = state;

    s->meta_title = strdup(meta->title);
    s->meta_command = strdup(meta->command);
    s->meta_by = strdup(meta->by);
    s->meta_selection = strdup(meta->selection);
    s->start_realtime_ns = meta->start_realtime_ns;
    s->interval_ns = meta->interval_ns;
    s->unit_is_time = meta->unit_is_time;
    s->no_counts = meta->no_counts;
    if (s->meta_title == NULL || s->meta_command == NULL || s->meta_by == NULL ||
        s->meta_selection == NULL) {
        return LT_ERR_NOMEM;
    }
    return lt_flame_tree_new(&s->tree, strcmp(meta->by, "line") == 0, s->reverse);
}

static int svg_stack(void *state, const struct live_trace_stack *stack)
{
    struct svg_state *s = state;

    s->stacks += stack->count;
    return lt_flame_tree_add(s->tree, stack, 0,
                             s->unit_is_time ? (uint64_t)stack->weight_ns : stack->count);
}

static int svg_sample(void *state, const struct live_trace_stack *sample)
{
    struct svg_state *s = state;

    s->is_chart = true;
    s->order = LT_FLAME_BY_TIME;
    s->stacks += sample->count;
    return lt_flame_tree_add_sample(s->tree, sample,
                                    s->unit_is_time ? (uint64_t)sample->weight_ns : sample->count);
}

/* "2026-11-23 10:00:00, 5.02 s, a tick every 10 ms; 2008 stack samples by function; only ..." */
static int make_subtitle(struct svg_state *s, const struct live_trace_health *health)
{
    struct lt_buf *out = &s->subtitle;
    int error = lt_head_times(out, s->start_realtime_ns, s->interval_ns, health);

    if (error == 0) {
        error = lt_buf_put_text(out, out->len > 0 ? "; " : "");
    }
    if (error == 0) {
        error = s->no_counts ? lt_buf_put_text(out, "times")
                             : lt_buf_printf(out, "%" PRIu64 " stack samples", s->stacks);
    }
    if (error == 0) {
        error = lt_buf_printf(out, " by %s", s->meta_by);
    }
    if (error == 0 && s->meta_selection[0] != '\0') {
        error = lt_buf_printf(out, "; %s", s->meta_selection);
    }
    if (error == 0 && s->reverse) {
        error = lt_buf_put_text(out, "; innermost frames first");
    }
    if (error == 0 && s->is_chart) {
        error = lt_buf_put_text(out, "; each thread in the order of time");
    }
    return error < 0 ? error : lt_buf_put_u8(out, '\0');
}

static int make_description(struct svg_state *s, const struct live_trace_health *health)
{
    struct lt_buf *out = &s->description;
    int error = lt_head_health(out, health);

    if (error == 0 && (health->damaged_blocks > 0 || !health->complete)) {
        error = lt_buf_put_text(out, out->len > 0 ? "; " : "");
        if (error == 0) {
            error = lt_head_damage(out, health);
        }
    }
    return error < 0 ? error : lt_buf_put_u8(out, '\0');
}

static int svg_health(void *state, const struct live_trace_health *health)
{
    struct svg_state *s = state;
    int error = make_subtitle(s, health);

    return error < 0 ? error : make_description(s, health);
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void complete_drawing(struct svg_state *s, const struct lt_flame_layout *layout)
{
    const struct live_trace_host *host = s->host;
    struct lt_flame_drawing *d = &s->drawing;

    d->tree = s->tree;
    d->layout = layout;
    d->title = or_else(lt_option_text(host, "title"),
                       s->meta_command[0] != '\0' ? s->meta_command : s->meta_title);
    d->subtitle = or_else(lt_option_text(host, "subtitle"), (const char *)s->subtitle.data);
    d->notes = or_else(lt_option_text(host, "notes"), "");
    d->description = (const char *)s->description.data;
    d->count_name = s->unit_is_time ? NULL : or_else(lt_option_text(host, "count-name"), "samples");
}

/* What the picture does not show. */
static void note_losses(const struct svg_state *s, const struct lt_flame_layout *layout)
{
    char text[200];

    if (lt_flame_tree_cut(s->tree) > 0) {
        snprintf(text, sizeof text,
                 "%" PRIu64 " stacks are deeper than the %d rows of a flame graph: their middles "
                 "were left out",
                 lt_flame_tree_cut(s->tree), LT_FLAME_MAX_DEPTH);
        s->host->note(s->host->ctx, text);
    }
    if (lt_flame_tree_passed_over(s->tree) > 0) {
        snprintf(text, sizeof text,
                 "%" PRIu64 " stack samples are drawn as the ones before them, there are too many "
                 "changes: select less by --from and --to",
                 lt_flame_tree_passed_over(s->tree));
        s->host->note(s->host->ctx, text);
    }
    if (s->stacks > 0 && layout->boxes[0].width == 0) {
        s->host->note(s->host->ctx, "the stack samples stand for no time, so that all boxes are "
                                    "empty: draw them by --unit samples");
    }
    if (layout->n == 1 && layout->left_out > 0) {
        snprintf(text, sizeof text,
                 "all boxes are narrower than --option min-width=%g: give a smaller one",
                 s->min_width);
        s->host->note(s->host->ctx, text);
    }
}

static int draw(struct svg_state *s)
{
    const struct lt_flame_layout_config config = {
        .least_part = s->min_width / s->drawing.width,
        .order = s->order,
    };
    struct lt_flame_layout layout;
    int error = lt_flame_layout_make(&layout, s->tree, &config);

    if (error == 0) {
        complete_drawing(s, &layout);
        note_losses(s, &layout);
        error = lt_flame_svg_write(&s->drawing, s->host);
    }
    lt_flame_layout_release(&layout);
    return error;
}

static int svg_close(void *state, int failed)
{
    struct svg_state *s = state;
    int error = failed ? 0 : draw(s);

    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_svg = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "svg",
    .description = "flame graph in one file, to zoom and search in",
    .extension = "svg",
    .read_by = "browsers",
    .open = svg_open,
    .meta = svg_meta,
    .stack = svg_stack,
    .health = svg_health,
    .close = svg_close,
    .options = options,
};

const struct live_trace_exporter lt_exporter_flamechart = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "flamechart",
    .description = "flame chart in one file: each thread's stacks in the order of time",
    .extension = "flamechart.svg",
    .read_by = "browsers",
    .open = svg_open,
    .meta = svg_meta,
    .sample = svg_sample,
    .health = svg_health,
    .close = svg_close,
    .options = &options[OF_GRAPHS],
};
