/* SPDX-License-Identifier: Apache-2.0
 *
 * Interned definitions behind one lock: they are rare beside samples. */
#include "config.h"

#include "exporters/splice_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/varint.h"

#define MAX_OWNERS ((size_t)1 << 24)
#define MAX_SOURCES ((size_t)1 << 24)

/* Strings are ids of `texts`. */
struct process {
    uint32_t pid, ppid;
    uint32_t command, python, cwd, host;
};

struct thread {
    uint32_t process, name;
    uint64_t tid, ident;
};

struct stack_key {
    uint32_t parent, frame;
};

struct lt_splice_store {
    pthread_mutex_t lock;
    struct lt_intern *texts;
    struct lt_intern *process_keys, *thread_keys;
    struct lt_intern *frames, *stacks, *tags, *source_keys; /* keys say all there is to say */
    struct process *processes;
    struct thread *threads;
    uint32_t *sources; /* texts */
    size_t processes_alloc, threads_alloc, sources_alloc;
    struct lt_buf key;
    uint64_t renamings;
    bool keep_names;
};

int lt_splice_store_new(struct lt_splice_store **out)
{
    struct lt_splice_store *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    pthread_mutex_init(&s->lock, NULL);
    struct lt_intern **const tables[] = {&s->texts,  &s->process_keys, &s->thread_keys,
                                         &s->frames, &s->tags,         &s->source_keys};
    int error = lt_intern_new_sized(&s->stacks, sizeof(struct stack_key), 0);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && error == 0; i++) {
        error = lt_intern_new(tables[i], 0, 0);
    }
    if (error < 0) {
        lt_splice_store_free(s);
        return error;
    }
    *out = s;
    return 0;
}

void lt_splice_store_free(struct lt_splice_store *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_destroy(&s->lock);
    lt_intern_free(s->texts);
    lt_intern_free(s->process_keys);
    lt_intern_free(s->thread_keys);
    lt_intern_free(s->frames);
    lt_intern_free(s->stacks);
    lt_intern_free(s->tags);
    lt_intern_free(s->source_keys);
    free(s->processes);
    free(s->threads);
    free(s->sources);
    lt_buf_release(&s->key);
    free(s);
}

void lt_splice_store_lock(struct lt_splice_store *s)
{
    pthread_mutex_lock(&s->lock);
}

void lt_splice_store_unlock(struct lt_splice_store *s)
{
    pthread_mutex_unlock(&s->lock);
}

void lt_splice_store_keep_names(struct lt_splice_store *s)
{
    s->keep_names = true;
}

uint64_t lt_splice_store_renamings(struct lt_splice_store *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t renamings = s->renamings;
    pthread_mutex_unlock(&s->lock);
    return renamings;
}

static int put_string(struct lt_buf *b, struct lt_str text)
{
    int error = lt_buf_put_varint(b, text.len);
    return error < 0 ? error : lt_buf_put(b, text.data, text.len);
}

/* ---- processes and threads ---- */

/* A text that may be told later: the later one counts if it says something. */
static int learn(struct lt_splice_store *s, struct lt_str text, bool is_new, uint32_t *known)
{
    uint32_t id;
    int error = lt_intern_id(s->texts, text.len > 0 ? text.data : "", text.len, &id, NULL);

    if (error < 0) {
        return error;
    }
    if (is_new) {
        *known = id;
    } else if (text.len > 0 && *known != id && !s->keep_names) {
        *known = id;
        s->renamings++;
    }
    return 0;
}

static int process_key(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                       uint32_t local, const struct lt_process_info *info, struct lt_str host)
{
    bool anywhere = info->pid != 0 && host.len > 0;
    int error;

    lt_buf_clear(&s->key);
    error = lt_buf_put_u8(&s->key, (uint8_t)(anywhere | (info->pid != 0) << 1));
    if (error == 0) {
        error = lt_buf_put_u32(&s->key, info->pid != 0 ? info->pid : local);
    }
    if (error == 0 && !anywhere) {
        error = lt_buf_put_u32(&s->key, origin->input);
    }
    if (error == 0 && anywhere) {
        error = lt_buf_put(&s->key, host.data, host.len);
    }
    return error;
}

static int add_process(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                       uint32_t local, const struct lt_process_info *info, uint32_t *id)
{
    struct lt_str host = info->host.len > 0 ? info->host : origin->host;
    bool is_new;
    int error = lt_array_grow(&s->processes, &s->processes_alloc,
                              (size_t)lt_intern_count(s->process_keys) + 1, sizeof *s->processes,
                              MAX_OWNERS);

    if (error == 0) {
        error = process_key(s, origin, local, info, host);
    }
    if (error == 0) {
        error = lt_intern_id(s->process_keys, s->key.data, s->key.len, id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    struct process *p = &s->processes[*id];
    if (is_new) {
        *p = (struct process){.pid = info->pid};
    }
    if (info->ppid != 0) {
        p->ppid = info->ppid;
    }
    error = learn(s, info->command, is_new, &p->command);
    if (error == 0) {
        error = learn(s, info->python, is_new, &p->python);
    }
    if (error == 0) {
        error = learn(s, info->cwd, is_new, &p->cwd);
    }
    return error < 0 ? error : learn(s, host, is_new, &p->host);
}

int lt_splice_store_process(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                            uint32_t local, const struct lt_process_info *info, uint32_t *id)
{
    pthread_mutex_lock(&s->lock);
    int error = add_process(s, origin, local, info, id);
    pthread_mutex_unlock(&s->lock);
    return error;
}

static int add_thread(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                      uint32_t local, const struct lt_thread_info *info, uint32_t *id)
{
    struct {
        uint32_t process, has_tid;
        uint64_t number;
    } key = {info->process, info->tid != 0, info->tid};
    bool is_new;
    int error =
        lt_array_grow(&s->threads, &s->threads_alloc, (size_t)lt_intern_count(s->thread_keys) + 1,
                      sizeof *s->threads, MAX_OWNERS);

    if (info->tid == 0) {
        key.number = (uint64_t)origin->input << 32 | local;
    }
    if (error == 0) {
        error = lt_intern_id(s->thread_keys, &key, sizeof key, id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    struct thread *t = &s->threads[*id];
    if (is_new) {
        *t = (struct thread){.process = info->process, .tid = info->tid, .ident = info->ident};
    }
    return learn(s, info->name, is_new, &t->name);
}

int lt_splice_store_thread(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                           uint32_t local, const struct lt_thread_info *info, uint32_t *id)
{
    pthread_mutex_lock(&s->lock);
    int error = add_thread(s, origin, local, info, id);
    pthread_mutex_unlock(&s->lock);
    return error;
}

struct lt_process_info lt_splice_store_get_process(const struct lt_splice_store *s, uint32_t id)
{
    const struct process *p = &s->processes[id];

    return (struct lt_process_info){
        .pid = p->pid,
        .ppid = p->ppid,
        .command = lt_intern_get(s->texts, p->command),
        .python = lt_intern_get(s->texts, p->python),
        .cwd = lt_intern_get(s->texts, p->cwd),
        .host = lt_intern_get(s->texts, p->host),
    };
}

struct lt_thread_info lt_splice_store_get_thread(const struct lt_splice_store *s, uint32_t id)
{
    const struct thread *t = &s->threads[id];

    return (struct lt_thread_info){
        .process = t->process,
        .tid = t->tid,
        .ident = t->ident,
        .name = lt_intern_get(s->texts, t->name),
    };
}

/* ---- frames, stacks, tags, source lines ---- */

static int frame_key(struct lt_buf *key, const struct lt_frame_info *info)
{
    int error;

    lt_buf_clear(key);
    error = lt_buf_put_u32(key, info->line);
    if (error == 0) {
        error = lt_buf_put_u32(key, info->first_line);
    }
    if (error == 0) {
        error = put_string(key, info->name);
    }
    return error < 0 ? error : put_string(key, info->file);
}

int lt_splice_store_frame(struct lt_splice_store *s, const struct lt_frame_info *info, uint32_t *id)
{
    pthread_mutex_lock(&s->lock);
    int error = frame_key(&s->key, info);
    if (error == 0) {
        error = lt_intern_id(s->frames, s->key.data, s->key.len, id, NULL);
    }
    pthread_mutex_unlock(&s->lock);
    return error;
}

struct lt_frame_info lt_splice_store_get_frame(const struct lt_splice_store *s, uint32_t id)
{
    struct lt_str key = lt_intern_get(s->frames, id);
    struct lt_cursor c = lt_cursor_over(key.data, key.len);
    struct lt_frame_info info = {.line = lt_cursor_u32(&c)};

    info.first_line = lt_cursor_u32(&c);
    info.name = lt_cursor_str(&c);
    info.file = lt_cursor_str(&c);
    return info;
}

int lt_splice_store_stack(struct lt_splice_store *s, uint32_t parent, uint32_t frame, uint32_t *id)
{
    const struct stack_key key = {parent, frame};

    pthread_mutex_lock(&s->lock);
    int error = lt_intern_id(s->stacks, &key, sizeof key, id, NULL);
    pthread_mutex_unlock(&s->lock);
    ++*id;
    return error;
}

void lt_splice_store_get_stack(const struct lt_splice_store *s, uint32_t id, uint32_t *parent,
                               uint32_t *frame)
{
    struct lt_str key = lt_intern_get(s->stacks, id - 1);
    struct stack_key k;

    memcpy(&k, key.data, sizeof k);
    *parent = k.parent;
    *frame = k.frame;
}

int lt_splice_store_tags(struct lt_splice_store *s, const struct lt_tag *tags, size_t n,
                         uint32_t *id)
{
    int error = 0;

    *id = 0;
    if (n == 0) {
        return 0;
    }
    if (n > LT_TRACE_TAGS_MAX) {
        return LT_ERR_LIMIT;
    }
    pthread_mutex_lock(&s->lock);
    lt_buf_clear(&s->key);
    for (size_t i = 0; i < n && error == 0; i++) {
        error = put_string(&s->key, tags[i].key);
        if (error == 0) {
            error = put_string(&s->key, tags[i].value);
        }
    }
    if (error == 0) {
        error = lt_intern_id(s->tags, s->key.data, s->key.len, id, NULL);
    }
    pthread_mutex_unlock(&s->lock);
    ++*id;
    return error;
}

size_t lt_splice_store_get_tags(const struct lt_splice_store *s, uint32_t id, struct lt_tag *tags)
{
    size_t n = 0;

    if (id == 0) {
        return 0;
    }
    struct lt_str key = lt_intern_get(s->tags, id - 1);
    struct lt_cursor c = lt_cursor_over(key.data, key.len);
    while (lt_cursor_left(&c) > 0 && n < LT_TRACE_TAGS_MAX) {
        tags[n].key = lt_cursor_str(&c);
        tags[n++].value = lt_cursor_str(&c);
    }
    return n;
}

static int source_key(struct lt_buf *key, struct lt_str file, uint32_t line)
{
    int error;

    lt_buf_clear(key);
    error = lt_buf_put_u32(key, line);
    return error < 0 ? error : lt_buf_put(key, file.data, file.len);
}

static int add_source(struct lt_splice_store *s, struct lt_str file, uint32_t line,
                      struct lt_str text)
{
    uint32_t id, text_id;
    bool is_new;
    int error =
        lt_array_grow(&s->sources, &s->sources_alloc, (size_t)lt_intern_count(s->source_keys) + 1,
                      sizeof *s->sources, MAX_SOURCES);

    if (error == 0) {
        error = lt_intern_id(s->texts, text.len > 0 ? text.data : "", text.len, &text_id, NULL);
    }
    if (error == 0) {
        error = source_key(&s->key, file, line);
    }
    if (error == 0) {
        error = lt_intern_id(s->source_keys, s->key.data, s->key.len, &id, &is_new);
    }
    if (error == 0 && is_new) {
        s->sources[id] = text_id;
    }
    return error;
}

int lt_splice_store_source(struct lt_splice_store *s, struct lt_str file, uint32_t line,
                           struct lt_str text)
{
    pthread_mutex_lock(&s->lock);
    int error = add_source(s, file, line, text);
    pthread_mutex_unlock(&s->lock);
    return error;
}

bool lt_splice_store_get_source(const struct lt_splice_store *s, struct lt_str file, uint32_t line,
                                struct lt_str *text)
{
    struct lt_buf key = {0};
    uint32_t id;
    bool found =
        source_key(&key, file, line) == 0 && lt_intern_find(s->source_keys, key.data, key.len, &id);

    if (found) {
        *text = lt_intern_get(s->texts, s->sources[id]);
    }
    lt_buf_release(&key);
    return found;
}
