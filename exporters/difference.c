/* SPDX-License-Identifier: Apache-2.0
 *
 * Two exports into one tree, then the rows and their tests. */
#include "config.h"

#include "exporters/difference.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/two_shares.h"
#include "exporters/head_text.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ROWS ((size_t)1 << 28)

/* ---- reading a side: an exporter that only keeps ---- */

struct reading {
    struct lt_difference *d;
    const struct live_trace_host *host;
    unsigned side;
    int64_t start_realtime_ns, interval_ns;
};

static int side_open(const struct live_trace_host *host, void **state)
{
    struct reading *r = *state;

    r->host = host;
    if (r->side > 0) {
        lt_flame_tree_next_delivery(r->d->tree);
    }
    return 0;
}

static int side_meta(void *state, const struct live_trace_meta *meta)
{
    struct reading *r = state;
    struct lt_difference *d = r->d;
    struct lt_difference_side *side = &d->sides[r->side];

    if (meta->no_counts) {
        r->host->fail(r->host->ctx,
                      "a recording has times alone, and change is told from chance by "
                      "the number of samples: compare recordings that have it");
        return LT_ERR_USAGE;
    }
    side->title = strdup(meta->title);
    side->command = strdup(meta->command);
    r->start_realtime_ns = meta->start_realtime_ns;
    r->interval_ns = meta->interval_ns;
    d->unit_is_time = meta->unit_is_time;
    if (r->side == 0) {
        d->by = strdup(meta->by);
        d->selection = strdup(meta->selection);
    }
    if (side->title == NULL || side->command == NULL || d->by == NULL || d->selection == NULL) {
        return LT_ERR_NOMEM;
    }
    return r->side == 0 ? lt_flame_tree_new(&d->tree, strcmp(meta->by, "line") == 0, false) : 0;
}

static int side_stack(void *state, const struct live_trace_stack *stack)
{
    struct reading *r = state;
    struct lt_difference_side *side = &r->d->sides[r->side];
    uint64_t weight = r->d->unit_is_time ? (uint64_t)stack->weight_ns : stack->count;

    side->count += stack->count;
    side->weight += weight;
    return lt_flame_tree_add(r->d->tree, stack, r->side, weight);
}

static int side_health(void *state, const struct live_trace_health *health)
{
    struct reading *r = state;
    struct lt_buf times = {0};
    int error = lt_head_times(&times, r->start_realtime_ns, r->interval_ns, health);

    if (error == 0) {
        error = lt_buf_put_u8(&times, '\0');
    }
    r->d->sides[r->side].times = (char *)times.data;
    r->d->sides[r->side].recorded = health->recorded;
    return error;
}

static int side_close(void *state, int failed)
{
    (void)state;
    (void)failed;
    return 0;
}

/* Waiting stacks are left out of a comparison as of a report: most of what a server does is wait. */
static const struct live_trace_exporter side_exporter = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "diff",
    .description = "one side of a comparison",
    .flags = LIVE_TRACE_EXPORTER_UNIT_SAMPLES | LIVE_TRACE_EXPORTER_NO_IDLE,
    .open = side_open,
    .meta = side_meta,
    .stack = side_stack,
    .health = side_health,
    .close = side_close,
};

static int read_side(struct lt_difference *d, const struct lt_difference_request *q, unsigned side,
                     struct lt_message *message)
{
    struct live_trace_exporter exporter = side_exporter;
    struct lt_selection selection = *q->selection;
    struct reading reading = {.d = d, .side = side};
    struct lt_export_result result;
    struct lt_output nothing;
    struct lt_buf buffer = {0};
    int error = lt_output_buf(&nothing, &buffer);

    if (q->by_line) {
        exporter.flags |= LIVE_TRACE_EXPORTER_KEEPS_LINES;
    }
    /* The ids of threads and processes are others in each recording. */
    if (selection.thread_roots == LT_UNSET) {
        selection.thread_roots = LT_NO;
    }
    const struct lt_export_request request = {
        .exporter = &exporter,
        .exporter_state = &reading,
        .selection = &selection,
        .logs = q->logs[side],
        .n_logs = q->n_logs[side],
        .output = &nothing,
        .note = q->note,
        .progress = q->progress,
        .ctx = q->ctx,
    };
    if (error == 0) {
        error = lt_export_run(&request, &result);
    }
    d->sides[side].unstated = result.unstated;
    if (result.message[0] != '\0') {
        snprintf(message->text, sizeof message->text, "%s", result.message);
        error = error == 0 ? LT_ERR_STOP : error; /* an empty recording */
    }
    nothing.close(nothing.ctx);
    lt_buf_release(&buffer);
    return error;
}

/* ---- what can be compared ---- */

static int check_sides(const struct lt_difference *d, const struct lt_difference_request *q,
                       struct lt_message *message)
{
    const struct lt_difference_side *base = &d->sides[0], *log = &d->sides[1];

    for (unsigned i = 0; i < LT_FLAME_SIDES; i++) {
        if (d->sides[i].weight == 0) {
            snprintf(message->text, sizeof message->text,
                     "nothing is left of %s to compare, of %" PRIu64
                     " stack samples: select more, or give --idle",
                     d->sides[i].title, d->sides[i].recorded);
            return LT_ERR_STOP;
        }
    }
    bool base_says = base->unstated == 0, log_says = log->unstated == 0;
    if (base_says != log_says && q->selection->idle != LT_YES) {
        snprintf(message->text, sizeof message->text,
                 "%s does not say which stacks wait, but %s does, so their shares are of different "
                 "things: give --idle to compare all stacks",
                 base_says ? log->title : base->title, base_says ? base->title : log->title);
        return LT_ERR_USAGE;
    }
    return 0;
}

/* ---- rows ---- */

static int row_for(struct lt_difference *d, uint32_t node, struct lt_difference_row **row)
{
    const struct lt_flame_frame frame = lt_flame_tree_frame(d->tree, node);
    uint32_t id;
    bool is_new;
    int error = lt_intern_id(d->labels, frame.label, strlen(frame.label), &id, &is_new);

    if (error == 0) {
        error = lt_array_reach(&d->rows, &d->n_rows, &d->rows_alloc, id, sizeof *d->rows, MAX_ROWS);
    }
    if (error == 0) {
        *row = &d->rows[id];
        (*row)->flags |= frame.flags;
    }
    return error;
}

/* A frame that calls itself counts once for a stack. */
static int count_node(struct lt_difference *d, uint32_t leaf)
{
    uint32_t node = leaf;
    int error = 0;

    do {
        struct lt_difference_row *row;
        error = row_for(d, node, &row);
        for (unsigned side = 0; error == 0 && row->last != leaf && side < LT_FLAME_SIDES; side++) {
            row->weight[side] += lt_flame_tree_self(d->tree, leaf, side);
        }
        if (error == 0) {
            row->last = leaf;
        }
        node = lt_flame_tree_parent(d->tree, node);
    } while (d->all_frames && node != 0 && error == 0);
    return error;
}

static int count_rows(struct lt_difference *d)
{
    int error = lt_intern_new(&d->labels, 0, 0);

    for (uint32_t node = 1; node < lt_flame_tree_count(d->tree) && error == 0; node++) {
        if (lt_flame_tree_self(d->tree, node, 0) > 0 || lt_flame_tree_self(d->tree, node, 1) > 0) {
            error = count_node(d, node);
        }
    }
    for (uint32_t i = 0; i < d->n_rows && error == 0; i++) {
        d->rows[i].label = lt_intern_get(d->labels, i).data;
    }
    return error;
}

/* Weights by time are tested with the number of samples that they were made of. */
static int test_rows(struct lt_difference *d)
{
    double *p = calloc(d->n_rows + 1, sizeof *p);
    size_t n = 0;

    if (p == NULL) {
        return LT_ERR_NOMEM;
    }
    for (size_t i = 0; i < d->n_rows; i++) {
        struct lt_difference_row *row = &d->rows[i];
        for (unsigned side = 0; side < LT_FLAME_SIDES; side++) {
            row->share[side] = (double)row->weight[side] / (double)d->sides[side].weight;
        }
        row->change = row->share[1] - row->share[0];
        row->p = lt_two_shares(row->share[0], d->sides[0].count, row->share[1], d->sides[1].count);
        if (row->p >= 0) {
            p[n++] = row->p;
        }
    }
    int error = lt_holm(p, n);
    n = 0;
    for (size_t i = 0; i < d->n_rows && error == 0; i++) {
        struct lt_difference_row *row = &d->rows[i];
        if (row->p >= 0) {
            row->p = p[n++];
            row->real = row->p < LT_REAL_BELOW;
            d->n_real += row->real;
        }
    }
    free(p);
    return error;
}

static int compare_rows(const void *left, const void *right)
{
    const struct lt_difference_row *a = left, *b = right;
    double change_a = fabs(a->change), change_b = fabs(b->change);

    if (a->real != b->real) {
        return a->real ? -1 : 1;
    }
    if (change_a != change_b) {
        return change_a < change_b ? 1 : -1;
    }
    return strcmp(a->label, b->label);
}

int lt_difference_make(struct lt_difference *d, const struct lt_difference_request *request,
                       struct lt_message *message)
{
    int error = 0;

    *d = (struct lt_difference){.all_frames = request->all_frames};
    for (unsigned side = 0; side < LT_FLAME_SIDES && error == 0; side++) {
        error = read_side(d, request, side, message);
    }
    if (error == 0) {
        error = check_sides(d, request, message);
    }
    if (error == 0) {
        error = count_rows(d);
    }
    if (error == 0) {
        error = test_rows(d);
    }
    if (error == 0 && d->n_rows > 0) {
        qsort(d->rows, d->n_rows, sizeof *d->rows, compare_rows);
    }
    if (error < 0 && message->text[0] == '\0') {
        snprintf(message->text, sizeof message->text, "%s", lt_error_text(error));
    }
    return error;
}

void lt_difference_release(struct lt_difference *d)
{
    for (unsigned i = 0; i < LT_FLAME_SIDES; i++) {
        free(d->sides[i].title);
        free(d->sides[i].command);
        free(d->sides[i].times);
    }
    free(d->by);
    free(d->selection);
    free(d->rows);
    lt_intern_free(d->labels);
    lt_flame_tree_free(d->tree);
    *d = (struct lt_difference){0};
}

double lt_difference_growth(const struct lt_difference *d)
{
    double most = 0;

    for (size_t i = 0; i < d->n_real; i++) {
        most = d->rows[i].change > most ? d->rows[i].change : most;
    }
    return most * 100;
}
