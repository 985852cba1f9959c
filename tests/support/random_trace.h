/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings from a seed. `gil` is a model of a real one, for measurements: threads that take turns
 * at the GIL with stacks that call and return, while their innermost lines move; `idle` is a server
 * that mostly waits; `wild` tries everything that the encoder can be asked for, sensible or not. */
#ifndef LT_RANDOM_TRACE_H
#define LT_RANDOM_TRACE_H

#include "formats/trace_writer.h"

struct lt_random_trace {
    const char *kind; /* "gil", "idle" or "wild" */
    uint64_t seed;
    unsigned rate; /* ticks a second */
    unsigned ticks;
    unsigned threads; /* gil, idle: how many; wild: at most that many at a time */
    struct lt_block_sink sink;

    /* Called for each stack sample as it goes into the trace; `place` is everything about it but
     * time and thread as text: state, tags, stack. May be NULL. */
    void (*sample)(void *ctx, uint64_t tid, int64_t time_ns, int64_t weight_ns, const char *place);
    void *ctx;
};

/* 0 or a negative enum lt_error; LT_ERR_USAGE for an unknown kind. */
int lt_random_trace_write(const struct lt_random_trace *trace);

#endif
