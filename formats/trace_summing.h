/* SPDX-License-Identifier: Apache-2.0
 *
 * Totals of a segment for a consumer that needs no more. The ticks are kept as they are stored
 * until it is known whether the segment ends with a good TOTALS block; only if it does not, or is
 * partly outside of the window that is asked for, are they decoded. That works without going back in
 * the input, so also in a pipe. */
#ifndef LT_TRACE_SUMMING_H
#define LT_TRACE_SUMMING_H

#include "formats/block_reader.h"
#include "formats/trace_tick_reader.h"
#include "formats/trace_totals.h"

/* What is asked for, in the recording's own time. */
struct lt_summing_window {
    int64_t from_ns, to_ns; /* from the one on and before the other */
};

/* One segment. Zero-initialised, but for the first three. */
struct lt_summing {
    struct lt_inflater *inflater; /* borrowed */
    void *ctx;
    int (*total)(void *ctx, const struct lt_trace_total *total); /* where totals go to */

    struct lt_trace_totals *totals;
    struct lt_buf waiting; /* TICKS blocks: deflated?, length, bytes */
    struct lt_tick_reader ticks;
    uint8_t segment; /* the lower bits of its number */
    struct lt_tick_clock clock;
    struct lt_summing_window window;
    int64_t start_ns; /* no tick is before it */
    int64_t end_ns;   /* of the segment, as far as it is known; 0 not at all */
    bool decoding;    /* too many ticks to keep, or bad totals: decoded at once */
    bool complete;    /* all TOTALS blocks came */
    bool inside;      /* the tick that was decoded last is in the window */
    uint32_t next_part;
    uint64_t outside; /* stack samples outside of the window, cumulative */
    uint64_t bad;     /* blocks that made no sense, cumulative */
};

int lt_summing_init(struct lt_summing *s);
void lt_summing_release(struct lt_summing *s);

/* A segment begins, whose ticks are at start_ns or later. */
void lt_summing_begin(struct lt_summing *s, uint8_t segment, const struct lt_tick_clock *clock,
                      int64_t start_ns, struct lt_summing_window window);
/* A TICKS block; only those that turn out to be of the segment count. */
int lt_summing_ticks(struct lt_summing *s, const struct lt_block *block);
/* A TOTALS payload of it. */
int lt_summing_totals(struct lt_summing *s, struct lt_cursor payload);
/* It has ended: hands over the totals. */
int lt_summing_end(struct lt_summing *s);

#endif
