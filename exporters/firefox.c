/* SPDX-License-Identifier: Apache-2.0
 *
 * The Firefox Profiler's processed profile, format version 75: tables of columns, most of them
 * shared by all threads. Samples and markers wait in a spool while the recording is read, because a
 * thread's columns are written one after the other. What a thread was doing (it waited, the
 * collector worked) is the category of its innermost frame, so one function has a frame for each. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stack_tree.h"
#include "exporters/export_json.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/stream_spool.h"
#include "exporters/timeline.h"
#include "formats/byte_buffer.h"
#include "formats/gzip_writer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define PROCESSED_VERSION 75 /* meta.preprocessedProfileVersion */
#define GECKO_VERSION 36     /* meta.version: of the format that Firefox itself writes */

/* Places in meta.categories. The first grey one is what the profiler falls back to. */
enum category { OTHER, MINE, LIBRARY, STDLIB, IDLE, GC };
/* Subcategories of IDLE. */
enum { IDLE_OTHER, IDLE_GIL };

/* What makes an innermost frame another one. */
enum doing { RUNNING, WAITING, WAITING_FOR_GIL, COLLECTING, DOINGS };

/* Which columns of a row have a meaning. */
enum { FRAME_HAS_CATEGORY = 1 << 2, FRAME_HAS_LINE = 1 << 4 };
enum { FUNC_HAS_SOURCE = 1 << 3, FUNC_HAS_LINE = 1 << 4 };

/* Of a sample: was the thread on a processor? */
enum cpu { CPU_NO, CPU_YES, CPU_UNKNOWN, CPU_STATES };

struct frame_row {
    uint32_t func, line;
    uint8_t category, subcategory;
};

struct func_row {
    uint32_t name, source, line; /* source: UINT32_MAX none */
};

struct thread_row {
    uint64_t samples, markers;
};

struct firefox_state {
    const struct live_trace_host *host;
    struct lt_json json;
    struct lt_gzip_writer *gzip; /* NULL for plain text */
    bool unit_is_time, by_line;
    struct lt_timeline *timeline;
    struct lt_spool *spool; /* streams 2 * thread: samples; 2 * thread + 1: markers */
    struct lt_buf record;   /* scratch */

    struct lt_intern *strings;
    struct lt_intern *sources;   /* string of a file's name -> row */
    struct lt_intern *func_keys; /* name, source -> row */
    struct func_row *funcs;
    size_t funcs_alloc;
    struct lt_intern *frame_keys; /* frame id, doing -> row */
    struct frame_row *frames;
    size_t frames_alloc;
    struct lt_stack_tree *stacks; /* of rows of frames; node - 1 is the row */
    uint32_t *node_of_stack;      /* by stack id * DOINGS + doing; 0 not known yet */
    size_t n_nodes, nodes_alloc;
    struct thread_row *threads; /* by id */
    size_t n_threads, threads_alloc;
};

static void release(struct firefox_state *s)
{
    lt_gzip_writer_free(s->gzip);
    lt_timeline_free(s->timeline);
    lt_spool_free(s->spool);
    lt_buf_release(&s->record);
    lt_intern_free(s->strings);
    lt_intern_free(s->sources);
    lt_intern_free(s->func_keys);
    lt_intern_free(s->frame_keys);
    lt_stack_tree_free(s->stacks);
    free(s->funcs);
    free(s->frames);
    free(s->node_of_stack);
    free(s->threads);
    free(s);
}

/* Tables. */

static int string_id(struct firefox_state *s, const char *text, uint32_t *id)
{
    return lt_intern_id(s->strings, text, strlen(text), id, NULL);
}

static int func_for(struct firefox_state *s, const struct live_trace_frame *frame, uint32_t *row)
{
    struct func_row func = {.source = UINT32_MAX};
    uint32_t key[2], file;
    bool is_new;
    int error = string_id(s, frame->name, &func.name);

    if (error == 0 && frame->file[0] != '\0') {
        error = string_id(s, frame->file, &file);
        if (error == 0) {
            error = lt_intern_id(s->sources, &file, sizeof file, &func.source, NULL);
        }
    }
    if (error < 0) {
        return error;
    }
    func.line = frame->first_line;
    key[0] = func.name;
    key[1] = func.source;
    error = lt_intern_id(s->func_keys, key, sizeof key, row, &is_new);
    if (error == 0 && is_new) {
        error = lt_array_grow(&s->funcs, &s->funcs_alloc, (size_t)*row + 1, sizeof *s->funcs,
                              MAX_ITEMS);
        if (error == 0) {
            s->funcs[*row] = func;
        }
    }
    return error;
}

static enum category owner(const struct live_trace_frame *frame)
{
    return (frame->flags & LIVE_TRACE_FRAME_MINE) != 0      ? MINE
           : (frame->flags & LIVE_TRACE_FRAME_LIBRARY) != 0 ? LIBRARY
           : (frame->flags & LIVE_TRACE_FRAME_STDLIB) != 0  ? STDLIB
                                                            : OTHER;
}

static int frame_for(struct firefox_state *s, const struct live_trace_frame *frame,
                     enum doing doing, uint32_t *row)
{
    const uint32_t key[2] = {frame->id, doing};
    struct frame_row *f;
    bool is_new;
    int error = lt_intern_id(s->frame_keys, key, sizeof key, row, &is_new);

    if (error < 0 || !is_new) {
        return error;
    }
    error =
        lt_array_grow(&s->frames, &s->frames_alloc, (size_t)*row + 1, sizeof *s->frames, MAX_ITEMS);
    if (error < 0) {
        return error;
    }
    f = &s->frames[*row];
    *f = (struct frame_row){
        .line = s->by_line ? frame->line : 0,
        .category = (uint8_t)(doing == RUNNING      ? owner(frame)
                              : doing == COLLECTING ? GC
                                                    : IDLE),
        .subcategory = doing == WAITING_FOR_GIL ? IDLE_GIL : IDLE_OTHER,
    };
    return func_for(s, frame, &f->func);
}

static enum doing doing_of(uint32_t state)
{
    if ((state & LIVE_TRACE_STATE_GC) != 0) {
        return COLLECTING;
    }
    if ((state & LIVE_TRACE_STATE_GIL_WAIT) != 0) {
        return WAITING_FOR_GIL;
    }
    return (state & (LIVE_TRACE_STATE_CPU | LIVE_TRACE_STATE_UNKNOWN)) != 0 ? RUNNING : WAITING;
}

static int add_stack(struct firefox_state *s, const struct live_trace_stack *sample,
                     enum doing doing, uint32_t *node)
{
    int error = 0;

    for (uint32_t i = 0; i < sample->depth && error == 0; i++) {
        uint32_t row;
        error = frame_for(s, sample->frames[i], i + 1 == sample->depth ? doing : RUNNING, &row);
        if (error == 0) {
            error = lt_stack_tree_child(s->stacks, *node, row, node);
        }
    }
    return error;
}

static int node_for(struct firefox_state *s, const struct live_trace_stack *sample, uint32_t *node)
{
    enum doing doing = doing_of(sample->state);
    size_t at = (size_t)sample->id * DOINGS + doing;
    int error = lt_array_grow(&s->node_of_stack, &s->nodes_alloc, at + 1, sizeof *s->node_of_stack,
                              MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    while (s->n_nodes <= at) {
        s->node_of_stack[s->n_nodes++] = 0;
    }
    if (s->node_of_stack[at] == 0) {
        *node = 0;
        error = add_stack(s, sample, doing, node);
        s->node_of_stack[at] = *node;
    }
    *node = s->node_of_stack[at];
    return error;
}

/* Samples and markers, as they come. */

static int thread_for(struct firefox_state *s, uint32_t id, struct thread_row **out)
{
    int error = lt_array_grow(&s->threads, &s->threads_alloc, (size_t)id + 1, sizeof *s->threads,
                              MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    while (s->n_threads <= id) {
        s->threads[s->n_threads++] = (struct thread_row){0};
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
        error = string_id(s, tag != NULL ? tag->key : "GC", &r.name);
    }
    if (error == 0) {
        error = string_id(s, tag != NULL ? tag->value : "", &r.value);
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
    struct lt_intern **const tables[] = {&s->strings, &s->sources, &s->func_keys, &s->frame_keys};
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = open_json(s, host);
    for (size_t i = 0; i < sizeof tables / sizeof *tables && error == 0; i++) {
        error = lt_intern_new(tables[i], 0, 0);
    }
    if (error == 0) {
        error = lt_stack_tree_new(&s->stacks);
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
    struct thread_row *thread;
    struct lt_placed at;
    int error = lt_timeline_add(s->timeline, sample, &at);

    if (error == 0) {
        error = thread_for(s, sample->thread->id, &thread);
    }
    if (error == 0) {
        error = node_for(s, sample, &r.node);
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

static void key_text(struct lt_json *j, const char *key, const char *value)
{
    lt_json_key(j, key);
    lt_json_text(j, value);
}

static void key_uint(struct lt_json *j, const char *key, uint64_t value)
{
    lt_json_key(j, key);
    lt_json_uint(j, value);
}

static void key_bool(struct lt_json *j, const char *key, bool value)
{
    lt_json_key(j, key);
    lt_json_bool(j, value);
}

static void key_null(struct lt_json *j, const char *key)
{
    lt_json_key(j, key);
    lt_json_null(j);
}

static void key_ms(struct lt_json *j, const char *key, int64_t ns)
{
    lt_json_key(j, key);
    lt_json_decimal(j, ns, 6);
}

static void key_array(struct lt_json *j, const char *key)
{
    lt_json_key(j, key);
    lt_json_array(j);
}

static void key_object(struct lt_json *j, const char *key)
{
    lt_json_key(j, key);
    lt_json_object(j);
}

static void empty_array(struct lt_json *j, const char *key)
{
    key_array(j, key);
    lt_json_end(j);
}

static void put_categories(struct lt_json *j)
{
    static const struct {
        const char *name, *color, *subcategory;
    } rows[] = {
        [OTHER] = {"Other", "grey", NULL},
        [MINE] = {"Your code", "yellow", NULL},
        [LIBRARY] = {"Library", "blue", NULL},
        [STDLIB] = {"Standard library", "lightblue", NULL},
        [IDLE] = {"Idle", "transparent", "Waiting for the GIL"},
        [GC] = {"Garbage collection", "orange", NULL},
    };

    key_array(j, "categories");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lt_json_object(j);
        key_text(j, "name", rows[i].name);
        key_text(j, "color", rows[i].color);
        key_array(j, "subcategories");
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
    key_text(j, "name", name);
    key_text(j, "tooltipLabel", label);
    key_text(j, "tableLabel", label);
    key_text(j, "chartLabel", label);
    key_array(j, "display");
    lt_json_text(j, "marker-chart");
    lt_json_text(j, "marker-table");
    lt_json_text(j, "timeline-overview");
    lt_json_end(j);
    key_array(j, "fields");
    if (has_value) {
        lt_json_object(j);
        key_text(j, "key", "value");
        key_text(j, "label", "Value");
        key_text(j, "format", "unique-string");
        lt_json_end(j);
    }
    lt_json_end(j);
    lt_json_end(j);
}

static void put_entry(struct lt_json *j, const char *label, const char *value)
{
    if (value[0] != '\0') {
        lt_json_object(j);
        key_text(j, "label", label);
        key_text(j, "format", "string");
        key_text(j, "value", value);
        lt_json_end(j);
    }
}

static void put_count(struct lt_json *j, const char *label, uint64_t value)
{
    lt_json_object(j);
    key_text(j, "label", label);
    key_text(j, "format", "integer");
    key_uint(j, "value", value);
    lt_json_end(j);
}

static void begin_section(struct lt_json *j, const char *label)
{
    lt_json_object(j);
    key_text(j, "label", label);
    key_array(j, "entries");
}

static void end_section(struct lt_json *j)
{
    lt_json_end(j);
    lt_json_end(j);
}

/* What the profiler asks of every profile, and says little about ours. */
static void put_fixed_meta(struct lt_json *j)
{
    key_uint(j, "version", GECKO_VERSION);
    key_uint(j, "preprocessedProfileVersion", PROCESSED_VERSION);
    key_uint(j, "processType", 0);
    key_uint(j, "stackwalk", 0);
    key_bool(j, "debug", false);
    key_bool(j, "symbolicated", true);
    key_bool(j, "symbolicationNotSupported", true);
    key_bool(j, "usesOnlyOneStackType", true);
    key_bool(j, "sourceCodeIsNotOnSearchfox", true);
    key_bool(j, "keepProfileThreadOrder", true);
    key_object(j, "sampleUnits");
    key_text(j, "time", "ms");
    key_text(j, "eventDelay", "ms");
    key_text(j, "threadCPUDelta", "ns");
    lt_json_end(j);
    put_categories(j);
    key_array(j, "markerSchema");
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
    s->by_line = strcmp(meta->by, "line") == 0;
    lt_timeline_meta(s->timeline, s->host, meta);
    lt_json_object(j);
    key_object(j, "meta");
    put_fixed_meta(j);
    key_text(j, "product", meta->title);
    key_text(j, "importedFrom", exporter);
    key_text(j, "arguments", meta->command);
    key_ms(j, "startTime", meta->start_realtime_ns);
    key_ms(j, "interval", meta->interval_ns > 0 ? meta->interval_ns : LT_TIMELINE_SAMPLE_NS);
    key_array(j, "extra");
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

/* A column of a table of n rows. */
typedef void put_cell(struct lt_json *j, const struct firefox_state *s, uint32_t row);

struct column {
    const char *name;
    put_cell *put;
};

static void put_table(struct firefox_state *s, const char *name, const struct column *columns,
                      size_t n_columns, uint32_t n_rows)
{
    struct lt_json *j = &s->json;

    key_object(j, name);
    key_uint(j, "length", n_rows);
    for (size_t i = 0; i < n_columns; i++) {
        key_array(j, columns[i].name);
        for (uint32_t row = 0; row < n_rows && j->error == 0; row++) {
            columns[i].put(j, s, row);
        }
        lt_json_end(j);
    }
    lt_json_end(j);
    lt_json_newline(j);
}

#define N_OF(array) (sizeof(array) / sizeof *(array))

static void put_zero(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    (void)s;
    (void)row;
    lt_json_uint(j, 0);
}

static void put_one(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    (void)s;
    (void)row;
    lt_json_uint(j, 1);
}

static void put_null(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    (void)s;
    (void)row;
    lt_json_null(j);
}

static void put_stack_frame(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, lt_stack_tree_frame(s->stacks, row + 1));
}

/* How far back the caller's row is; 0 for a root. */
static void put_stack_prefix(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    uint32_t parent = lt_stack_tree_parent(s->stacks, row + 1);
    lt_json_uint(j, parent == 0 ? 0 : row + 1 - parent);
}

static void put_frame_flags(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, FRAME_HAS_CATEGORY | (s->frames[row].line > 0 ? FRAME_HAS_LINE : 0));
}

static void put_frame_func(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->frames[row].func);
}

static void put_frame_category(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->frames[row].category);
}

static void put_frame_subcategory(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->frames[row].subcategory);
}

static void put_frame_line(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->frames[row].line);
}

static void put_func_flags(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    const struct func_row *f = &s->funcs[row];
    lt_json_uint(j, (f->source != UINT32_MAX ? FUNC_HAS_SOURCE : 0) |
                        (f->line > 0 ? FUNC_HAS_LINE : 0));
}

static void put_func_name(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->funcs[row].name);
}

static void put_func_source(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->funcs[row].source != UINT32_MAX ? s->funcs[row].source : 0);
}

static void put_func_line(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    lt_json_uint(j, s->funcs[row].line);
}

static void put_source_name(struct lt_json *j, const struct firefox_state *s, uint32_t row)
{
    uint32_t string;
    memcpy(&string, lt_intern_get(s->sources, row).data, sizeof string);
    lt_json_uint(j, string);
}

static void put_strings(struct firefox_state *s)
{
    struct lt_json *j = &s->json;

    key_array(j, "stringArray");
    for (uint32_t i = 0; i < lt_intern_count(s->strings) && j->error == 0; i++) {
        lt_json_str(j, lt_intern_get(s->strings, i));
    }
    lt_json_end(j);
    lt_json_newline(j);
}

static void put_shared(struct firefox_state *s)
{
    static const struct column stacks[] = {{"frame", put_stack_frame},
                                           {"prefixOffset", put_stack_prefix}};
    static const struct column frames[] = {
        {"flags", put_frame_flags},
        {"func", put_frame_func},
        {"category", put_frame_category},
        {"subcategory", put_frame_subcategory},
        {"line", put_frame_line},
        {"column", put_zero},
        {"address", put_zero},
        {"lib", put_zero},
        {"nativeSymbol", put_zero},
        {"innerWindowID", put_zero},
        {"originalLocation", put_zero},
    };
    static const struct column funcs[] = {
        {"flags", put_func_flags},      {"name", put_func_name},    {"source", put_func_source},
        {"lineNumber", put_func_line},  {"columnNumber", put_zero}, {"resource", put_zero},
        {"originalLocation", put_zero},
    };
    static const struct column sources[] = {
        {"id", put_null},         {"filename", put_source_name}, {"startLine", put_one},
        {"startColumn", put_one}, {"sourceMapURL", put_null},    {"content", put_null},
    };
    static const struct column resources[] = {
        {"name", put_zero}, {"host", put_zero}, {"type", put_zero}};
    static const struct column symbols[] = {{"libIndex", put_zero},
                                            {"address", put_zero},
                                            {"name", put_zero},
                                            {"functionSize", put_zero}};
    static const struct column locations[] = {
        {"source", put_zero}, {"line", put_zero}, {"column", put_zero}};

    key_object(&s->json, "shared");
    put_table(s, "stackTable", stacks, N_OF(stacks), lt_stack_tree_count(s->stacks) - 1);
    put_table(s, "frameTable", frames, N_OF(frames), lt_intern_count(s->frame_keys));
    put_table(s, "funcTable", funcs, N_OF(funcs), lt_intern_count(s->func_keys));
    put_table(s, "sources", sources, N_OF(sources), lt_intern_count(s->sources));
    put_table(s, "resourceTable", resources, N_OF(resources), 0);
    put_table(s, "nativeSymbols", symbols, N_OF(symbols), 0);
    put_table(s, "sourceLocationTable", locations, N_OF(locations), 0);
    put_strings(s);
    lt_json_end(&s->json);
    lt_json_newline(&s->json);
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

    key_array(j, name);
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

    key_object(j, "samples");
    key_uint(j, "length", s->threads[thread].samples);
    key_text(j, "weightType", s->unit_is_time ? "tracing-ms" : "samples");
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
    key_text(j, "type", r->is_tag ? "tag" : "gc");
    if (r->is_tag) {
        key_uint(j, "value", r->value);
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
    lt_json_uint(j, r->is_tag ? OTHER : GC);
}

static int put_marker_column(struct firefox_state *s, uint32_t thread, const char *name,
                             put_marker_cell *put)
{
    struct lt_json *j = &s->json;
    struct lt_spool_reader r;
    int more = lt_spool_reader_init(&r, s->spool, 2 * thread + 1);

    key_array(j, name);
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

    key_object(&s->json, "markers");
    key_uint(&s->json, "length", s->threads[thread].markers);
    for (size_t i = 0; i < N_OF(columns) && error == 0; i++) {
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
    key_text(j, "processType", "default");
    key_text(j, "processName", thread->process_name);
    key_text(j, "pid", pid);
    key_text(j, "name", thread->name[0] != '\0' ? thread->name : name);
    key_uint(j, "tid", lane->tid);
    key_bool(j, "isMainThread", lane->tid == lane->pid);
    key_bool(j, "showMarkersInTimeline", true);
    key_uint(j, "processStartupTime", 0);
    key_null(j, "processShutdownTime");
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

    key_array(&s->json, "threads");
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
    put_shared(s);
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
