/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for eyes and for scripts: a head of lines that begin with '#', a blank line, then a
 * row for each frame, its source line below it. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "exporters/head_text.h"
#include "exporters/report.h"
#include "formats/byte_buffer.h"

/* Written out when it is this full: reports of any number of rows take no more. */
#define FLUSH_BYTES ((size_t)32768)

static int put_clean(struct lt_buf *out, const char *before, const char *text, const char *after)
{
    int error = lt_buf_put_text(out, before);

    if (error == 0) {
        error = lt_clean_text(out, text, "", "");
    }
    return error < 0 ? error : lt_buf_put_text(out, after);
}

/* "# shop.ltrace: python3 shop.py on web1" */
static int put_title(struct lt_buf *out, const struct lt_report *r)
{
    int error = put_clean(out, "# ", r->title, "");

    if (error == 0 && r->command[0] != '\0' && strcmp(r->command, r->title) != 0) {
        error = put_clean(out, ": ", r->command, "");
    }
    if (error == 0 && r->host[0] != '\0') {
        error = put_clean(out, " on ", r->host, "");
    }
    return error < 0 ? error : lt_buf_put_text(out, "\n");
}

/* "# 1234 of 2008 stack samples by line, innermost frames; without waiting stacks" */
static int put_selection(struct lt_buf *out, const struct lt_report *r,
                         const struct live_trace_health *h)
{
    int error = lt_buf_put_text(out, "# ");

    if (error == 0) {
        error = lt_head_counts(out, r->no_counts, r->all.count, h->recorded);
    }
    if (error == 0) {
        error = put_clean(out, " by ", r->by,
                          r->sum_all_frames ? ", all frames of a stack" : ", innermost frames");
    }
    if (error == 0 && r->selection[0] != '\0') {
        error = put_clean(out, "; ", r->selection, "");
    }
    if (error == 0 && r->n_rows < r->n_all) {
        error = lt_buf_printf(out, "; the first %zu of %zu rows", r->n_rows, r->n_all);
    }
    return error < 0 ? error : lt_buf_put_text(out, "\n");
}

/* A line of the head, if there is anything in it. */
static int put_line(struct lt_buf *out, const struct lt_buf *text)
{
    return text->len > 0 ? lt_buf_printf(out, "# %.*s\n", (int)text->len, (const char *)text->data)
                         : 0;
}

static int put_times(struct lt_buf *out, const struct lt_report *r,
                     const struct live_trace_health *h)
{
    struct lt_buf text = {0};
    int error = lt_head_times(&text, r->start_realtime_ns, r->interval_ns, h);

    if (error == 0) {
        error = put_line(out, &text);
    }
    lt_buf_release(&text);
    return error;
}

static int put_health(struct lt_buf *out, const struct live_trace_health *h)
{
    struct lt_buf text = {0};
    int error = lt_head_health(&text, h);

    if (error == 0) {
        error = put_line(out, &text);
    }
    lt_buf_clear(&text);
    if (error == 0) {
        error = lt_head_damage(&text, h);
    }
    if (error == 0) {
        error = put_line(out, &text);
    }
    lt_buf_release(&text);
    return error;
}

/* What stands behind the numbers: the file in quotes first, as tracebacks have it. */
static int put_place(struct lt_buf *out, const struct lt_report *r,
                     const struct live_trace_frame *f)
{
    bool code = (f->flags & (LIVE_TRACE_FRAME_THREAD | LIVE_TRACE_FRAME_PROCESS |
                             LIVE_TRACE_FRAME_UNKNOWN)) == 0;
    int error = 0;

    if (code && strncmp(r->by, "tag:", 4) == 0) {
        return put_clean(out, "Tag: ", f->name, "");
    }
    if (f->file[0] == '\0') {
        return put_clean(out, "", f->name, "");
    }
    if (strcmp(r->by, "module") == 0) {
        error = put_clean(out, "Module: ", f->name, ", ");
    }
    if (error == 0) {
        error = put_clean(out, "File: \"", f->file, "\"");
    }
    if (error == 0 && strcmp(r->by, "line") == 0 && f->line > 0) {
        error = lt_buf_printf(out, ", line %" PRIu32, f->line);
    }
    if (error == 0 && (strcmp(r->by, "line") == 0 || strcmp(r->by, "function") == 0)) {
        error = put_clean(out, ", in ", f->name, "");
    }
    return error;
}

static int put_figures(struct lt_buf *out, const struct lt_report *r,
                       const struct lt_report_row *row)
{
    const struct lt_figures *f = lt_report_figures(r, row);
    uint64_t share = lt_report_share(r, f, &r->all);
    int error = r->unit_is_time ? lt_buf_printf(out, "%9.3fs", (double)f->weight_ns / 1e9)
                                : lt_buf_printf(out, "%5" PRIu64, f->count);

    return error < 0
               ? error
               : lt_buf_printf(out, " %" PRIu64 ".%02" PRIu64 "%% ", share / 100, share % 100);
}

int lt_report_put_frame(struct lt_buf *out, const struct lt_report *r,
                        const struct live_trace_frame *frame)
{
    bool mine = (frame->flags & LIVE_TRACE_FRAME_MINE) != 0;
    int error = put_place(out, r, frame);

    return error < 0 || !mine ? error : lt_buf_put_text(out, "      <====");
}

/* A row of own code in bold, on a terminal. */
static int put_row(struct lt_buf *out, const struct lt_report *r, const struct lt_report_row *row,
                   bool color)
{
    const struct live_trace_frame *f = row->frame;
    bool bold = color && (f->flags & LIVE_TRACE_FRAME_MINE) != 0;
    int error = lt_buf_put_text(out, bold ? "\033[1m" : "");

    if (error == 0) {
        error = put_figures(out, r, row);
    }
    if (error == 0) {
        error = lt_report_put_frame(out, r, f);
    }
    if (error == 0) {
        error = lt_buf_put_text(out, bold ? "\033[0m\n" : "\n");
    }
    if (error == 0 && f->source[0] != '\0') {
        error = put_clean(out, "    ", f->source, "\n");
    }
    return error;
}

static int flush(struct lt_buf *out, const struct live_trace_host *host, size_t at_least)
{
    int error = 0;

    if (out->len >= at_least && out->len > 0) {
        error = host->write(host->ctx, out->data, out->len);
        lt_buf_clear(out);
    }
    return error;
}

int lt_report_put_head(struct lt_buf *out, const struct lt_report *r,
                       const struct live_trace_health *health)
{
    int error = put_title(out, r);

    if (error == 0) {
        error = put_times(out, r, health);
    }
    if (error == 0) {
        error = put_selection(out, r, health);
    }
    if (error == 0) {
        error = put_health(out, health);
    }
    return error < 0 ? error : lt_buf_put_text(out, "\n");
}

int lt_report_write_text(const struct lt_report *r, const struct live_trace_health *health,
                         const struct live_trace_host *host)
{
    struct lt_buf out = {0};
    int error = lt_report_put_head(&out, r, health);

    for (size_t i = 0; i < r->n_rows && error == 0; i++) {
        error = put_row(&out, r, &r->rows[i], host->color);
        if (error == 0) {
            error = flush(&out, host, FLUSH_BYTES);
        }
    }
    if (error == 0) {
        error = flush(&out, host, 0);
    }
    lt_buf_release(&out);
    return error;
}
