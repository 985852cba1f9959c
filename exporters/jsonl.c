/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines, for scripts: one object a line, as the recording is read; nothing is kept but what is
 * said of frames. What an input cannot say (time, process, thread, state, weight) is null. "count" is
 * there only for totals, that is above 1, and where an input cannot say it. */
#include "config.h"

#include <stdlib.h>

#include "exporters/export_json.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/frame_json.h"
#include "formats/lt_error.h"

struct jsonl_state {
    const struct live_trace_host *host;
    struct lt_json json;
    struct lt_frame_json frames;
    bool has_weight, no_counts;
};

static void put_frame(void *ctx, struct lt_json *j, const struct live_trace_frame *frame)
{
    (void)ctx;
    lt_json_frame(j, frame);
}

static int jsonl_open(const struct live_trace_host *host, void **state)
{
    struct jsonl_state *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    lt_json_to_host(&s->json, host);
    lt_frame_json_init(&s->frames, s->json.keeps_markup, put_frame, NULL);
    *state = s;
    return 0;
}

/* An object on a line of its own. */
static void begin_line(struct lt_json *j, const char *type)
{
    lt_json_object(j);
    lt_json_key(j, "type");
    lt_json_text(j, type);
}

static int end_line(struct lt_json *j)
{
    lt_json_end(j);
    lt_json_newline(j);
    return j->error;
}

static int jsonl_meta(void *state, const struct live_trace_meta *meta)
{
    struct jsonl_state *s = state;
    struct lt_json *j = &s->json;

    s->has_weight = meta->has_time;
    s->no_counts = meta->no_counts;
    begin_line(j, "meta");
    lt_json_key(j, "writer");
    lt_json_text(j, "live-trace");
    lt_json_key(j, "version");
    lt_json_text(j, s->host->version);
    lt_json_meta(j, meta);
    return end_line(j);
}

static void put_flag(struct lt_json *j, const char *key, bool known, bool value)
{
    lt_json_key(j, key);
    if (known) {
        lt_json_bool(j, value);
    } else {
        lt_json_null(j);
    }
}

static void put_state(struct lt_json *j, uint32_t state)
{
    bool known = (state & LIVE_TRACE_STATE_UNKNOWN) == 0;

    lt_json_key(j, "state");
    lt_json_text(j, !known ? NULL : (state & LIVE_TRACE_STATE_CPU) != 0 ? "cpu" : "wait");
    put_flag(j, "gil", known, (state & LIVE_TRACE_STATE_GIL) != 0);
    put_flag(j, "gil_wait", known, (state & LIVE_TRACE_STATE_GIL_WAIT) != 0);
    put_flag(j, "gc", known, (state & LIVE_TRACE_STATE_GC) != 0);
}

static void put_stack(struct jsonl_state *s, const struct live_trace_stack *stack)
{
    struct lt_json *j = &s->json;

    lt_json_key(j, "stack");
    lt_json_array(j);
    for (uint32_t i = 0; i < stack->depth; i++) {
        lt_json_object(j);
        lt_frame_json_put(&s->frames, j, stack->frames[i]);
        lt_json_end(j);
    }
    lt_json_end(j);
}

static void put_tags(struct lt_json *j, const struct live_trace_stack *stack)
{
    lt_json_key(j, "tags");
    lt_json_object(j);
    for (uint32_t i = 0; i < stack->n_tags; i++) {
        lt_json_key(j, stack->tags[i].key);
        lt_json_text(j, stack->tags[i].value);
    }
    lt_json_end(j);
}

static int jsonl_sample(void *state, const struct live_trace_stack *sample)
{
    struct jsonl_state *s = state;
    struct lt_json *j = &s->json;

    begin_line(j, "sample");
    lt_json_key(j, "t");
    lt_json_seconds_or_null(j, sample->time_ns >= 0, sample->time_ns);
    lt_json_key(j, "pid");
    lt_json_uint_or_null(j, sample->thread->pid != 0, sample->thread->pid);
    lt_json_key(j, "tid");
    lt_json_uint_or_null(j, sample->thread->tid != 0, sample->thread->tid);
    lt_json_key(j, "thread");
    lt_json_text(j, sample->thread->name);
    put_state(j, sample->state);
    lt_json_key(j, "weight");
    lt_json_seconds_or_null(j, s->has_weight, sample->weight_ns);
    if (sample->count != 1 || s->no_counts) {
        lt_json_key(j, "count");
        lt_json_uint_or_null(j, !s->no_counts, sample->count);
    }
    put_tags(j, sample);
    put_stack(s, sample);
    return end_line(j);
}

static int jsonl_health(void *state, const struct live_trace_health *health)
{
    struct lt_json *j = &((struct jsonl_state *)state)->json;

    begin_line(j, "health");
    lt_json_health(j, health);
    return end_line(j);
}

static int jsonl_close(void *state, int failed)
{
    struct jsonl_state *s = state;
    int error = failed ? 0 : lt_json_finish(&s->json);

    lt_frame_json_release(&s->frames);
    free(s);
    return error;
}

const struct live_trace_exporter lt_exporter_jsonl = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "jsonl",
    .description = "one JSON object a stack sample, for scripts",
    .extension = "jsonl",
    .read_by = "jq, pandas, DuckDB",
    /* Nothing is merged here, so no line has to be given up for another. */
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES,
    .open = jsonl_open,
    .meta = jsonl_meta,
    .sample = jsonl_sample,
    .health = jsonl_health,
    .close = jsonl_close,
    .options = lt_no_options,
};
