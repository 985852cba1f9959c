/* SPDX-License-Identifier: Apache-2.0
 *
 * The Firefox Profiler's processed profile, format version 75: tables of columns, most of them
 * shared by all threads. Samples and markers wait in a spool while the recording is read, because a
 * thread's columns are written one after the other. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/export_json.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/firefox_tables.h"
#include "exporters/stream_spool.h"
#include "exporters/timeline.h"
#include "formats/byte_buffer.h"
#include "formats/gzip_writer.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define PROCESSED_VERSION 75 /* meta.preprocessedProfileVersion */
#define GECKO_VERSION 36     /* meta.version: of the format that Firefox itself writes */

/* Of a sample: was the thread on a processor? */
enum cpu { CPU_NO, CPU_YES, CPU_UNKNOWN, CPU_STATES };

struct thread_row {
    uint64_t samples, markers;
};

struct firefox_state {
    const struct live_trace_host *host;
    struct lt_json json;
    struct lt_gzip_writer *gzip; /* NULL for plain text */
    bool unit_is_time;
    struct lt_firefox_tables tables;
    struct lt_timeline *timeline;
    struct lt_spool *spool;     /* streams 2 * thread: samples; 2 * thread + 1: markers */
    struct lt_buf record;       /* scratch */
    struct thread_row *threads; /* by id */
    size_t n_threads, threads_alloc;
};

static void release(struct firefox_state *s)
{
    lt_gzip_writer_free(s->gzip);
    lt_timeline_free(s->timeline);
    lt_spool_free(s->spool);
    lt_buf_release(&s->record);
    lt_firefox_tables_release(&s->tables);
    free(s->threads);
    free(s);
}

/* Samples and markers, as they come. */

static int thread_for(struct firefox_state *s, uint32_t id, struct thread_row **out)
{
    int error = lt_array_reach(&s->threads, &s->n_threads, &s->threads_alloc, id,
                               sizeof *s->threads, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    *out = &s->threads[id];
    return 0;
}

/* A record of varints. */
static int spool(struct firefox_state *s, uint32_t stream, const uint64_t *fields, size_t n)
{
    int error = 0;

    lt_buf_clear(&s->record);
    for (size_t i = 0; i < n && error == 0; i++) {
        error = lt_buf_put_varint(&s->record, fields[i]);
    }
    return error < 0 ? error : lt_spool_add(s->spool, stream, s->record.data, s->record.len);
}

struct sample_record {
    uint32_t node;
    enum cpu cpu;
    int64_t gap_ns, length_ns; /* the gap before it: for the first one, the time before it */
};

static int spool_sample(struct firefox_state *s, uint32_t thread, const struct sample_record *r)
{
    const uint64_t fields[] = {(uint64_t)r->node * CPU_STATES + r->cpu, (uint64_t)r->gap_ns,
                               (uint64_t)r->length_ns};
    return spool(s, 2 * thread, fields, 3);
}

static struct sample_record read_sample(struct lt_cursor *c)
{
    uint64_t first = lt_cursor_varint(c);
    return (struct sample_record){
        .node = (uint32_t)(first / CPU_STATES),
        .cpu = (enum cpu)(first % CPU_STATES),
        .gap_ns = (int64_t)lt_cursor_varint(c),
        .length_ns = (int64_t)lt_cursor_varint(c),
    };
}

struct marker_record {
    bool is_tag; /* else the collector */
    uint32_t name, value;
    int64_t start_ns, length_ns;
};

static int spool_marker(struct firefox_state *s, uint32_t thread, const struct marker_record *r)
{
    const uint64_t fields[] = {r->is_tag, r->name, r->value, (uint64_t)r->start_ns,
                               (uint64_t)r->length_ns};
    return spool(s, 2 * thread + 1, fields, 5);
}

static struct marker_record read_marker(struct lt_cursor *c)
{
    return (struct marker_record){
        .is_tag = lt_cursor_varint(c) != 0,
        .name = (uint32_t)lt_cursor_varint(c),
        .value = (uint32_t)lt_cursor_varint(c),
        .start_ns = (int64_t)lt_cursor_varint(c),
        .length_ns = (int64_t)lt_cursor_varint(c),
    };
}

static int end_span(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
                    int64_t start_ns, int64_t end_ns)
{
    struct firefox_state *s = ctx;
    struct marker_record r = {
        .is_tag = tag != NULL, .start_ns = start_ns, .length_ns = end_ns - start_ns};
    struct thread_row *thread;
    int error = thread_for(s, lane->thread->id, &thread);

    if (error == 0) {
        error = lt_firefox_string(&s->tables, tag != NULL ? tag->key : "GC", &r.name);
    }
    if (error == 0) {
        error = lt_firefox_string(&s->tables, tag != NULL ? tag->value : "", &r.value);
    }
    if (error == 0) {
        thread->markers++;
        error = spool_marker(s, lane->thread->id, &r);
    }
    return error;
}

static const struct live_trace_option_info options[] = {
    {"gzip", "0|1", "compressed, as the profiler takes it too (1)"},
    {0},
};

static int to_gzip(void *ctx, const char *data, size_t len)
{
    return lt_gzip_writer_write(ctx, data, len);
}

static int open_json(struct firefox_state *s, const struct live_trace_host *host)
{
    bool gzip = true;
    int error = lt_option_switch(host, "gzip", &gzip);

    if (error == 0 && gzip) {
        error = lt_gzip_writer_new(&s->gzip, host->write, host->ctx);
    }
    if (s->gzip != NULL) {
        lt_json_init(&s->json, to_gzip, s->gzip);
    } else {
        lt_json_to_host(&s->json, host);
    }
    return error;
}

static int firefox_open(const struct live_trace_host *host, void **state)
{
    struct firefox_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = open_json(s, host);
    if (error == 0) {
        error = lt_firefox_tables_init(&s->tables);
    }
    if (error == 0) {
        error = lt_spool_new(&s->spool);
    }
    if (error == 0) {
        error = lt_timeline_new(&s->timeline, &(struct lt_span_events){s, NULL, end_span});
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int firefox_sample(void *state, const struct live_trace_stack *sample)
{
    struct firefox_state *s = state;
    struct sample_record r = {0};
    struct thread_row *thread = NULL;
    struct lt_placed at;
    int error = lt_timeline_add(s->timeline, sample, &at);

    if (error == 0) {
        error = thread_for(s, sample->thread->id, &thread);
    }
    if (error == 0) {
        error = lt_firefox_node(&s->tables, sample, &r.node);
    }
    if (error < 0) {
        return error;
    }
    r.cpu = (sample->state & LIVE_TRACE_STATE_UNKNOWN) != 0 ? CPU_UNKNOWN
            : (sample->state & LIVE_TRACE_STATE_CPU) != 0   ? CPU_YES
                                                            : CPU_NO;
    r.gap_ns = thread->samples++ == 0 ? at.start_ns : at.gap_ns;
    r.length_ns = at.end_ns - at.start_ns;
    return spool_sample(s, sample->thread->id, &r);
}

/* The document. */

static void key_ms(struct lt_json *j, const char *key, int64_t ns)
{
    lt_json_key(j, key);
    lt_json_decimal(j, ns, 6);
}

static void empty_array(struct lt_json *j, const char *key)
{
    lt_json_key_array(j, key);
    lt_json_end(j);
}

static void put_categories(struct lt_json *j)
{
    static const struct {
        const char *name, *color, *subcategory;
    } rows[] = {
        [LT_FIREFOX_OTHER] = {"Other", "grey", NULL},
        [LT_FIREFOX_MINE] = {"Your code", "yellow", NULL},
        [LT_FIREFOX_LIBRARY] = {"Library", "blue", NULL},
        [LT_FIREFOX_STDLIB] = {"Standard library", "lightblue", NULL},
        [LT_FIREFOX_IDLE] = {"Idle", "transparent", "Waiting for the GIL"},
        [LT_FIREFOX_GC] = {"Garbage collection", "orange", NULL},
    };

    lt_json_key_array(j, "categories");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lt_json_object(j);
        lt_json_key_text(j, "name", rows[i].name);
        lt_json_key_text(j, "color", rows[i].color);
        lt_json_key_array(j, "subcategories");
        lt_json_text(j, "Other");
        if (rows[i].subcategory != NULL) {
            lt_json_text(j, rows[i].subcategory);
        }
        lt_json_end(j);
        lt_json_end(j);
    }
    lt_json_end(j);
}

/* How a type of marker is shown. */
static void put_schema(struct lt_json *j, const char *name, const char *label, bool has_value)
{
    lt_json_object(j);
    lt_json_key_text(j, "name", name);
    lt_json_key_text(j, "tooltipLabel", label);
    lt_json_key_text(j, "tableLabel", label);
    lt_json_key_text(j, "chartLabel", label);
    lt_json_key_array(j, "display");
    lt_json_text(j, "marker-chart");
    lt_json_text(j, "marker-table");
    lt_json_text(j, "timeline-overview");
    lt_json_end(j);
    lt_json_key_array(j, "fields");
    if (has_value) {
        lt_json_object(j);
        lt_json_key_text(j, "key", "value");
        lt_json_key_text(j, "label", "Value");
        lt_json_key_text(j, "format", "unique-string");
        lt_json_end(j);
    }
    lt_json_end(j);
    lt_json_end(j);
}

static void put_entry(struct lt_json *j, const char *label, const char *value)
{
    if (value[0] != '\0') {
        lt_json_object(j);
        lt_json_key_text(j, "label", label);
        lt_json_key_text(j, "format", "string");
        lt_json_key_text(j, "value", value);
        lt_json_end(j);
    }
}

static void put_count(struct lt_json *j, const char *label, uint64_t value)
{
    lt_json_object(j);
    lt_json_key_text(j, "label", label);
    lt_json_key_text(j, "format", "integer");
    lt_json_key_uint(j, "value", value);
    lt_json_end(j);
}

static void begin_section(struct lt_json *j, const char *label)
{
    lt_json_object(j);
    lt_json_key_text(j, "label", label);
    lt_json_key_array(j, "entries");
}

static void end_section(struct lt_json *j)
{
    lt_json_end(j);
    lt_json_end(j);
}

/* What the profiler asks of every profile, and says little about ours. */
static void put_fixed_meta(struct lt_json *j)
{
    lt_json_key_uint(j, "version", GECKO_VERSION);
    lt_json_key_uint(j, "preprocessedProfileVersion", PROCESSED_VERSION);
    lt_json_key_uint(j, "processType", 0);
    lt_json_key_uint(j, "stackwalk", 0);
    lt_json_key_bool(j, "debug", false);
    lt_json_key_bool(j, "symbolicated", true);
    lt_json_key_bool(j, "symbolicationNotSupported", true);
    lt_json_key_bool(j, "usesOnlyOneStackType", true);
    lt_json_key_bool(j, "sourceCodeIsNotOnSearchfox", true);
    lt_json_key_bool(j, "keepProfileThreadOrder", true);
    lt_json_key_object(j, "sampleUnits");
    lt_json_key_text(j, "time", "ms");
    lt_json_key_text(j, "eventDelay", "ms");
    lt_json_key_text(j, "threadCPUDelta", "ns");
    lt_json_end(j);
    put_categories(j);
    lt_json_key_array(j, "markerSchema");
    put_schema(j, "gc", "Garbage collection", false);
    put_schema(j, "tag", "{marker.name}={marker.data.value}", true);
    lt_json_end(j);
}

/* Leaves meta.extra open, for the health that is known at the end. */
static int firefox_meta(void *state, const struct live_trace_meta *meta)
{
    struct firefox_state *s = state;
    struct lt_json *j = &s->json;
    char exporter[64];

    snprintf(exporter, sizeof exporter, "live-trace@%s", s->host->version);
    s->unit_is_time = meta->unit_is_time;
    s->tables.by_line = strcmp(meta->by, "line") == 0;
    lt_timeline_meta(s->timeline, s->host, meta);
    lt_json_object(j);
    lt_json_key_object(j, "meta");
    put_fixed_meta(j);
    lt_json_key_text(j, "product", meta->title);
    lt_json_key_text(j, "importedFrom", exporter);
    lt_json_key_text(j, "arguments", meta->command);
    key_ms(j, "startTime", meta->start_realtime_ns);
    key_ms(j, "interval", meta->interval_ns > 0 ? meta->interval_ns : LT_TIMELINE_SAMPLE_NS);
    lt_json_key_array(j, "extra");
    begin_section(j, "Recording");
    put_entry(j, "Host", meta->host);
    put_entry(j, "Command", meta->command);
    put_entry(j, "Working folder", meta->cwd);
    put_entry(j, "Recorder", meta->recorder);
    put_entry(j, "Selection", meta->selection);
    end_section(j);
    return j->error;
}

static void end_meta(struct lt_json *j, const struct live_trace_health *health)
{
    begin_section(j, "Health");
    put_count(j, "Stack samples asked for", health->asked);
    put_count(j, "Taken", health->taken);
    put_count(j, "Late", health->late);
    put_count(j, "Retried", health->retried);
    for (uint32_t i = 0; i < health->n_failed; i++) {
        put_count(j, health->failed[i].cause, health->failed[i].count);
    }
    put_count(j, "Damaged blocks", health->damaged_blocks);
    end_section(j);
    lt_json_end(j);
    lt_json_end(j);
    lt_json_newline(j);
}

/* Columns of a thread's samples: each looks at the sample and the one before it. */
typedef void put_sample_cell(struct lt_json *j, const struct sample_record *r,
                             const struct sample_record *before);

static void put_sample_stack(struct lt_json *j, const struct sample_record *r,
                             const struct sample_record *before)
{
    (void)before;
    lt_json_uint(j, r->node - 1);
}

static void put_sample_delta(struct lt_json *j, const struct sample_record *r,
                             const struct sample_record *before)
{
    lt_json_decimal(j, before->length_ns + r->gap_ns, 6);
}

static void put_sample_time(struct lt_json *j, const struct sample_record *r,
                            const struct sample_record *before)
{
    (void)before;
    lt_json_decimal(j, r->length_ns, 6);
}

static void put_sample_count(struct lt_json *j, const struct sample_record *r,
                             const struct sample_record *before)
{
    (void)before;
    lt_json_int(j, r->length_ns / LT_TIMELINE_SAMPLE_NS);
}

/* Of the time since the sample before. */
static void put_sample_cpu(struct lt_json *j, const struct sample_record *r,
                           const struct sample_record *before)
{
    (void)r;
    if (before->cpu == CPU_UNKNOWN) {
        lt_json_null(j);
    } else {
        lt_json_int(j, before->cpu == CPU_YES ? before->length_ns : 0);
    }
}

static int put_sample_column(struct firefox_state *s, uint32_t thread, const char *name,
                             put_sample_cell *put)
{
    struct lt_json *j = &s->json;
    struct sample_record before = {0};
    struct lt_spool_reader r;
    int more = lt_spool_reader_init(&r, s->spool, 2 * thread);

    lt_json_key_array(j, name);
    while (more >= 0 && (more = lt_spool_reader_more(&r)) > 0 && j->error == 0) {
        struct sample_record sample = read_sample(&r.at);
        if (r.at.bad) {
            return LT_ERR_IO;
        }
        put(j, &sample, &before);
        before = sample;
    }
    lt_json_end(j);
    return more < 0 ? more : 0;
}

static int put_samples(struct firefox_state *s, uint32_t thread)
{
    struct lt_json *j = &s->json;
    int error;

    lt_json_key_object(j, "samples");
    lt_json_key_uint(j, "length", s->threads[thread].samples);
    lt_json_key_text(j, "weightType", s->unit_is_time ? "tracing-ms" : "samples");
    error = put_sample_column(s, thread, "stack", put_sample_stack);
    if (error == 0) {
        error = put_sample_column(s, thread, "timeDeltas", put_sample_delta);
    }
    if (error == 0) {
        error = put_sample_column(s, thread, "weight",
                                  s->unit_is_time ? put_sample_time : put_sample_count);
    }
    if (error == 0) {
        error = put_sample_column(s, thread, "threadCPUDelta", put_sample_cpu);
    }
    if (error == 0) {
        lt_json_end(j);
    }
    return error;
}

typedef void put_marker_cell(struct lt_json *j, const struct marker_record *r);

static void put_marker_data(struct lt_json *j, const struct marker_record *r)
{
    lt_json_object(j);
    lt_json_key_text(j, "type", r->is_tag ? "tag" : "gc");
    if (r->is_tag) {
        lt_json_key_uint(j, "value", r->value);
    }
    lt_json_end(j);
}

static void put_marker_name(struct lt_json *j, const struct marker_record *r)
{
    lt_json_uint(j, r->name);
}

static void put_marker_start(struct lt_json *j, const struct marker_record *r)
{
    lt_json_decimal(j, r->start_ns, 6);
}

static void put_marker_end(struct lt_json *j, const struct marker_record *r)
{
    lt_json_decimal(j, r->start_ns + r->length_ns, 6);
}

static void put_marker_phase(struct lt_json *j, const struct marker_record *r)
{
    (void)r;
    lt_json_uint(j, 1); /* an interval */
}

static void put_marker_category(struct lt_json *j, const struct marker_record *r)
{
    lt_json_uint(j, r->is_tag ? LT_FIREFOX_OTHER : LT_FIREFOX_GC);
}

static int put_marker_column(struct firefox_state *s, uint32_t thread, const char *name,
                             put_marker_cell *put)
{
    struct lt_json *j = &s->json;
    struct lt_spool_reader r;
    int more = lt_spool_reader_init(&r, s->spool, 2 * thread + 1);

    lt_json_key_array(j, name);
    while (more >= 0 && (more = lt_spool_reader_more(&r)) > 0 && j->error == 0) {
        struct marker_record marker = read_marker(&r.at);
        if (r.at.bad) {
            return LT_ERR_IO;
        }
        put(j, &marker);
    }
    lt_json_end(j);
    return more < 0 ? more : 0;
}

static int put_markers(struct firefox_state *s, uint32_t thread)
{
    static const struct {
        const char *name;
        put_marker_cell *put;
    } columns[] = {
        {"data", put_marker_data},   {"name", put_marker_name},   {"startTime", put_marker_start},
        {"endTime", put_marker_end}, {"phase", put_marker_phase}, {"category", put_marker_category},
    };
    int error = 0;

    lt_json_key_object(&s->json, "markers");
    lt_json_key_uint(&s->json, "length", s->threads[thread].markers);
    for (size_t i = 0; i < sizeof columns / sizeof *columns && error == 0; i++) {
        error = put_marker_column(s, thread, columns[i].name, columns[i].put);
    }
    if (error == 0) {
        lt_json_end(&s->json);
    }
    return error;
}

static int put_thread(struct firefox_state *s, const struct lt_lane *lane)
{
    const struct live_trace_thread *thread = lane->thread;
    struct lt_json *j = &s->json;
    char pid[24], name[40];
    int error;

    snprintf(pid, sizeof pid, "%" PRIu64, lane->pid);
    snprintf(name, sizeof name, thread->tid != 0 ? "thread (%" PRIu64 ")" : "thread", thread->tid);
    lt_json_object(j);
    lt_json_key_text(j, "processType", "default");
    lt_json_key_text(j, "processName", thread->process_name);
    lt_json_key_text(j, "pid", pid);
    lt_json_key_text(j, "name", thread->name[0] != '\0' ? thread->name : name);
    lt_json_key_uint(j, "tid", lane->tid);
    lt_json_key_bool(j, "isMainThread", lane->tid == lane->pid);
    lt_json_key_bool(j, "showMarkersInTimeline", true);
    lt_json_key_uint(j, "processStartupTime", 0);
    lt_json_key_null(j, "processShutdownTime");
    key_ms(j, "registerTime", lane->start_ns);
    key_ms(j, "unregisterTime", lane->end_ns);
    empty_array(j, "pausedRanges");
    error = put_samples(s, thread->id);
    if (error == 0) {
        error = put_markers(s, thread->id);
    }
    if (error == 0) {
        lt_json_end(j);
        lt_json_newline(j);
    }
    return error;
}

/* Never none: the profiler refuses a profile without threads. */
static int put_threads(struct firefox_state *s)
{
    static const struct live_trace_thread nobody = {.name = "no samples", .process_name = ""};
    uint32_t n = lt_timeline_lanes(s->timeline);
    struct thread_row *row;
    int error = 0;

    lt_json_key_array(&s->json, "threads");
    if (n == 0) {
        error = thread_for(s, 0, &row);
        error = error < 0 ? error : put_thread(s, &(struct lt_lane){.thread = &nobody});
    }
    for (uint32_t i = 0; i < n && error == 0; i++) {
        const struct lt_lane *lane = lt_timeline_lane(s->timeline, i);
        error = lane != NULL ? put_thread(s, lane) : 0;
    }
    if (error == 0) {
        lt_json_end(&s->json);
    }
    return error;
}

static int firefox_health(void *state, const struct live_trace_health *health)
{
    struct firefox_state *s = state;
    struct lt_json *j = &s->json;
    int error = lt_timeline_finish(s->timeline);

    end_meta(j, health);
    empty_array(j, "libs");
    lt_firefox_tables_put(&s->json, &s->tables);
    error = error < 0 ? error : put_threads(s);
    if (error < 0) {
        return error;
    }
    lt_json_end(j);
    lt_json_newline(j);
    return j->error;
}

static int firefox_close(void *state, int failed)
{
    struct firefox_state *s = state;
    int error = failed ? 0 : lt_json_finish(&s->json);

    if (!failed && error == 0 && s->gzip != NULL) {
        error = lt_gzip_writer_finish(s->gzip);
    }
    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_firefox = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "firefox",
    .description = "timeline, call trees and markers by thread for the Firefox Profiler",
    .extension = "profile.json.gz",
    .read_by = "https://profiler.firefox.com",
    .open = firefox_open,
    .meta = firefox_meta,
    .sample = firefox_sample,
    .health = firefox_health,
    .close = firefox_close,
    .options = options,
};
