/* SPDX-License-Identifier: Apache-2.0
 *
 * TICKS blocks of a segment, kept as they are stored, and summed when that turns out to be needed.
 * Each block says for itself what every thread is at, so several threads decode: each takes a row of
 * blocks that follow each other into a table of its own. The tables are handed over in the order of the
 * blocks, so a consumer that sums sees the same, in the same order, however many threads there were. */
#ifndef LT_TRACE_FOLDING_H
#define LT_TRACE_FOLDING_H

#include "formats/block_reader.h"
#include "formats/trace_tick_reader.h"
#include "formats/trace_totals.h"

/* What is asked for, in the recording's own time. */
struct lt_tick_window {
    int64_t from_ns, to_ns; /* from the one on and before the other */
};

struct lt_folding_segment {
    uint8_t number; /* its lower bits: blocks of others are passed over */
    struct lt_tick_clock clock;
    struct lt_tick_window window;
};

struct lt_folding_sums {
    int64_t end_ns;   /* of the last tick and its weight; 0 without ticks */
    uint64_t outside; /* stack samples outside of the window */
    uint64_t bad;     /* blocks that made no sense */
};

struct lt_folding; /* opaque */

/* `threads`: that many decode, the caller's among them; 0: as many as there are processors for this
 * program, and few for little work. */
int lt_folding_new(struct lt_folding **out, unsigned threads);
void lt_folding_free(struct lt_folding *f);

int lt_folding_keep(struct lt_folding *f, const struct lt_block *block);
/* Bytes that are kept. */
size_t lt_folding_kept(const struct lt_folding *f);
void lt_folding_forget(struct lt_folding *f);

/* Decodes the blocks that are kept; the sink is called from the caller's thread only. Returns what the
 * sink returned, LT_ERR_NOMEM, or 0: then *sums is filled. */
int lt_folding_run(struct lt_folding *f, const struct lt_folding_segment *segment,
                   const struct lt_total_sink *sink, struct lt_folding_sums *sums);

#endif
