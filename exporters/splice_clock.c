/* SPDX-License-Identifier: Apache-2.0
 *
 * Corrections as a row of turns, with lines or steps between them. */
#include "config.h"

#include "exporters/splice_clock.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"

#define MAX_TURNS ((size_t)1 << 20)

/* Both readings are a little apart. */
static const int64_t SLACK_NS = 1000000;

void lt_splice_clock_release(struct lt_splice_clock *c)
{
    free(c->turns);
    *c = (struct lt_splice_clock){0};
}

int lt_splice_clock_add(struct lt_splice_clock *c, const struct lt_clock_anchor *anchor)
{
    struct lt_splice_turn turn = {.time_ns = anchor->time_ns, .wall_ns = anchor->start_realtime_ns};
    int64_t gained;
    int error = lt_array_grow(&c->turns, &c->alloc, c->n + 1, sizeof *c->turns, MAX_TURNS);

    if (error < 0) {
        return error;
    }
    if (c->n > 0) {
        const struct lt_splice_turn *last = &c->turns[c->n - 1];
        if (turn.time_ns < last->time_ns ||
            __builtin_sub_overflow(turn.wall_ns, last->wall_ns, &gained)) {
            return 0; /* damaged: nothing to go by */
        }
        int64_t drift = (turn.time_ns - last->time_ns) / LT_CLOCK_DRIFT_PER + SLACK_NS;
        turn.step = gained > drift || gained < -drift;
        if (turn.step && gained < 0) {
            gained = 0;
        }
        if (__builtin_add_overflow(last->correction_ns, gained, &turn.correction_ns)) {
            return 0;
        }
    }
    c->turns[c->n++] = turn;
    return 0;
}

/* A reading is of the moment after the last tick before it. */
int64_t lt_splice_clock_map(struct lt_splice_clock *c, int64_t time_ns)
{
    int64_t correction = 0, mapped;

    if (c->n > 0 && c->turns[c->at].time_ns >= time_ns) {
        c->at = 0;
    }
    while (c->at + 1 < c->n && c->turns[c->at + 1].time_ns < time_ns) {
        c->at++;
    }
    if (c->n > 0 && c->turns[c->at].time_ns < time_ns) {
        const struct lt_splice_turn *turn = &c->turns[c->at];
        correction = turn->correction_ns;
        if (c->at + 1 < c->n && !turn[1].step && turn[1].time_ns > turn->time_ns) {
            double part =
                (double)(time_ns - turn->time_ns) / (double)(turn[1].time_ns - turn->time_ns);
            correction += (int64_t)((double)(turn[1].correction_ns - turn->correction_ns) * part);
        }
    }
    if (__builtin_add_overflow(time_ns, correction, &mapped)) {
        return time_ns;
    }
    return mapped > 0 ? mapped : 0;
}
