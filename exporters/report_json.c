/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as one JSON object: the figures of report_text.c, and both units. */
#include "config.h"

#include "exporters/export_json.h"
#include "exporters/report.h"

static void put_head(struct lt_json *j, const struct lt_report *r)
{
    lt_json_key(j, "title");
    lt_json_text(j, r->title);
    lt_json_key(j, "command");
    lt_json_text(j, r->command);
    lt_json_key(j, "host");
    lt_json_text(j, r->host);
    lt_json_key(j, "start");
    lt_json_wall_clock(j, r->start_realtime_ns);
    lt_json_key(j, "interval");
    lt_json_seconds_or_null(j, r->interval_ns > 0, r->interval_ns);
    lt_json_key(j, "by");
    lt_json_text(j, r->by);
    lt_json_key(j, "unit");
    lt_json_text(j, r->unit_is_time ? "time" : "samples");
    lt_json_key(j, "sum_all_frames");
    lt_json_bool(j, r->sum_all_frames);
    lt_json_key(j, "selection");
    lt_json_text(j, r->selection);
}

static void put_totals(struct lt_json *j, const struct lt_report *r,
                       const struct live_trace_health *health)
{
    lt_json_key(j, "stack_samples");
    lt_json_uint_or_null(j, !r->no_counts, health->recorded);
    lt_json_key(j, "selected");
    lt_json_uint_or_null(j, !r->no_counts, r->all.count);
    lt_json_key(j, "seconds");
    lt_json_seconds(j, r->all.weight_ns);
    lt_json_key(j, "health");
    lt_json_object(j);
    lt_json_health(j, health);
    lt_json_end(j);
}

void lt_report_put_json_figures(struct lt_json *j, const struct lt_report *r,
                                const struct lt_figures *part, const struct lt_figures *whole)
{
    lt_json_key(j, "count");
    lt_json_uint_or_null(j, !r->no_counts, part->count);
    lt_json_key(j, "percent");
    /* Hundredths as the writer's fixed-point decimal of 9 places. */
    lt_json_seconds(j, (int64_t)lt_report_share(r, part, whole) * 10000000);
    lt_json_key(j, "seconds");
    lt_json_seconds(j, part->weight_ns);
}

void lt_report_put_json_frame(struct lt_json *j, const struct live_trace_frame *f)
{
    lt_json_frame(j, f);
    lt_json_key(j, "mine");
    lt_json_bool(j, (f->flags & LIVE_TRACE_FRAME_MINE) != 0);
    lt_json_key(j, "source");
    lt_json_text(j, f->source);
}

static void put_row(struct lt_json *j, const struct lt_report *r, const struct lt_report_row *row)
{
    lt_json_newline(j);
    lt_json_object(j);
    lt_report_put_json_figures(j, r, lt_report_figures(r, row), &r->all);
    lt_report_put_json_frame(j, row->frame);
    lt_json_end(j);
}

void lt_report_put_json_head(struct lt_json *j, const struct lt_report *r,
                             const struct live_trace_health *health)
{
    put_head(j, r);
    put_totals(j, r, health);
}

int lt_report_write_json(const struct lt_report *r, const struct live_trace_health *health,
                         const struct live_trace_host *host)
{
    struct lt_json j;

    lt_json_to_host(&j, host);
    lt_json_object(&j);
    lt_report_put_json_head(&j, r, health);
    lt_json_key(&j, "all_rows");
    lt_json_uint(&j, r->n_all);
    lt_json_key(&j, "rows");
    lt_json_array(&j);
    for (size_t i = 0; i < r->n_rows && j.error == 0; i++) {
        put_row(&j, r, &r->rows[i]);
    }
    while (j.depth > 0 && j.error == 0) {
        lt_json_end(&j);
    }
    lt_json_newline(&j);
    return lt_json_finish(&j);
}
