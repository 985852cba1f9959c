/* SPDX-License-Identifier: Apache-2.0
 *
 * Three tables of unique things: threads, sets of tags, and the contexts made of them. */
#include "config.h"

#include "exporters/sample_contexts.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

/* Beyond LT_MAX_CONTEXTS there is room for the other threads in each state. */
#define OTHER_THREADS UINT32_MAX
#define MAX_STATES 64
#define MAX_THREADS ((size_t)1 << 28)

struct context {
    uint32_t thread; /* the exporter's id, or OTHER_THREADS */
    uint32_t state, tag_set;
};

struct lt_contexts {
    struct lt_intern *contexts;               /* struct context */
    struct lt_intern *tag_sets;               /* "key\0value\0key\0value\0"; 0 is no tags */
    const struct live_trace_thread **threads; /* by id; those of contexts */
    size_t n_threads, threads_alloc;
    struct lt_buf set; /* of the sample at hand */
    uint64_t crowded_out;
};

int lt_contexts_new(struct lt_contexts **out)
{
    struct lt_contexts *c = calloc(1, sizeof *c);
    uint32_t none;
    int error;

    if (c == NULL) {
        return LT_ERR_NOMEM;
    }
    error = lt_intern_new(&c->contexts, LT_MAX_CONTEXTS + MAX_STATES, 0);
    if (error == 0) {
        error = lt_intern_new(&c->tag_sets, LT_MAX_CONTEXTS + 1, 0);
    }
    if (error == 0) {
        error = lt_intern_id(c->tag_sets, "", 0, &none, NULL);
    }
    if (error < 0) {
        lt_contexts_free(c);
        return error;
    }
    *out = c;
    return 0;
}

void lt_contexts_free(struct lt_contexts *c)
{
    if (c == NULL) {
        return;
    }
    lt_intern_free(c->contexts);
    lt_intern_free(c->tag_sets);
    lt_buf_release(&c->set);
    free(c->threads);
    free(c);
}

static int gather_tags(struct lt_contexts *c, const struct live_trace_stack *sample)
{
    int error = lt_buf_reserve(&c->set, 1); /* an empty set has an address, too */

    lt_buf_clear(&c->set);
    for (uint32_t i = 0; i < sample->n_tags && error == 0; i++) {
        const struct live_trace_tag *tag = &sample->tags[i];
        error = lt_buf_put(&c->set, tag->key, strlen(tag->key) + 1);
        if (error == 0) {
            error = lt_buf_put(&c->set, tag->value, strlen(tag->value) + 1);
        }
    }
    return error;
}

static bool find_context(const struct lt_contexts *c, struct context context, uint32_t *id)
{
    return lt_intern_find(c->contexts, &context, sizeof context, id);
}

static int remember_thread(struct lt_contexts *c, const struct live_trace_thread *thread)
{
    int error = lt_array_reach(&c->threads, &c->n_threads, &c->threads_alloc, thread->id,
                               sizeof *c->threads, MAX_THREADS);

    if (error < 0) {
        return error;
    }
    c->threads[thread->id] = thread;
    return 0;
}

/* There is no room: the same without tags, if that is there, or one of the other threads. */
static int crowd_out(struct lt_contexts *c, const struct live_trace_stack *sample, uint32_t *id)
{
    struct context context = {sample->thread->id, sample->state, 0};

    c->crowded_out += sample->count;
    if (find_context(c, context, id)) {
        return 0;
    }
    context.thread = OTHER_THREADS;
    return lt_intern_id(c->contexts, &context, sizeof context, id, NULL);
}

int lt_contexts_id(struct lt_contexts *c, const struct live_trace_stack *sample, uint32_t *id)
{
    struct context context = {sample->thread->id, sample->state, 0};
    bool room = lt_intern_count(c->contexts) < LT_MAX_CONTEXTS, known;
    int error = gather_tags(c, sample);

    if (error < 0) {
        return error;
    }
    known = lt_intern_find(c->tag_sets, c->set.data, c->set.len, &context.tag_set);
    if (known && find_context(c, context, id)) {
        return 0;
    }
    if (!room) {
        return crowd_out(c, sample, id);
    }
    error = lt_intern_id(c->tag_sets, c->set.data, c->set.len, &context.tag_set, NULL);
    if (error == 0) {
        error = remember_thread(c, sample->thread);
    }
    return error < 0 ? error : lt_intern_id(c->contexts, &context, sizeof context, id, NULL);
}

uint64_t lt_contexts_crowded_out(const struct lt_contexts *c)
{
    return c->crowded_out;
}

static void write_threads(const struct lt_contexts *c, struct lt_json *j)
{
    lt_json_key(j, "threads");
    lt_json_array(j);
    for (size_t i = 0; i < c->n_threads; i++) {
        const struct live_trace_thread *t = c->threads[i];
        if (t == NULL) {
            continue;
        }
        lt_json_object(j);
        lt_json_key(j, "pid");
        lt_json_uint(j, t->pid);
        lt_json_key(j, "tid");
        lt_json_uint(j, t->tid);
        lt_json_key(j, "name");
        lt_json_text(j, t->name);
        lt_json_key(j, "process");
        lt_json_text(j, t->process_name);
        lt_json_end(j);
    }
    lt_json_null(j);
    lt_json_end(j);
}

static void write_tag_sets(const struct lt_contexts *c, struct lt_json *j)
{
    lt_json_key(j, "tag_sets");
    lt_json_array(j);
    for (uint32_t i = 0; i < lt_intern_count(c->tag_sets); i++) {
        struct lt_str set = lt_intern_get(c->tag_sets, i);
        lt_json_array(j);
        for (const char *at = set.data; at < set.data + set.len;) {
            const char *value = at + strlen(at) + 1;
            lt_json_array(j);
            lt_json_text(j, at);
            lt_json_text(j, value);
            lt_json_end(j);
            at = value + strlen(value) + 1;
        }
        lt_json_end(j);
    }
    lt_json_end(j);
}

/* places: where each thread stands among those that are written; last, the other threads. */
static void write_contexts(const struct lt_contexts *c, const uint32_t *places, struct lt_json *j)
{
    lt_json_key(j, "contexts");
    lt_json_array(j);
    for (uint32_t i = 0; i < lt_intern_count(c->contexts); i++) {
        struct context context;
        memcpy(&context, lt_intern_get(c->contexts, i).data, sizeof context);
        lt_json_array(j);
        lt_json_uint(j, places[context.thread != OTHER_THREADS ? context.thread : c->n_threads]);
        lt_json_uint(j, context.state);
        lt_json_uint(j, context.tag_set);
        lt_json_end(j);
    }
    lt_json_end(j);
}

int lt_contexts_write(const struct lt_contexts *c, struct lt_json *j)
{
    uint32_t *places = calloc(c->n_threads + 1, sizeof *places), n = 0;

    if (places == NULL) {
        return LT_ERR_NOMEM;
    }
    for (size_t i = 0; i < c->n_threads; i++) {
        places[i] = n;
        n += c->threads[i] != NULL;
    }
    places[c->n_threads] = n;
    write_threads(c, j);
    write_tag_sets(c, j);
    write_contexts(c, places, j);
    free(places);
    return j->error;
}
