/* SPDX-License-Identifier: Apache-2.0
 *
 * Totals of a segment for a consumer that needs no more. The ticks are kept as they are stored
 * until it is known whether the segment ends with a good TOTALS block; only if it does not, or is
 * partly outside of the window that is asked for, are they decoded. That works without going back in
 * the input, so also in a pipe. */
#ifndef LT_TRACE_SUMMING_H
#define LT_TRACE_SUMMING_H

#include "formats/trace_folding.h"

/* One segment. Zero-initialised, but for the sink. */
struct lt_summing {
    struct lt_total_sink sink;

    struct lt_trace_totals *totals;
    struct lt_folding *ticks;
    struct lt_folding_segment segment;
    int64_t start_ns; /* no tick is before it */
    int64_t end_ns;   /* of the segment, as far as it is known; 0 not at all */
    bool decoding;    /* too many ticks to keep, or bad totals: TOTALS do not count */
    bool complete;    /* all TOTALS blocks came */
    uint32_t next_part;
    uint64_t outside; /* stack samples outside of the window, cumulative */
    uint64_t bad;     /* blocks that made no sense, cumulative */
};

/* `threads` as of lt_folding_new(). */
int lt_summing_init(struct lt_summing *s, unsigned threads);
void lt_summing_release(struct lt_summing *s);

/* A segment begins, whose ticks are at start_ns or later. */
void lt_summing_begin(struct lt_summing *s, const struct lt_folding_segment *segment,
                      int64_t start_ns);
/* A TICKS block; only those that turn out to be of the segment count. */
int lt_summing_ticks(struct lt_summing *s, const struct lt_block *block);
/* A TOTALS payload of it. */
int lt_summing_totals(struct lt_summing *s, struct lt_cursor payload);
/* It has ended: hands over the totals. */
int lt_summing_end(struct lt_summing *s);

#endif
