/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of equal stacks by stream (a thread), in a stream_spool. */
#ifndef LT_RUN_SPOOL_H
#define LT_RUN_SPOOL_H

#include "exporters/stream_spool.h"

struct lt_run_spool; /* opaque */

struct lt_run {
    uint32_t stack;
    uint64_t weight;
};

int lt_run_spool_new(struct lt_run_spool **out);
void lt_run_spool_free(struct lt_run_spool *s);

/* Streams are dense from 0. A run with the stack of the one before makes that one longer. */
int lt_run_spool_add(struct lt_run_spool *s, uint32_t stream, struct lt_run run);

uint32_t lt_run_spool_streams(const struct lt_run_spool *s);

struct lt_run_reader {
    struct lt_spool_reader records;
    struct lt_run last; /* the last run, which may have become longer until now */
    bool has_last;
};

/* No more adding from here on. */
int lt_run_reader_init(struct lt_run_reader *r, const struct lt_run_spool *s, uint32_t stream);
/* 1: *run is the next one; 0: that was all; negative: enum lt_error. */
int lt_run_reader_next(struct lt_run_reader *r, struct lt_run *run);

#endif
