/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as a table for spreadsheets and data frames, by RFC 4180: lines end in CR LF, texts
 * stand in quotes. All rows, with what each frame has itself and with all that it called. What the
 * recording does not say is an empty field. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/report.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define FLUSH_BYTES ((size_t)65536)

struct csv_state {
    const struct live_trace_host *host;
    struct lt_report report;
    bool has_time, no_counts;
    struct lt_buf text; /* of one field */
    struct lt_buf out;
};

static int csv_open(const struct live_trace_host *host, void **state)
{
    struct csv_state *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    s->report.callers_too = true;
    *state = s;
    return 0;
}

static int csv_meta(void *state, const struct live_trace_meta *meta)
{
    struct csv_state *s = state;

    s->has_time = meta->has_time || meta->interval_ns > 0;
    s->no_counts = meta->no_counts;
    return lt_report_meta(&s->report, meta);
}

static int csv_stack(void *state, const struct live_trace_stack *stack)
{
    return lt_report_add(&((struct csv_state *)state)->report, stack);
}

/* In quotes, quotes doubled. What a spreadsheet would take for a formula begins with a blank. */
static int put_text(struct csv_state *s, const char *text)
{
    int error;

    lt_buf_clear(&s->text);
    error = lt_clean_text(&s->text, text, "", "");
    if (error == 0) {
        error = lt_buf_put_text(&s->out, ",\"");
    }
    if (error == 0 && s->text.len > 0 && strchr("=+-@", s->text.data[0]) != NULL) {
        error = lt_buf_put_u8(&s->out, ' ');
    }
    for (size_t i = 0; i < s->text.len && error == 0; i++) {
        if (s->text.data[i] == '"') {
            error = lt_buf_put_u8(&s->out, '"');
        }
        if (error == 0) {
            error = lt_buf_put_u8(&s->out, s->text.data[i]);
        }
    }
    return error < 0 ? error : lt_buf_put_u8(&s->out, '"');
}

/* "12,34.56,0.120000" */
static int put_figures(struct csv_state *s, const struct lt_figures *figures)
{
    uint64_t share = lt_report_share(&s->report, figures, &s->report.all);
    int error = s->no_counts ? 0 : lt_buf_printf(&s->out, "%" PRIu64, figures->count);

    if (error == 0) {
        error = lt_buf_printf(&s->out, ",%" PRIu64 ".%02" PRIu64 ",", share / 100, share % 100);
    }
    if (error == 0 && s->has_time) {
        error = lt_buf_printf(&s->out, "%" PRId64 ".%09" PRId64, figures->weight_ns / 1000000000,
                              figures->weight_ns % 1000000000);
    }
    return error;
}

static int put_row(struct csv_state *s, const struct lt_report_row *row)
{
    const struct live_trace_frame *f = row->frame;
    int error = put_figures(s, &row->self);

    if (error == 0) {
        error = lt_buf_put_u8(&s->out, ',');
    }
    if (error == 0) {
        error = put_figures(s, &row->total);
    }
    if (error == 0) {
        error = put_text(s, f->name);
    }
    if (error == 0) {
        error = put_text(s, f->file);
    }
    if (error == 0) {
        error = f->line > 0 ? lt_buf_printf(&s->out, ",%" PRIu32, f->line)
                            : lt_buf_put_u8(&s->out, ',');
    }
    if (error == 0) {
        error = lt_buf_put_text(&s->out, (f->flags & LIVE_TRACE_FRAME_MINE) != 0 ? ",1" : ",0");
    }
    if (error == 0) {
        error = put_text(s, f->source);
    }
    return error < 0 ? error : lt_buf_put_text(&s->out, "\r\n");
}

static int flush(struct csv_state *s)
{
    int error = s->host->write(s->host->ctx, s->out.data, s->out.len);

    lt_buf_clear(&s->out);
    return error;
}

static int write_table(struct csv_state *s)
{
    int error = lt_buf_put_text(&s->out, "self,self_percent,self_seconds,total,total_percent,"
                                         "total_seconds,name,file,line,mine,source\r\n");

    lt_report_sort(&s->report, SIZE_MAX);
    for (size_t i = 0; i < s->report.n_rows && error == 0; i++) {
        error = put_row(s, &s->report.rows[i]);
        if (error == 0 && s->out.len >= FLUSH_BYTES) {
            error = flush(s);
        }
    }
    return error < 0 ? error : flush(s);
}

static int csv_close(void *state, int failed)
{
    struct csv_state *s = state;
    int error = failed ? 0 : write_table(s);

    lt_report_release(&s->report);
    lt_buf_release(&s->text);
    lt_buf_release(&s->out);
    free(s);
    return error;
}

const struct live_trace_exporter lt_exporter_csv = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "csv",
    .description = "the report as a table, with self and total figures of every line",
    .extension = "csv",
    .read_by = "LibreOffice, Excel, pandas",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES | LIVE_TRACE_EXPORTER_UNIT_SAMPLES,
    .open = csv_open,
    .meta = csv_meta,
    .stack = csv_stack,
    .close = csv_close,
    .options = lt_no_options,
};
