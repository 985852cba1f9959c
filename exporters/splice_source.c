/* SPDX-License-Identifier: Apache-2.0
 *
 * A handler in front of the view's: what it is told goes to the view, which selects, and to
 * the store, which keeps what was recorded. Full batches are swapped with the reader of this
 * source under a lock; each side then works on its own. */
#include "config.h"

#include "exporters/splice_source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/text_pool.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

/* A batch is handed over when it holds that much. */
#define BATCH_TICKS 4096
#define BATCH_SAMPLES 16384
#define MAX_ITEMS ((size_t)1 << 26)
#define MAX_IDS ((size_t)1 << 24)
/* What a trace can say of a state. */
#define STATES 0xffu

struct tick {
    int64_t time_ns, slot_ns, weight_ns;
    size_t first, n; /* in samples */
};

struct batch {
    struct tick *ticks;
    struct lt_splice_sample *samples;
    size_t n_ticks, ticks_alloc;
    size_t n_samples, samples_alloc;
};

/* From the ids of a segment to those of the store, one added; 0: never defined. */
struct id_map {
    uint32_t *at;
    size_t n, alloc;
};

struct lt_splice_source {
    struct lt_splice_source_config config;
    struct lt_recording *recording;
    struct lt_message message;
    struct lt_view *view;
    struct lt_profile_handler to_view;
    struct lt_splice_clock clock;
    int64_t offset_ns; /* to shared time */
    atomic_uint_fast64_t bytes_before, bytes;

    /* The reading thread's. */
    struct lt_str host; /* of the recording; in it */
    struct id_map processes, threads, frames, stacks, tags;
    uint32_t hidden_stack; /* what is left of a stack without frames; 0 not needed yet */
    const struct lt_sample *recorded;
    int64_t last_ns;
    uint64_t *taken; /* by thread: number of the last tick that it took part in */
    size_t n_taken, taken_alloc;
    uint64_t n_ticks;
    struct batch filling;

    /* Between both. */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch ready;
    bool is_ready, ended;
    atomic_bool stop;
    int error;

    /* The consumer's. */
    struct batch taking;
    size_t at;
};

/* ---- ids ---- */

static int remember(struct id_map *map, uint32_t local, uint32_t id)
{
    int error = lt_array_reach(&map->at, &map->n, &map->alloc, local, sizeof *map->at, MAX_IDS);

    if (error == 0) {
        map->at[local] = id + 1;
    }
    return error;
}

static bool find(const struct id_map *map, uint32_t local, uint32_t *id)
{
    bool found = local < map->n && map->at[local] != 0;

    *id = found ? map->at[local] - 1 : 0;
    return found;
}

/* ---- the handler ---- */

/* Puts the recording on the shared clock. */
static int place(struct lt_splice_source *s)
{
    struct lt_view_window window;
    int error;

    s->offset_ns = lt_recordings_offset(s->config.recordings, s->config.index);
    if (!lt_selection_has_window(s->config.selection)) {
        return 0;
    }
    error = lt_recordings_window(s->config.recordings, s->config.selection, &window, &s->message);
    if (error == 0) {
        lt_view_set_window(s->view, &window, false);
    }
    return error;
}

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct lt_splice_source *s = ctx;
    int error = 0;

    /* A single one that cannot be looked into first; of several, others look at what is known. */
    if (!s->recording->known) {
        error = lt_recording_learn(s->recording, meta);
        if (error == 0) {
            error = place(s);
        }
    }
    if (error == 0) {
        s->host = lt_str_of(s->recording->host);
        error = s->to_view.meta(s->view, meta);
    }
    return error;
}

static int on_clock(void *ctx, const struct lt_clock_anchor *anchor)
{
    struct lt_splice_source *s = ctx;
    return lt_splice_clock_add(&s->clock, anchor);
}

static int on_segment(void *ctx)
{
    struct lt_splice_source *s = ctx;

    s->processes.n = s->threads.n = s->frames.n = s->stacks.n = s->tags.n = 0;
    int error = s->to_view.segment(s->view);
    return error < 0 ? error : lt_view_forget_stacks(s->view);
}

static struct lt_splice_origin origin(const struct lt_splice_source *s)
{
    return (struct lt_splice_origin){(uint32_t)s->config.index, s->host};
}

static int on_process(void *ctx, uint32_t local, const struct lt_process_info *info)
{
    struct lt_splice_source *s = ctx;
    const struct lt_splice_origin from = origin(s);
    uint32_t id;
    int error = s->to_view.process(s->view, local, info);

    if (error == 0) {
        error = lt_splice_store_process(s->config.store, &from, local, info, &id);
    }
    return error < 0 ? error : remember(&s->processes, local, id);
}

static int on_thread(void *ctx, uint32_t local, const struct lt_thread_info *info)
{
    struct lt_splice_source *s = ctx;
    const struct lt_splice_origin from = origin(s);
    const struct lt_process_info lost = {0};
    struct lt_thread_info stored = *info;
    uint32_t id;
    int error = 0;

    if (!find(&s->processes, info->process, &stored.process)) {
        error = on_process(s, info->process, &lost);
        find(&s->processes, info->process, &stored.process);
    }
    if (error == 0) {
        error = s->to_view.thread(s->view, local, info);
    }
    if (error == 0) {
        error = lt_splice_store_thread(s->config.store, &from, local, &stored, &id);
    }
    return error < 0 ? error : remember(&s->threads, local, id);
}

static int on_frame(void *ctx, uint32_t local, const struct lt_frame_info *info)
{
    struct lt_splice_source *s = ctx;
    uint32_t id;
    int error = s->to_view.frame(s->view, local, info);

    if (error == 0) {
        error = lt_splice_store_frame(s->config.store, info, &id);
    }
    return error < 0 ? error : remember(&s->frames, local, id);
}

static int on_stack(void *ctx, uint32_t local, uint32_t parent, uint32_t frame)
{
    struct lt_splice_source *s = ctx;
    uint32_t parent_id = 0, frame_id, id;
    int error = s->to_view.stack(s->view, local, parent, frame);

    if (error < 0 || (parent != 0 && !find(&s->stacks, parent, &parent_id)) ||
        !find(&s->frames, frame, &frame_id)) {
        return error; /* what was lost stays unknown */
    }
    id = parent_id;
    if (!lt_view_hides_frame(s->view, frame)) {
        error = lt_splice_store_stack(s->config.store, parent_id, frame_id, &id);
    }
    return error < 0 ? error : remember(&s->stacks, local, id);
}

static int on_tags(void *ctx, uint32_t local, const struct lt_tag *tags, size_t n)
{
    struct lt_splice_source *s = ctx;
    uint32_t id;
    int error = s->to_view.tags(s->view, local, tags, n);

    if (error == 0) {
        error = lt_splice_store_tags(s->config.store, tags, n, &id);
    }
    return error < 0 ? error : remember(&s->tags, local, id);
}

static int on_source(void *ctx, struct lt_str file, uint32_t line, struct lt_str text)
{
    struct lt_splice_source *s = ctx;
    return lt_splice_store_source(s->config.store, file, line, text);
}

static int on_health(void *ctx, const struct lt_health *health)
{
    struct lt_splice_source *s = ctx;
    return s->to_view.health(s->view, health);
}

static int on_sample(void *ctx, const struct lt_sample *recorded)
{
    struct lt_splice_source *s = ctx;
    struct lt_sample sample = *recorded;

    if (atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        return LT_ERR_STOP;
    }
    if (s->config.correct_drift) {
        sample.time_ns = lt_splice_clock_map(&s->clock, sample.time_ns);
    }
    if (sample.time_ns < 0 ||
        __builtin_add_overflow(sample.time_ns, s->offset_ns, &sample.time_ns)) {
        return 0; /* beyond all clocks */
    }
    s->recorded = recorded;
    return s->to_view.sample(s->view, &sample);
}

/* ---- ticks ---- */

/* Waits until the consumer has taken the batch before this one. */
static int hand_over(struct lt_splice_source *s)
{
    struct batch empty;
    bool stop;

    pthread_mutex_lock(&s->lock);
    while (s->is_ready && !s->stop) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    stop = s->stop;
    if (!stop) {
        empty = s->ready;
        s->ready = s->filling;
        s->filling = empty;
        s->is_ready = true;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    s->filling.n_ticks = s->filling.n_samples = 0;
    return stop ? LT_ERR_STOP : 0;
}

/* Which of the intervals on the shared grid a tick belongs to: that which is nearest to its own. */
static int64_t slot_of(const struct lt_splice_source *s, int64_t time_ns)
{
    int64_t interval = s->recording->interval_ns;

    if (interval == 0) {
        return -1;
    }
    int64_t own_begin = s->recorded->time_ns / interval * interval;
    int64_t begin = time_ns - (s->recorded->time_ns - own_begin) + interval / 2;
    return begin > 0 ? begin / interval * interval : 0;
}

static int begin_tick(struct lt_splice_source *s, int64_t time_ns, int64_t weight_ns)
{
    struct batch *b = &s->filling;
    int error = 0;

    if (b->n_ticks >= BATCH_TICKS || b->n_samples >= BATCH_SAMPLES) {
        error = hand_over(s);
    }
    if (error == 0) {
        error =
            lt_array_grow(&b->ticks, &b->ticks_alloc, b->n_ticks + 1, sizeof *b->ticks, MAX_ITEMS);
    }
    if (error == 0) {
        s->n_ticks++;
        s->last_ns = time_ns;
        b->ticks[b->n_ticks++] = (struct tick){
            .time_ns = time_ns,
            .slot_ns = slot_of(s, time_ns),
            .weight_ns = weight_ns,
            .first = b->n_samples,
        };
    }
    return error;
}

/* A thread has one stack sample at a tick: a second one is of the next tick. */
static int take_part(struct lt_splice_source *s, uint32_t thread, bool *again)
{
    int error =
        lt_array_reach(&s->taken, &s->n_taken, &s->taken_alloc, thread, sizeof *s->taken, MAX_IDS);

    if (error == 0) {
        *again = s->taken[thread] == s->n_ticks;
    }
    return error;
}

static int put_sample(struct lt_splice_source *s, const struct lt_splice_sample *sample,
                      int64_t time_ns, int64_t weight_ns)
{
    struct batch *b = &s->filling;
    const struct tick *open = b->n_ticks > 0 ? &b->ticks[b->n_ticks - 1] : NULL;
    bool again = false;
    int error = take_part(s, sample->thread, &again);

    if (error == 0 &&
        (open == NULL || again || open->time_ns != time_ns || open->weight_ns != weight_ns)) {
        error = begin_tick(s, time_ns, weight_ns);
    }
    if (error == 0) {
        error = lt_array_grow(&b->samples, &b->samples_alloc, b->n_samples + 1, sizeof *b->samples,
                              MAX_ITEMS);
    }
    if (error == 0) {
        s->taken[sample->thread] = s->n_ticks;
        b->samples[b->n_samples++] = *sample;
        b->ticks[b->n_ticks - 1].n++;
    }
    return error;
}

/* A stack of which nothing is left keeps its share. */
static int hidden_stack(struct lt_splice_source *s, uint32_t *stack)
{
    const struct lt_frame_info info = {.name = lt_str_of("<hidden>"), .file = lt_str_of("")};
    uint32_t frame;
    int error = 0;

    if (s->hidden_stack == 0) {
        error = lt_splice_store_frame(s->config.store, &info, &frame);
        if (error == 0) {
            error = lt_splice_store_stack(s->config.store, 0, frame, &s->hidden_stack);
        }
    }
    *stack = s->hidden_stack;
    return error;
}

/* The view wants it. */
static int on_selected(void *ctx, const struct lt_view_sample *selected)
{
    struct lt_splice_source *s = ctx;
    const struct lt_sample *recorded = s->recorded;
    const struct lt_thread_info lost = {0};
    struct lt_splice_sample sample = {.state = recorded->state & STATES};
    int64_t time_ns = selected->time_ns > s->last_ns ? selected->time_ns : s->last_ns;
    int error = 0;

    if (!find(&s->threads, recorded->thread, &sample.thread)) {
        error = on_thread(s, recorded->thread, &lost);
        find(&s->threads, recorded->thread, &sample.thread);
    }
    find(&s->tags, recorded->tags, &sample.tags);
    if (error == 0 && find(&s->stacks, recorded->stack, &sample.stack) && sample.stack == 0) {
        error = hidden_stack(s, &sample.stack);
    }
    for (uint64_t i = 0; i < recorded->count && error == 0; i++) {
        error = put_sample(s, &sample, time_ns, selected->weight_ns);
    }
    return error;
}

/* ---- reading ---- */

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct lt_splice_source *s = ctx;

    (void)all;
    atomic_store(&s->bytes, done);
}

static int read_recording(struct lt_splice_source *s, const struct lt_profile_handler *handler,
                          bool totals)
{
    const struct lt_read_options options = {
        .totals = totals,
        .progress = on_progress,
        .progress_ctx = s,
    };

    lt_view_begin_input(s->view, 0);
    return lt_recordings_read(s->config.recordings, s->config.index, handler, &options,
                              &s->message);
}

int lt_splice_source_survey(struct lt_splice_source *s)
{
    struct lt_profile_handler handler = {
        .ctx = s,
        .meta = on_meta,
        .segment = on_segment,
        .clock = on_clock,
        .process = on_process,
        .thread = on_thread,
    };
    int error = read_recording(s, &handler, true);

    lt_view_end_survey(s->view);
    atomic_store(&s->bytes_before, s->recording->stats.bytes);
    atomic_store(&s->bytes, 0);
    return error;
}

static void *read_all(void *arg)
{
    struct lt_splice_source *s = arg;
    struct lt_profile_handler handler = {
        .ctx = s,
        .meta = on_meta,
        .segment = on_segment,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .tags = on_tags,
        .source = on_source,
        .sample = on_sample,
        .health = on_health,
    };
    int error = read_recording(s, &handler, false);

    if (error == 0 && s->filling.n_ticks > 0) {
        error = hand_over(s);
    }
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    s->error = error;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int lt_splice_source_start(struct lt_splice_source *s)
{
    int error = s->recording->known ? place(s) : 0;

    if (error < 0) {
        return error;
    }
    if (pthread_create(&s->thread, NULL, read_all, s) != 0) {
        return LT_ERR_NOMEM;
    }
    s->started = true;
    return 0;
}

static int take_batch(struct lt_splice_source *s)
{
    struct batch taken;
    int more = 1;

    pthread_mutex_lock(&s->lock);
    while (!s->is_ready && !s->ended) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    if (s->is_ready) {
        taken = s->taking;
        s->taking = s->ready;
        s->ready = taken;
        s->is_ready = false;
        s->at = 0;
        pthread_cond_signal(&s->changed);
    } else {
        more = s->error;
    }
    pthread_mutex_unlock(&s->lock);
    return more;
}

int lt_splice_source_peek(struct lt_splice_source *s, struct lt_splice_tick *tick)
{
    if (s->at == s->taking.n_ticks) {
        int more = take_batch(s);
        if (more <= 0) {
            return more;
        }
    }
    const struct tick *t = &s->taking.ticks[s->at];
    *tick = (struct lt_splice_tick){
        .time_ns = t->time_ns,
        .slot_ns = t->slot_ns,
        .weight_ns = t->weight_ns,
        .samples = s->taking.samples + t->first,
        .n = t->n,
    };
    return 1;
}

void lt_splice_source_pass(struct lt_splice_source *s)
{
    s->at++;
}

/* ---- life ---- */

int lt_splice_source_new(struct lt_splice_source **out,
                         const struct lt_splice_source_config *config, struct lt_message *message)
{
    struct lt_splice_source *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->config = *config;
    s->recording = &config->recordings->at[config->index];
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    const struct lt_view_config view = {
        .selection = config->selection,
        .by = LT_BY_LINE,
        .drop_idle = config->selection->idle == LT_NO,
        .ctx = s,
        .sample = on_selected,
    };
    error = lt_view_new(&s->view, &view, message->text, sizeof message->text);
    if (error < 0) {
        lt_splice_source_free(s);
        return error;
    }
    s->to_view = lt_view_handler(s->view);
    *out = s;
    return 0;
}

static void release_batch(struct batch *b)
{
    free(b->ticks);
    free(b->samples);
}

void lt_splice_source_free(struct lt_splice_source *s)
{
    if (s == NULL) {
        return;
    }
    if (s->started) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    lt_view_free(s->view);
    lt_splice_clock_release(&s->clock);
    struct id_map *const maps[] = {&s->processes, &s->threads, &s->frames, &s->stacks, &s->tags};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        free(maps[i]->at);
    }
    free(s->taken);
    release_batch(&s->filling);
    release_batch(&s->ready);
    release_batch(&s->taking);
    free(s);
}

const char *lt_splice_source_message(const struct lt_splice_source *s)
{
    return s->message.text;
}

uint64_t lt_splice_source_progress(const struct lt_splice_source *s)
{
    return atomic_load(&s->bytes_before) + atomic_load(&s->bytes);
}

int64_t lt_splice_source_wall(struct lt_splice_source *s, int64_t time_ns)
{
    size_t at = 0;

    if (s->clock.n == 0) {
        return s->recording->start_realtime_ns;
    }
    while (at + 1 < s->clock.n && s->clock.turns[at + 1].time_ns < time_ns) {
        at++;
    }
    return s->clock.turns[at].wall_ns;
}

struct lt_view_counts lt_splice_source_counts(const struct lt_splice_source *s)
{
    return lt_view_counts(s->view);
}

struct lt_health lt_splice_source_health(const struct lt_splice_source *s)
{
    return lt_view_health(s->view);
}
