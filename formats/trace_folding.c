/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of blocks are shared out by bytes, and threads are made for each run: there is one an hour of a
 * recording, or for some megabytes. */
#include "config.h"

#include "formats/trace_folding.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    MAX_WORKERS = 16,
    MAX_ENTRIES = 1 << 18,   /* of all tables together */
    WORTH_A_THREAD = 1 << 16 /* bytes of blocks: a few milliseconds of work */
};

struct worker {
    struct lt_inflater *inflater;
    struct lt_tick_reader ticks;
    struct lt_trace_totals *totals;

    /* Of a run. */
    const struct lt_folding_segment *segment;
    const struct lt_total_sink *when_full; /* of a worker that is alone; NULL: LT_ERR_LIMIT */
    struct lt_cursor blocks;
    struct lt_folding_sums sums;
    bool inside; /* the tick that was decoded last is in the window */
    int error;
    pthread_t thread;
    bool started;
};

struct lt_folding {
    struct lt_buf kept; /* blocks: deflated?, length, bytes */
    unsigned threads;
    struct worker workers[MAX_WORKERS];
};

static unsigned processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

int lt_folding_new(struct lt_folding **out, unsigned threads)
{
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return LT_ERR_NOMEM;
    (*out)->threads = threads;
    return 0;
}

static void release_worker(struct worker *w)
{
    lt_inflater_free(w->inflater);
    lt_tick_reader_release(&w->ticks);
    lt_trace_totals_free(w->totals);
}

void lt_folding_free(struct lt_folding *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < MAX_WORKERS; i++)
        release_worker(&f->workers[i]);
    lt_buf_release(&f->kept);
    free(f);
}

/* ---- what is kept ---- */

int lt_folding_keep(struct lt_folding *f, const struct lt_block *block)
{
    int err = lt_buf_put_u8(&f->kept, block->deflated);
    if (!err)
        err = lt_buf_put_varint(&f->kept, block->stored_len);
    return err ? err : lt_buf_put(&f->kept, block->stored, block->stored_len);
}

size_t lt_folding_kept(const struct lt_folding *f)
{
    return f->kept.len;
}

void lt_folding_forget(struct lt_folding *f)
{
    lt_buf_clear(&f->kept);
}

static struct lt_str next_block(struct lt_cursor *c, bool *deflated)
{
    *deflated = lt_cursor_u8(c) != 0;
    return lt_cursor_str(c);
}

/* ---- one worker ---- */

static int add_run(void *ctx, const struct lt_trace_total *run)
{
    struct worker *w = ctx;
    if (!w->inside) {
        w->sums.outside += run->count;
        return 0;
    }
    int err = lt_trace_totals_add(w->totals, run);
    if (err != LT_ERR_LIMIT || !w->when_full)
        return err;
    err = lt_trace_totals_hand_over(w->totals, w->when_full);
    return err ? err : lt_trace_totals_add(w->totals, run);
}

static bool is_inside(const struct worker *w, int64_t time_ns)
{
    const struct lt_tick_window *window = &w->segment->window;
    return time_ns >= window->from_ns && time_ns < window->to_ns;
}

/* No run goes on over an edge of the window. */
static bool parts(void *ctx, int64_t time_ns)
{
    const struct worker *w = ctx;
    return is_inside(w, time_ns) != w->inside;
}

static int note_time(void *ctx, int64_t time_ns, uint32_t covers)
{
    struct worker *w = ctx;
    int64_t weight_ns, end_ns;
    w->inside = is_inside(w, time_ns);
    if (!__builtin_mul_overflow((int64_t)covers, w->segment->clock.interval_ns, &weight_ns) &&
        !__builtin_add_overflow(time_ns, weight_ns, &end_ns) && end_ns > w->sums.end_ns)
        w->sums.end_ns = end_ns;
    return 0;
}

static int decode(struct worker *w, bool deflated, struct lt_str stored)
{
    const struct lt_tick_sink sink = {.ctx = w, .run = add_run, .parts = parts, .tick = note_time};
    struct lt_str payload;
    int err = lt_inflater_payload(w->inflater, deflated, stored, &payload);
    if (!err) {
        struct lt_cursor c = lt_cursor_over(payload.data, payload.len);
        if (lt_cursor_u8(&c) != w->segment->number)
            return 0;
        err = lt_tick_reader_read(&w->ticks, c, &w->segment->clock, &sink);
    }
    if (err != LT_BAD_PAYLOAD)
        return err;
    w->sums.bad++;
    return 0;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    while (!w->error && lt_cursor_left(&w->blocks)) {
        bool deflated;
        struct lt_str stored = next_block(&w->blocks, &deflated);
        w->error = decode(w, deflated, stored);
    }
    return NULL;
}

/* ---- all of them ---- */

static unsigned wanted_workers(const struct lt_folding *f)
{
    unsigned n = f->threads;
    if (n == 0) {
        size_t worth = f->kept.len / WORTH_A_THREAD;
        n = processors();
        n = worth < n ? (unsigned)worth : n;
    }
    n = n > 0 ? n : 1;
    return n < MAX_WORKERS ? n : MAX_WORKERS;
}

/* Rows of whole blocks, about equal in bytes; some may be empty. */
static void share_out(struct lt_folding *f, unsigned n)
{
    struct lt_cursor c = lt_cursor_over(f->kept.data, f->kept.len);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *begin = c.at;
        size_t end = f->kept.len / n * (i + 1);
        bool deflated;
        while (lt_cursor_left(&c) && (i + 1 == n || (size_t)(c.at - f->kept.data) < end))
            next_block(&c, &deflated);
        f->workers[i].blocks = lt_cursor_over(begin, (size_t)(c.at - begin));
    }
}

static int prepare(struct worker *w, unsigned n, const struct lt_folding_segment *segment)
{
    int err = w->inflater ? 0 : lt_inflater_new(&w->inflater);
    lt_trace_totals_free(w->totals);
    w->totals = NULL;
    if (!err)
        err = lt_trace_totals_new(&w->totals, MAX_ENTRIES / n);
    w->segment = segment;
    w->when_full = NULL;
    w->sums = (struct lt_folding_sums){0};
    w->inside = false;
    w->error = 0;
    return err;
}

/* The first error in the order of the blocks. A thread that cannot be had is made up for. */
static int work_together(struct lt_folding *f, unsigned n)
{
    int err = 0;
    for (unsigned i = 1; i < n; i++) {
        struct worker *w = &f->workers[i];
        w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    }
    for (unsigned i = 0; i < n; i++) {
        struct worker *w = &f->workers[i];
        if (i > 0 && w->started)
            pthread_join(w->thread, NULL);
        else
            work(w);
        err = err ? err : w->error;
    }
    return err;
}

static int decode_by(struct lt_folding *f, unsigned n, const struct lt_folding_segment *segment,
                     const struct lt_total_sink *sink)
{
    int err = 0;
    for (unsigned i = 0; !err && i < n; i++)
        err = prepare(&f->workers[i], n, segment);
    if (err)
        return err;
    if (n == 1)
        f->workers[0].when_full = sink;
    share_out(f, n);
    return work_together(f, n);
}

int lt_folding_run(struct lt_folding *f, const struct lt_folding_segment *segment,
                   const struct lt_total_sink *sink, struct lt_folding_sums *sums)
{
    unsigned n = wanted_workers(f);
    int err = decode_by(f, n, segment, sink);
    /* More places than the tables hold: one worker hands its table over whenever it is full. */
    if (err == LT_ERR_LIMIT && n > 1) {
        n = 1;
        err = decode_by(f, n, segment, sink);
    }
    *sums = (struct lt_folding_sums){0};
    for (unsigned i = 0; !err && i < n; i++) {
        const struct lt_folding_sums *own = &f->workers[i].sums;
        err = lt_trace_totals_hand_over(f->workers[i].totals, sink);
        sums->end_ns = own->end_ns > sums->end_ns ? own->end_ns : sums->end_ns;
        sums->outside += own->outside;
        sums->bad += own->bad;
    }
    return err;
}
