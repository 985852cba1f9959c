/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of ticks: makes the decisions that the encoder made, keeps the state of each thread of a block, applies what changed, and hands out
 * samples or runs of them. */
#include "config.h"

#include "formats/trace_tick_reader.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/tick_jitter.h"
#include "formats/trace_format.h"

enum { MAX_SLOTS = LT_BLOCK_RAW_MAX };

/* A block as it is being read. */
struct ticks {
    struct lt_tick_reader *reader;
    const struct lt_tick_clock *clock;
    const struct lt_tick_sink *sink;
    struct lt_range_decoder coder;
    uint64_t n_ticks, n_opening;
    uint64_t samples;      /* so far */
    uint64_t tick, covers; /* before the current tick */
    int64_t step;
    bool changed; /* the tick before */
};

struct tick {
    int64_t time_ns;
    uint32_t covers;
};

void lt_tick_reader_release(struct lt_tick_reader *r)
{
    free(r->slots);
    *r = (struct lt_tick_reader){0};
}

static int add_slot(struct ticks *t, struct lt_trace_place place)
{
    struct lt_tick_reader *r = t->reader;
    int err =
        lt_array_grow(&r->slots, &r->slots_alloc, r->n_slots + 1, sizeof(r->slots[0]), MAX_SLOTS);
    if (err)
        return err;
    r->slots[r->n_slots++] = (struct lt_tick_slot){
        .place = place,
        .before = place,
        .since_tick = t->tick,
        .since_covers = t->covers,
    };
    return 0;
}

/* A number up to max into *value. */
static int read_number(struct ticks *t, struct lt_number_odds *odds, uint64_t max, uint64_t *value)
{
    *value = lt_range_decode_number(&t->coder, odds);
    return *value > max || lt_range_decoder_bad(&t->coder) ? LT_BAD_PAYLOAD : 0;
}

static int read_u32(struct ticks *t, struct lt_number_odds *odds, uint32_t max, uint32_t *value)
{
    uint64_t number;
    int err = read_number(t, odds, max, &number);
    if (!err)
        *value = (uint32_t)number;
    return err;
}

static int read_state(struct ticks *t, uint32_t before, uint32_t *state)
{
    return read_u32(t, &t->reader->odds.state[lt_tick_state(before)], UINT32_MAX >> 1, state);
}

static int read_stack(struct ticks *t, uint32_t *stack)
{
    return read_u32(t, &t->reader->odds.stack, LT_TRACE_STACKS_MAX - 1, stack);
}

static int read_tags(struct ticks *t, uint32_t *tags)
{
    return read_u32(t, &t->reader->odds.tags, LT_TRACE_IDS_MAX - 1, tags);
}

/* A thread that comes: its id less next_id, and all about it. */
static int read_thread(struct ticks *t, uint32_t next_id)
{
    struct lt_trace_place place;
    int err = read_u32(t, &t->reader->odds.thread, LT_TRACE_IDS_MAX - 1, &place.thread);
    if (err || place.thread >= LT_TRACE_IDS_MAX - next_id)
        return LT_BAD_PAYLOAD;
    place.thread += next_id;
    err = read_state(t, 0, &place.state);
    if (!err)
        err = read_stack(t, &place.stack);
    if (!err)
        err = read_tags(t, &place.tags);
    return err ? err : add_slot(t, place);
}

static int read_opening(struct ticks *t)
{
    uint32_t next_id = 0;
    int err = 0;
    for (uint64_t i = 0; !err && i < t->n_opening; i++) {
        err = read_thread(t, next_id);
        if (!err)
            next_id = t->reader->slots[i].place.thread + 1;
    }
    return err;
}

/* Where a tick is that is not the next one, in time. */
static int read_irregular(struct ticks *t, uint64_t *covers, int64_t *shift, uint64_t *place)
{
    struct lt_tick_odds *o = &t->reader->odds;
    uint64_t distance;
    int err = read_number(t, &o->covers, UINT32_MAX - 1, covers);
    bool earlier = !err && lt_range_decode(&t->coder, &o->earlier);
    if (!err)
        err = read_number(t, &o->shift, INT64_MAX, &distance);
    if (!err)
        err = read_number(t, &o->place, INT64_MAX, place);
    if (err)
        return err;
    ++*covers;
    *shift = earlier ? -(int64_t)distance : (int64_t)distance;
    return 0;
}

/* Time and weight of a tick. */
static int read_tick(struct ticks *t, struct tick *tick)
{
    const struct lt_tick_clock *clock = t->clock;
    uint64_t covers = 1, place = 0;
    int64_t shift = 0;
    int err = 0;
    if (lt_range_decode(&t->coder, &t->reader->odds.irregular))
        err = read_irregular(t, &covers, &shift, &place);
    if (err)
        return err;
    int64_t start_ns, offset_ns, expected = t->step;
    if ((t->tick && __builtin_add_overflow(t->step, (int64_t)covers, &expected)) ||
        __builtin_add_overflow(expected, shift, &t->step) ||
        __builtin_mul_overflow(t->step, clock->step_ns, &start_ns) ||
        __builtin_mul_overflow((int64_t)place, clock->quantum_ns, &offset_ns) ||
        __builtin_add_overflow(start_ns, offset_ns, &tick->time_ns) ||
        __builtin_add_overflow(tick->time_ns,
                               lt_tick_jitter_ns(clock->jitter, t->step, clock->step_ns),
                               &tick->time_ns) ||
        tick->time_ns < 0)
        return LT_BAD_PAYLOAD;
    tick->covers = (uint32_t)covers;
    return 0;
}

static int end_run(struct ticks *t, struct lt_tick_slot *slot)
{
    const struct lt_trace_total total = {
        .place = slot->place,
        .count = t->tick - slot->since_tick,
        .covers = t->covers - slot->since_covers,
    };
    slot->since_tick = t->tick;
    slot->since_covers = t->covers;
    if (!t->sink->run || slot->ended || total.count == 0)
        return 0;
    return t->sink->run(t->sink->ctx, &total);
}

static int end_runs(struct ticks *t)
{
    int err = 0;
    for (size_t i = 0; !err && i < t->reader->n_slots; i++)
        err = end_run(t, &t->reader->slots[i]);
    return err;
}

/* To another place than the one before. */
static int read_move(struct ticks *t, struct lt_trace_place *place)
{
    struct lt_tick_odds *o = &t->reader->odds;
    uint32_t before = place->state;
    int err = read_state(t, before, &place->state);
    if (err)
        return err;
    uint32_t state = place->state == before ? 0 : 1 + lt_tick_state(place->state);
    if (lt_range_decode(&t->coder, &o->moved[state]))
        err = read_stack(t, &place->stack);
    if (!err && lt_range_decode(&t->coder, &o->tagged))
        err = read_tags(t, &place->tags);
    return err;
}

static int read_change(struct ticks *t, struct lt_tick_slot *slot)
{
    struct lt_tick_odds *o = &t->reader->odds;
    struct lt_trace_place now = slot->place;
    int err = end_run(t, slot);
    slot->ended = lt_range_decode(&t->coder, &o->ended);
    if (err || slot->ended)
        return err;
    if (lt_range_decode(&t->coder, &o->back[lt_tick_state(now.state)]))
        slot->place = slot->before;
    else
        err = read_move(t, &slot->place);
    slot->before = now;
    return err;
}

static int read_changes(struct ticks *t)
{
    struct lt_tick_reader *r = t->reader;
    bool other = false;
    int err = 0;
    t->changed = lt_range_decode(&t->coder, &r->odds.changed[t->changed]);
    if (!t->changed)
        return 0;
    for (size_t i = 0; !err && i < r->n_slots; i++) {
        struct lt_tick_slot *slot = &r->slots[i];
        if (slot->ended ||
            !lt_range_decode(&t->coder, &r->odds.touched[other][lt_tick_state(slot->place.state)]))
            continue;
        other = true;
        err = read_change(t, slot);
    }
    while (!err && lt_range_decode(&t->coder, &r->odds.another))
        err = read_thread(t, 0);
    return err;
}

static int deliver(struct ticks *t, const struct tick *tick)
{
    const struct lt_tick_sink *sink = t->sink;
    const struct lt_tick_reader *r = t->reader;
    int err = 0;
    t->samples += r->n_slots;
    if (t->samples > LT_TRACE_SAMPLES_MAX)
        return LT_BAD_PAYLOAD;
    for (size_t i = 0; sink->sample && !err && i < r->n_slots; i++) {
        if (!r->slots[i].ended)
            err = sink->sample(sink->ctx, tick->time_ns, tick->covers, &r->slots[i].place);
    }
    if (!err && sink->tick)
        err = sink->tick(sink->ctx, tick->time_ns, tick->covers);
    return err;
}

static int read_ticks(struct ticks *t)
{
    int err = 0;
    while (!err && t->tick < t->n_ticks) {
        struct tick tick;
        err = read_tick(t, &tick);
        if (!err && t->sink->parts && t->sink->parts(t->sink->ctx, tick.time_ns))
            err = end_runs(t);
        if (!err)
            err = t->tick ? read_changes(t) : read_opening(t);
        if (!err && lt_range_decoder_bad(&t->coder))
            err = LT_BAD_PAYLOAD;
        if (!err)
            err = deliver(t, &tick);
        if (!err) {
            t->tick++;
            t->covers += tick.covers;
        }
    }
    return err;
}

int lt_tick_reader_read(struct lt_tick_reader *r, struct lt_cursor payload,
                        const struct lt_tick_clock *clock, const struct lt_tick_sink *sink)
{
    struct ticks t = {.reader = r, .clock = clock, .sink = sink};
    r->n_slots = 0;
    r->odds = (struct lt_tick_odds){0};
    t.n_ticks = lt_cursor_bounded(&payload, LT_TRACE_TICKS_MAX);
    t.step = (int64_t)lt_cursor_bounded(&payload, INT64_MAX);
    t.n_opening = lt_cursor_bounded(&payload, LT_TRACE_IDS_MAX);
    if (payload.bad)
        return LT_BAD_PAYLOAD;
    lt_range_decoder_begin(&t.coder, payload);
    int err = read_ticks(&t);
    /* Also of a block that broke off: its ticks until then are good. */
    if (err && err != LT_BAD_PAYLOAD)
        return err;
    int ended = end_runs(&t);
    return ended ? ended : err;
}
