/* SPDX-License-Identifier: Apache-2.0
 *
 * From a recording's own clock to one that recordings of several hosts share. A recording reads the
 * wall clock again with each segment (formats/TRACE-FORMAT.md, 4.1): where that differs from the
 * first reading, the clocks drifted apart, or one was set, or the machine slept. */
#ifndef LT_SPLICE_CLOCK_H
#define LT_SPLICE_CLOCK_H

#include "formats/profile.h"

struct lt_splice_turn {
    int64_t time_ns;       /* of the recording */
    int64_t correction_ns; /* to be added to it */
    bool step;       /* the correction is reached at once, not along a line from the one before */
    int64_t wall_ns; /* what the anchor said: wall clock at time 0 */
};

/* Zero-initialised: no correction at all. */
struct lt_splice_clock {
    struct lt_splice_turn *turns;
    size_t n, alloc;
    size_t at; /* the turn that the last mapped time was behind: times mostly grow */
};

void lt_splice_clock_release(struct lt_splice_clock *c);

/* The next anchor; times grow. A clock that was set back changes nothing: time does not run back. */
int lt_splice_clock_add(struct lt_splice_clock *c, const struct lt_clock_anchor *anchor);
/* The corrected time, never negative. */
int64_t lt_splice_clock_map(struct lt_splice_clock *c, int64_t time_ns);

#endif
