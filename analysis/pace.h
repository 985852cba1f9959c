/* SPDX-License-Identifier: Apache-2.0
 *
 * How evenly a recording went: stretches without a tick, and ticks that came late. From the ticks and
 * clocks of one input, in its order. */
#ifndef LT_PACE_H
#define LT_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "formats/profile.h"

/* A stretch without a tick is a gap when it is longer than a second and than three intervals: ticks stand anywhere in
 * theirs, so even punctual ones may be two apart. */
#define LT_GAP_NS INT64_C(1000000000)
#define LT_GAP_INTERVALS 3
#define LT_GAPS_KEPT 10

enum lt_gap_cause {
    LT_GAP_MISSED, /* the recorder was not let in: stopped, or the machine was too busy. The next tick
                       stands for most of it */
    LT_GAP_NOTHING, /* there was no thread to look at, or no recorder: the next tick stands for little of it */
    LT_GAP_CLOCK /* the wall clock went on and the recording's did not: the machine slept, or the
                       clock was set. Takes no time of the recording */
};

struct lt_gap {
    int64_t start_ns; /* of the recording */
    int64_t length_ns;
    enum lt_gap_cause cause;
};

/* Zero-initialised. */
struct lt_pace {
    uint64_t ticks;
    uint64_t late;           /* ticks that stand for more than one interval */
    uint64_t missed;         /* intervals that they stand for besides their own */
    uint32_t worst_covers;   /* most intervals that one stands for; 0: none is late */
    int64_t worst_length_ns; /* the time that it stands for */
    int64_t worst_ns;        /* when it came */

    uint64_t gaps;
    int64_t gaps_ns;                  /* their sum */
    struct lt_gap kept[LT_GAPS_KEPT]; /* the longest ones, in order of time */
    size_t n_kept;

    int64_t last_ns; /* the tick before; 0: the beginning */
    bool has_anchor;
    struct lt_clock_anchor anchor; /* the last one */
};

/* As the members `tick` and `clock` of struct lt_profile_handler; ctx is a struct lt_pace. They return
 * 0. */
int lt_pace_tick(void *ctx, int64_t time_ns, uint32_t covers, int64_t interval_ns);
int lt_pace_clock(void *ctx, const struct lt_clock_anchor *anchor);

/* "missed", "nothing", "clock" */
const char *lt_gap_cause_name(enum lt_gap_cause cause);

#endif
