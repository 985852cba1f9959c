/* SPDX-License-Identifier: Apache-2.0
 *
 * The report: which lines (functions, files, ...) stacks are in most often. Counts here;
 * how it looks is in report_text.c and report_json.c. */
#include "config.h"

#include "exporters/exporter_builtins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/export_options.h"
#include "exporters/report.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define DEFAULT_ROWS 30
#define MAX_ROWS ((size_t)1 << 28)

struct text_state {
    const struct live_trace_host *host;
    struct lt_report report;
    size_t rows_alloc;
    size_t most_common;
    bool json;
    uint64_t stacks; /* seen so far */
};

static int read_options(struct text_state *s)
{
    uint64_t most_common = DEFAULT_ROWS;
    int error = lt_option_count(s->host, "most-common", &most_common);

    if (error == 0) {
        error = lt_option_switch(s->host, "sum-all-frames", &s->report.sum_all_frames);
    }
    if (error == 0) {
        error = lt_option_switch(s->host, "json", &s->json);
    }
    s->most_common = most_common < MAX_ROWS ? (size_t)most_common : MAX_ROWS;
    return error;
}

static int text_open(const struct live_trace_host *host, void **state)
{
    struct text_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = read_options(s);
    if (error < 0) {
        free(s);
        return error;
    }
    *state = s;
    return 0;
}

static int text_meta(void *state, const struct live_trace_meta *meta)
{
    struct lt_report *r = &((struct text_state *)state)->report;

    r->title = strdup(meta->title);
    r->command = strdup(meta->command);
    r->host = strdup(meta->host);
    r->by = strdup(meta->by);
    r->selection = strdup(meta->selection);
    r->start_realtime_ns = meta->start_realtime_ns;
    r->interval_ns = meta->interval_ns;
    r->unit_is_time = meta->unit_is_time;
    return r->title != NULL && r->command != NULL && r->host != NULL && r->by != NULL &&
                   r->selection != NULL
               ? 0
               : LT_ERR_NOMEM;
}

static int count_frame(struct text_state *s, const struct live_trace_frame *frame,
                       const struct live_trace_stack *stack)
{
    struct lt_report *r = &s->report;
    struct lt_report_row *row;
    int error =
        lt_array_grow(&r->rows, &s->rows_alloc, (size_t)frame->id + 1, sizeof *r->rows, MAX_ROWS);

    if (error < 0) {
        return error;
    }
    for (; r->n_all <= frame->id; r->n_all++) {
        r->rows[r->n_all] = (struct lt_report_row){0};
    }
    row = &r->rows[frame->id];
    if (row->last_stack == s->stacks) {
        return 0;
    }
    row->frame = frame;
    row->last_stack = s->stacks;
    row->count += stack->count;
    row->weight_ns += stack->weight_ns;
    return 0;
}

static int text_stack(void *state, const struct live_trace_stack *stack)
{
    struct text_state *s = state;
    uint32_t first = s->report.sum_all_frames ? 0 : stack->depth - 1;
    int error = 0;

    s->stacks++;
    s->report.count += stack->count;
    s->report.weight_ns += stack->weight_ns;
    for (uint32_t i = first; i < stack->depth && error == 0; i++) {
        error = count_frame(s, stack->frames[i], stack);
    }
    return error;
}

/* Most frequent first; equal ones by what they are, so that reports can be compared. */
static int compare_frames(const struct live_trace_frame *a, const struct live_trace_frame *b)
{
    int order = strcmp(a->file, b->file);

    if (order == 0) {
        order = (a->line > b->line) - (a->line < b->line);
    }
    if (order == 0) {
        order = strcmp(a->name, b->name);
    }
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static int compare_counts(const void *left, const void *right)
{
    const struct lt_report_row *a = left, *b = right;

    if (a->count != b->count) {
        return a->count < b->count ? 1 : -1;
    }
    return compare_frames(a->frame, b->frame);
}

static int compare_weights(const void *left, const void *right)
{
    const struct lt_report_row *a = left, *b = right;

    if (a->weight_ns != b->weight_ns) {
        return a->weight_ns < b->weight_ns ? 1 : -1;
    }
    return compare_frames(a->frame, b->frame);
}

/* Frames that only stood further out in their stacks have no row. */
static void drop_empty_rows(struct lt_report *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->n_all; i++) {
        if (r->rows[i].frame != NULL) {
            r->rows[kept++] = r->rows[i];
        }
    }
    r->n_all = kept;
}

uint64_t lt_report_share(const struct lt_report *r, const struct lt_report_row *row)
{
    double part = r->unit_is_time ? (double)row->weight_ns : (double)row->count;
    double whole = r->unit_is_time ? (double)r->weight_ns : (double)r->count;

    return whole > 0 ? (uint64_t)(part / whole * 10000 + 0.5) : 0;
}

static int text_health(void *state, const struct live_trace_health *health)
{
    struct text_state *s = state;
    struct lt_report *r = &s->report;

    drop_empty_rows(r);
    if (r->n_all > 0) {
        qsort(r->rows, r->n_all, sizeof *r->rows,
              r->unit_is_time ? compare_weights : compare_counts);
    }
    r->n_rows = r->n_all < s->most_common ? r->n_all : s->most_common;
    return s->json ? lt_report_write_json(r, health, s->host)
                   : lt_report_write_text(r, health, s->host);
}

static int text_close(void *state, int failed)
{
    struct text_state *s = state;

    (void)failed; /* the report was written with the health, in one go */
    free(s->report.title);
    free(s->report.command);
    free(s->report.host);
    free(s->report.by);
    free(s->report.selection);
    free(s->report.rows);
    free(s);
    return 0;
}

static const struct live_trace_option_info options[] = {
    {"most-common", "N", "so many rows (30)"},
    {"sum-all-frames", "0|1", "count every distinct line of a stack, not the innermost alone (0)"},
    {"json", "0|1", "the same as JSON (0)"},
    {0},
};

const struct live_trace_exporter lt_exporter_text = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "text",
    .description = "report of the most frequent lines, as `analyze` prints it",
    .extension = "txt",
    .read_by = "people",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES | LIVE_TRACE_EXPORTER_UNIT_SAMPLES |
             LIVE_TRACE_EXPORTER_NO_IDLE,
    .open = text_open,
    .meta = text_meta,
    .stack = text_stack,
    .health = text_health,
    .close = text_close,
    .options = options,
};
