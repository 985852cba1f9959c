/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids of the store are mapped to those of the writer when something is first used in a segment. */
#include "config.h"

#include "exporters/splice_writer.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/text_pool.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"

#define LEVEL 6
#define MAX_ITEMS ((size_t)1 << 26)
#define SOURCES_AT_ONCE 512

static const int64_t FLUSH_EVERY_NS = INT64_C(1000000000);

/* The id that the writer has given in a segment. */
struct written {
    uint32_t segment; /* 0: never */
    uint32_t id;
};

struct id_map {
    struct written *at;
    size_t n, alloc;
};

/* Of stacks, which are by far the most, only what the segment has is kept. */
struct stack_map {
    struct lt_intern *ids; /* of the store */
    uint32_t *at;          /* by those: what the writer has given */
    size_t alloc;
};

/* A process or thread: ids last longer than a segment. */
struct owner {
    bool defined;
    uint32_t id;
    uint32_t seen;     /* segment in which it last took part */
    uint64_t gathered; /* number of the tick that it was last gathered for */
};

struct owners {
    struct owner *at;
    size_t n, alloc;
};

struct lt_splice_writer {
    struct lt_splice_store *store; /* borrowed */
    char *host;                    /* that the trace names; "" if there are several */
    struct lt_block_writer *blocks;
    struct lt_trace_writer *writer;
    uint32_t segment; /* from 1 */
    int64_t last_ns, flush_ns;
    uint64_t renamings; /* of the store, that the writer knows of */

    struct id_map frames, tags;
    struct stack_map stacks;
    struct owners processes, threads;

    /* The tick that is being gathered. */
    uint64_t n_ticks;
    struct lt_splice_sample *samples;
    size_t n_samples, samples_alloc;
    struct lt_change *changes;
    size_t changes_alloc;
    uint32_t *before; /* threads of the tick before it */
    size_t n_before, before_alloc;

    uint32_t *path; /* a stack's nodes that are not written yet */
    size_t path_alloc;
};

/* ---- definitions, with the store locked ---- */

static int reach(struct id_map *map, uint32_t id)
{
    return lt_array_reach(&map->at, &map->n, &map->alloc, id, sizeof *map->at, MAX_ITEMS);
}

static int reach_owner(struct owners *o, uint32_t id)
{
    return lt_array_reach(&o->at, &o->n, &o->alloc, id, sizeof *o->at, MAX_ITEMS);
}

static int write_frame(struct lt_splice_writer *w, uint32_t id, uint32_t *out)
{
    int error = reach(&w->frames, id);

    if (error == 0 && w->frames.at[id].segment != w->segment) {
        const struct lt_frame_info info = lt_splice_store_get_frame(w->store, id);
        error = lt_trace_writer_frame(w->writer, &info, &w->frames.at[id].id);
        if (error == 0) {
            w->frames.at[id].segment = w->segment;
        }
    }
    *out = error == 0 ? w->frames.at[id].id : 0;
    return error;
}

static bool find_stack(const struct lt_splice_writer *w, uint32_t id, uint32_t *out)
{
    uint32_t place;

    *out = 0;
    if (id == 0) {
        return true;
    }
    if (!lt_intern_find(w->stacks.ids, &id, sizeof id, &place)) {
        return false;
    }
    *out = w->stacks.at[place];
    return true;
}

static int write_node(struct lt_splice_writer *w, uint32_t id)
{
    struct stack_map *map = &w->stacks;
    uint32_t parent, frame, frame_id, parent_id, new_id, place;
    int error = lt_array_grow(&map->at, &map->alloc, (size_t)lt_intern_count(map->ids) + 1,
                              sizeof *map->at, MAX_ITEMS);

    lt_splice_store_get_stack(w->store, id, &parent, &frame);
    find_stack(w, parent, &parent_id);
    if (error == 0) {
        error = write_frame(w, frame, &frame_id);
    }
    if (error == 0) {
        error = lt_trace_writer_stack(w->writer, parent_id, frame_id, &new_id);
    }
    if (error == 0) {
        error = lt_intern_id(map->ids, &id, sizeof id, &place, NULL);
    }
    if (error == 0) {
        map->at[place] = new_id;
    }
    return error;
}

/* From the outermost frame that the segment does not have yet. */
static int write_stack(struct lt_splice_writer *w, uint32_t id, uint32_t *out)
{
    size_t depth = 0;
    uint32_t frame, at = id;
    int error = 0;

    while (error == 0 && !find_stack(w, at, out)) {
        error = lt_array_grow(&w->path, &w->path_alloc, depth + 1, sizeof *w->path, MAX_ITEMS);
        if (error == 0) {
            w->path[depth++] = at;
            lt_splice_store_get_stack(w->store, at, &at, &frame);
        }
    }
    while (error == 0 && depth > 0) {
        error = write_node(w, w->path[--depth]);
    }
    find_stack(w, id, out);
    return error;
}

static int write_tags(struct lt_splice_writer *w, uint32_t id, uint32_t *out)
{
    struct lt_tag tags[LT_TRACE_TAGS_MAX];
    int error = reach(&w->tags, id);

    if (error == 0 && id != 0 && w->tags.at[id].segment != w->segment) {
        size_t n = lt_splice_store_get_tags(w->store, id, tags);
        error = lt_trace_writer_tags(w->writer, tags, n, &w->tags.at[id].id);
        if (error == 0) {
            w->tags.at[id].segment = w->segment;
        }
    }
    *out = error == 0 ? w->tags.at[id].id : 0;
    return error;
}

static int write_process(struct lt_splice_writer *w, uint32_t id, uint32_t *out)
{
    int error = reach_owner(&w->processes, id);

    if (error == 0 && !w->processes.at[id].defined) {
        struct lt_process_info info = lt_splice_store_get_process(w->store, id);
        if (info.host.len == strlen(w->host) &&
            memcmp(info.host.data, w->host, info.host.len) == 0) {
            info.host = lt_str_of("");
        }
        error = lt_trace_writer_process(w->writer, &info, &w->processes.at[id].id);
        w->processes.at[id].defined = error == 0;
    }
    if (error == 0) {
        w->processes.at[id].seen = w->segment;
        *out = w->processes.at[id].id;
    }
    return error;
}

static int write_thread(struct lt_splice_writer *w, uint32_t id, uint32_t *out)
{
    struct lt_thread_info info = lt_splice_store_get_thread(w->store, id);
    struct owner *t = &w->threads.at[id];
    int error = write_process(w, info.process, &info.process);

    if (error == 0 && !t->defined) {
        error = lt_trace_writer_thread(w->writer, &info, &t->id);
        t->defined = error == 0;
    }
    t->seen = w->segment;
    *out = t->id;
    return error;
}

static int write_changes(struct lt_splice_writer *w)
{
    int error = lt_array_grow(&w->changes, &w->changes_alloc, w->n_samples + 1, sizeof *w->changes,
                              MAX_ITEMS);

    for (size_t i = 0; i < w->n_samples && error == 0; i++) {
        const struct lt_splice_sample *s = &w->samples[i];
        struct lt_change *c = &w->changes[i];
        c->state = s->state;
        error = write_thread(w, s->thread, &c->thread);
        if (error == 0) {
            error = write_stack(w, s->stack, &c->stack);
        }
        if (error == 0) {
            error = write_tags(w, s->tags, &c->tags);
        }
    }
    return error;
}

/* Names that became known after their thread was defined. */
static int rename_threads(struct lt_splice_writer *w)
{
    int error = 0;

    for (uint32_t i = 0; i < w->threads.n && error == 0; i++) {
        if (w->threads.at[i].defined) {
            const struct lt_thread_info info = lt_splice_store_get_thread(w->store, i);
            error = lt_trace_writer_thread_name(w->writer, w->threads.at[i].id, info.name);
        }
    }
    return error;
}

/* ---- segments ---- */

/* Who took no part in the segment that ends is not told of in the next one. */
static int end_owners(struct lt_splice_writer *w)
{
    int error = 0;

    for (uint32_t i = 0; i < w->threads.n && error == 0; i++) {
        struct owner *t = &w->threads.at[i];
        if (t->defined && t->seen < w->segment) {
            error = lt_trace_writer_thread_end(w->writer, t->id);
            t->defined = false;
        }
    }
    for (uint32_t i = 0; i < w->processes.n && error == 0; i++) {
        struct owner *p = &w->processes.at[i];
        if (p->defined && p->seen < w->segment) {
            error = lt_trace_writer_process_end(w->writer, p->id);
            p->defined = false;
        }
    }
    return error;
}

static int new_segment(struct lt_splice_writer *w)
{
    int error = end_owners(w);

    if (error == 0) {
        error = lt_trace_writer_new_segment(w->writer);
    }
    w->segment++;
    lt_intern_clear(w->stacks.ids);
    w->n_before = 0; /* nobody takes part until the next tick says so */
    return error;
}

static int define(struct lt_splice_writer *w)
{
    int error = 0;
    uint64_t renamings = lt_splice_store_renamings(w->store);

    lt_splice_store_lock(w->store);
    if (renamings != w->renamings) {
        w->renamings = renamings;
        error = rename_threads(w);
    }
    if (error == 0) {
        error = write_changes(w);
    }
    lt_splice_store_unlock(w->store);
    return error;
}

/* ---- ticks ---- */

int lt_splice_writer_gather(struct lt_splice_writer *w, const struct lt_splice_tick *tick,
                            bool *taken)
{
    uint64_t number = w->n_ticks + 1;
    int error = lt_array_grow(&w->samples, &w->samples_alloc, w->n_samples + tick->n,
                              sizeof *w->samples, MAX_ITEMS);

    *taken = false;
    for (size_t i = 0; i < tick->n && error == 0; i++) {
        uint32_t thread = tick->samples[i].thread;
        error = reach_owner(&w->threads, thread);
        if (error == 0 && w->threads.at[thread].gathered == number) {
            return 0;
        }
    }
    for (size_t i = 0; i < tick->n && error == 0; i++) {
        w->threads.at[tick->samples[i].thread].gathered = number;
        w->samples[w->n_samples++] = tick->samples[i];
    }
    *taken = error == 0;
    return error;
}

/* Those that took part in the last tick and do not in this one. */
static int pause_others(struct lt_splice_writer *w)
{
    int error = 0;

    for (size_t i = 0; i < w->n_before && error == 0; i++) {
        const struct owner *t = &w->threads.at[w->before[i]];
        if (t->gathered != w->n_ticks) {
            error = lt_trace_writer_thread_pause(w->writer, t->id);
        }
    }
    return error;
}

static int remember_active(struct lt_splice_writer *w)
{
    int error =
        lt_array_grow(&w->before, &w->before_alloc, w->n_samples + 1, sizeof *w->before, MAX_ITEMS);

    if (error == 0) {
        w->n_before = w->n_samples;
        for (size_t i = 0; i < w->n_samples; i++) {
            w->before[i] = w->samples[i].thread;
        }
    }
    return error;
}

int lt_splice_writer_put(struct lt_splice_writer *w, int64_t time_ns, uint32_t covers)
{
    int error = 0;

    w->n_ticks++;
    if (time_ns > w->last_ns) {
        w->last_ns = time_ns;
    }
    if (lt_trace_writer_segment_due(w->writer)) {
        error = new_segment(w);
    }
    if (error == 0) {
        error = define(w);
    }
    if (error == LT_ERR_LIMIT) { /* the dictionary of the segment is full */
        error = new_segment(w);
        if (error == 0) {
            error = define(w);
        }
    }
    if (error == 0) {
        error = pause_others(w);
    }
    if (error == 0) {
        error = lt_trace_writer_tick(w->writer, w->last_ns, covers, w->changes, w->n_samples);
    }
    if (error == 0) {
        error = remember_active(w);
    }
    w->n_samples = 0;
    if (error == 0 && w->last_ns >= w->flush_ns) {
        w->flush_ns = w->last_ns + FLUSH_EVERY_NS;
        error = lt_trace_writer_flush(w->writer, NULL);
    }
    return error;
}

/* ---- source lines ---- */

/* Of frames that were written; the text of a line is the same for all frames in it. */
static int write_sources(struct lt_splice_writer *w)
{
    const struct lt_block_sink sink = {.ctx = w->blocks, .block = lt_block_writer_block};
    struct lt_source_line lines[SOURCES_AT_ONCE];
    size_t n = 0;
    int error = 0;

    for (uint32_t i = 0; i < w->frames.n && error == 0; i++) {
        const struct lt_frame_info info = lt_splice_store_get_frame(w->store, i);
        if (w->frames.at[i].segment == 0 ||
            !lt_splice_store_get_source(w->store, info.file, info.line, &lines[n].text)) {
            continue;
        }
        lines[n].file = info.file;
        lines[n++].line = info.line;
        if (n == SOURCES_AT_ONCE) {
            error = lt_trace_write_sources(&sink, lines, n);
            n = 0;
        }
    }
    return error == 0 && n > 0 ? lt_trace_write_sources(&sink, lines, n) : error;
}

/* ---- life ---- */

int lt_splice_writer_new(struct lt_splice_writer **out, const struct lt_meta *meta,
                         struct lt_splice_store *store, struct lt_output *output)
{
    struct lt_splice_writer *w = calloc(1, sizeof *w);
    int error;

    if (w == NULL) {
        return LT_ERR_NOMEM;
    }
    w->store = store;
    w->segment = 1;
    w->host = strndup(meta->host.len > 0 ? meta->host.data : "", meta->host.len);
    error = w->host != NULL ? lt_block_writer_new(&w->blocks, output, LEVEL) : LT_ERR_NOMEM;
    if (error == 0) {
        error = lt_intern_new_sized(&w->stacks.ids, sizeof(uint32_t), 0);
    }
    if (error == 0) {
        const struct lt_trace_config config = {
            .meta = *meta,
            .sink = {.ctx = w->blocks, .block = lt_block_writer_block},
        };
        error = lt_trace_writer_new(&w->writer, &config);
    }
    if (error < 0) {
        lt_splice_writer_free(w);
        return error;
    }
    *out = w;
    return 0;
}

void lt_splice_writer_free(struct lt_splice_writer *w)
{
    if (w == NULL) {
        return;
    }
    lt_trace_writer_free(w->writer);
    lt_block_writer_free(w->blocks);
    free(w->host);
    free(w->frames.at);
    lt_intern_free(w->stacks.ids);
    free(w->stacks.at);
    free(w->tags.at);
    free(w->processes.at);
    free(w->threads.at);
    free(w->samples);
    free(w->changes);
    free(w->before);
    free(w->path);
    free(w);
}

void lt_splice_writer_clock(struct lt_splice_writer *w, int64_t start_realtime_ns)
{
    lt_trace_writer_clock(w->writer, start_realtime_ns);
}

int lt_splice_writer_close(struct lt_splice_writer *w, const struct lt_health *health)
{
    int error;

    lt_splice_store_lock(w->store);
    error = write_sources(w);
    lt_splice_store_unlock(w->store);
    return error < 0 ? error : lt_trace_writer_close(w->writer, health);
}
