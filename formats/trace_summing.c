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

int lt_summing_init(struct lt_summing *s, unsigned threads)
{
    int err = lt_trace_totals_new(&s->totals, MAX_ENTRIES);
    return err ? err : lt_folding_new(&s->ticks, threads);
}

void lt_summing_release(struct lt_summing *s)
{
    lt_trace_totals_free(s->totals);
    lt_folding_free(s->ticks);
}

void lt_summing_begin(struct lt_summing *s, const struct lt_folding_segment *segment,
                      int64_t start_ns)
{
    lt_trace_totals_clear(s->totals);
    lt_folding_forget(s->ticks);
    s->segment = *segment;
    s->start_ns = start_ns;
    s->end_ns = 0;
    s->decoding = s->complete = false;
    s->next_part = 0;
}

/* From now on the ticks are what counts. */
static int decode_waiting(struct lt_summing *s)
{
    struct lt_folding_sums sums;
    lt_trace_totals_clear(s->totals);
    s->decoding = true;
    int err = lt_folding_run(s->ticks, &s->segment, &s->sink, &sums);
    s->end_ns = sums.end_ns > s->end_ns ? sums.end_ns : s->end_ns;
    s->outside += sums.outside;
    s->bad += sums.bad;
    lt_folding_forget(s->ticks);
    return err;
}

int lt_summing_ticks(struct lt_summing *s, const struct lt_block *block)
{
    int err = 0;
    if (lt_folding_kept(s->ticks) + block->stored_len > MAX_WAITING)
        err = decode_waiting(s);
    return err ? err : lt_folding_keep(s->ticks, block);
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
    return !__builtin_add_overflow(a_ns, s->segment.clock.quantum_ns, &later_ns) && later_ns < b_ns;
}

static bool is_all_inside(const struct lt_summing *s)
{
    const struct lt_tick_window *w = &s->segment.window;
    return (w->from_ns <= 0 || is_clearly_before(s, w->from_ns, s->start_ns)) &&
           (w->to_ns == INT64_MAX || is_clearly_before(s, s->end_ns, w->to_ns));
}

static bool is_all_outside(const struct lt_summing *s)
{
    return is_clearly_before(s, s->end_ns, s->segment.window.from_ns) ||
           is_clearly_before(s, s->segment.window.to_ns, s->start_ns);
}

static void pass_over(struct lt_summing *s)
{
    uint32_t n = lt_trace_totals_count(s->totals);
    for (uint32_t i = 0; i < n; i++)
        s->outside += lt_trace_totals_at(s->totals, i).count;
    lt_trace_totals_clear(s->totals);
}

int lt_summing_end(struct lt_summing *s)
{
    if (s->decoding)
        return decode_waiting(s);
    if (s->complete && is_all_outside(s))
        pass_over(s);
    else if (!s->complete || !is_all_inside(s))
        return decode_waiting(s);
    return lt_trace_totals_hand_over(s->totals, &s->sink);
}
