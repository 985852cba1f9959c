/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks as nodes of one tree: a node is (caller's node, frame), node 0 the empty
 * stack. Shared callers are kept once, so that memory follows the number of different
 * stacks and not the number of samples. */
#ifndef LT_STACK_TREE_H
#define LT_STACK_TREE_H

#include <stdint.h>

struct lt_stack_tree; /* opaque */

int lt_stack_tree_new(struct lt_stack_tree **out);
void lt_stack_tree_free(struct lt_stack_tree *t);
/* Only node 0 is left. */
void lt_stack_tree_clear(struct lt_stack_tree *t);

/* The node of `frame` called from `parent`; equal input, equal id. LT_ERR_NOMEM, LT_ERR_LIMIT. */
int lt_stack_tree_child(struct lt_stack_tree *t, uint32_t parent, uint32_t frame, uint32_t *id);

uint32_t lt_stack_tree_parent(const struct lt_stack_tree *t, uint32_t node);
uint32_t lt_stack_tree_frame(const struct lt_stack_tree *t, uint32_t node); /* not of node 0 */
uint32_t lt_stack_tree_depth(const struct lt_stack_tree *t, uint32_t node); /* frames; node 0: 0 */
uint32_t lt_stack_tree_count(const struct lt_stack_tree *t);                /* nodes, with 0 */

#endif
