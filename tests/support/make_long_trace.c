/* SPDX-License-Identifier: Apache-2.0
 *
 * make_long_trace MODEL SEED SAMPLES TRACE: a trace of any length that looks like a short one.
 *
 * The model is a recording of a real program. What is written are runs of its ticks, each from a
 * random place, one behind the other until there are so many stack samples: stacks, how they
 * follow each other, who runs and who waits are the program's own. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/profile_reader.h"
#include "formats/tick_jitter.h"
#include "formats/trace_writer.h"

enum { MAX_ITEMS = 1 << 26, MAX_THREADS = 1024, RUN = 200, LEVEL = 6 };

static const int64_t SECOND = 1000000000, FLUSH_NS = 900000000;
static const uint64_t JITTER = 1;

struct node {
    uint32_t parent, frame;
    uint32_t id; /* in the segment that is being written; 0: none yet */
};

struct cell {
    uint32_t stack, state;
};

/* A tick of the model. */
struct moment {
    size_t cells;    /* where its begin */
    int64_t late_ns; /* after it was due */
};

/* The model: what a reader delivers, copied. */
struct model {
    int64_t interval_ns;
    uint64_t jitter;
    char *command, *cwd;
    struct lt_process_info process;
    struct lt_thread_info *threads; /* one a tid, whatever ids the recorder gave it */
    size_t thread_of[MAX_THREADS];  /* by that id */
    struct lt_frame_info *frames;
    struct node *nodes;
    struct lt_source_line *sources;
    struct cell *cells; /* n_threads for each tick, as far as they were known then */
    struct moment *ticks;
    size_t n_threads, n_frames, n_nodes, n_sources, n_cells, n_ticks;
    size_t threads_alloc, frames_alloc, nodes_alloc, sources_alloc, cells_alloc, ticks_alloc;
    int64_t last_ns;
};

static struct lt_str copy(struct lt_str text)
{
    char *data = strndup(text.len ? text.data : "", text.len);
    if (!data)
        abort();
    return (struct lt_str){data, text.len};
}

/* Makes array[n - 1] exist, zero where it is new. */
static int reach(void *array, size_t *n, size_t *alloc, size_t need, size_t size)
{
    int err = lt_array_grow(array, alloc, need, size, MAX_ITEMS);
    if (!err && need > *n) {
        memset(*(char **)array + *n * size, 0, (need - *n) * size);
        *n = need;
    }
    return err;
}

/* ---- reading the model ---- */

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct model *m = ctx;
    m->interval_ns = meta->interval_ns;
    m->jitter = meta->jitter;
    m->command = (char *)copy(meta->command).data;
    m->cwd = (char *)copy(meta->cwd).data;
    return 0;
}

/* Ids are those of one segment. */
static int on_segment(void *ctx)
{
    const struct model *m = ctx;
    if (m->n_nodes) {
        fprintf(stderr, "the model must be of one segment: record for a shorter time\n");
        return LT_ERR_UNSUPPORTED;
    }
    return 0;
}

static int on_process(void *ctx, uint32_t id, const struct lt_process_info *info)
{
    struct model *m = ctx;
    if (id)
        return LT_ERR_UNSUPPORTED;
    m->process = *info;
    m->process.command = copy(info->command);
    m->process.python = copy(info->python);
    m->process.cwd = copy(info->cwd);
    return 0;
}

static int on_thread(void *ctx, uint32_t id, const struct lt_thread_info *info)
{
    struct model *m = ctx;
    size_t i = 0;
    if (id >= MAX_THREADS)
        return LT_ERR_LIMIT;
    while (i < m->n_threads && m->threads[i].tid != info->tid)
        i++;
    if (i == m->n_threads) {
        int err =
            reach(&m->threads, &m->n_threads, &m->threads_alloc, i + 1, sizeof(m->threads[0]));
        if (err)
            return err;
    }
    m->thread_of[id] = i;
    m->threads[i] = *info;
    m->threads[i].name = copy(info->name);
    return 0;
}

static int on_frame(void *ctx, uint32_t id, const struct lt_frame_info *info)
{
    struct model *m = ctx;
    int err = reach(&m->frames, &m->n_frames, &m->frames_alloc, id + 1, sizeof(m->frames[0]));
    if (err)
        return err;
    m->frames[id] = *info;
    m->frames[id].name = copy(info->name);
    m->frames[id].file = copy(info->file);
    return 0;
}

static int on_stack(void *ctx, uint32_t id, uint32_t parent, uint32_t frame)
{
    struct model *m = ctx;
    int err = reach(&m->nodes, &m->n_nodes, &m->nodes_alloc, id + 1, sizeof(m->nodes[0]));
    if (!err)
        m->nodes[id] = (struct node){.parent = parent, .frame = frame};
    return err;
}

static int on_source(void *ctx, struct lt_str file, uint32_t line, struct lt_str text)
{
    struct model *m = ctx;
    int err = reach(&m->sources, &m->n_sources, &m->sources_alloc, m->n_sources + 1,
                    sizeof(m->sources[0]));
    if (!err)
        m->sources[m->n_sources - 1] = (struct lt_source_line){copy(file), line, copy(text)};
    return err;
}

/* A tick begins as the one before was: threads that are not seen any more stay as they were. */
static int begin_tick(struct model *m)
{
    size_t n = m->n_threads, known = m->n_ticks ? m->n_cells - m->ticks[m->n_ticks - 1].cells : 0;
    int err = reach(&m->ticks, &m->n_ticks, &m->ticks_alloc, m->n_ticks + 1, sizeof(m->ticks[0]));
    size_t begin = m->n_cells;
    if (!err)
        err = reach(&m->cells, &m->n_cells, &m->cells_alloc, begin + n, sizeof(m->cells[0]));
    if (err)
        return err;
    m->ticks[m->n_ticks - 1].cells = begin;
    memcpy(m->cells + begin, m->cells + begin - known, known * sizeof(m->cells[0]));
    return 0;
}

/* How long after it was due, whenever it was in the interval in which it fell. */
static int64_t lateness(const struct model *m, int64_t time_ns)
{
    int64_t step = time_ns / m->interval_ns, late_ns;
    do {
        late_ns =
            time_ns - step * m->interval_ns - lt_tick_jitter_ns(m->jitter, step, m->interval_ns);
    } while (late_ns < 0 && step-- > 0);
    return late_ns < 0 ? 0 : late_ns;
}

static int on_sample(void *ctx, const struct lt_sample *sample)
{
    struct model *m = ctx;
    size_t thread = m->thread_of[sample->thread];
    int err = 0;
    if (m->n_ticks == 0 || sample->time_ns != m->last_ns ||
        m->ticks[m->n_ticks - 1].cells + thread >= m->n_cells) {
        err = begin_tick(m);
        if (!err)
            m->ticks[m->n_ticks - 1].late_ns = lateness(m, sample->time_ns);
    }
    m->last_ns = sample->time_ns;
    if (!err)
        m->cells[m->ticks[m->n_ticks - 1].cells + thread] =
            (struct cell){sample->stack, sample->state};
    return err;
}

static int read_model(struct model *m, const char *path)
{
    const struct lt_profile_handler handler = {
        .ctx = m,
        .meta = on_meta,
        .segment = on_segment,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .source = on_source,
        .sample = on_sample,
    };
    struct lt_input in;
    int err = lt_input_open(&in, path);
    if (err)
        return err;
    err = lt_profile_read(&in, &handler, &(struct lt_read_options){0}, NULL);
    in.close(in.ctx);
    return !err && (m->n_ticks < 2 || m->interval_ns <= 0) ? LT_ERR_USAGE : err;
}

/* ---- writing ---- */

struct writing {
    struct model *model;
    struct lt_trace_writer *writer;
    struct lt_block_sink sink;
    uint64_t random;
    struct cell now[MAX_THREADS];
    bool live[MAX_THREADS];
    uint32_t ids[MAX_THREADS];
    struct lt_change changes[MAX_THREADS];
    uint64_t step;
    int64_t last_ns, flush_ns;
    struct lt_health health;
};

static uint64_t draw(struct writing *w, uint64_t n)
{
    uint64_t x = w->random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (x ^ (x >> 31)) % n;
}

static int stack_id(struct writing *w, uint32_t stack, uint32_t *id)
{
    struct node *node = &w->model->nodes[stack];
    uint32_t parent = 0, frame;
    int err = 0;
    if (stack == 0 || node->id) {
        *id = stack ? node->id : 0;
        return 0;
    }
    err = stack_id(w, node->parent, &parent);
    if (!err)
        err = lt_trace_writer_frame(w->writer, &w->model->frames[node->frame], &frame);
    if (!err)
        err = lt_trace_writer_stack(w->writer, parent, frame, &node->id);
    *id = node->id;
    return err;
}

static int begin_segment(struct writing *w)
{
    struct model *m = w->model;
    for (size_t i = 0; i < m->n_nodes; i++)
        m->nodes[i].id = 0;
    memset(w->live, 0, sizeof(w->live));
    return m->n_sources ? lt_trace_write_sources(&w->sink, m->sources, m->n_sources) : 0;
}

static int write_tick(struct writing *w, size_t tick)
{
    const struct model *m = w->model;
    const struct cell *cells = m->cells + m->ticks[tick].cells;
    size_t end = tick + 1 < m->n_ticks ? m->ticks[tick + 1].cells : m->n_cells;
    size_t n_cells = end - m->ticks[tick].cells, n = 0;
    int64_t step = (int64_t)w->step++;
    int64_t time_ns = step * m->interval_ns + lt_tick_jitter_ns(JITTER, step, m->interval_ns) +
                      m->ticks[tick].late_ns;
    if (time_ns < w->last_ns)
        time_ns = w->last_ns;
    w->last_ns = time_ns;
    int err = 0;
    for (size_t i = 0; !err && i < n_cells; i++) {
        if (w->live[i] && memcmp(&w->now[i], &cells[i], sizeof(cells[i])) == 0)
            continue;
        w->now[i] = cells[i];
        w->live[i] = true;
        w->changes[n] = (struct lt_change){.thread = w->ids[i], .state = cells[i].state};
        err = stack_id(w, cells[i].stack, &w->changes[n++].stack);
    }
    if (!err)
        err = lt_trace_writer_tick(w->writer, time_ns, 1, w->changes, n);
    for (size_t i = 0; i < m->n_threads; i++)
        w->health.taken = w->health.asked += w->live[i];
    if (err || time_ns < w->flush_ns)
        return err;
    w->flush_ns = time_ns + FLUSH_NS;
    w->health.sampler_cpu_ns = (uint64_t)time_ns / 100;
    return lt_trace_writer_flush(w->writer, &w->health);
}

static int write_ticks(struct writing *w, uint64_t samples)
{
    size_t tick = 0, left = 0;
    int err = begin_segment(w);
    while (!err && w->health.taken < samples) {
        if (left == 0 || tick == w->model->n_ticks) {
            tick = (size_t)draw(w, w->model->n_ticks);
            left = 1 + (size_t)draw(w, (uint64_t)2 * RUN);
        }
        if (lt_trace_writer_segment_due(w->writer)) {
            err = lt_trace_writer_new_segment(w->writer);
            if (!err)
                err = begin_segment(w);
        }
        if (!err)
            err = write_tick(w, tick++);
        left--;
    }
    return err;
}

static int write_trace(struct model *m, uint64_t seed, uint64_t samples, struct lt_output *out)
{
    struct writing *w = calloc(1, sizeof(*w));
    struct lt_block_writer *blocks = NULL;
    uint32_t process;
    int err = w ? lt_block_writer_new(&blocks, out, LEVEL) : LT_ERR_NOMEM;
    if (err) {
        free(w);
        return err;
    }
    w->model = m;
    w->random = seed;
    w->sink = (struct lt_block_sink){blocks, lt_block_writer_block, lt_block_writer_room,
                                     lt_block_writer_replace};
    const struct lt_trace_config config = {
        .meta = {.host = {"model", 5},
                 .command = {m->command, strlen(m->command)},
                 .cwd = {m->cwd, strlen(m->cwd)},
                 .recorder = {"make_long_trace", 15},
                 .start_realtime_ns = INT64_C(1795428000) * SECOND,
                 .interval_ns = m->interval_ns,
                 .jitter = JITTER,
                 .has_time = true},
        .sink = w->sink,
    };
    err = lt_trace_writer_new(&w->writer, &config);
    if (!err)
        err = lt_trace_writer_process(w->writer, &m->process, &process);
    for (size_t i = 0; !err && i < m->n_threads; i++)
        err = lt_trace_writer_thread(w->writer, &m->threads[i], &w->ids[i]);
    if (!err)
        err = write_ticks(w, samples);
    if (!err)
        err = lt_trace_writer_close(w->writer, &w->health);
    lt_trace_writer_free(w->writer);
    lt_block_writer_free(blocks);
    free(w);
    return err;
}

int main(int argc, char **argv)
{
    static struct model model; /* kept until the program ends */
    struct lt_output out;
    if (argc != 5) {
        fprintf(stderr, "usage: make_long_trace MODEL SEED SAMPLES TRACE\n");
        return 2;
    }
    int err = read_model(&model, argv[1]);
    if (err) {
        fprintf(stderr, "%s: %s\n", argv[1], lt_error_text(err));
        return EXIT_FAILURE;
    }
    err = lt_output_atomic(&out, argv[4]);
    if (!err) {
        err = write_trace(&model, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), &out);
        if (err)
            lt_output_abandon(&out);
        else
            err = out.close(out.ctx);
    }
    if (err)
        fprintf(stderr, "%s: %s\n", argv[4], lt_error_text(err));
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
