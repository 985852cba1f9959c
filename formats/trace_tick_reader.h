/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of one TICKS block. */
#ifndef LT_TRACE_TICK_READER_H
#define LT_TRACE_TICK_READER_H

#include "formats/profile.h"
#include "formats/trace_tick_odds.h"
#include "formats/trace_totals.h"
#include "formats/varint.h"

struct lt_tick_slot {
    struct lt_trace_place place, before;
    bool ended;
    uint64_t since_tick, since_covers; /* of the block */
};

struct lt_tick_clock {
    int64_t interval_ns; /* the weight of a tick; 0 unknown */
    int64_t step_ns, quantum_ns;
    uint64_t jitter; /* seed of lt_tick_jitter_ns() */
};

/* What a block is decoded into: samples in order of time, or sums. Either may be NULL; a negative
 * return ends the block and is what reading it returns. */
struct lt_tick_sink {
    void *ctx;
    /* Each thread that takes part in a tick. */
    int (*sample)(void *ctx, int64_t time_ns, uint32_t covers, const struct lt_trace_place *place);
    /* Each run of ticks over which a thread did not change. */
    int (*run)(void *ctx, const struct lt_trace_total *total);
    /* Asked before each tick: do all runs end here? May be NULL. */
    bool (*parts)(void *ctx, int64_t time_ns);
    /* Each tick, after its samples. */
    int (*tick)(void *ctx, int64_t time_ns, uint32_t covers);
};

/* Zero-initialised; keeps its memory from block to block. */
struct lt_tick_reader {
    struct lt_tick_slot *slots;
    size_t n_slots, slots_alloc;
    struct lt_tick_odds odds;
};

void lt_tick_reader_release(struct lt_tick_reader *r);

/* `payload` begins after the byte of the segment. LT_BAD_PAYLOAD (what came before was delivered),
 * or what the sink returned. */
int lt_tick_reader_read(struct lt_tick_reader *r, struct lt_cursor payload,
                        const struct lt_tick_clock *clock, const struct lt_tick_sink *sink);

#endif
