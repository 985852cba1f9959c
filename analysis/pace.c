/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts all, keeps the longest. */
#include "config.h"

#include "analysis/pace.h"

#include <stdbool.h>
#include <string.h>

static int64_t saturated_product(uint32_t covers, int64_t interval_ns)
{
    int64_t product;
    return __builtin_mul_overflow(covers, interval_ns, &product) ? INT64_MAX : product;
}

/* Makes room for one that is longer than the shortest. */
static bool drop_shortest(struct lt_pace *p, int64_t length_ns)
{
    size_t shortest = 0;
    for (size_t i = 1; i < p->n_kept; i++) {
        if (p->kept[i].length_ns < p->kept[shortest].length_ns)
            shortest = i;
    }
    if (p->kept[shortest].length_ns >= length_ns)
        return false;
    p->n_kept--;
    memmove(&p->kept[shortest], &p->kept[shortest + 1],
            (p->n_kept - shortest) * sizeof(p->kept[0]));
    return true;
}

static void add_gap(struct lt_pace *p, int64_t start_ns, int64_t length_ns, enum lt_gap_cause cause)
{
    p->gaps++;
    if (__builtin_add_overflow(p->gaps_ns, length_ns, &p->gaps_ns))
        p->gaps_ns = INT64_MAX;
    if (p->n_kept < LT_GAPS_KEPT || drop_shortest(p, length_ns))
        p->kept[p->n_kept++] = (struct lt_gap){start_ns, length_ns, cause};
}

static void note_late(struct lt_pace *p, int64_t time_ns, uint32_t covers, int64_t stands_for_ns)
{
    p->late++;
    p->missed += covers - 1;
    if (covers > p->worst_covers) {
        p->worst_covers = covers;
        p->worst_length_ns = stands_for_ns;
        p->worst_ns = time_ns;
    }
}

int lt_pace_tick(void *ctx, int64_t time_ns, uint32_t covers, int64_t interval_ns)
{
    struct lt_pace *p = ctx;
    int64_t since_ns = time_ns - p->last_ns;
    int64_t stands_for_ns = saturated_product(covers, interval_ns);
    p->ticks++;
    if (interval_ns && covers > 1)
        note_late(p, time_ns, covers, stands_for_ns);
    if (interval_ns && since_ns > LT_GAP_NS &&
        since_ns > saturated_product(LT_GAP_INTERVALS, interval_ns))
        add_gap(p, p->last_ns, since_ns,
                stands_for_ns > since_ns / 2 ? LT_GAP_MISSED : LT_GAP_NOTHING);
    p->last_ns = time_ns;
    return 0;
}

int lt_pace_clock(void *ctx, const struct lt_clock_anchor *anchor)
{
    struct lt_pace *p = ctx;
    int64_t step_ns;
    if (p->has_anchor &&
        !__builtin_sub_overflow(anchor->start_realtime_ns, p->anchor.start_realtime_ns, &step_ns) &&
        step_ns - (anchor->time_ns - p->anchor.time_ns) / LT_CLOCK_DRIFT_PER > LT_GAP_NS)
        add_gap(p, anchor->time_ns, step_ns, LT_GAP_CLOCK);
    p->anchor = *anchor;
    p->has_anchor = true;
    return 0;
}

const char *lt_gap_cause_name(enum lt_gap_cause cause)
{
    static const char *const names[] = {
        [LT_GAP_MISSED] = "missed", [LT_GAP_NOTHING] = "nothing", [LT_GAP_CLOCK] = "clock"};
    return names[cause];
}
