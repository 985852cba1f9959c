/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of `analyze` as data: what text.c counts, and report_text.c and
 * report_json.c lay out. */
#ifndef LT_REPORT_H
#define LT_REPORT_H

#include <stdbool.h>

#include "exporters/live_trace_exporter.h"

struct lt_report_row {
    const struct live_trace_frame *frame; /* NULL: has not counted */
    uint64_t count;
    int64_t weight_ns;
    uint64_t last_stack; /* the stack that counted last, so that recursion counts once */
};

struct lt_report {
    char *title, *command, *host, *by, *selection;
    int64_t start_realtime_ns, interval_ns;
    bool unit_is_time, sum_all_frames;
    struct lt_report_row *rows; /* the most frequent first */
    size_t n_rows;              /* to be shown */
    size_t n_all;
    uint64_t count; /* of all stacks */
    int64_t weight_ns;
};

/* Per cent of the whole in hundredths, rounded, by the report's unit. */
uint64_t lt_report_share(const struct lt_report *r, const struct lt_report_row *row);

/* Write the report to the host: 0 or a negative enum lt_error. */
int lt_report_write_text(const struct lt_report *r, const struct live_trace_health *health,
                         const struct live_trace_host *host);
int lt_report_write_json(const struct lt_report *r, const struct live_trace_health *health,
                         const struct live_trace_host *host);

#endif
