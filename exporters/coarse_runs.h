/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of a spool, made fewer until a viewer can take them, without changing what any stack weighs.
 * In time: a stream is divided into steps of 2^shift of its weight, and in each, runs of equal stacks
 * become one, in the order in which they first appear. In depth: a frame that weighs less than
 * `least`, all that it calls included, becomes its caller's. */
#ifndef LT_COARSE_RUNS_H
#define LT_COARSE_RUNS_H

#include "analysis/stack_tree.h"
#include "exporters/run_spool.h"

#define LT_COARSE_EXACT (-1) /* a shift: runs stay as they are */
#define LT_COARSE_WHOLE 64   /* a shift: a stream is one step */

/* What is to be written. */
struct lt_coarse_source {
    const struct lt_run_spool *spool;
    const struct lt_stack_tree *tree;
    const uint32_t *node_of_stack; /* by stack of the spool */
};

/* How. Release with lt_coarse_plan_release(). */
struct lt_coarse_plan {
    int shift;
    uint64_t least; /* 0: no frame is merged into its caller */
    bool fits;
    uint64_t weight; /* of all runs */
    uint64_t exact_size,
        size;        /* bytes that runs take as JSON: as they are, and at most by this plan */
    uint32_t *shown; /* by node: the node that it is shown as */
};

/* The finest plan by which runs take no more than `budget` bytes, written as stacks of frame numbers
 * and weights; UINT64_MAX for no limit. Where none does, the smallest. LT_ERR_NOMEM, LT_ERR_IO. */
int lt_coarse_plan_make(struct lt_coarse_plan *plan, const struct lt_coarse_source *source,
                        uint64_t budget);
void lt_coarse_plan_release(struct lt_coarse_plan *plan);

struct lt_buf;

/* What it does, for people: "in steps of 33.6 ms", "..., with frames below 0.01% merged into their callers". */
int lt_coarse_plan_words(const struct lt_coarse_plan *plan, bool is_time, struct lt_buf *out);

struct lt_coarse_reader; /* opaque; borrows the plan and what the source points to */

int lt_coarse_reader_new(struct lt_coarse_reader **out, const struct lt_coarse_source *source,
                         const struct lt_coarse_plan *plan);
void lt_coarse_reader_free(struct lt_coarse_reader *r);
/* From the beginning of a stream. */
int lt_coarse_reader_begin(struct lt_coarse_reader *r, uint32_t stream);
/* 1: *run is the next one, its stack a node of the tree; 0: that was all; negative: enum lt_error. */
int lt_coarse_reader_next(struct lt_coarse_reader *r, struct lt_run *run);

#endif
