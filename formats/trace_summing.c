/* SPDX-License-Identifier: Apache-2.0
 *
 * Where totals come from: the TOTALS blocks of a segment, or else its ticks. */
#include "config.h"

#include "formats/trace_summing.h"

#include "formats/lt_error.h"
#include "formats/trace_format.h"

enum {
    MAX_ENTRIES = 1 << 19,
    MAX_WAITING = 8 << 20 /* a segment of the encoder stays below */
};

int lt_summing_init(struct lt_summing *s)
{
    return lt_trace_totals_new(&s->totals, MAX_ENTRIES);
}

void lt_summing_release(struct lt_summing *s)
{
    lt_trace_totals_free(s->totals);
    lt_buf_release(&s->waiting);
    lt_tick_reader_release(&s->ticks);
}

void lt_summing_begin(struct lt_summing *s, uint8_t segment, const struct lt_tick_clock *clock,
                      int64_t start_ns, struct lt_summing_window window)
{
    lt_trace_totals_clear(s->totals);
    lt_buf_clear(&s->waiting);
    s->segment = segment;
    s->clock = *clock;
    s->start_ns = start_ns;
    s->window = window;
    s->end_ns = 0;
    s->decoding = s->complete = false;
    s->next_part = 0;
}

/* Hands over what the table has and empties it. */
static int hand_over(struct lt_summing *s)
{
    uint32_t n = lt_trace_totals_count(s->totals);
    int err = 0;
    for (uint32_t i = 0; !err && i < n; i++)
        err = s->total(s->ctx, lt_trace_totals_at(s->totals, i));
    lt_trace_totals_clear(s->totals);
    return err;
}

static int add_run(void *ctx, const struct lt_trace_total *run)
{
    struct lt_summing *s = ctx;
    if (!s->inside) {
        s->outside += run->count;
        return 0;
    }
    int err = lt_trace_totals_add(s->totals, run);
    if (err != LT_ERR_LIMIT)
        return err;
    err = hand_over(s);
    return err ? err : lt_trace_totals_add(s->totals, run);
}

static bool is_inside(const struct lt_summing *s, int64_t time_ns)
{
    return time_ns >= s->window.from_ns && time_ns < s->window.to_ns;
}

/* No run goes on over an edge of the window. */
static bool parts(void *ctx, int64_t time_ns)
{
    const struct lt_summing *s = ctx;
    return is_inside(s, time_ns) != s->inside;
}

static int note_time(void *ctx, int64_t time_ns, uint32_t covers)
{
    struct lt_summing *s = ctx;
    int64_t weight_ns, end_ns;
    s->inside = is_inside(s, time_ns);
    if (!__builtin_mul_overflow((int64_t)covers, s->clock.interval_ns, &weight_ns) &&
        !__builtin_add_overflow(time_ns, weight_ns, &end_ns) && end_ns > s->end_ns)
        s->end_ns = end_ns;
    return 0;
}

static int decode(struct lt_summing *s, bool deflated, struct lt_str stored)
{
    const struct lt_tick_sink sink = {.ctx = s, .run = add_run, .parts = parts, .tick = note_time};
    struct lt_str payload;
    int err = lt_inflater_payload(s->inflater, deflated, stored, &payload);
    if (!err) {
        struct lt_cursor c = lt_cursor_over(payload.data, payload.len);
        if (lt_cursor_u8(&c) != s->segment)
            return 0;
        err = lt_tick_reader_read(&s->ticks, c, &s->clock, &sink);
    }
    if (err != LT_BAD_PAYLOAD)
        return err;
    s->bad++;
    return 0;
}

/* From now on the ticks are what counts. */
static int decode_waiting(struct lt_summing *s)
{
    struct lt_cursor c = lt_cursor_over(s->waiting.data, s->waiting.len);
    int err = 0;
    lt_trace_totals_clear(s->totals);
    s->decoding = true;
    while (!err && lt_cursor_left(&c)) {
        bool deflated = lt_cursor_u8(&c) != 0;
        err = decode(s, deflated, lt_cursor_str(&c));
    }
    lt_buf_clear(&s->waiting);
    return err;
}

int lt_summing_ticks(struct lt_summing *s, const struct lt_block *block)
{
    const struct lt_str stored = {(const char *)block->stored, block->stored_len};
    int err = 0;
    if (!s->decoding && s->waiting.len + stored.len > MAX_WAITING)
        err = decode_waiting(s);
    if (err)
        return err;
    if (s->decoding)
        return decode(s, block->deflated, stored);
    err = lt_buf_put_u8(&s->waiting, block->deflated);
    if (!err)
        err = lt_buf_put_varint(&s->waiting, stored.len);
    return err ? err : lt_buf_put(&s->waiting, stored.data, stored.len);
}

static int read_totals(struct lt_summing *s, struct lt_cursor *c)
{
    struct lt_totals_head head;
    struct lt_trace_total row = {0};
    int err = lt_totals_head_read(c, &head);
    if (err || s->complete || head.part != s->next_part)
        return LT_BAD_PAYLOAD;
    for (uint32_t i = 0; !err && i < head.rows; i++) {
        err = lt_totals_row_read(c, &row);
        if (!err)
            err = lt_trace_totals_add(s->totals, &row);
    }
    s->next_part++;
    s->complete = !err && head.last;
    s->end_ns = head.end_ns;
    return err;
}

int lt_summing_totals(struct lt_summing *s, struct lt_cursor payload)
{
    if (s->decoding)
        return 0;
    int err = read_totals(s, &payload);
    if (err != LT_BAD_PAYLOAD && err != LT_ERR_LIMIT)
        return err;
    s->complete = false;
    s->end_ns = 0;
    return decode_waiting(s);
}

/* Is a before b, and not only because times of ticks are exact to a quantum? */
static bool is_clearly_before(const struct lt_summing *s, int64_t a_ns, int64_t b_ns)
{
    int64_t later_ns;
    return !__builtin_add_overflow(a_ns, s->clock.quantum_ns, &later_ns) && later_ns < b_ns;
}

static bool is_all_inside(const struct lt_summing *s)
{
    const struct lt_summing_window *w = &s->window;
    return (w->from_ns <= 0 || is_clearly_before(s, w->from_ns, s->start_ns)) &&
           (w->to_ns == INT64_MAX || is_clearly_before(s, s->end_ns, w->to_ns));
}

static bool is_all_outside(const struct lt_summing *s)
{
    return is_clearly_before(s, s->end_ns, s->window.from_ns) ||
           is_clearly_before(s, s->window.to_ns, s->start_ns);
}

static void pass_over(struct lt_summing *s)
{
    uint32_t n = lt_trace_totals_count(s->totals);
    for (uint32_t i = 0; i < n; i++)
        s->outside += lt_trace_totals_at(s->totals, i)->count;
    lt_trace_totals_clear(s->totals);
}

int lt_summing_end(struct lt_summing *s)
{
    int err = 0;
    if (s->complete && is_all_outside(s))
        pass_over(s);
    else if (!s->decoding && !(s->complete && is_all_inside(s)))
        err = decode_waiting(s);
    return err ? err : hand_over(s);
}
