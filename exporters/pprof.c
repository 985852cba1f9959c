/* SPDX-License-Identifier: Apache-2.0
 *
 * pprof's profile.proto, gzipped: a sample for each stack, thread and set of tags, with the number
 * of stack samples, their time on a processor and their time by the clock. Values that the
 * recording cannot say have no column, instead of one of zeros.
 *
 * A location is a line of a function; a function is told by name and file, as elsewhere. Nothing
 * is there to be looked up in a binary, so the one mapping has no build id and says that all of it is
 * known. A function's system name stays empty: pprof would take its <...> for a C++ template. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stack_tree.h"
#include "exporters/clean_text.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "formats/byte_buffer.h"
#include "formats/gzip_writer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/pprof_fields.h"
#include "formats/protobuf_writer.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define FLUSH_BYTES ((size_t)65536)

/* What is summed, by what tells samples apart. */
struct key {
    uint32_t node, thread, tags;
};
struct values {
    uint64_t count, cpu_ns, wall_ns;
};

struct location {
    uint32_t function, line; /* function: id + 1; 0 not known yet */
};

struct pprof_state {
    const struct live_trace_host *host;
    bool unit_is_time, no_counts, has_time, has_states;
    int64_t start_ns, interval_ns, duration_ns;
    uint64_t title, selection; /* strings */

    struct lt_intern *strings;   /* "" is 0 */
    struct lt_intern *functions; /* (name, file) -> id */
    uint32_t *start_lines;       /* by function */
    struct location *locations;  /* by frame id */
    size_t n_locations, locations_alloc, start_lines_alloc;
    struct lt_stack_tree *stacks; /* of frame ids */
    uint32_t *node_of_stack;      /* by stack id; 0 not known yet */
    size_t n_stacks, stacks_alloc;
    const struct live_trace_thread **threads; /* by id */
    size_t n_threads, threads_alloc;
    struct lt_intern *tag_sets; /* labels as they are written; the empty set is 0 */
    struct lt_intern *keys;     /* struct key -> values */
    struct values *values;
    size_t values_alloc;

    struct lt_buf text;              /* of one string */
    struct lt_protobuf inner, outer; /* of one field of the profile */
    struct lt_gzip_writer *gzip;
};

static void release(struct pprof_state *s)
{
    lt_intern_free(s->strings);
    lt_intern_free(s->functions);
    lt_intern_free(s->tag_sets);
    lt_intern_free(s->keys);
    lt_stack_tree_free(s->stacks);
    free(s->start_lines);
    free(s->locations);
    free(s->node_of_stack);
    free(s->threads);
    free(s->values);
    lt_buf_release(&s->text);
    lt_protobuf_release(&s->inner);
    lt_protobuf_release(&s->outer);
    lt_gzip_writer_free(s->gzip);
    free(s);
}

static int make_tables(struct pprof_state *s)
{
    struct lt_intern **tables[] = {&s->strings, &s->functions, &s->tag_sets, &s->keys};
    int error = lt_stack_tree_new(&s->stacks);
    uint32_t zero;

    for (size_t i = 0; i < sizeof tables / sizeof *tables && error == 0; i++) {
        error = lt_intern_new(tables[i], (uint32_t)MAX_ITEMS, 0);
    }
    if (error == 0) {
        error = lt_intern_id(s->strings, "", 0, &zero, NULL);
    }
    return error < 0 ? error : lt_intern_id(s->tag_sets, "", 0, &zero, NULL);
}

static int pprof_open(const struct live_trace_host *host, void **state)
{
    struct pprof_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = make_tables(s);
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

/* The string's place in the string table. */
static int string_id(struct pprof_state *s, const char *text, uint64_t *id)
{
    uint32_t found = 0;
    int error;

    lt_buf_clear(&s->text);
    error = lt_clean_text(&s->text, text, "", "");
    if (error == 0) {
        error = lt_intern_id(s->strings, s->text.data, s->text.len, &found, NULL);
    }
    *id = found;
    return error;
}

static int pprof_meta(void *state, const struct live_trace_meta *meta)
{
    struct pprof_state *s = state;
    int error;

    s->unit_is_time = meta->unit_is_time;
    s->no_counts = meta->no_counts;
    s->has_time = meta->has_time || meta->interval_ns > 0;
    s->start_ns = meta->start_realtime_ns;
    s->interval_ns = meta->interval_ns;
    error = string_id(s, meta->title, &s->title);
    return error < 0 ? error : string_id(s, meta->selection, &s->selection);
}

/* Samples. */

static int know_function(struct pprof_state *s, const struct live_trace_frame *frame, uint32_t *id)
{
    uint64_t key[2];
    bool is_new = false;
    int error = string_id(s, frame->name, &key[0]);

    if (error == 0) {
        error = string_id(s, frame->file, &key[1]);
    }
    if (error == 0) {
        error = lt_array_grow(&s->start_lines, &s->start_lines_alloc,
                              (size_t)lt_intern_count(s->functions) + 1, sizeof *s->start_lines,
                              MAX_ITEMS);
    }
    if (error == 0) {
        error = lt_intern_id(s->functions, key, sizeof key, id, &is_new);
    }
    if (is_new) {
        s->start_lines[*id] = frame->first_line;
    }
    return error;
}

static int know_frame(struct pprof_state *s, const struct live_trace_frame *frame)
{
    uint32_t function;
    int error = lt_array_reach(&s->locations, &s->n_locations, &s->locations_alloc, frame->id,
                               sizeof *s->locations, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    if (s->locations[frame->id].function == 0) {
        error = know_function(s, frame, &function);
        if (error == 0) {
            s->locations[frame->id] = (struct location){function + 1, frame->line};
        }
    }
    return error;
}

static int know_stack(struct pprof_state *s, const struct live_trace_stack *stack, uint32_t *node)
{
    int error = lt_array_reach(&s->node_of_stack, &s->n_stacks, &s->stacks_alloc, stack->id,
                               sizeof *s->node_of_stack, MAX_ITEMS);

    *node = 0;
    if (error < 0) {
        return error;
    }
    if (s->node_of_stack[stack->id] == 0) {
        for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
            error = know_frame(s, stack->frames[i]);
            if (error == 0) {
                error = lt_stack_tree_child(s->stacks, *node, stack->frames[i]->id, node);
            }
        }
        s->node_of_stack[stack->id] = error == 0 ? *node : 0;
    }
    *node = s->node_of_stack[stack->id];
    return error;
}

static int know_thread(struct pprof_state *s, const struct live_trace_thread *thread)
{
    int error = lt_array_reach(&s->threads, &s->n_threads, &s->threads_alloc, thread->id,
                               sizeof *s->threads, MAX_ITEMS);

    if (error == 0) {
        s->threads[thread->id] = thread;
    }
    return error;
}

/* Appends to s->outer. */
static int put_text_label(struct pprof_state *s, const char *key, const char *value)
{
    uint64_t key_id, value_id = 0;
    int error = string_id(s, key, &key_id);

    if (error == 0) {
        error = string_id(s, value, &value_id);
    }
    if (error == 0) {
        lt_protobuf_clear(&s->inner);
        lt_protobuf_uint(&s->inner, LABEL_KEY, key_id);
        lt_protobuf_uint(&s->inner, LABEL_STR, value_id);
        lt_protobuf_message(&s->outer, SAMPLE_LABEL, &s->inner);
    }
    return error;
}

static int put_number_label(struct pprof_state *s, const char *key, uint64_t value)
{
    uint64_t key_id;
    int error = string_id(s, key, &key_id);

    if (error == 0) {
        lt_protobuf_clear(&s->inner);
        lt_protobuf_uint(&s->inner, LABEL_KEY, key_id);
        lt_protobuf_uint(&s->inner, LABEL_NUM, value);
        lt_protobuf_message(&s->outer, SAMPLE_LABEL, &s->inner);
    }
    return error;
}

static int know_tags(struct pprof_state *s, const struct live_trace_stack *sample, uint32_t *id)
{
    int error = 0;

    *id = 0;
    if (sample->n_tags == 0) {
        return 0;
    }
    lt_protobuf_clear(&s->outer);
    for (uint32_t i = 0; i < sample->n_tags && error == 0; i++) {
        error = put_text_label(s, sample->tags[i].key, sample->tags[i].value);
    }
    if (error == 0) {
        error = s->outer.error;
    }
    return error < 0 ? error
                     : lt_intern_id(s->tag_sets, s->outer.bytes.data, s->outer.bytes.len, id, NULL);
}

static int add_values(struct pprof_state *s, const struct key *key,
                      const struct live_trace_stack *sample)
{
    struct values *v;
    uint32_t id;
    bool is_new;
    int error = lt_array_grow(&s->values, &s->values_alloc, (size_t)lt_intern_count(s->keys) + 1,
                              sizeof *s->values, MAX_ITEMS);

    if (error == 0) {
        error = lt_intern_id(s->keys, key, sizeof *key, &id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    v = &s->values[id];
    if (is_new) {
        *v = (struct values){0};
    }
    v->count += sample->count;
    v->wall_ns += (uint64_t)sample->weight_ns;
    if ((sample->state & LIVE_TRACE_STATE_CPU) != 0) {
        v->cpu_ns += (uint64_t)sample->weight_ns;
    }
    return 0;
}

static int pprof_sample(void *state, const struct live_trace_stack *sample)
{
    struct pprof_state *s = state;
    struct key key = {.thread = sample->thread->id};
    int error = know_stack(s, sample, &key.node);

    if (error == 0) {
        error = know_thread(s, sample->thread);
    }
    if (error == 0) {
        error = know_tags(s, sample, &key.tags);
    }
    s->has_states = s->has_states || (sample->state & LIVE_TRACE_STATE_UNKNOWN) == 0;
    return error < 0 ? error : add_values(s, &key, sample);
}

static int pprof_health(void *state, const struct live_trace_health *health)
{
    ((struct pprof_state *)state)->duration_ns = health->duration_ns;
    return 0;
}

/* Writing: the profile is the row of its fields, each made by itself. */

/* Writes what stands in s->outer and forgets it; but a little waits for more. */
static int flush(struct pprof_state *s, size_t little)
{
    int error = s->outer.error;

    if (error < 0 || s->outer.bytes.len <= little) {
        return error;
    }
    error = lt_gzip_writer_write(s->gzip, s->outer.bytes.data, s->outer.bytes.len);
    lt_protobuf_clear(&s->outer);
    return error;
}

static int put_value_type(struct pprof_state *s, unsigned field, const char *type, const char *unit)
{
    uint64_t type_id, unit_id = 0;
    int error = string_id(s, type, &type_id);

    if (error == 0) {
        error = string_id(s, unit, &unit_id);
    }
    if (error == 0) {
        lt_protobuf_clear(&s->inner);
        lt_protobuf_uint(&s->inner, VALUE_TYPE_TYPE, type_id);
        lt_protobuf_uint(&s->inner, VALUE_TYPE_UNIT, unit_id);
        lt_protobuf_message(&s->outer, field, &s->inner);
    }
    return error;
}

/* The columns; what is shown if nobody asks is the last one, or what the profile names. */
static int put_columns(struct pprof_state *s)
{
    bool cpu = s->has_time && s->has_states;
    uint64_t shown = 0;
    int error = 0;

    if (!s->no_counts) {
        error = put_value_type(s, PROFILE_SAMPLE_TYPE, "samples", "count");
    }
    if (error == 0 && cpu) {
        error = put_value_type(s, PROFILE_SAMPLE_TYPE, "cpu", "nanoseconds");
    }
    if (error == 0 && s->has_time) {
        error = put_value_type(s, PROFILE_SAMPLE_TYPE, "wall", "nanoseconds");
    }
    if (error == 0 && s->interval_ns > 0) {
        error = put_value_type(s, PROFILE_PERIOD_TYPE, "wall", "nanoseconds");
        lt_protobuf_uint(&s->outer, PROFILE_PERIOD, (uint64_t)s->interval_ns);
    }
    if (error == 0) {
        error = string_id(s, s->unit_is_time ? "wall" : "samples", &shown);
    }
    lt_protobuf_uint(&s->outer, PROFILE_DEFAULT_SAMPLE_TYPE, shown);
    return error;
}

static int put_head(struct pprof_state *s)
{
    uint64_t writer = 0;
    char text[64];
    int error;

    snprintf(text, sizeof text, "live-trace %s", s->host->version);
    error = string_id(s, text, &writer);
    lt_protobuf_uint(&s->outer, PROFILE_COMMENT, writer);
    lt_protobuf_uint(&s->outer, PROFILE_COMMENT, s->selection);
    lt_protobuf_uint(&s->outer, PROFILE_TIME_NANOS, s->start_ns > 0 ? (uint64_t)s->start_ns : 0);
    lt_protobuf_uint(&s->outer, PROFILE_DURATION_NANOS,
                     s->duration_ns > 0 ? (uint64_t)s->duration_ns : 0);

    lt_protobuf_clear(&s->inner);
    lt_protobuf_uint(&s->inner, MAPPING_ID, 1);
    lt_protobuf_uint(&s->inner, MAPPING_FILENAME, s->title);
    for (unsigned field = MAPPING_HAS_FUNCTIONS; field <= MAPPING_HAS_INLINE_FRAMES; field++) {
        lt_protobuf_uint(&s->inner, field, 1);
    }
    lt_protobuf_message(&s->outer, PROFILE_MAPPING, &s->inner);
    return error;
}

static int put_functions(struct pprof_state *s)
{
    int error = 0;

    for (uint32_t i = 0; i < lt_intern_count(s->functions) && error == 0; i++) {
        uint64_t key[2];
        memcpy(key, lt_intern_get(s->functions, i).data, sizeof key);
        lt_protobuf_clear(&s->inner);
        lt_protobuf_uint(&s->inner, FUNCTION_ID, (uint64_t)i + 1);
        lt_protobuf_uint(&s->inner, FUNCTION_NAME, key[0]);
        lt_protobuf_uint(&s->inner, FUNCTION_FILENAME, key[1]);
        lt_protobuf_uint(&s->inner, FUNCTION_START_LINE, s->start_lines[i]);
        lt_protobuf_message(&s->outer, PROFILE_FUNCTION, &s->inner);
        error = flush(s, FLUSH_BYTES);
    }
    return error;
}

static int put_locations(struct pprof_state *s)
{
    struct lt_protobuf line = {0};
    int error = 0;

    for (size_t i = 0; i < s->n_locations && error == 0; i++) {
        lt_protobuf_clear(&line);
        lt_protobuf_uint(&line, LINE_FUNCTION_ID, s->locations[i].function);
        lt_protobuf_uint(&line, LINE_LINE, s->locations[i].line);
        lt_protobuf_clear(&s->inner);
        lt_protobuf_uint(&s->inner, LOCATION_ID, (uint64_t)i + 1);
        lt_protobuf_uint(&s->inner, LOCATION_MAPPING_ID, 1);
        lt_protobuf_message(&s->inner, LOCATION_LINE, &line);
        lt_protobuf_message(&s->outer, PROFILE_LOCATION, &s->inner);
        error = flush(s, FLUSH_BYTES);
    }
    lt_protobuf_release(&line);
    return error;
}

/* A name, or the number where there is none, and the number; nothing of what is not known. */
static int put_who(struct pprof_state *s, const char *name_key, const char *name,
                   const char *number_key, uint64_t number)
{
    char text[24];
    int error = 0;

    snprintf(text, sizeof text, "%" PRIu64, number);
    if (name[0] != '\0' || number != 0) {
        error = put_text_label(s, name_key, name[0] != '\0' ? name : text);
    }
    return error < 0 || number == 0 ? error : put_number_label(s, number_key, number);
}

/* In s->outer. */
static int put_thread_labels(struct pprof_state *s, const struct live_trace_thread *t)
{
    int error = put_who(s, "thread", t->name, "thread_id", t->tid);

    return error < 0 ? error : put_who(s, "process", t->process_name, "pid", t->pid);
}

/* Each thread's labels are the same in all of its samples. */
static int make_thread_labels(struct pprof_state *s, struct lt_buf *labels)
{
    int error = 0;

    for (size_t i = 0; i < s->n_threads && error == 0; i++) {
        error = put_thread_labels(s, s->threads[i]);
        if (error == 0) {
            error = s->outer.error;
        }
        if (error == 0) {
            error = lt_buf_put(&labels[i], s->outer.bytes.data, s->outer.bytes.len);
        }
        lt_protobuf_clear(&s->outer);
    }
    return error;
}

/* Location ids of a stack, innermost first. */
static int put_path(struct pprof_state *s, struct lt_protobuf *sample, uint32_t node,
                    uint64_t **path, size_t *alloc)
{
    uint32_t depth = lt_stack_tree_depth(s->stacks, node);
    int error = lt_array_grow(path, alloc, depth, sizeof **path, MAX_ITEMS);

    for (uint32_t i = 0; i < depth && error == 0; i++) {
        (*path)[i] = (uint64_t)lt_stack_tree_frame(s->stacks, node) + 1;
        node = lt_stack_tree_parent(s->stacks, node);
    }
    if (error == 0) {
        lt_protobuf_packed(sample, SAMPLE_LOCATION_ID, *path, depth);
    }
    return error;
}

static void put_values(const struct pprof_state *s, struct lt_protobuf *sample,
                       const struct values *v)
{
    uint64_t columns[3];
    size_t n = 0;

    if (!s->no_counts) {
        columns[n++] = v->count;
    }
    if (s->has_time && s->has_states) {
        columns[n++] = v->cpu_ns;
    }
    if (s->has_time) {
        columns[n++] = v->wall_ns;
    }
    lt_protobuf_packed(sample, SAMPLE_VALUE, columns, n);
}

static int put_samples(struct pprof_state *s, const struct lt_buf *labels)
{
    struct lt_protobuf *sample = &s->inner;
    uint64_t *path = NULL;
    size_t alloc = 0;
    int error = 0;

    for (uint32_t i = 0; i < lt_intern_count(s->keys) && error == 0; i++) {
        struct key key;
        struct lt_str tags;
        memcpy(&key, lt_intern_get(s->keys, i).data, sizeof key);
        tags = lt_intern_get(s->tag_sets, key.tags);
        lt_protobuf_clear(sample);
        error = put_path(s, sample, key.node, &path, &alloc);
        put_values(s, sample, &s->values[i]);
        if (error == 0) {
            error = lt_buf_put(&sample->bytes, labels[key.thread].data, labels[key.thread].len);
        }
        if (error == 0) {
            error = lt_buf_put(&sample->bytes, tags.data, tags.len);
        }
        lt_protobuf_message(&s->outer, PROFILE_SAMPLE, sample);
        if (error == 0) {
            error = flush(s, FLUSH_BYTES);
        }
    }
    free(path);
    return error;
}

static int put_labelled_samples(struct pprof_state *s)
{
    struct lt_buf *labels = calloc(s->n_threads + 1, sizeof *labels);
    int error = labels != NULL ? make_thread_labels(s, labels) : LT_ERR_NOMEM;

    if (error == 0) {
        error = put_samples(s, labels);
    }
    for (size_t i = 0; labels != NULL && i < s->n_threads; i++) {
        lt_buf_release(&labels[i]);
    }
    free(labels);
    return error;
}

/* Last, when all strings are known. */
static int put_strings(struct pprof_state *s)
{
    int error = 0;

    for (uint32_t i = 0; i < lt_intern_count(s->strings) && error == 0; i++) {
        struct lt_str text = lt_intern_get(s->strings, i);
        lt_protobuf_bytes(&s->outer, PROFILE_STRING_TABLE, text.data, text.len);
        error = flush(s, FLUSH_BYTES);
    }
    return error;
}

static int write_profile(struct pprof_state *s)
{
    static int (*const parts[])(struct pprof_state *) = {
        put_columns, put_head, put_labelled_samples, put_locations, put_functions, put_strings};
    int error = lt_gzip_writer_new(&s->gzip, s->host->write, s->host->ctx);

    lt_protobuf_clear(&s->outer);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && error == 0; i++) {
        error = parts[i](s);
        if (error == 0) {
            error = flush(s, 0);
        }
    }
    return error < 0 ? error : lt_gzip_writer_finish(s->gzip);
}

static int pprof_close(void *state, int failed)
{
    struct pprof_state *s = state;
    int error = failed ? 0 : write_profile(s);

    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_pprof = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "pprof",
    .description = "pprof's gzipped protocol buffer, with threads, processes and tags as labels",
    .extension = "pb.gz",
    .read_by = "go tool pprof, speedscope, Pyroscope",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES,
    .open = pprof_open,
    .meta = pprof_meta,
    .sample = pprof_sample,
    .health = pprof_health,
    .close = pprof_close,
    .options = lt_no_options,
};
