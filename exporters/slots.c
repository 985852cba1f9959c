/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of `analyze --every`: how much there was in each slot of time, and most of what. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/selection.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/time_slots.h"
#include "formats/lt_error.h"

struct slots_state {
    const struct live_trace_host *host;
    struct lt_time_slots slots;
    bool json, blocks;
};

static int read_every(const struct live_trace_host *host, int64_t *every_ns)
{
    const char *text = lt_option_text(host, "every");
    struct lt_when when = {.kind = LT_WHEN_FROM_START, .ns = 3600 * INT64_C(1000000000)};

    if (text != NULL &&
        (lt_when_parse(text, &when) < 0 || when.kind != LT_WHEN_FROM_START || when.ns < 1000000)) {
        host->fail(host->ctx, "the length of a time slot is not understood: write 1h, 10m, 30s or "
                              "at least 1ms");
        return LT_ERR_USAGE;
    }
    *every_ns = when.ns;
    return 0;
}

static int slots_open(const struct live_trace_host *host, void **state)
{
    struct slots_state *s = calloc(1, sizeof *s);
    int64_t every_ns = 0;
    int error = s == NULL ? LT_ERR_NOMEM : read_every(host, &every_ns);

    if (error == 0) {
        s->host = host;
        error = lt_option_switch(host, "json", &s->json);
    }
    if (error == 0) {
        error = lt_option_switch(host, "blocks", &s->blocks);
    }
    if (error == 0) {
        error = lt_time_slots_init(&s->slots, every_ns);
    }
    if (error < 0) {
        if (s != NULL) {
            lt_time_slots_release(&s->slots);
        }
        free(s);
        return error;
    }
    *state = s;
    return 0;
}

static int refuse_no_time(const struct slots_state *s)
{
    s->host->fail(s->host->ctx, "an input has no times: slots need a trace, leave out --every");
    return LT_ERR_USAGE;
}

static int slots_meta(void *state, const struct live_trace_meta *meta)
{
    struct slots_state *s = state;

    return meta->has_time ? lt_report_meta(&s->slots.head, meta) : refuse_no_time(s);
}

static int refuse_many(const struct slots_state *s)
{
    char message[160];

    snprintf(message, sizeof message,
             "more than %d slots, or too many different lines in them: give longer slots, or a "
             "part with "
             "--from and --to",
             LT_SLOTS_MAX);
    s->host->fail(s->host->ctx, message);
    return LT_ERR_LIMIT;
}

static int slots_sample(void *state, const struct live_trace_stack *sample)
{
    struct slots_state *s = state;
    int error;

    if (sample->time_ns < 0) {
        return refuse_no_time(s);
    }
    error = lt_time_slots_add(&s->slots, sample);
    return error == LT_ERR_LIMIT ? refuse_many(s) : error;
}

static int slots_health(void *state, const struct live_trace_health *health)
{
    struct slots_state *s = state;

    lt_time_slots_finish(&s->slots);
    return s->json ? lt_slots_write_json(&s->slots, health, s->host)
                   : lt_slots_write_text(&s->slots, health, s->host, s->blocks);
}

static int slots_close(void *state, int failed)
{
    struct slots_state *s = state;

    (void)failed; /* the table was written with the health, in one go */
    lt_time_slots_release(&s->slots);
    free(s);
    return 0;
}

static const struct live_trace_option_info options[] = {
    {"every", "DURATION", "length of a slot: 1h, 10m, 30s (1h)"},
    {"json", "0|1", "the same as JSON (0)"},
    {"blocks", "0|1", "the sparkline in Unicode, not in ASCII (0)"},
    {0},
};

const struct live_trace_exporter lt_exporter_slots = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "slots",
    .description = "table by time slot, as `analyze --every --idle` prints it",
    .read_by = "people",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES | LIVE_TRACE_EXPORTER_UNIT_SAMPLES,
    .open = slots_open,
    .meta = slots_meta,
    .sample = slots_sample,
    .health = slots_health,
    .close = slots_close,
    .options = options,
};
