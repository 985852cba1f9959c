/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting for the report. Frame ids are dense, so rows are found by them. */
#include "config.h"

#include "exporters/report.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define MAX_ROWS ((size_t)1 << 28)

void lt_report_release(struct lt_report *r)
{
    free(r->title);
    free(r->command);
    free(r->host);
    free(r->by);
    free(r->selection);
    free(r->rows);
}

int lt_report_meta(struct lt_report *r, const struct live_trace_meta *meta)
{
    r->title = strdup(meta->title);
    r->command = strdup(meta->command);
    r->host = strdup(meta->host);
    r->by = strdup(meta->by);
    r->selection = strdup(meta->selection);
    r->start_realtime_ns = meta->start_realtime_ns;
    r->interval_ns = meta->interval_ns;
    r->unit_is_time = meta->unit_is_time;
    r->no_counts = meta->no_counts;
    return r->title != NULL && r->command != NULL && r->host != NULL && r->by != NULL &&
                   r->selection != NULL
               ? 0
               : LT_ERR_NOMEM;
}

static void add(struct lt_figures *sum, const struct live_trace_stack *stack)
{
    sum->count += stack->count;
    sum->weight_ns += stack->weight_ns;
}

static int count_frame(struct lt_report *r, const struct live_trace_frame *frame,
                       const struct live_trace_stack *stack)
{
    struct lt_report_row *row;
    int error =
        lt_array_reach(&r->rows, &r->n_all, &r->alloc, frame->id, sizeof *r->rows, MAX_ROWS);

    if (error < 0) {
        return error;
    }
    row = &r->rows[frame->id];
    row->frame = frame;
    if (row->last_stack != r->stacks) {
        row->last_stack = r->stacks;
        add(&row->total, stack);
    }
    return 0;
}

int lt_report_add(struct lt_report *r, const struct live_trace_stack *stack)
{
    int error = 0;

    r->stacks++;
    add(&r->all, stack);
    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        error = count_frame(r, stack->frames[i], stack);
    }
    if (error == 0) {
        add(&r->rows[stack->frames[stack->depth - 1]->id].self, stack);
    }
    return error;
}

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

int lt_report_order(const struct lt_report *r, const struct lt_figures *x,
                    const struct live_trace_frame *a, const struct lt_figures *y,
                    const struct live_trace_frame *b)
{
    if (r->unit_is_time && x->weight_ns != y->weight_ns) {
        return x->weight_ns < y->weight_ns ? 1 : -1;
    }
    if (!r->unit_is_time && x->count != y->count) {
        return x->count < y->count ? 1 : -1;
    }
    return compare_frames(a, b);
}

static int compare_rows(const void *left, const void *right, void *report)
{
    const struct lt_report_row *a = left, *b = right;

    return lt_report_order(report, lt_report_figures(report, a), a->frame,
                           lt_report_figures(report, b), b->frame);
}

static void drop_empty_rows(struct lt_report *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->n_all; i++) {
        const struct lt_report_row *row = &r->rows[i];
        if (row->frame != NULL && (r->callers_too || lt_report_figures(r, row)->count > 0)) {
            r->rows[kept++] = *row;
        }
    }
    r->n_all = kept;
}

void lt_report_sort(struct lt_report *r, size_t most)
{
    drop_empty_rows(r);
    if (r->n_all > 0) {
        qsort_r(r->rows, r->n_all, sizeof *r->rows, compare_rows, r);
    }
    r->n_rows = r->n_all < most ? r->n_all : most;
}

const struct lt_figures *lt_report_figures(const struct lt_report *r,
                                           const struct lt_report_row *row)
{
    return r->sum_all_frames ? &row->total : &row->self;
}

uint64_t lt_report_share(const struct lt_report *r, const struct lt_figures *part,
                         const struct lt_figures *whole)
{
    double some = r->unit_is_time ? (double)part->weight_ns : (double)part->count;
    double all = r->unit_is_time ? (double)whole->weight_ns : (double)whole->count;

    return all > 0 ? (uint64_t)(some / all * 10000 + 0.5) : 0;
}
