/* SPDX-License-Identifier: Apache-2.0
 *
 * The report: which lines (functions, files, ...) stacks are in most often. Counted by
 * report.c; how it looks is in report_text.c and report_json.c. */
#include "config.h"

#include "exporters/exporter_builtins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/export_options.h"
#include "exporters/report.h"
#include "formats/lt_error.h"

#define DEFAULT_ROWS 30
#define MAX_ROWS ((size_t)1 << 28)

struct text_state {
    const struct live_trace_host *host;
    struct lt_report report;
    size_t most_common;
    bool json;
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
    return lt_report_meta(&((struct text_state *)state)->report, meta);
}

static int text_stack(void *state, const struct live_trace_stack *stack)
{
    return lt_report_add(&((struct text_state *)state)->report, stack);
}

static int text_health(void *state, const struct live_trace_health *health)
{
    struct text_state *s = state;
    struct lt_report *r = &s->report;

    lt_report_sort(r, s->most_common);
    return s->json ? lt_report_write_json(r, health, s->host)
                   : lt_report_write_text(r, health, s->host);
}

static int text_close(void *state, int failed)
{
    struct text_state *s = state;

    (void)failed; /* the report was written with the health, in one go */
    lt_report_release(&s->report);
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
    .description = "report of the most frequent lines, as `analyze --idle` prints it",
    .extension = "txt",
    .read_by = "people",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES | LIVE_TRACE_EXPORTER_UNIT_SAMPLES,
    .open = text_open,
    .meta = text_meta,
    .stack = text_stack,
    .health = text_health,
    .close = text_close,
    .options = options,
};
