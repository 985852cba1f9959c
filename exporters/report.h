/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of `analyze` as data: what report.c counts, and report_text.c,
 * report_json.c and csv.c lay out. */
#ifndef LT_REPORT_H
#define LT_REPORT_H

#include <stdbool.h>

#include "exporters/live_trace_exporter.h"

struct lt_buf;
struct lt_json;

struct lt_figures {
    uint64_t count; /* stack samples */
    int64_t weight_ns;
};

struct lt_report_row {
    const struct live_trace_frame *frame; /* NULL: has not counted */
    struct lt_figures self;               /* of stacks that it is the innermost frame of */
    struct lt_figures total;              /* of stacks that it is in */
    uint64_t last_stack; /* the stack that counted last, so that recursion counts once */
};

struct lt_report {
    char *title, *command, *host, *by, *selection;
    int64_t start_realtime_ns, interval_ns;
    bool unit_is_time, no_counts, sum_all_frames;
    bool callers_too;           /* rows also of frames that are innermost in no stack */
    struct lt_report_row *rows; /* by frame id; from lt_report_sort on the most frequent first */
    size_t n_rows;              /* to be shown */
    size_t n_all, alloc;
    uint64_t stacks;       /* counted */
    struct lt_figures all; /* of all stacks */
};

/* Frees what the report holds. */
void lt_report_release(struct lt_report *r);
/* Keeps what heads are made of. 0 or LT_ERR_NOMEM. */
int lt_report_meta(struct lt_report *r, const struct live_trace_meta *meta);
/* Counts the frames of one stack. 0 or LT_ERR_NOMEM. */
int lt_report_add(struct lt_report *r, const struct live_trace_stack *stack);
/* Puts the rows in order; the first `most` are to be shown. Once, after the last stack. */
void lt_report_sort(struct lt_report *r, size_t most);

/* What the row is about: its total with sum_all_frames, otherwise its self. */
const struct lt_figures *lt_report_figures(const struct lt_report *r,
                                           const struct lt_report_row *row);
/* The order of two frames with their figures, as of qsort: most frequent first, by the report's unit;
 * equal ones by what they are, so that reports can be compared. */
int lt_report_order(const struct lt_report *r, const struct lt_figures *x,
                    const struct live_trace_frame *a, const struct lt_figures *y,
                    const struct live_trace_frame *b);
/* Per cent of a whole in hundredths, rounded, by the report's unit; 0 of nothing. */
uint64_t lt_report_share(const struct lt_report *r, const struct lt_figures *part,
                         const struct lt_figures *whole);

/* Write the report to the host: 0 or a negative enum lt_error. */
int lt_report_write_text(const struct lt_report *r, const struct live_trace_health *health,
                         const struct live_trace_host *host);
int lt_report_write_json(const struct lt_report *r, const struct live_trace_health *health,
                         const struct live_trace_host *host);

/* Parts of the two, for other tables: the lines before the rows; a frame with its place and the mark
 * of own code; in JSON the keys of an open object. */
int lt_report_put_head(struct lt_buf *out, const struct lt_report *r,
                       const struct live_trace_health *health);
int lt_report_put_frame(struct lt_buf *out, const struct lt_report *r,
                        const struct live_trace_frame *frame);
void lt_report_put_json_head(struct lt_json *j, const struct lt_report *r,
                             const struct live_trace_health *health);
void lt_report_put_json_figures(struct lt_json *j, const struct lt_report *r,
                                const struct lt_figures *part, const struct lt_figures *whole);
void lt_report_put_json_frame(struct lt_json *j, const struct live_trace_frame *frame);

#endif
