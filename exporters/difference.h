/* SPDX-License-Identifier: Apache-2.0
 *
 * Two recordings compared by share: both go through the same selection into one tree with two sides;
 * rows are frames, with the test of analysis/two_shares.h on each. How it looks is in
 * difference_text.c, difference_json.c and difference_flame.c. */
#ifndef LT_DIFFERENCE_H
#define LT_DIFFERENCE_H

#include "analysis/recordings.h"
#include "exporters/export_run.h"
#include "exporters/flame_tree.h"

struct lt_difference_side {
    char *title, *command;              /* title: also for messages */
    char *times;                        /* "2026-11-23 10:00:00, 5.02 s, ..." */
    uint64_t recorded, count, unstated; /* stack samples; count: selected */
    uint64_t weight;                    /* of those, in the unit */
};

struct lt_difference_row {
    const char *label; /* "name (file:line)" */
    uint32_t flags;    /* enum live_trace_frame_flags */
    uint32_t last;     /* node of the tree that was counted last */
    uint64_t weight[LT_FLAME_SIDES];
    double share[LT_FLAME_SIDES]; /* of 1 */
    double change;                /* share of the log less that of the base */
    double p;                     /* corrected; -1: too few samples to tell */
    bool real;                    /* p < LT_REAL_BELOW */
};

struct lt_difference {
    struct lt_flame_tree *tree; /* side 0: base, side 1: log */
    struct lt_difference_side sides[LT_FLAME_SIDES];
    char *by, *selection;
    bool unit_is_time, all_frames;
    struct lt_intern *labels;       /* those of rows */
    struct lt_difference_row *rows; /* the real ones first, the greatest change first */
    size_t n_rows, rows_alloc, n_real;
};

struct lt_difference_request {
    const struct lt_selection *selection;
    const char *const *logs[LT_FLAME_SIDES];
    size_t n_logs[LT_FLAME_SIDES];
    bool by_line;    /* unless the selection says */
    bool all_frames; /* a row has all stacks that its frame is in, not only those that it ends */
    void (*note)(void *ctx, const char *message);
    void (*progress)(void *ctx, uint64_t done, uint64_t all);
    void *ctx;
};

/* *d is released by the caller, also after a failure. LT_ERR_USAGE with a message for recordings that
 * cannot be compared. */
int lt_difference_make(struct lt_difference *d, const struct lt_difference_request *request,
                       struct lt_message *message);
void lt_difference_release(struct lt_difference *d);

/* The greatest real growth of a row, in per cent of the whole; 0 for none. */
double lt_difference_growth(const struct lt_difference *d);

int lt_difference_write_text(const struct lt_difference *d, size_t most_rows,
                             struct lt_output *output);
int lt_difference_write_json(const struct lt_difference *d, struct lt_output *output);
/* "root;...;leaf BASE LOG", as difffolded.pl writes and flamegraph.pl reads. */
int lt_difference_write_folded(const struct lt_difference *d, struct lt_output *output);
/* A flame graph of the log, coloured by the change. */
int lt_difference_write_svg(const struct lt_difference *d, struct lt_output *output);

#endif
