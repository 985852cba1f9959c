/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of ticks: keeps the state of each thread of a block, applies what changed, and hands out
 * samples or runs of them. */
#include "config.h"

#include "formats/trace_tick_reader.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"

enum { MAX_SLOTS = LT_BLOCK_RAW_MAX };

/* A block as it is being read. */
struct ticks {
    struct lt_tick_reader *reader;
    const struct lt_tick_clock *clock;
    const struct lt_tick_sink *sink;
    struct lt_cursor c; /* the head of the block */
    struct lt_cursor heads, stacks, states;
    const uint8_t *places;
    uint64_t n_ticks;
    uint64_t samples;      /* so far */
    uint64_t tick, covers; /* before the current tick */
    int64_t step;
};

struct tick {
    int64_t time_ns;
    uint32_t covers;
    bool changed;
};

void lt_tick_reader_release(struct lt_tick_reader *r)
{
    free(r->slots);
    *r = (struct lt_tick_reader){0};
}

static uint32_t read_id(struct lt_cursor *c)
{
    return (uint32_t)lt_cursor_bounded(c, LT_TRACE_IDS_MAX - 1);
}

static uint32_t read_stack(struct lt_cursor *c)
{
    return (uint32_t)lt_cursor_bounded(c, LT_TRACE_STACKS_MAX - 1);
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
        .since_tick = t->tick,
        .since_covers = t->covers,
    };
    return 0;
}

/* The threads of the opening, column by column. */
static int read_opening(struct ticks *t)
{
    struct lt_tick_reader *r = t->reader;
    uint64_t n = lt_cursor_bounded(&t->c, lt_cursor_left(&t->c));
    uint64_t next_id = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = next_id + read_id(&t->c);
        next_id = id + 1;
        if (t->c.bad || id >= LT_TRACE_IDS_MAX)
            return LT_BAD_PAYLOAD;
        int err = add_slot(t, (struct lt_trace_place){.thread = (uint32_t)id});
        if (err)
            return err;
    }
    for (uint64_t i = 0; i < n; i++)
        r->slots[i].place.stack = read_stack(&t->c);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t state = lt_cursor_bounded(&t->c, UINT32_MAX);
        r->slots[i].place.state = (uint32_t)(state >> 1);
        r->slots[i].place.tags = state & 1 ? read_id(&t->c) : 0;
    }
    return t->c.bad ? LT_BAD_PAYLOAD : 0;
}

static struct lt_cursor take(struct lt_cursor *c, size_t len)
{
    struct lt_cursor column = lt_cursor_over(c->at, len);
    c->at += len;
    return column;
}

/* Where the columns of events are; a block in which nothing happened has none. */
static int find_columns(struct ticks *t)
{
    size_t heads = 0, stacks = 0;
    if (lt_cursor_left(&t->c)) {
        heads = (size_t)lt_cursor_bounded(&t->c, LT_BLOCK_RAW_MAX);
        stacks = (size_t)lt_cursor_bounded(&t->c, LT_BLOCK_RAW_MAX);
    }
    if (t->c.bad || heads + stacks > lt_cursor_left(&t->c))
        return LT_BAD_PAYLOAD;
    t->heads = take(&t->c, heads);
    t->stacks = take(&t->c, stacks);
    t->states = t->c;
    return 0;
}

/* Number of ticks, first step, threads, places, columns. */
static int read_head(struct ticks *t)
{
    t->n_ticks = lt_cursor_bounded(&t->c, LT_TRACE_TICKS_MAX);
    t->step = (int64_t)lt_cursor_bounded(&t->c, INT64_MAX);
    int err = t->c.bad ? LT_BAD_PAYLOAD : read_opening(t);
    if (err)
        return err;
    size_t bytes = (size_t)(t->n_ticks + 1) / 2;
    if (lt_cursor_left(&t->c) < bytes)
        return LT_BAD_PAYLOAD;
    t->places = take(&t->c, bytes).at;
    return find_columns(t);
}

/* Time and weight of a tick. */
static int read_tick(struct ticks *t, struct tick *tick)
{
    unsigned bits = t->places[t->tick / 2];
    bits = t->tick % 2 ? bits >> 4 : bits & 0xf;
    uint64_t place = bits & 7;
    uint64_t covers = 1;
    int64_t shift = 0;
    if (place == LT_TICK_ESCAPE) {
        covers = lt_cursor_bounded(&t->heads, UINT32_MAX);
        shift = lt_cursor_svarint(&t->heads);
        place = lt_cursor_bounded(&t->heads, INT64_MAX);
    }
    int64_t start_ns, offset_ns, expected = t->step;
    if (t->heads.bad || covers == 0 ||
        (t->tick && __builtin_add_overflow(t->step, (int64_t)covers, &expected)) ||
        __builtin_add_overflow(expected, shift, &t->step) ||
        __builtin_mul_overflow(t->step, t->clock->step_ns, &start_ns) ||
        __builtin_mul_overflow((int64_t)place, t->clock->quantum_ns, &offset_ns) ||
        __builtin_add_overflow(start_ns, offset_ns, &tick->time_ns) || tick->time_ns < 0)
        return LT_BAD_PAYLOAD;
    tick->covers = (uint32_t)covers;
    tick->changed = bits & LT_TICK_CHANGED;
    return 0;
}

static bool is_bad(const struct ticks *t)
{
    return t->heads.bad || t->stacks.bad || t->states.bad;
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

static int read_new_slot(struct ticks *t, unsigned what)
{
    struct lt_trace_place place = {.thread = read_id(&t->heads)};
    place.stack = read_stack(&t->stacks);
    place.state = (uint32_t)lt_cursor_bounded(&t->states, UINT32_MAX >> 1);
    place.tags = read_id(&t->states);
    if (is_bad(t) || what != LT_CHANGE_ALL)
        return LT_BAD_PAYLOAD;
    return add_slot(t, place);
}

static int read_change(struct ticks *t, bool *more)
{
    struct lt_tick_reader *r = t->reader;
    uint64_t head = lt_cursor_varint(&t->heads);
    uint64_t slot = head >> LT_CHANGE_SHIFT;
    unsigned what = head & LT_CHANGE_ALL;
    *more = head & LT_CHANGE_MORE;
    if (is_bad(t) || slot > r->n_slots)
        return LT_BAD_PAYLOAD;
    if (slot == r->n_slots)
        return read_new_slot(t, what);
    struct lt_tick_slot *s = &r->slots[slot];
    if (s->ended)
        return LT_BAD_PAYLOAD;
    int err = end_run(t, s);
    if (what == 0)
        s->ended = true;
    if (what & LT_CHANGE_STACK)
        s->place.stack = read_stack(&t->stacks);
    if (what & LT_CHANGE_STATE)
        s->place.state = (uint32_t)lt_cursor_bounded(&t->states, UINT32_MAX >> 1);
    if (what & LT_CHANGE_TAGS)
        s->place.tags = read_id(&t->states);
    return is_bad(t) ? LT_BAD_PAYLOAD : err;
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
        bool more = !err && tick.changed;
        while (!err && more)
            err = read_change(t, &more);
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
    struct ticks t = {.reader = r, .clock = clock, .sink = sink, .c = payload};
    r->n_slots = 0;
    int err = read_head(&t);
    if (!err)
        err = read_ticks(&t);
    /* Also of a block that broke off: its ticks until then are good. */
    if (err && err != LT_BAD_PAYLOAD)
        return err;
    int ended = end_runs(&t);
    return ended ? ended : err;
}
