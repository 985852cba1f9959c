/* SPDX-License-Identifier: Apache-2.0
 *
 * A lane remembers where it ended and which spans are open; what a span is about (a tag, or the
 * collector) is interned, so that a sample compares small numbers. */
#include "config.h"

#include "exporters/timeline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 24)
#define MADE_UP_ID (UINT64_C(1) << 23) /* and above: no kernel's pid or tid; fits 32 bits */
#define COLLECTOR 0                    /* what a span is about; otherwise a tag */

struct span {
    uint32_t about;
    int64_t start_ns;
};

struct lane {
    struct lt_lane shown; /* thread is NULL until its first sample */
    struct span *spans;
    size_t n_spans, spans_alloc;
};

struct lt_timeline {
    struct lt_span_events events;
    bool unit_is_time;
    int64_t interval_ns;
    struct lane *lanes; /* by thread id */
    size_t n_lanes, lanes_alloc;
    struct lt_intern *abouts; /* "" for the collector, KEY NUL VALUE for a tag */
    struct lt_buf key;
    uint32_t *now; /* what the sample at hand says */
    size_t n_now, now_alloc;
};

int lt_timeline_new(struct lt_timeline **out, const struct lt_span_events *events)
{
    struct lt_timeline *t = calloc(1, sizeof *t);
    uint32_t collector;
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    t->events = *events;
    error = lt_intern_new(&t->abouts, (uint32_t)MAX_ITEMS, 0);
    if (error == 0) {
        error = lt_intern_id(t->abouts, "", 0, &collector, NULL);
    }
    if (error < 0) {
        lt_timeline_free(t);
        return error;
    }
    *out = t;
    return 0;
}

void lt_timeline_free(struct lt_timeline *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->n_lanes; i++) {
        free(t->lanes[i].spans);
    }
    free(t->lanes);
    lt_intern_free(t->abouts);
    lt_buf_release(&t->key);
    free(t->now);
    free(t);
}

void lt_timeline_meta(struct lt_timeline *t, const struct live_trace_host *host,
                      const struct live_trace_meta *meta)
{
    t->unit_is_time = meta->unit_is_time;
    t->interval_ns = meta->interval_ns;
    if (!meta->unit_is_time) {
        host->note(host->ctx, "samples are counted, not timed: each is drawn as 1 ms");
    }
}

/* Lanes. */

/* Pids come again on other hosts, and an input may not know them. */
static uint64_t unique_pid(const struct lt_timeline *t, const struct live_trace_thread *thread)
{
    bool taken = thread->pid == 0;

    for (size_t i = 0; i < t->n_lanes; i++) {
        const struct lt_lane *lane = &t->lanes[i].shown;
        if (lane->thread != NULL && lane->thread->process == thread->process) {
            return lane->pid;
        }
        taken = taken || (lane->thread != NULL && lane->pid == thread->pid);
    }
    return taken ? MADE_UP_ID + thread->process : thread->pid;
}

static int lane_for(struct lt_timeline *t, const struct live_trace_thread *thread,
                    struct lane **out)
{
    struct lane *lane;
    int error = lt_array_reach(&t->lanes, &t->n_lanes, &t->lanes_alloc, thread->id,
                               sizeof *t->lanes, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    lane = &t->lanes[thread->id];
    if (lane->shown.thread == NULL) {
        lane->shown.pid = unique_pid(t, thread);
        lane->shown.tid = thread->tid != 0 ? thread->tid : MADE_UP_ID + thread->id;
        lane->shown.thread = thread;
    }
    *out = lane;
    return 0;
}

uint32_t lt_timeline_lanes(const struct lt_timeline *t)
{
    return (uint32_t)t->n_lanes;
}

const struct lt_lane *lt_timeline_lane(const struct lt_timeline *t, uint32_t id)
{
    return t->lanes[id].shown.thread != NULL ? &t->lanes[id].shown : NULL;
}

/* Places. */

static int64_t length_of(const struct lt_timeline *t, const struct live_trace_stack *sample)
{
    int64_t length;

    if (t->unit_is_time) {
        return sample->weight_ns;
    }
    return __builtin_mul_overflow(sample->count, LT_TIMELINE_SAMPLE_NS, &length) ? INT64_MAX
                                                                                 : length;
}

/* Where a sample of that length begins in a lane that ends there. A tick that was late stands for
 * those before it too: it ends an interval behind its time. */
static int64_t start_of(const struct lt_timeline *t, int64_t lane_end_ns,
                        const struct live_trace_stack *sample, int64_t length)
{
    int64_t interval = t->interval_ns > 0 ? t->interval_ns : length;
    int64_t start = sample->time_ns - (length > interval ? length - interval : 0);

    if (!t->unit_is_time || sample->time_ns < 0) {
        return lane_end_ns;
    }
    /* Ticks are a little early or late; only what is more than that is a gap. */
    return start - lane_end_ns > interval / 2 ? start : lane_end_ns;
}

static int place(const struct lt_timeline *t, struct lt_lane *lane, bool is_first,
                 const struct live_trace_stack *sample, struct lt_placed *placed)
{
    int64_t length = length_of(t, sample);

    placed->lane = lane;
    placed->start_ns = start_of(t, lane->end_ns, sample, length);
    placed->gap_ns = is_first ? 0 : placed->start_ns - lane->end_ns;
    return __builtin_add_overflow(placed->start_ns, length, &placed->end_ns) ? LT_ERR_LIMIT : 0;
}

/* Spans. */

/* The tag that a span is about; NULL for the collector. */
static const struct live_trace_tag *tag_of(const struct lt_timeline *t, uint32_t about,
                                           struct live_trace_tag *tag)
{
    if (about == COLLECTOR) {
        return NULL;
    }
    tag->key = lt_intern_get(t->abouts, about).data;
    tag->value = tag->key + strlen(tag->key) + 1;
    return tag;
}

static bool says(const struct lt_timeline *t, uint32_t about)
{
    for (size_t i = 0; i < t->n_now; i++) {
        if (t->now[i] == about) {
            return true;
        }
    }
    return false;
}

static bool is_open(const struct lane *lane, uint32_t about)
{
    for (size_t i = 0; i < lane->n_spans; i++) {
        if (lane->spans[i].about == about) {
            return true;
        }
    }
    return false;
}

/* Ends the spans that the sample at hand no longer speaks of; with `all`, all. */
static int end_spans(struct lt_timeline *t, struct lane *lane, bool all, int64_t end_ns)
{
    size_t kept = 0;
    int error = 0;

    for (size_t i = 0; i < lane->n_spans && error == 0; i++) {
        const struct span *span = &lane->spans[i];
        struct live_trace_tag tag;
        if (!all && says(t, span->about)) {
            lane->spans[kept++] = *span;
        } else if (t->events.end != NULL) {
            error = t->events.end(t->events.ctx, &lane->shown, tag_of(t, span->about, &tag),
                                  span->start_ns, end_ns);
        }
    }
    lane->n_spans = kept;
    return error;
}

static int begin_span(struct lt_timeline *t, struct lane *lane, uint32_t about, int64_t start_ns)
{
    struct live_trace_tag tag;
    int error = lt_array_grow(&lane->spans, &lane->spans_alloc, lane->n_spans + 1,
                              sizeof *lane->spans, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    lane->spans[lane->n_spans++] = (struct span){about, start_ns};
    return t->events.begin == NULL
               ? 0
               : t->events.begin(t->events.ctx, &lane->shown, tag_of(t, about, &tag), start_ns);
}

static int take_tag(struct lt_timeline *t, const struct live_trace_tag *tag)
{
    int error;

    lt_buf_clear(&t->key);
    error = lt_buf_put(&t->key, tag->key, strlen(tag->key) + 1);
    if (error == 0) {
        error = lt_buf_put_text(&t->key, tag->value);
    }
    if (error == 0) {
        error = lt_intern_id(t->abouts, t->key.data, t->key.len, &t->now[t->n_now], NULL);
    }
    t->n_now += error == 0;
    return error;
}

/* What the sample says, into t->now. */
static int take_abouts(struct lt_timeline *t, const struct live_trace_stack *sample)
{
    int error = lt_array_grow(&t->now, &t->now_alloc, (size_t)sample->n_tags + 1, sizeof *t->now,
                              MAX_ITEMS);

    t->n_now = 0;
    if (error == 0 && (sample->state & LIVE_TRACE_STATE_GC) != 0) {
        t->now[t->n_now++] = COLLECTOR;
    }
    for (uint32_t i = 0; i < sample->n_tags && error == 0; i++) {
        error = take_tag(t, &sample->tags[i]);
    }
    return error;
}

static int change_spans(struct lt_timeline *t, struct lane *lane,
                        const struct live_trace_stack *sample, const struct lt_placed *placed)
{
    int error = take_abouts(t, sample);

    if (error == 0) {
        error = end_spans(t, lane, placed->gap_ns > 0, lane->shown.end_ns);
    }
    for (size_t i = 0; i < t->n_now && error == 0; i++) {
        if (!is_open(lane, t->now[i])) {
            error = begin_span(t, lane, t->now[i], placed->start_ns);
        }
    }
    return error;
}

int lt_timeline_add(struct lt_timeline *t, const struct live_trace_stack *sample,
                    struct lt_placed *placed)
{
    bool is_first =
        sample->thread->id >= t->n_lanes || t->lanes[sample->thread->id].shown.thread == NULL;
    struct lane *lane;
    int error = lane_for(t, sample->thread, &lane);

    if (error == 0) {
        error = place(t, &lane->shown, is_first, sample, placed);
    }
    if (error == 0) {
        error = change_spans(t, lane, sample, placed);
    }
    if (error == 0) {
        lane->shown.start_ns = is_first ? placed->start_ns : lane->shown.start_ns;
        lane->shown.end_ns = placed->end_ns;
    }
    return error;
}

int lt_timeline_finish(struct lt_timeline *t)
{
    int error = 0;

    for (size_t i = 0; i < t->n_lanes && error == 0; i++) {
        error = end_spans(t, &t->lanes[i], true, t->lanes[i].shown.end_ns);
    }
    return error;
}
