/* SPDX-License-Identifier: Apache-2.0
 *
 * MOJO, an event at a time. A sample is delivered when the next one begins, or the stream ends: only
 * then all of it was there. Strings and frames are kept by process and key, as the format has them, and stacks
 * as nodes of a tree, because a sample may begin with the frames of its thread's last one. */
#include "config.h"

#include "formats/mojo_reader.h"

#include <stdlib.h>
#include <string.h>

#include "formats/austin_facts.h"
#include "formats/byte_buffer.h"
#include "formats/definer.h"
#include "formats/input_bytes.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/text_scan.h"

#define MAGIC "MOJ"
#define NEWEST_VERSION 4
#define NS_PER_US 1000
enum { STRING_MAX = 1 << 16, MAX_IDS = 1 << 22, PROGRESS_BYTES = 1 << 18 };
#define MAX_TEXT ((size_t)1 << 28)

enum event {
    EVENT_METADATA = 1,
    EVENT_STACK,
    EVENT_FRAME,
    EVENT_FRAME_INVALID,
    EVENT_FRAME_REF,
    EVENT_FRAME_KERNEL,
    EVENT_GC,
    EVENT_IDLE,
    EVENT_METRIC_TIME,
    EVENT_METRIC_MEMORY,
    EVENT_STRING,
    EVENT_STRING_REF,
    EVENT_STACK_REPEAT,
    EVENT_TASK_STACK,
    EVENT_TASK_WAITER,
    EVENT_TASK_RUNNING,
};

/* Keys of strings that are never defined. */
enum { KEY_EMPTY = 0, KEY_UNKNOWN = 1 };

struct frame {
    uint32_t file, name; /* texts */
    uint32_t line;
};

/* Ids of the stream, each with what it means now: a recorder may use one again. */
struct keys {
    struct lt_intern *ids; /* struct key */
    uint32_t *at;
    size_t alloc;
};

struct key {
    uint64_t pid, key;
};

struct mojo_reader {
    const struct lt_profile_handler *handler;
    const struct lt_read_options *options;
    struct lt_read_stats *stats;
    struct lt_input_bytes bytes;
    uint64_t reported;

    struct lt_definer definer;
    struct lt_austin_facts facts;
    struct lt_buf key, value; /* strings of one event */
    int64_t version;
    bool has_meta;

    struct lt_intern *texts;
    struct keys strings, frame_keys; /* -> texts, -> frames */
    struct lt_intern *frames;        /* struct frame */
    struct lt_intern *nodes;         /* {parent + 1 or 0, frame} */
    struct keys last_nodes;          /* by process and thread name: what its last sample had */

    bool in_sample, has_metric, lost;
    uint64_t pid;
    uint32_t thread; /* text */
    uint32_t base, depth;
    uint32_t *own; /* frames of this sample */
    size_t own_alloc;
    int64_t weight_ns;
    uint64_t task_frames; /* frames that follow are of a task */
};

/* ---- bytes ---- */

/* 0 where there is none. */
static uint8_t next_byte(struct mojo_reader *r)
{
    int byte = lt_input_bytes_take(&r->bytes);
    return byte < 0 ? 0 : (uint8_t)byte;
}

static void spoil(struct mojo_reader *r)
{
    lt_input_bytes_spoil(&r->bytes, LT_ERR_CORRUPT);
}

/* The first byte has six bits of the number and its sign, the others seven. */
static int64_t next_number(struct mojo_reader *r)
{
    uint8_t byte = next_byte(r);
    bool negative = byte & 0x40;
    uint64_t n = byte & 0x3f;
    for (unsigned shift = 6; byte & 0x80; shift += 7) {
        byte = next_byte(r);
        if (shift > 55 && (shift > 62 || (byte & 0x7f) >> (63 - shift))) {
            spoil(r);
            return 0;
        }
        n |= (uint64_t)(byte & 0x7f) << shift;
    }
    return negative ? -(int64_t)n : (int64_t)n;
}

static uint64_t next_count(struct mojo_reader *r)
{
    int64_t n = next_number(r);
    return n > 0 ? (uint64_t)n : 0;
}

/* Up to a NUL. */
static void next_string(struct mojo_reader *r, struct lt_buf *text)
{
    uint8_t byte;
    lt_buf_clear(text);
    while ((byte = next_byte(r)) != 0) {
        int err = text->len == STRING_MAX ? LT_ERR_CORRUPT : lt_buf_put_u8(text, byte);
        if (err) {
            lt_input_bytes_spoil(&r->bytes, err);
            return;
        }
    }
}

static struct lt_str text_of(const struct lt_buf *b)
{
    return (struct lt_str){b->data ? (const char *)b->data : "", b->len};
}

static void report_progress(struct mojo_reader *r)
{
    if (!r->options || !r->options->progress || r->bytes.read - r->reported < PROGRESS_BYTES)
        return;
    r->reported = r->bytes.read;
    r->options->progress(r->options->progress_ctx, r->reported,
                         r->bytes.in->size ? r->bytes.in->size(r->bytes.in->ctx) : 0);
}

/* ---- what keys mean ---- */

static int keep(struct keys *k, struct key key, uint32_t meaning)
{
    uint32_t place;
    int err = lt_intern_id(k->ids, &key, sizeof(key), &place, NULL);
    if (!err)
        err = lt_array_grow(&k->at, &k->alloc, (size_t)place + 1, sizeof(*k->at), MAX_IDS);
    if (!err)
        k->at[place] = meaning;
    return err;
}

static bool look_up(const struct keys *k, struct key key, uint32_t *meaning)
{
    uint32_t place;
    if (!lt_intern_find(k->ids, &key, sizeof(key), &place))
        return false;
    *meaning = k->at[place];
    return true;
}

static int text_id(struct mojo_reader *r, struct lt_str text, uint32_t *id)
{
    return lt_intern_id(r->texts, text.data, text.len, id, NULL);
}

static int find_text(struct mojo_reader *r, int64_t key, uint32_t *id)
{
    if (look_up(&r->strings, (struct key){r->pid, (uint64_t)key}, id))
        return 0;
    const char *text = key == KEY_EMPTY ? "" : "<unknown>";
    if (key != KEY_EMPTY && key != KEY_UNKNOWN)
        spoil(r);
    return text_id(r, (struct lt_str){text, strlen(text)}, id);
}

static int add_frame(struct mojo_reader *r, uint32_t frame)
{
    int err = r->depth == LT_DEFINER_MAX_DEPTH
                  ? LT_ERR_CORRUPT
                  : lt_array_grow(&r->own, &r->own_alloc, (size_t)r->depth + 1, sizeof(*r->own),
                                  LT_DEFINER_MAX_DEPTH);
    if (!err)
        r->own[r->depth++] = frame;
    return err;
}

static int add_named_frame(struct mojo_reader *r, struct lt_str name)
{
    struct frame frame = {0};
    uint32_t id = 0;
    int err = text_id(r, (struct lt_str){"", 0}, &frame.file);
    if (!err)
        err = text_id(r, name, &frame.name);
    if (!err)
        err = lt_intern_id(r->frames, &frame, sizeof(frame), &id, NULL);
    return err ? err : add_frame(r, id);
}

/* ---- stacks ---- */

static struct frame frame_at(const struct mojo_reader *r, uint32_t id)
{
    struct frame frame;
    memcpy(&frame, lt_intern_get(r->frames, id).data, sizeof(frame));
    return frame;
}

/* Node 0 is the empty stack, others are one above their place. */
static void node_at(const struct mojo_reader *r, uint32_t node, uint32_t *parent, uint32_t *frame)
{
    uint32_t parts[2];
    memcpy(parts, lt_intern_get(r->nodes, node - 1).data, sizeof(parts));
    *parent = parts[0];
    *frame = parts[1];
}

static int push_own_frames(struct mojo_reader *r, uint32_t *node)
{
    int err = 0;
    for (uint32_t i = 0; !err && i < r->depth; i++) {
        const uint32_t parts[2] = {*node, r->own[i]};
        uint32_t place = 0;
        err = lt_intern_id(r->nodes, parts, sizeof(parts), &place, NULL);
        *node = place + 1;
    }
    return err;
}

static int define_node(struct mojo_reader *r, uint32_t node, uint32_t *stack)
{
    int err = 0;
    *stack = 0;
    /* From the innermost frame to the outermost one, and back. */
    r->depth = 0;
    while (!err && node) {
        uint32_t frame;
        node_at(r, node, &node, &frame);
        err = add_frame(r, frame);
    }
    while (!err && r->depth > 0) {
        struct frame f = frame_at(r, r->own[--r->depth]);
        const struct lt_frame_info info = {.name = lt_intern_get(r->texts, f.name),
                                           .file = lt_intern_get(r->texts, f.file),
                                           .line = f.line};
        uint32_t frame;
        err = lt_definer_frame(&r->definer, &info, &frame, NULL);
        if (!err)
            err = lt_definer_stack(&r->definer, *stack, frame, stack);
    }
    return err;
}

static bool ends_with(struct lt_str text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && lt_text_is(lt_text_from(text, text.len - len), end);
}

/* A frame of C: austin leaves those out of what a thread's next sample begins with. */
static bool is_native(const struct mojo_reader *r, uint32_t frame)
{
    struct lt_str file = lt_intern_get(r->texts, frame_at(r, frame).file);
    return !ends_with(file, ".py") && !(lt_text_starts(file, "<") && ends_with(file, ">"));
}

static void repeat_stack(struct mojo_reader *r)
{
    uint32_t node, parent, frame;
    if (!look_up(&r->last_nodes, (struct key){r->pid, r->thread}, &node)) {
        r->lost = true;
        return;
    }
    while (node) {
        node_at(r, node, &parent, &frame);
        if (!is_native(r, frame))
            break;
        node = parent;
    }
    r->base = node;
}

/* ---- samples ---- */

static int deliver_meta(struct mojo_reader *r)
{
    struct lt_meta meta = lt_austin_facts_meta(&r->facts, lt_mojo_input_format.name);
    if (r->has_meta)
        return 0;
    r->has_meta = true;
    meta.version_major = (unsigned)r->version;
    meta.no_counts = meta.has_weight && r->facts.duration_ns > 0;
    return r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
}

/* Threads are named by the kernel's id in hexadecimal digits. */
static struct lt_thread_info thread_info(struct lt_str name)
{
    struct lt_thread_info info = {0};
    for (size_t i = 0; i < name.len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, name.data[i], 16);
        if (!digit || info.tid >> 60)
            return (struct lt_thread_info){.name = name};
        info.tid = info.tid << 4 | (uint64_t)(digit - digits);
    }
    return info;
}

static int deliver(struct mojo_reader *r, uint32_t node)
{
    struct lt_sample sample = {
        .time_ns = -1, .state = LT_STATE_UNKNOWN, .count = 1, .weight_ns = r->weight_ns};
    struct lt_process_info process = lt_austin_facts_process(&r->facts, (uint32_t)r->pid);
    struct lt_thread_info thread = thread_info(lt_intern_get(r->texts, r->thread));
    int err = deliver_meta(r);
    if (!err)
        err = lt_definer_begin_sample(&r->definer);
    if (!err)
        err = lt_definer_thread(&r->definer, &process, &thread, &sample.thread);
    if (!err)
        err = define_node(r, node, &sample.stack);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &sample);
    return err;
}

static int end_sample(struct mojo_reader *r)
{
    uint32_t node = r->base;
    if (!r->in_sample)
        return 0;
    r->in_sample = false;
    r->stats->blocks++;
    r->stats->lost_samples += r->lost;
    int err = push_own_frames(r, &node);
    if (!err)
        err = keep(&r->last_nodes, (struct key){r->pid, r->thread}, r->lost ? 0 : node);
    return err ? err : deliver(r, r->lost ? 0 : node);
}

static int begin_sample(struct mojo_reader *r)
{
    int err = end_sample(r);
    r->pid = next_count(r);
    if (r->version >= 3)
        next_number(r); /* the interpreter */
    next_string(r, &r->value);
    if (r->pid > UINT32_MAX)
        spoil(r);
    r->in_sample = true;
    r->has_metric = r->lost = false;
    r->base = r->depth = 0;
    r->weight_ns = 0;
    r->task_frames = 0;
    return err ? err : text_id(r, text_of(&r->value), &r->thread);
}

/* ---- events ---- */

static int read_metadata(struct mojo_reader *r)
{
    next_string(r, &r->key);
    next_string(r, &r->value);
    return r->bytes.error ? r->bytes.error
                          : lt_austin_facts_add(&r->facts, text_of(&r->key), text_of(&r->value));
}

static int read_frame(struct mojo_reader *r)
{
    struct frame frame = {0};
    uint32_t id = 0;
    int64_t key = next_number(r), file = next_number(r), name = next_number(r);
    uint64_t line = next_count(r);
    for (int i = 0; r->version >= 2 && i < 3; i++)
        next_number(r); /* where the place ends */
    frame.line = line <= UINT32_MAX ? (uint32_t)line : 0;
    int err = find_text(r, file, &frame.file);
    if (!err)
        err = find_text(r, name, &frame.name);
    if (!err)
        err = lt_intern_id(r->frames, &frame, sizeof(frame), &id, NULL);
    return err ? err : keep(&r->frame_keys, (struct key){r->pid, (uint64_t)key}, id);
}

static int read_frame_ref(struct mojo_reader *r)
{
    uint64_t key = (uint64_t)next_number(r);
    uint32_t frame;
    if (r->task_frames > 0) {
        r->task_frames--;
        return 0;
    }
    if (look_up(&r->frame_keys, (struct key){r->pid, key}, &frame))
        return add_frame(r, frame);
    r->lost = true;
    return 0;
}

static int read_string(struct mojo_reader *r)
{
    uint64_t key = (uint64_t)next_number(r);
    uint32_t id = 0;
    next_string(r, &r->value);
    int err = text_id(r, text_of(&r->value), &id);
    return err ? err : keep(&r->strings, (struct key){r->pid, key}, id);
}

static void read_time(struct mojo_reader *r)
{
    uint64_t us = next_count(r);
    r->has_metric = true;
    r->weight_ns = us <= INT64_MAX / NS_PER_US ? (int64_t)us * NS_PER_US : 0;
}

static int read_event(struct mojo_reader *r)
{
    switch (next_byte(r)) {
    case EVENT_METADATA:
        return read_metadata(r);
    case EVENT_STACK:
        return begin_sample(r);
    case EVENT_FRAME:
        return read_frame(r);
    case EVENT_FRAME_INVALID:
        return add_named_frame(r, (struct lt_str){"INVALID", strlen("INVALID")});
    case EVENT_FRAME_REF:
        return read_frame_ref(r);
    case EVENT_FRAME_KERNEL:
        next_string(r, &r->value);
        return add_named_frame(r, text_of(&r->value));
    case EVENT_GC:
    case EVENT_IDLE:
        return 0;
    case EVENT_METRIC_TIME:
        read_time(r);
        return 0;
    case EVENT_METRIC_MEMORY:
        next_number(r);
        r->has_metric = true;
        return 0;
    case EVENT_STRING:
        return read_string(r);
    case EVENT_STRING_REF:
    case EVENT_TASK_RUNNING:
        next_number(r);
        return 0;
    case EVENT_STACK_REPEAT:
        repeat_stack(r);
        return 0;
    case EVENT_TASK_STACK:
        next_number(r);
        next_number(r);
        r->task_frames = next_count(r);
        return 0;
    case EVENT_TASK_WAITER:
        next_number(r);
        next_number(r);
        return 0;
    default:
        return LT_ERR_CORRUPT;
    }
}

/* ---- the stream ---- */

static int read_head(struct mojo_reader *r)
{
    for (size_t i = 0; i < strlen(MAGIC); i++) {
        if (next_byte(r) != (uint8_t)MAGIC[i])
            return LT_ERR_NOT_OURS;
    }
    r->version = next_number(r);
    if (r->bytes.error || r->version < 1)
        return LT_ERR_NOT_OURS;
    if (r->version <= NEWEST_VERSION)
        return 0;
    r->stats->why =
        "it is MOJO of a version that live-trace does not know: convert it by mojo2austin";
    return LT_ERR_UNSUPPORTED;
}

static int read_events(struct mojo_reader *r)
{
    int err = 0;
    while (!err && lt_input_bytes_peek(&r->bytes) >= 0) {
        err = read_event(r);
        if (!err)
            err = r->bytes.error;
        report_progress(r);
        /* The end of the input cut an event off. */
        if (r->bytes.ended) {
            r->stats->complete = false;
            err = err == LT_ERR_CORRUPT ? 0 : err;
        }
    }
    if (!err)
        err = r->bytes.error;
    if (err == LT_ERR_CORRUPT) {
        r->stats->complete = false;
        r->stats->damaged_blocks++;
        err = 0;
    }
    return err;
}

static int read_stream(struct mojo_reader *r)
{
    int err = read_head(r);
    r->stats->complete = !err;
    if (!err)
        err = read_events(r);
    if (!err && r->in_sample && !r->has_metric) {
        r->in_sample = false; /* its end is missing */
        r->stats->complete = false;
    }
    if (!err)
        err = end_sample(r);
    if (!err)
        err = deliver_meta(r);
    r->stats->bytes = r->bytes.read;
    r->stats->duration_ns = r->facts.duration_ns;
    return err;
}

static int make_tables(struct mojo_reader *r)
{
    struct lt_intern **tables[] = {&r->texts, &r->strings.ids,    &r->frame_keys.ids,
                                   &r->nodes, &r->last_nodes.ids, &r->frames};
    int err = lt_definer_init(&r->definer, r->handler);
    for (size_t i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++)
        err = lt_intern_new(tables[i], MAX_IDS, MAX_TEXT);
    return err;
}

static void release(struct mojo_reader *r)
{
    lt_intern_free(r->texts);
    lt_intern_free(r->strings.ids);
    lt_intern_free(r->frame_keys.ids);
    lt_intern_free(r->nodes);
    lt_intern_free(r->last_nodes.ids);
    lt_intern_free(r->frames);
    free(r->strings.at);
    free(r->frame_keys.at);
    free(r->last_nodes.at);
    free(r->own);
    lt_buf_release(&r->key);
    lt_buf_release(&r->value);
    lt_austin_facts_release(&r->facts);
    lt_definer_release(&r->definer);
    free(r);
}

static int read_mojo(struct lt_input *in, const struct lt_profile_handler *handler,
                     const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct mojo_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return LT_ERR_NOMEM;
    r->handler = handler;
    r->options = options;
    r->stats = stats ? stats : &unasked;
    r->bytes.in = in;
    int err = make_tables(r);
    if (!err)
        err = read_stream(r);
    release(r);
    return err;
}

static bool probe(const uint8_t *head, size_t len)
{
    size_t magic = strlen(MAGIC);
    return len > magic && memcmp(head, MAGIC, magic) == 0 && head[magic] > 0 && head[magic] < 0x40;
}

const struct lt_input_format lt_mojo_input_format = {
    .name = "mojo",
    .extension = "mojo",
    .description = "MOJO, the binary format of austin",
    .probe = probe,
    .read = read_mojo,
};
