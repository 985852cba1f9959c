/* SPDX-License-Identifier: Apache-2.0
 *
 * One function an event. */
#include "config.h"

#include "tests/support/event_log.h"

#include <stdlib.h>

static struct lt_json *begin(struct lt_event_log *log, const char *event)
{
    lt_json_init(&log->json, log->sink, log->ctx);
    lt_json_object(&log->json);
    lt_json_key(&log->json, "event");
    lt_json_text(&log->json, event);
    return &log->json;
}

static int end(struct lt_event_log *log)
{
    lt_json_end(&log->json);
    lt_json_newline(&log->json);
    return lt_json_finish(&log->json);
}

static void put_int(struct lt_json *j, const char *key, int64_t value)
{
    lt_json_key(j, key);
    lt_json_int(j, value);
}

/* Bytes as the characters U+0000 to U+00FF. */
static void value_str(struct lt_json *j, struct lt_str value)
{
    char *text = malloc(value.len * 2 + 1);
    size_t len = 0;
    if (!text)
        abort();
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = (uint8_t)value.data[i];
        if (byte >= 0x80)
            text[len++] = (char)(0xc0 | byte >> 6);
        text[len++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
    }
    lt_json_str(j, (struct lt_str){text, len});
    free(text);
}

static void put_str(struct lt_json *j, const char *key, struct lt_str value)
{
    lt_json_key(j, key);
    value_str(j, value);
}

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct lt_json *j = begin(ctx, "meta");
    lt_json_key(j, "format");
    lt_json_text(j, meta->format);
    lt_json_key_uint(j, "version_major", meta->version_major);
    lt_json_key_uint(j, "version_minor", meta->version_minor);
    put_str(j, "host", meta->host);
    put_str(j, "command", meta->command);
    put_str(j, "cwd", meta->cwd);
    put_str(j, "recorder", meta->recorder);
    put_int(j, "start_realtime_ns", meta->start_realtime_ns);
    put_int(j, "interval_ns", meta->interval_ns);
    lt_json_key(j, "has_time");
    lt_json_bool(j, meta->has_time);
    return end(ctx);
}

static int on_segment(void *ctx)
{
    begin(ctx, "segment");
    return end(ctx);
}

static int on_clock(void *ctx, const struct lt_clock_anchor *anchor)
{
    struct lt_json *j = begin(ctx, "clock");
    put_int(j, "time_ns", anchor->time_ns);
    put_int(j, "start_realtime_ns", anchor->start_realtime_ns);
    return end(ctx);
}

static int on_process(void *ctx, uint32_t id, const struct lt_process_info *info)
{
    struct lt_json *j = begin(ctx, "process");
    lt_json_key_uint(j, "id", id);
    lt_json_key_uint(j, "pid", info->pid);
    lt_json_key_uint(j, "ppid", info->ppid);
    put_str(j, "command", info->command);
    put_str(j, "python", info->python);
    put_str(j, "cwd", info->cwd);
    put_str(j, "host", info->host);
    return end(ctx);
}

static int on_thread(void *ctx, uint32_t id, const struct lt_thread_info *info)
{
    struct lt_json *j = begin(ctx, "thread");
    lt_json_key_uint(j, "id", id);
    lt_json_key_uint(j, "process", info->process);
    lt_json_key_uint(j, "tid", info->tid);
    lt_json_key_uint(j, "ident", info->ident);
    put_str(j, "name", info->name);
    return end(ctx);
}

static int on_frame(void *ctx, uint32_t id, const struct lt_frame_info *info)
{
    struct lt_json *j = begin(ctx, "frame");
    lt_json_key_uint(j, "id", id);
    put_str(j, "name", info->name);
    put_str(j, "file", info->file);
    lt_json_key_uint(j, "line", info->line);
    lt_json_key_uint(j, "first_line", info->first_line);
    return end(ctx);
}

static int on_stack(void *ctx, uint32_t id, uint32_t parent, uint32_t frame)
{
    struct lt_json *j = begin(ctx, "stack");
    lt_json_key_uint(j, "id", id);
    lt_json_key_uint(j, "parent", parent);
    lt_json_key_uint(j, "frame", frame);
    return end(ctx);
}

static int on_tags(void *ctx, uint32_t id, const struct lt_tag *tags, size_t n)
{
    struct lt_json *j = begin(ctx, "tags");
    lt_json_key_uint(j, "id", id);
    lt_json_key(j, "tags");
    lt_json_array(j);
    for (size_t i = 0; i < n; i++) {
        lt_json_array(j);
        value_str(j, tags[i].key);
        value_str(j, tags[i].value);
        lt_json_end(j);
    }
    lt_json_end(j);
    return end(ctx);
}

static int on_source(void *ctx, struct lt_str file, uint32_t line, struct lt_str text)
{
    struct lt_json *j = begin(ctx, "source");
    put_str(j, "file", file);
    lt_json_key_uint(j, "line", line);
    put_str(j, "text", text);
    return end(ctx);
}

static int on_sample(void *ctx, const struct lt_sample *sample)
{
    struct lt_json *j = begin(ctx, "sample");
    put_int(j, "time_ns", sample->time_ns);
    lt_json_key_uint(j, "thread", sample->thread);
    lt_json_key_uint(j, "stack", sample->stack);
    lt_json_key_uint(j, "state", sample->state);
    lt_json_key_uint(j, "tags", sample->tags);
    lt_json_key_uint(j, "count", sample->count);
    put_int(j, "weight_ns", sample->weight_ns);
    return end(ctx);
}

static int on_tick(void *ctx, int64_t time_ns, uint32_t covers, int64_t interval_ns)
{
    struct lt_json *j = begin(ctx, "tick");
    put_int(j, "time_ns", time_ns);
    lt_json_key_uint(j, "covers", covers);
    put_int(j, "interval_ns", interval_ns);
    return end(ctx);
}

static int on_health(void *ctx, const struct lt_health *health)
{
    struct lt_json *j = begin(ctx, "health");
    lt_json_key_uint(j, "asked", health->asked);
    lt_json_key_uint(j, "taken", health->taken);
    lt_json_key_uint(j, "late", health->late);
    lt_json_key_uint(j, "retried", health->retried);
    lt_json_key_uint(j, "sampler_cpu_ns", health->sampler_cpu_ns);
    lt_json_key_uint(j, "max_lateness_ns", health->max_lateness_ns);
    for (unsigned i = 0; i < LT_FAIL_CAUSES; i++)
        lt_json_key_uint(j, lt_fail_name(i), health->failed[i]);
    return end(ctx);
}

struct lt_profile_handler lt_event_log_handler(struct lt_event_log *log, lt_json_sink *sink,
                                               void *ctx)
{
    log->sink = sink;
    log->ctx = ctx;
    return (struct lt_profile_handler){
        .ctx = log,
        .meta = on_meta,
        .segment = on_segment,
        .clock = on_clock,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .tags = on_tags,
        .source = on_source,
        .sample = on_sample,
        .tick = on_tick,
        .health = on_health,
    };
}

int lt_event_log_stats(struct lt_event_log *log, const struct lt_read_stats *stats)
{
    struct lt_json *j = begin(log, "stats");
    lt_json_key_uint(j, "damaged_blocks", stats->damaged_blocks);
    lt_json_key_uint(j, "lost_samples", stats->lost_samples);
    lt_json_key(j, "complete");
    lt_json_bool(j, stats->complete);
    put_int(j, "duration_ns", stats->duration_ns);
    return end(log);
}
