/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoding of ticks. A TICKS block opens with the state of all threads and then tells changes only,
 * so it needs no other block to be understood, and a thread that does nothing costs next to
 * nothing. */
#include "config.h"

#include "formats/trace_ticks.h"

#include <stdlib.h>

#include "formats/lt_error.h"
#include "formats/tick_jitter.h"
#include "formats/trace_format.h"

enum {
    FULL_BYTES = 1 << 17,
    FULL_SAMPLES = 1 << 24,
    /* A tick so many places after it was due belongs to another step. */
    FAR_PLACES = 4 * LT_TICK_PLACES,
    MAX_SLOTS = LT_BLOCK_RAW_MAX
};

struct place {
    uint32_t stack, state, tags;
};

struct lt_tick_encoder_slot {
    uint32_t thread;
    struct place now, before; /* as the block has it */
    struct place next;        /* after this tick */
    bool changes, ends;       /* with this tick */
    bool ended;
};

void lt_tick_encoder_release(struct lt_tick_encoder *e)
{
    lt_range_encoder_release(&e->coder);
    lt_range_encoder_release(&e->ending);
    free(e->slots);
}

/* When the tick of a step is due. */
static int64_t due_ns(const struct lt_tick_encoder *e, int64_t step)
{
    return step * e->step_ns + lt_tick_jitter_ns(e->jitter, step, e->step_ns);
}

void lt_tick_encoder_restart(struct lt_tick_encoder *e)
{
    e->started = false;
    e->place_ns = 0;
}

/* Moves on to the step of a tick, and says how far off the expected one it is and
 * how many quanta after it was due the tick lies. */
static int64_t find_place(struct lt_tick_encoder *e, int64_t time_ns, uint32_t covers,
                          int64_t *shift)
{
    int64_t now = time_ns / e->step_ns;
    int64_t expected = now;
    if (e->started && e->step < INT64_MAX / e->step_ns - (int64_t)covers)
        expected = e->step + (int64_t)covers;
    /* Jittered ticks are of the last step whose time has come, others may be late. */
    int64_t step = now > 0 && time_ns < due_ns(e, now) ? now - 1 : now;
    if (e->jitter == 0 && time_ns >= due_ns(e, expected) &&
        time_ns - due_ns(e, expected) < FAR_PLACES * e->quantum_ns)
        step = expected;
    e->step = step;
    e->started = true;
    *shift = step - expected;
    int64_t start_ns = due_ns(e, step);
    int64_t place = time_ns > start_ns ? (time_ns - start_ns) / e->quantum_ns : 0;
    /* Rounding down may fall behind the last tick. */
    int64_t behind_ns = e->place_ns - start_ns;
    if (place * e->quantum_ns < behind_ns)
        place = (behind_ns + e->quantum_ns - 1) / e->quantum_ns;
    e->place_ns = start_ns + place * e->quantum_ns;
    return place;
}

int lt_tick_encoder_begin(struct lt_tick_encoder *e, int64_t time_ns, uint32_t covers)
{
    struct lt_range_encoder *c = &e->coder;
    struct lt_tick_odds *o = &e->odds;
    int64_t shift;
    int64_t place = find_place(e, time_ns, covers, &shift);
    if (e->n_ticks == 0) {
        lt_range_encoder_begin(c);
        *o = (struct lt_tick_odds){0};
        e->first_step = e->step;
        e->changed = false;
        shift = 0;
    }
    bool irregular = place || shift || covers != 1;
    lt_range_encode(c, &o->irregular, irregular);
    if (irregular) {
        lt_range_encode_number(c, &o->covers, covers - 1);
        lt_range_encode(c, &o->earlier, shift < 0);
        lt_range_encode_number(c, &o->shift, (uint64_t)(shift < 0 ? -shift : shift));
        lt_range_encode_number(c, &o->place, (uint64_t)place);
    }
    return c->err;
}

static int add_slot(struct lt_tick_encoder *e, uint32_t id, struct lt_roster_thread *thread,
                    struct place place)
{
    int err =
        lt_array_grow(&e->slots, &e->slots_alloc, e->n_slots + 1, sizeof(e->slots[0]), MAX_SLOTS);
    if (err)
        return err;
    thread->slot = (uint32_t)e->n_slots;
    e->slots[e->n_slots++] =
        (struct lt_tick_encoder_slot){.thread = id, .now = place, .before = place, .next = place};
    return 0;
}

int lt_tick_encoder_change(struct lt_tick_encoder *e, uint32_t id, struct lt_roster_thread *thread)
{
    const struct place place = {thread->stack, thread->state, thread->tags};
    if (e->n_ticks == 0)
        return 0; /* the opening says it */
    e->n_changes++;
    if (thread->slot == LT_NO_SLOT)
        return add_slot(e, id, thread, place);
    struct lt_tick_encoder_slot *slot = &e->slots[thread->slot];
    slot->next = place;
    slot->changes = true;
    return 0;
}

void lt_tick_encoder_thread_end(struct lt_tick_encoder *e, struct lt_roster_thread *thread)
{
    uint32_t slot = thread->slot;
    thread->slot = LT_NO_SLOT;
    if (slot == LT_NO_SLOT)
        return;
    e->slots[slot].ends = e->slots[slot].changes = true;
    e->n_changes++;
}

static void put_place(struct lt_tick_encoder *e, struct place place)
{
    lt_range_encode_number(&e->coder, &e->odds.state[0], place.state);
    lt_range_encode_number(&e->coder, &e->odds.stack, place.stack);
    lt_range_encode_number(&e->coder, &e->odds.tags, place.tags);
}

static int put_opening(struct lt_tick_encoder *e, struct lt_roster *roster)
{
    uint32_t next_id = 0;
    int err = 0;
    for (uint32_t id = 0; !err && id < roster->n_threads; id++) {
        struct lt_roster_thread *t = &roster->threads[id];
        const struct place place = {t->stack, t->state, t->tags};
        if (!t->live)
            continue;
        lt_range_encode_number(&e->coder, &e->odds.thread, id - next_id);
        put_place(e, place);
        next_id = id + 1;
        err = add_slot(e, id, t, place);
    }
    e->n_opening = (uint32_t)e->n_slots;
    e->n_told = e->n_slots;
    return err ? err : e->coder.err;
}

/* To another place than the one before. */
static void put_move(struct lt_tick_encoder *e, struct place now, struct place next)
{
    struct lt_range_encoder *c = &e->coder;
    struct lt_tick_odds *o = &e->odds;
    bool moved = next.stack != now.stack, tagged = next.tags != now.tags;
    uint32_t state = next.state == now.state ? 0 : 1 + lt_tick_state(next.state);
    lt_range_encode_number(c, &o->state[lt_tick_state(now.state)], next.state);
    lt_range_encode(c, &o->moved[state], moved);
    if (moved)
        lt_range_encode_number(c, &o->stack, next.stack);
    lt_range_encode(c, &o->tagged, tagged);
    if (tagged)
        lt_range_encode_number(c, &o->tags, next.tags);
}

static void put_change(struct lt_tick_encoder *e, struct lt_tick_encoder_slot *slot)
{
    struct place next = slot->next;
    slot->changes = false;
    lt_range_encode(&e->coder, &e->odds.ended, slot->ends);
    slot->ended = slot->ends;
    if (slot->ended)
        return;
    bool back = next.stack == slot->before.stack && next.state == slot->before.state &&
                next.tags == slot->before.tags;
    lt_range_encode(&e->coder, &e->odds.back[lt_tick_state(slot->now.state)], back);
    if (!back)
        put_move(e, slot->now, next);
    slot->before = slot->now;
    slot->now = next;
}

static void put_changes(struct lt_tick_encoder *e)
{
    struct lt_range_encoder *c = &e->coder;
    bool other = false, changed = e->n_changes > 0;
    lt_range_encode(c, &e->odds.changed[e->changed], changed);
    e->changed = changed;
    if (!changed)
        return;
    for (size_t i = 0; i < e->n_told; i++) {
        struct lt_tick_encoder_slot *slot = &e->slots[i];
        if (slot->ended)
            continue;
        lt_range_encode(c, &e->odds.touched[other][lt_tick_state(slot->now.state)], slot->changes);
        other = other || slot->changes;
        if (slot->changes)
            put_change(e, slot);
    }
    for (; e->n_told < e->n_slots; e->n_told++) {
        struct lt_tick_encoder_slot *slot = &e->slots[e->n_told];
        lt_range_encode(c, &e->odds.another, true);
        lt_range_encode_number(c, &e->odds.thread, slot->thread);
        put_place(e, slot->now);
    }
    lt_range_encode(c, &e->odds.another, false);
    e->n_changes = 0;
}

int lt_tick_encoder_end(struct lt_tick_encoder *e, struct lt_roster *roster)
{
    int err = 0;
    if (e->n_ticks == 0)
        err = put_opening(e, roster);
    else
        put_changes(e);
    e->n_ticks++;
    return err ? err : e->coder.err;
}

size_t lt_tick_encoder_bytes(const struct lt_tick_encoder *e)
{
    return e->n_ticks ? e->coder.bytes.len : 0;
}

bool lt_tick_encoder_full(const struct lt_tick_encoder *e)
{
    return lt_tick_encoder_bytes(e) >= FULL_BYTES || e->n_ticks >= LT_TRACE_TICKS_MAX ||
           (uint64_t)e->n_ticks * e->n_slots >= FULL_SAMPLES;
}

void lt_tick_encoder_close(struct lt_tick_encoder *e, struct lt_roster *roster)
{
    for (size_t i = 0; i < roster->n_threads; i++)
        roster->threads[i].slot = LT_NO_SLOT;
    e->n_slots = e->n_told = e->n_changes = 0;
    e->n_ticks = 0;
}

int lt_tick_encoder_put(struct lt_tick_encoder *e, struct lt_buf *out)
{
    int err = lt_range_encoder_copy(&e->ending, &e->coder);
    if (!err)
        err = lt_range_encoder_end(&e->ending);
    if (!err)
        err = lt_buf_put_varint(out, e->n_ticks);
    if (!err)
        err = lt_buf_put_varint(out, (uint64_t)e->first_step);
    if (!err)
        err = lt_buf_put_varint(out, e->n_opening);
    return err ? err : lt_buf_put(out, e->ending.bytes.data, e->ending.bytes.len);
}
