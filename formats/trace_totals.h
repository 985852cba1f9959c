/* SPDX-License-Identifier: Apache-2.0
 *
 * Stack samples summed by thread, stack, state and tags. The encoder keeps such a table for each
 * segment and ends it with a TOTALS block; the decoder fills one from that block, or from the
 * ticks where the block is missing. */
#ifndef LT_TRACE_TOTALS_H
#define LT_TRACE_TOTALS_H

#include "formats/profile.h"
#include "formats/varint.h"

struct lt_block_sink;

/* What a thread was seen at: the key of a total. */
struct lt_trace_place {
    uint32_t thread, stack, state, tags;
};

struct lt_trace_total {
    struct lt_trace_place place;
    uint64_t count;  /* stack samples */
    uint64_t covers; /* intervals that they stand for */
};

/* Where totals go to. A place may come several times. */
struct lt_total_sink {
    void *ctx;
    int (*total)(void *ctx, const struct lt_trace_total *total);
};

struct lt_trace_totals; /* opaque */

int lt_trace_totals_new(struct lt_trace_totals **out, uint32_t max_entries);
void lt_trace_totals_free(struct lt_trace_totals *t);
void lt_trace_totals_clear(struct lt_trace_totals *t);

/* LT_ERR_LIMIT when the table is full: nothing was added. Allocates only for new places. */
int lt_trace_totals_add(struct lt_trace_totals *t, const struct lt_trace_total *total);

uint32_t lt_trace_totals_count(const struct lt_trace_totals *t);
/* In order of first appearance. */
struct lt_trace_total lt_trace_totals_at(const struct lt_trace_totals *t, uint32_t i);

/* Hands all of them to the sink, and empties the table. What the sink returned. */
int lt_trace_totals_hand_over(struct lt_trace_totals *t, const struct lt_total_sink *sink);

/* Hands the table to the sink as TOTALS blocks of the segment with this number, which ends at
 * end_ns. */
int lt_trace_totals_write(const struct lt_trace_totals *t, uint8_t segment, int64_t end_ns,
                          const struct lt_block_sink *sink);

/* What opens a TOTALS block. After it come `rows` rows. */
struct lt_totals_head {
    uint8_t segment;
    int64_t end_ns; /* of the segment's last tick and its weight, since time 0 */
    uint32_t part;  /* 0, 1, ... */
    bool last;
    uint32_t rows;
};

int lt_totals_head_read(struct lt_cursor *c, struct lt_totals_head *head);
/* *row holds the row before (zeroes at first) and becomes this one. LT_BAD_PAYLOAD. */
int lt_totals_row_read(struct lt_cursor *c, struct lt_trace_total *row);

#endif
