/* SPDX-License-Identifier: Apache-2.0
 *
 * The document token by token. What profiles say is kept as runs of nodes over frame numbers; when the names
 * are known too, the runs are put in the order of time and delivered. */
#include "config.h"

#include "formats/speedscope_reader.h"

#include <stdlib.h>
#include <string.h>

#include "formats/definer.h"
#include "formats/frame_text.h"
#include "formats/intern.h"
#include "formats/json_reader.h"
#include "formats/lt_error.h"
#include "formats/text_scan.h"

#define MAX_RUNS ((size_t)1 << 28)
#define MAX_ITEMS ((size_t)1 << 24)
#define MAX_COUNT INT64_C(1000000000000000)

struct frame {
    uint32_t name, file; /* texts */
    uint32_t line;
};

/* A stack for a while: from time_ns on, for weight nanoseconds, or weight stack samples. */
struct run {
    int64_t time_ns, weight;
    uint32_t node, profile;
};

enum unit { UNIT_UNKNOWN, UNIT_COUNT, UNIT_TIME };

struct profile {
    uint32_t name;
    enum unit unit;
    int places; /* of decimals, from the unit to nanoseconds */
    int64_t start_ns;
    size_t first_run, n_weights;
};

struct speedscope_reader {
    const struct lt_profile_handler *handler;
    const struct lt_read_options *options;
    struct lt_read_stats *stats;
    struct lt_json_reader json;
    struct lt_definer definer;

    struct lt_intern *texts, *nodes; /* {parent + 1 or 0, frame} */
    struct frame *frames;
    struct profile *profiles;
    struct run *runs;
    uint32_t *path;   /* of one stack */
    uint32_t *stacks; /* of the nodes, in this segment; 0 not known yet */
    unsigned segment;
    size_t n_frames, frames_alloc, n_profiles, profiles_alloc, n_runs, runs_alloc, path_alloc;
    enum unit unit; /* that all profiles have */
};

/* What to do with the value of a key, which comes next. */
struct member {
    const char *key;
    int (*read)(struct speedscope_reader *r);
};

/* ---- JSON ---- */

/* The members of an object that is open; those that are not in the table, ended by an empty one, are
 * passed over. */
static int read_members(struct speedscope_reader *r, const struct member *table)
{
    struct lt_json_token t;
    for (;;) {
        const struct member *m = table;
        int err = lt_json_next(&r->json, &t);
        if (err || t.kind == LT_JSON_CLOSE)
            return err;
        if (t.kind != LT_JSON_KEY)
            return LT_ERR_CORRUPT;
        while (m->key && !lt_text_is(t.text, m->key))
            m++;
        err = m->key ? m->read(r) : lt_json_skip(&r->json);
        if (err)
            return err;
    }
}

/* An array, each element by `read`, which gets its first token. */
static int read_array(struct speedscope_reader *r,
                      int (*read)(struct speedscope_reader *r, const struct lt_json_token *t))
{
    struct lt_json_token t;
    int err = lt_json_expect(&r->json, LT_JSON_ARRAY, &t);
    while (!err && !(err = lt_json_next(&r->json, &t)) && t.kind != LT_JSON_CLOSE)
        err = read(r, &t);
    return err;
}

static int text_id(struct speedscope_reader *r, struct lt_str text, uint32_t *id)
{
    return lt_intern_id(r->texts, text.data, text.len, id, NULL);
}

static int read_text(struct speedscope_reader *r, uint32_t *id)
{
    struct lt_json_token t;
    int err = lt_json_next(&r->json, &t);
    if (err || t.kind != LT_JSON_STRING)
        return err ? err : t.kind == LT_JSON_WORD ? 0 : LT_ERR_CORRUPT; /* null */
    return text_id(r, t.text, id);
}

/* ---- frames ---- */

static struct frame *last_frame(struct speedscope_reader *r)
{
    return &r->frames[r->n_frames - 1];
}

static int read_frame_name(struct speedscope_reader *r)
{
    return read_text(r, &last_frame(r)->name);
}

static int read_frame_file(struct speedscope_reader *r)
{
    return read_text(r, &last_frame(r)->file);
}

static int read_frame_line(struct speedscope_reader *r)
{
    struct lt_json_token t;
    uint64_t line;
    int err = lt_json_next(&r->json, &t);
    if (!err && t.kind == LT_JSON_NUMBER && lt_text_number(t.text, UINT32_MAX, &line))
        last_frame(r)->line = (uint32_t)line;
    return err;
}

static int read_frame(struct speedscope_reader *r, const struct lt_json_token *t)
{
    static const struct member members[] = {
        {"name", read_frame_name}, {"file", read_frame_file}, {"line", read_frame_line}, {0}};
    if (t->kind != LT_JSON_OBJECT)
        return LT_ERR_CORRUPT;
    int err =
        lt_array_grow(&r->frames, &r->frames_alloc, r->n_frames + 1, sizeof(*r->frames), MAX_ITEMS);
    if (err)
        return err;
    r->frames[r->n_frames++] = (struct frame){0};
    return read_members(r, members);
}

static int read_frames(struct speedscope_reader *r)
{
    return read_array(r, read_frame);
}

static int read_shared(struct speedscope_reader *r)
{
    static const struct member members[] = {{"frames", read_frames}, {0}};
    struct lt_json_token t;
    int err = lt_json_expect(&r->json, LT_JSON_OBJECT, &t);
    return err ? err : read_members(r, members);
}

/* ---- profiles ---- */

static struct profile *last_profile(struct speedscope_reader *r)
{
    return &r->profiles[r->n_profiles - 1];
}

static int read_name(struct speedscope_reader *r)
{
    return read_text(r, &last_profile(r)->name);
}

static int refuse(struct speedscope_reader *r, const char *why)
{
    r->stats->why = why;
    return LT_ERR_NOT_OURS;
}

static int read_unit(struct speedscope_reader *r)
{
    static const struct {
        const char *name;
        int places;
    } times[] = {{"seconds", 9}, {"milliseconds", 6}, {"microseconds", 3}, {"nanoseconds", 0}};
    struct profile *p = last_profile(r);
    struct lt_json_token t;
    int err = lt_json_expect(&r->json, LT_JSON_STRING, &t);
    if (err)
        return err;
    if (lt_text_is(t.text, "none"))
        p->unit = UNIT_COUNT;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (lt_text_is(t.text, times[i].name)) {
            p->unit = UNIT_TIME;
            p->places = times[i].places;
        }
    }
    if (p->unit == UNIT_UNKNOWN)
        return refuse(r, "it is a profile of neither time nor stack samples (of memory, perhaps): "
                         "write it with one of these");
    if (r->unit != UNIT_UNKNOWN && r->unit != p->unit)
        return refuse(r, "it has profiles of times and others of counts: write them to files of "
                         "their own");
    r->unit = p->unit;
    return 0;
}

/* A time or a count. */
static int parse_value(struct speedscope_reader *r, const struct lt_json_token *t, int64_t *value)
{
    const struct profile *p = last_profile(r);
    if (t->kind != LT_JSON_NUMBER || !lt_json_scaled(t->text, p->places, value))
        return LT_ERR_CORRUPT;
    if (p->unit == UNIT_UNKNOWN)
        return refuse(r,
                      "its profiles say their unit after their values: put \"unit\" before them");
    return 0;
}

static int read_start(struct speedscope_reader *r)
{
    struct lt_json_token t;
    int err = lt_json_next(&r->json, &t);
    return err ? err : parse_value(r, &t, &last_profile(r)->start_ns);
}

static int push(struct speedscope_reader *r, uint64_t frame, uint32_t *node)
{
    const uint32_t parts[2] = {*node, (uint32_t)frame};
    uint32_t place = 0;
    int err = frame < MAX_ITEMS ? lt_intern_id(r->nodes, parts, sizeof(parts), &place, NULL)
                                : LT_ERR_CORRUPT;
    *node = place + 1;
    return err;
}

static int add_run(struct speedscope_reader *r, int64_t time_ns, int64_t weight, uint32_t node)
{
    int err = lt_array_grow(&r->runs, &r->runs_alloc, r->n_runs + 1, sizeof(*r->runs), MAX_RUNS);
    if (!err)
        r->runs[r->n_runs++] = (struct run){time_ns, weight, node, (uint32_t)(r->n_profiles - 1)};
    return err;
}

static int read_stack(struct speedscope_reader *r, const struct lt_json_token *first)
{
    struct lt_json_token t;
    uint32_t node = 0;
    unsigned depth = 0;
    uint64_t frame;
    int err = first->kind == LT_JSON_ARRAY ? 0 : LT_ERR_CORRUPT;
    while (!err && !(err = lt_json_next(&r->json, &t)) && t.kind != LT_JSON_CLOSE) {
        if (t.kind != LT_JSON_NUMBER || !lt_text_number(t.text, UINT32_MAX, &frame) ||
            depth++ == LT_DEFINER_MAX_DEPTH)
            return LT_ERR_CORRUPT;
        err = push(r, frame, &node);
    }
    return err ? err : add_run(r, 0, 0, node);
}

static int read_samples(struct speedscope_reader *r)
{
    return read_array(r, read_stack);
}

/* Weights belong to the stacks in their order. */
static int read_weight(struct speedscope_reader *r, const struct lt_json_token *t)
{
    struct profile *p = last_profile(r);
    size_t run = p->first_run + p->n_weights++;
    int64_t weight;
    int err = parse_value(r, t, &weight);
    if (!err && weight < 0)
        err = LT_ERR_CORRUPT;
    if (!err && run < r->n_runs)
        r->runs[run].weight = weight;
    return err;
}

static int read_weights(struct speedscope_reader *r)
{
    return read_array(r, read_weight);
}

/* An event while it is read. */
struct event {
    bool open;
    uint64_t frame;
    int64_t at_ns;
};

static int read_event_members(struct speedscope_reader *r, struct event *e)
{
    struct lt_json_token key, t;
    int err;
    while (!(err = lt_json_next(&r->json, &key)) && key.kind == LT_JSON_KEY) {
        bool type = lt_text_is(key.text, "type"), frame = lt_text_is(key.text, "frame"),
             at = lt_text_is(key.text, "at");
        if (!type && !frame && !at) {
            err = lt_json_skip(&r->json);
        } else if (!(err = lt_json_next(&r->json, &t))) {
            if (type)
                e->open = lt_text_is(t.text, "O");
            else if (at)
                err = parse_value(r, &t, &e->at_ns);
            else if (!lt_text_number(t.text, UINT32_MAX, &e->frame))
                err = LT_ERR_CORRUPT;
        }
        if (err)
            return err;
    }
    return err;
}

/* Between two events the stack is what it is. One that closes closes the innermost frame. */
static int read_events(struct speedscope_reader *r)
{
    struct lt_json_token t;
    uint32_t node = 0, depth = 0;
    int64_t since_ns = 0;
    int err = lt_json_expect(&r->json, LT_JSON_ARRAY, &t);
    while (!err && !(err = lt_json_next(&r->json, &t)) && t.kind != LT_JSON_CLOSE) {
        struct event e = {0};
        int64_t length_ns;
        err = t.kind == LT_JSON_OBJECT ? read_event_members(r, &e) : LT_ERR_CORRUPT;
        if (!err && depth > 0 && !__builtin_sub_overflow(e.at_ns, since_ns, &length_ns) &&
            length_ns > 0)
            err = add_run(r, since_ns, length_ns, node);
        since_ns = e.at_ns;
        if (err)
            return err;
        if (e.open) {
            if (depth == LT_DEFINER_MAX_DEPTH ||
                lt_array_grow(&r->path, &r->path_alloc, (size_t)depth + 1, sizeof(*r->path),
                              LT_DEFINER_MAX_DEPTH))
                return LT_ERR_CORRUPT;
            r->path[depth++] = node;
            err = push(r, e.frame, &node);
        } else if (depth > 0) {
            node = r->path[--depth];
        } else {
            r->stats->damaged_blocks++;
        }
    }
    return err;
}

/* The times of stacks that only have lengths. */
static void place_runs(struct speedscope_reader *r)
{
    const struct profile *p = last_profile(r);
    int64_t time_ns = p->start_ns > 0 ? p->start_ns : 0;
    if (p->n_weights == 0)
        return; /* events have their own times */
    if (p->n_weights != r->n_runs - p->first_run)
        r->stats->damaged_blocks++;
    for (size_t i = p->first_run; i < r->n_runs; i++) {
        r->runs[i].time_ns = time_ns;
        if (__builtin_add_overflow(time_ns, r->runs[i].weight, &time_ns))
            time_ns = INT64_MAX;
    }
}

static int read_profile(struct speedscope_reader *r, const struct lt_json_token *t)
{
    static const struct member members[] = {{"name", read_name},
                                            {"unit", read_unit},
                                            {"startValue", read_start},
                                            {"samples", read_samples},
                                            {"weights", read_weights},
                                            {"events", read_events},
                                            {0}};
    if (t->kind != LT_JSON_OBJECT)
        return LT_ERR_CORRUPT;
    int err = lt_array_grow(&r->profiles, &r->profiles_alloc, r->n_profiles + 1,
                            sizeof(*r->profiles), MAX_ITEMS);
    if (err)
        return err;
    r->profiles[r->n_profiles++] = (struct profile){.first_run = r->n_runs};
    err = read_members(r, members);
    place_runs(r);
    r->stats->bytes = r->json.bytes.read;
    if (r->options && r->options->progress) {
        const struct lt_input *in = r->json.bytes.in;
        r->options->progress(r->options->progress_ctx, r->json.bytes.read,
                             in->size ? in->size(in->ctx) : 0);
    }
    return err;
}

static int read_profiles(struct speedscope_reader *r)
{
    return read_array(r, read_profile);
}

/* ---- delivery ---- */

static int compare_runs(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->profile > y->profile) - (x->profile < y->profile);
}

/* py-spy's `Thread 12 "NAME"`, and `Process 11 Thread 12 "NAME"` with several processes. */
static bool parse_spy_name(struct lt_str name, uint32_t *pid, struct lt_thread_info *thread)
{
    static const char process_mark[] = "Process ", thread_mark[] = "Thread ";
    struct lt_str word, rest = name;
    uint64_t number = 0;
    if (lt_text_starts(rest, process_mark)) {
        rest = lt_text_from(rest, strlen(process_mark));
        if (!lt_text_take(&rest, ' ', &word) || !lt_text_number(word, UINT32_MAX, &number))
            return false;
    }
    if (!lt_text_starts(rest, thread_mark))
        return false;
    rest = lt_text_from(rest, strlen(thread_mark));
    if (!lt_text_take(&rest, ' ', &word) || !lt_text_number(word, UINT64_MAX, &thread->tid) ||
        rest.len < 2 || rest.data[0] != '"' || rest.data[rest.len - 1] != '"')
        return false;
    thread->name = lt_text_from(lt_text_until(rest, rest.len - 1), 1);
    *pid = (uint32_t)number;
    return true;
}

/* "process NAME (11), thread NAME (12)", or the thread alone; what is neither is a thread's name. */
static void parse_name(struct lt_str name, struct lt_process_info *process,
                       struct lt_thread_info *thread)
{
    struct lt_str rest = name;
    uint64_t pid;
    size_t at;
    if (parse_spy_name(name, &process->pid, thread))
        return;
    if (lt_text_find_last(name, "), thread", &at) &&
        lt_frame_text_root(lt_text_until(name, at + 1), "process", UINT32_MAX, &process->command,
                           &pid)) {
        process->pid = (uint32_t)pid;
        rest = lt_text_from(name, at + strlen("), "));
    }
    if (lt_frame_text_root(rest, "thread", UINT64_MAX, &thread->name, &thread->tid))
        return;
    *thread =
        (struct lt_thread_info){.name = lt_text_is(rest, "thread") ? (struct lt_str){"", 0} : rest};
}

static int define_thread(struct speedscope_reader *r, uint32_t profile, uint32_t *id)
{
    struct lt_process_info process = {0};
    struct lt_thread_info thread = {0};
    parse_name(lt_intern_get(r->texts, r->profiles[profile].name), &process, &thread);
    return lt_definer_thread(&r->definer, &process, &thread, id);
}

static int define_frame(struct speedscope_reader *r, uint32_t number, uint32_t *stack)
{
    uint32_t id;
    if (number >= r->n_frames)
        return LT_ERR_CORRUPT;
    const struct frame *f = &r->frames[number];
    const struct lt_frame_info info = {.name = lt_intern_get(r->texts, f->name),
                                       .file = lt_intern_get(r->texts, f->file),
                                       .line = f->line};
    int err = lt_definer_frame(&r->definer, &info, &id, NULL);
    return err ? err : lt_definer_stack(&r->definer, *stack, id, stack);
}

static int define_node(struct speedscope_reader *r, uint32_t node, uint32_t *stack)
{
    size_t depth = 0;
    int err = 0;
    while (!err && node) {
        uint32_t parts[2];
        memcpy(parts, lt_intern_get(r->nodes, node - 1).data, sizeof(parts));
        err = lt_array_grow(&r->path, &r->path_alloc, depth + 1, sizeof(*r->path),
                            LT_DEFINER_MAX_DEPTH);
        if (!err)
            r->path[depth++] = parts[1];
        node = parts[0];
    }
    while (!err && depth > 0)
        err = define_frame(r, r->path[--depth], stack);
    return err;
}

static int stack_of_node(struct speedscope_reader *r, uint32_t node, uint32_t *stack)
{
    int err = 0;
    if (r->segment != r->definer.segments) {
        memset(r->stacks, 0, ((size_t)lt_intern_count(r->nodes) + 1) * sizeof(*r->stacks));
        r->segment = r->definer.segments;
    }
    if (!r->stacks[node])
        err = define_node(r, node, &r->stacks[node]);
    *stack = r->stacks[node];
    if (err)
        r->stacks[node] = 0;
    return err;
}

static int deliver_run(struct speedscope_reader *r, const struct run *run)
{
    bool time = r->unit == UNIT_TIME;
    struct lt_sample sample = {
        .time_ns = time ? (run->time_ns > 0 ? run->time_ns : 0) : -1,
        .state = LT_STATE_UNKNOWN,
        .count = time ? 1 : (uint64_t)run->weight,
        .weight_ns = time ? run->weight : 0,
    };
    int64_t end_ns;
    /* An empty stack is a pause: the thread was not seen. */
    if (run->node == 0 || run->weight == 0)
        return 0;
    if (!time && run->weight > MAX_COUNT)
        return LT_ERR_CORRUPT;
    if (__builtin_add_overflow(sample.time_ns, sample.weight_ns, &end_ns))
        end_ns = INT64_MAX;
    if (time && end_ns > r->stats->duration_ns)
        r->stats->duration_ns = end_ns;
    r->stats->blocks++;
    int err = lt_definer_begin_sample(&r->definer);
    if (!err)
        err = define_thread(r, run->profile, &sample.thread);
    if (!err)
        err = stack_of_node(r, run->node, &sample.stack);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &sample);
    return err;
}

static int deliver(struct speedscope_reader *r)
{
    const struct lt_meta meta = {
        .format = lt_speedscope_input_format.name,
        .version_major = 1,
        .has_time = r->unit == UNIT_TIME,
        .has_weight = r->unit == UNIT_TIME,
        .no_counts = r->unit == UNIT_TIME,
    };
    r->stacks = calloc((size_t)lt_intern_count(r->nodes) + 1, sizeof(*r->stacks));
    if (!r->stacks)
        return LT_ERR_NOMEM;
    int err = r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
    if (r->n_runs > 0)
        qsort(r->runs, r->n_runs, sizeof(*r->runs), compare_runs);
    for (size_t i = 0; !err && i < r->n_runs; i++) {
        err = deliver_run(r, &r->runs[i]);
        if (err == LT_ERR_CORRUPT) {
            r->stats->damaged_blocks++;
            err = 0;
        }
    }
    return err;
}

/* ---- the document ---- */

/* The part that can be read of a document that ends too early has no names, if they come last. */
static int read_document(struct speedscope_reader *r)
{
    static const struct member members[] = {
        {"shared", read_shared}, {"profiles", read_profiles}, {0}};
    struct lt_json_token t;
    uint32_t empty;
    int err = text_id(r, (struct lt_str){"", 0}, &empty); /* 0: what names and files are at first */
    if (!err)
        err = lt_json_expect(&r->json, LT_JSON_OBJECT, &t);
    if (!err)
        err = read_members(r, members);
    r->stats->bytes = r->json.bytes.read;
    if (err == LT_ERR_CORRUPT && r->n_frames > 0 && r->n_profiles > 0) {
        r->stats->damaged_blocks++;
        return deliver(r);
    }
    r->stats->complete = !err;
    return err ? err : deliver(r);
}

static void release(struct speedscope_reader *r)
{
    lt_intern_free(r->texts);
    lt_intern_free(r->nodes);
    free(r->frames);
    free(r->profiles);
    free(r->runs);
    free(r->path);
    free(r->stacks);
    lt_json_reader_release(&r->json);
    lt_definer_release(&r->definer);
    free(r);
}

static int read_speedscope(struct lt_input *in, const struct lt_profile_handler *handler,
                           const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct speedscope_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return LT_ERR_NOMEM;
    r->handler = handler;
    r->options = options;
    r->stats = stats ? stats : &unasked;
    r->json.bytes.in = in;
    int err = lt_definer_init(&r->definer, handler);
    if (!err)
        err = lt_intern_new(&r->texts, 0, 0);
    if (!err)
        err = lt_intern_new(&r->nodes, 0, 0);
    if (!err)
        err = read_document(r);
    release(r);
    return err;
}

/* The schema mostly stands first; speedscope itself writes it last. */
static bool probe(const uint8_t *head, size_t len)
{
    static const char *const marks[] = {"\"https://www.speedscope.app/file-format-schema.json\"",
                                        "\"speedscope@", "\"activeProfileIndex\""};
    struct lt_str text = {(const char *)head, len};
    size_t at = 0;
    while (at < len && strchr(" \t\r\n", head[at]) && head[at])
        at++;
    if (at == len || head[at] != '{')
        return false;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (lt_text_find(text, marks[i], &at))
            return true;
    }
    return false;
}

const struct lt_input_format lt_speedscope_input_format = {
    .name = "speedscope",
    .extension = "speedscope.json",
    .description = "speedscope's JSON, of live-trace, py-spy and others",
    .probe = probe,
    .read = read_speedscope,
};
