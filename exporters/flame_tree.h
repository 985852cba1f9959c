/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks merged into the tree that a flame graph draws: equal callers once, frames that read alike
 * as one. Each node has a weight of its own on two sides, so that two recordings can be compared;
 * a plain graph uses side 0 alone. Memory follows the number of different stacks.
 *
 * For a flame chart, which shows what ran when, a frame is one only as long as it stays in its thread's
 * stack. Of a long recording changes that follow each other too fast are passed over. */
#ifndef LT_FLAME_TREE_H
#define LT_FLAME_TREE_H

#include <stdbool.h>

#include "exporters/frame_labels.h"
#include "exporters/live_trace_exporter.h"

enum { LT_FLAME_SIDES = 2 };

/* Nobody draws, or looks at, more rows than that: of deeper stacks the middle is left out, and one
 * frame stands for it. */
enum { LT_FLAME_MAX_DEPTH = 2000 };

struct lt_flame_frame {
    const char *label; /* "name (file:line)" */
    struct lt_label_parts parts;
    uint32_t flags; /* enum live_trace_frame_flags */
};

struct lt_flame_tree; /* opaque */

/* by_line: lines are part of labels. reverse: innermost frames become the roots. */
int lt_flame_tree_new(struct lt_flame_tree **out, bool by_line, bool reverse);
void lt_flame_tree_free(struct lt_flame_tree *t);

/* Frames of one delivery have dense ids: call this before the first stack of another one. */
void lt_flame_tree_next_delivery(struct lt_flame_tree *t);
int lt_flame_tree_add(struct lt_flame_tree *t, const struct live_trace_stack *stack, unsigned side,
                      uint64_t weight);

/* The same for a chart, on side 0: samples of each thread in the order of time. What has no weight is
 * not in it. */
int lt_flame_tree_add_sample(struct lt_flame_tree *t, const struct live_trace_stack *sample,
                             uint64_t weight);

/* Nodes from 0, the root, which has no frame; callers come before what they call. */
uint32_t lt_flame_tree_count(const struct lt_flame_tree *t);
uint32_t lt_flame_tree_parent(const struct lt_flame_tree *t, uint32_t node);
uint32_t lt_flame_tree_depth(const struct lt_flame_tree *t, uint32_t node);
uint64_t lt_flame_tree_self(const struct lt_flame_tree *t, uint32_t node, unsigned side);
/* Valid until the next add. */
struct lt_flame_frame lt_flame_tree_frame(const struct lt_flame_tree *t, uint32_t node);
/* Of a chart: the weight of the node's thread before it. */
uint64_t lt_flame_tree_start(const struct lt_flame_tree *t, uint32_t node);
/* Stacks whose middle was left out. */
uint64_t lt_flame_tree_cut(const struct lt_flame_tree *t);
/* Samples of a chart whose weight went to the stack before theirs. */
uint64_t lt_flame_tree_passed_over(const struct lt_flame_tree *t);

#endif
