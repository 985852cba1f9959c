/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoding of ticks. A TICKS block opens with the state of all threads and then tells changes only,
 * so it needs no other block to be understood, and a thread that does nothing costs nothing. */
#include "config.h"

#include "formats/trace_ticks.h"

#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/varint.h"

enum {
    FULL_BYTES = 1 << 17,
    FULL_SAMPLES = 1 << 24,
    /* A tick so many places after the beginning of its step belongs to another step. */
    FAR_PLACES = 4 * LT_TICK_PLACES,
    COLUMNS = 7,
    FIRST_EVENT_COLUMN = 4
};

/* In the order of the block. */
static void list_columns(struct lt_tick_encoder *e, struct lt_buf *columns[COLUMNS])
{
    columns[0] = &e->opening_ids;
    columns[1] = &e->opening_stacks;
    columns[2] = &e->opening_states;
    columns[3] = &e->places;
    columns[FIRST_EVENT_COLUMN] = &e->heads;
    columns[FIRST_EVENT_COLUMN + 1] = &e->stacks;
    columns[FIRST_EVENT_COLUMN + 2] = &e->states;
}

void lt_tick_encoder_release(struct lt_tick_encoder *e)
{
    struct lt_buf *columns[COLUMNS];
    list_columns(e, columns);
    for (size_t i = 0; i < COLUMNS; i++)
        lt_buf_release(columns[i]);
    lt_buf_release(&e->ended);
}

void lt_tick_encoder_restart(struct lt_tick_encoder *e)
{
    e->started = false;
    e->place_ns = 0;
}

/* Moves on to the step of a tick, and says how far off the expected one it is and
 * where in it the tick lies. */
static int64_t find_place(struct lt_tick_encoder *e, int64_t time_ns, uint32_t covers,
                          int64_t *shift)
{
    int64_t expected = time_ns / e->step_ns;
    if (e->started && e->step <= INT64_MAX / e->step_ns - (int64_t)covers)
        expected = e->step + (int64_t)covers;
    int64_t step = expected;
    int64_t start_ns = step * e->step_ns;
    if (time_ns < start_ns || time_ns - start_ns >= FAR_PLACES * e->quantum_ns) {
        step = time_ns / e->step_ns;
        start_ns = step * e->step_ns;
    }
    e->step = step;
    e->started = true;
    *shift = step - expected;
    int64_t place = (time_ns - start_ns) / e->quantum_ns;
    /* Where quanta do not fill a step, rounding down may fall behind the last tick. */
    if (start_ns + place * e->quantum_ns < e->place_ns)
        place++;
    e->place_ns = start_ns + place * e->quantum_ns;
    return place;
}

static int put_place(struct lt_tick_encoder *e, unsigned place)
{
    if (e->n_ticks % 2 == 0)
        return lt_buf_put_u8(&e->places, (uint8_t)place);
    e->places.data[e->n_ticks / 2] |= (uint8_t)(place << 4);
    return 0;
}

static void mark_changed(struct lt_tick_encoder *e)
{
    e->places.data[e->n_ticks / 2] |=
        (uint8_t)(e->n_ticks % 2 ? LT_TICK_CHANGED << 4 : LT_TICK_CHANGED);
}

static int put_head(struct lt_tick_encoder *e, uint64_t slot, unsigned what)
{
    if (e->n_changes++)
        e->heads.data[e->last_head] |= LT_CHANGE_MORE;
    else
        mark_changed(e);
    e->last_head = e->heads.len;
    return lt_buf_put_varint(&e->heads, slot << LT_CHANGE_SHIFT | what);
}

static int put_ended(struct lt_tick_encoder *e)
{
    struct lt_cursor c = lt_cursor_over(e->ended.data, e->ended.len);
    int err = 0;
    for (uint32_t i = 0; !err && i < e->n_ended; i++)
        err = put_head(e, lt_cursor_varint(&c), 0);
    e->n_ended = 0;
    lt_buf_clear(&e->ended);
    return err;
}

int lt_tick_encoder_begin(struct lt_tick_encoder *e, int64_t time_ns, uint32_t covers)
{
    int64_t shift;
    int64_t place = find_place(e, time_ns, covers, &shift);
    if (e->n_ticks == 0) {
        e->first_step = e->step;
        shift = 0;
    }
    e->n_changes = 0;
    bool escape = place >= LT_TICK_ESCAPE || shift || covers != 1;
    int err = put_place(e, escape ? LT_TICK_ESCAPE : (unsigned)place);
    if (!err && escape) {
        err = lt_buf_put_varint(&e->heads, covers);
        if (!err)
            err = lt_buf_put_svarint(&e->heads, shift);
        if (!err)
            err = lt_buf_put_varint(&e->heads, (uint64_t)place);
    }
    return err ? err : put_ended(e);
}

int lt_tick_encoder_change(struct lt_tick_encoder *e, uint32_t id, struct lt_roster_thread *thread,
                           unsigned what)
{
    if (e->n_ticks == 0)
        return 0; /* the opening state says it */
    bool new_slot = thread->slot == LT_NO_SLOT;
    if (new_slot) {
        thread->slot = e->n_slots++;
        what = LT_CHANGE_ALL;
    }
    int err = put_head(e, thread->slot, what);
    if (!err && new_slot)
        err = lt_buf_put_varint(&e->heads, id);
    if (!err && what & LT_CHANGE_STACK)
        err = lt_buf_put_varint(&e->stacks, thread->stack);
    if (!err && what & LT_CHANGE_STATE)
        err = lt_buf_put_varint(&e->states, thread->state);
    if (!err && what & LT_CHANGE_TAGS)
        err = lt_buf_put_varint(&e->states, thread->tags);
    return err;
}

static int put_opening(struct lt_tick_encoder *e, struct lt_roster *roster)
{
    uint32_t next_id = 0;
    int err = 0;
    for (uint32_t id = 0; !err && id < roster->n_threads; id++) {
        struct lt_roster_thread *t = &roster->threads[id];
        if (!t->live)
            continue;
        t->slot = e->n_opening++;
        err = lt_buf_put_varint(&e->opening_ids, id - next_id);
        next_id = id + 1;
        if (!err)
            err = lt_buf_put_varint(&e->opening_stacks, t->stack);
        if (!err)
            err = lt_buf_put_varint(&e->opening_states, (uint64_t)t->state << 1 | (t->tags != 0));
        if (!err && t->tags)
            err = lt_buf_put_varint(&e->opening_states, t->tags);
    }
    e->n_slots = e->n_opening;
    return err;
}

int lt_tick_encoder_end(struct lt_tick_encoder *e, struct lt_roster *roster)
{
    int err = e->n_ticks == 0 ? put_opening(e, roster) : 0;
    e->n_ticks++;
    return err;
}

int lt_tick_encoder_thread_end(struct lt_tick_encoder *e, struct lt_roster_thread *thread)
{
    uint32_t slot = thread->slot;
    thread->slot = LT_NO_SLOT;
    if (slot == LT_NO_SLOT)
        return 0;
    e->n_ended++;
    return lt_buf_put_varint(&e->ended, slot);
}

size_t lt_tick_encoder_bytes(const struct lt_tick_encoder *e)
{
    return e->opening_ids.len + e->opening_stacks.len + e->opening_states.len + e->places.len +
           e->heads.len + e->stacks.len + e->states.len;
}

bool lt_tick_encoder_full(const struct lt_tick_encoder *e)
{
    return lt_tick_encoder_bytes(e) >= FULL_BYTES || e->n_ticks >= LT_TRACE_TICKS_MAX ||
           (uint64_t)e->n_ticks * e->n_slots >= FULL_SAMPLES;
}

static void close_block(struct lt_tick_encoder *e, struct lt_roster *roster)
{
    struct lt_buf *columns[COLUMNS];
    list_columns(e, columns);
    for (size_t i = 0; i < roster->n_threads; i++)
        roster->threads[i].slot = LT_NO_SLOT;
    for (size_t i = 0; i < COLUMNS; i++)
        lt_buf_clear(columns[i]);
    lt_buf_clear(&e->ended);
    e->n_opening = e->n_slots = e->n_ticks = e->n_ended = 0;
}

int lt_tick_encoder_take(struct lt_tick_encoder *e, struct lt_roster *roster, struct lt_buf *out)
{
    struct lt_buf *columns[COLUMNS];
    list_columns(e, columns);
    /* Without any event their columns are left out, lengths and all. */
    size_t n = e->heads.len ? COLUMNS : FIRST_EVENT_COLUMN;
    int err = lt_buf_put_varint(out, e->n_ticks);
    if (!err)
        err = lt_buf_put_varint(out, (uint64_t)e->first_step);
    if (!err)
        err = lt_buf_put_varint(out, e->n_opening);
    for (size_t i = 0; !err && i < n; i++) {
        if (i == FIRST_EVENT_COLUMN) {
            err = lt_buf_put_varint(out, e->heads.len);
            if (!err)
                err = lt_buf_put_varint(out, e->stacks.len);
        }
        if (!err)
            err = lt_buf_put(out, columns[i]->data, columns[i]->len);
    }
    close_block(e, roster);
    return err;
}
