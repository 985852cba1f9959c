/* SPDX-License-Identifier: Apache-2.0
 *
 * Chrome's trace events, straight to the output: stacks as nested slices (B, E) by thread, the
 * collector and tags as asynchronous ones (b, e) beside them. Perfetto does not undo \u00XX in
 * names, so < and > are written as they are, and control characters as blanks. */
#include "config.h"

#include <stdlib.h>

#include "exporters/clean_text.h"
#include "exporters/export_json.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/frame_json.h"
#include "exporters/frame_labels.h"
#include "exporters/timeline.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 24)

/* The slices of a thread that are open, root first. */
struct open_slices {
    const struct live_trace_frame **frames;
    size_t depth, alloc;
};

struct chrome_state {
    const struct live_trace_host *host;
    struct lt_json json;
    struct lt_frame_json frames;
    struct lt_timeline *timeline;
    struct open_slices *threads; /* by id */
    size_t n_threads, threads_alloc;
    struct lt_buf text; /* the one at hand, cleaned */
};

/* Events. */

static void begin_event(struct lt_json *j, const char *phase, const struct lt_lane *lane,
                        int64_t time_ns)
{
    lt_json_newline(j);
    lt_json_object(j);
    lt_json_key(j, "ph");
    lt_json_text(j, phase);
    lt_json_key(j, "pid");
    lt_json_uint(j, lane->pid);
    lt_json_key(j, "tid");
    lt_json_uint(j, lane->tid);
    lt_json_key(j, "ts");
    lt_json_decimal(j, time_ns, 3); /* microseconds */
}

static const char *category(const struct live_trace_frame *frame)
{
    const char *owner = lt_frame_owner(frame);
    return owner[0] != '\0' ? owner : "other";
}

/* Perfetto (v52) takes the end of "x\\" for an escaped quote and gives the file up: a blank parts them. */
static int part_from_quote(struct lt_buf *text)
{
    bool joined = text->len > 0 && text->data[text->len - 1] == '\\';
    return joined ? lt_buf_put_u8(text, ' ') : 0;
}

static void put_text(struct lt_buf *clean, struct lt_json *j, const char *key, const char *text)
{
    lt_buf_clear(clean);
    if (lt_clean_text(clean, text, "", "") < 0 || part_from_quote(clean) < 0) {
        j->error = LT_ERR_NOMEM;
    }
    lt_json_key(j, key);
    lt_json_str(j, (struct lt_str){(const char *)clean->data, clean->len});
}

static void put_frame(void *ctx, struct lt_json *j, const struct live_trace_frame *frame)
{
    struct chrome_state *s = ctx;

    lt_json_key(j, "cat");
    lt_json_text(j, category(frame));
    put_text(&s->text, j, "name", frame->name);
    if (frame->file[0] != '\0') {
        lt_json_key(j, "args");
        lt_json_object(j);
        put_text(&s->text, j, "file", frame->file);
        if (frame->line > 0) {
            lt_json_key(j, "line");
            lt_json_uint(j, frame->line);
        }
        lt_json_end(j);
    }
}

static void put_begin(struct chrome_state *s, const struct lt_lane *lane,
                      const struct live_trace_frame *frame, int64_t time_ns)
{
    begin_event(&s->json, "B", lane, time_ns);
    lt_frame_json_put(&s->frames, &s->json, frame);
    lt_json_end(&s->json);
}

/* Such events belong together by category and id, within their process. */
static int put_span(struct chrome_state *s, const char *phase, const struct lt_lane *lane,
                    const struct live_trace_tag *tag, int64_t time_ns)
{
    struct lt_json *j = &s->json;
    struct lt_buf name = {0};

    if (tag != NULL && lt_buf_printf(&name, "%s=%s%c", tag->key, tag->value, '\0') < 0) {
        return LT_ERR_NOMEM;
    }
    begin_event(j, phase, lane, time_ns);
    lt_json_key(j, "id2");
    lt_json_object(j);
    lt_json_key(j, "local");
    lt_json_uint(j, lane->tid);
    lt_json_end(j);
    put_text(&s->text, j, "cat", tag != NULL ? tag->key : "gc");
    put_text(&s->text, j, "name", tag != NULL ? (const char *)name.data : "garbage collection");
    lt_json_end(j);
    lt_buf_release(&name);
    return j->error;
}

static int begin_span(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
                      int64_t start_ns)
{
    return put_span(ctx, "b", lane, tag, start_ns);
}

static int end_span(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
                    int64_t start_ns, int64_t end_ns)
{
    (void)start_ns;
    return put_span(ctx, "e", lane, tag, end_ns);
}

/* Ends the slices below the first `depth`. */
static void end_slices(struct lt_json *j, struct open_slices *open, size_t depth,
                       const struct lt_lane *lane, int64_t time_ns)
{
    for (; open->depth > depth; open->depth--) {
        begin_event(j, "E", lane, time_ns);
        lt_json_end(j);
    }
}

/* The exporter. */

static void release(struct chrome_state *s)
{
    for (size_t i = 0; i < s->n_threads; i++) {
        free(s->threads[i].frames);
    }
    free(s->threads);
    lt_timeline_free(s->timeline);
    lt_frame_json_release(&s->frames);
    lt_buf_release(&s->text);
    free(s);
}

static int chrome_open(const struct live_trace_host *host, void **state)
{
    struct chrome_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    lt_json_to_host(&s->json, host);
    s->json.keeps_markup = true;
    lt_frame_json_init(&s->frames, true, put_frame, s);
    error = lt_timeline_new(&s->timeline, &(struct lt_span_events){s, begin_span, end_span});
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int chrome_meta(void *state, const struct live_trace_meta *meta)
{
    struct chrome_state *s = state;
    struct lt_json *j = &s->json;

    lt_timeline_meta(s->timeline, s->host, meta);
    lt_json_object(j);
    lt_json_key(j, "displayTimeUnit");
    lt_json_text(j, "ms");
    lt_json_key(j, "otherData");
    lt_json_object(j);
    lt_json_key(j, "writer");
    lt_json_text(j, "live-trace");
    lt_json_key(j, "version");
    lt_json_text(j, s->host->version);
    lt_json_meta(j, meta);
    lt_json_end(j);
    lt_json_key(j, "traceEvents");
    lt_json_array(j);
    return j->error;
}

static int slices_for(struct chrome_state *s, const struct live_trace_stack *sample,
                      struct open_slices **out)
{
    uint32_t id = sample->thread->id;
    struct open_slices *open;
    int error = lt_array_reach(&s->threads, &s->n_threads, &s->threads_alloc, id,
                               sizeof *s->threads, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    open = &s->threads[id];
    *out = open;
    return lt_array_grow(&open->frames, &open->alloc, sample->depth, sizeof *open->frames,
                         MAX_ITEMS);
}

/* Slices that the sample shares with the one before go on. */
static int chrome_sample(void *state, const struct live_trace_stack *sample)
{
    struct chrome_state *s = state;
    struct open_slices *open = NULL;
    struct lt_placed at;
    size_t common = 0;
    int error = lt_timeline_add(s->timeline, sample, &at);

    if (error == 0) {
        error = slices_for(s, sample, &open);
    }
    if (error < 0) {
        return error;
    }
    if (at.gap_ns > 0) {
        end_slices(&s->json, open, 0, at.lane, at.start_ns - at.gap_ns);
    }
    while (common < open->depth && common < sample->depth &&
           open->frames[common] == sample->frames[common]) {
        common++;
    }
    end_slices(&s->json, open, common, at.lane, at.start_ns);
    for (; open->depth < sample->depth; open->depth++) {
        open->frames[open->depth] = sample->frames[open->depth];
        put_begin(s, at.lane, open->frames[open->depth], at.start_ns);
    }
    return s->json.error;
}

static void put_name(struct chrome_state *s, const char *what, const struct lt_lane *lane,
                     const char *name)
{
    if (name[0] == '\0') {
        return;
    }
    begin_event(&s->json, "M", lane, 0);
    lt_json_key(&s->json, "name");
    lt_json_text(&s->json, what);
    lt_json_key(&s->json, "args");
    lt_json_object(&s->json);
    put_text(&s->text, &s->json, "name", name);
    lt_json_end(&s->json);
    lt_json_end(&s->json);
}

/* The names of threads come last: by then they are known best. */
static int chrome_health(void *state, const struct live_trace_health *health)
{
    struct chrome_state *s = state;
    struct lt_json *j = &s->json;
    int error = lt_timeline_finish(s->timeline);

    for (uint32_t i = 0; i < lt_timeline_lanes(s->timeline) && error == 0; i++) {
        const struct lt_lane *lane = lt_timeline_lane(s->timeline, i);
        if (lane != NULL) {
            end_slices(j, &s->threads[i], 0, lane, lane->end_ns);
            put_name(s, "process_name", lane, lane->thread->process_name);
            put_name(s, "thread_name", lane, lane->thread->name);
        }
    }
    lt_json_newline(j);
    lt_json_end(j);
    lt_json_key(j, "health");
    lt_json_object(j);
    lt_json_health(j, health);
    lt_json_end(j);
    lt_json_end(j);
    lt_json_newline(j);
    return error < 0 ? error : j->error;
}

static int chrome_close(void *state, int failed)
{
    struct chrome_state *s = state;
    int error = failed ? 0 : lt_json_finish(&s->json);

    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_chrome = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "chrome",
    .description = "slices along time by thread, as Chrome's trace events",
    .extension = "trace.json",
    .read_by = "ui.perfetto.dev, chrome://tracing",
    .open = chrome_open,
    .meta = chrome_meta,
    .sample = chrome_sample,
    .health = chrome_health,
    .close = chrome_close,
    .options = lt_no_options,
};
