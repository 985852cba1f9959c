/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree of stacks, as an array of nodes and an index by (parent, frame). */
#include "config.h"

#include "analysis/stack_tree.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_NODES (UINT32_C(1) << 28)

struct node {
    uint32_t parent, frame, depth;
};

struct lt_stack_tree {
    struct lt_intern *ids; /* id + 1 is the node: the root has no key */
    struct node *nodes;
    size_t alloc;
};

int lt_stack_tree_new(struct lt_stack_tree **out)
{
    struct lt_stack_tree *t = calloc(1, sizeof *t);
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    error = lt_intern_new(&t->ids, MAX_NODES, 0);
    if (error == 0) {
        error = lt_array_grow(&t->nodes, &t->alloc, 1, sizeof *t->nodes, MAX_NODES);
    }
    if (error < 0) {
        lt_stack_tree_free(t);
        return error;
    }
    t->nodes[0] = (struct node){0, 0, 0};
    *out = t;
    return 0;
}

void lt_stack_tree_free(struct lt_stack_tree *t)
{
    if (t == NULL) {
        return;
    }
    lt_intern_free(t->ids);
    free(t->nodes);
    free(t);
}

int lt_stack_tree_child(struct lt_stack_tree *t, uint32_t parent, uint32_t frame, uint32_t *id)
{
    const uint32_t key[2] = {parent, frame};
    uint32_t depth = t->nodes[parent].depth + 1;
    bool is_new;
    int error;

    error = lt_array_grow(&t->nodes, &t->alloc, (size_t)lt_intern_count(t->ids) + 2,
                          sizeof *t->nodes, MAX_NODES);
    if (error == 0) {
        error = lt_intern_id(t->ids, key, sizeof key, id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    *id += 1;
    if (is_new) {
        t->nodes[*id] = (struct node){parent, frame, depth};
    }
    return 0;
}

uint32_t lt_stack_tree_parent(const struct lt_stack_tree *t, uint32_t node)
{
    return t->nodes[node].parent;
}

uint32_t lt_stack_tree_frame(const struct lt_stack_tree *t, uint32_t node)
{
    return t->nodes[node].frame;
}

uint32_t lt_stack_tree_depth(const struct lt_stack_tree *t, uint32_t node)
{
    return t->nodes[node].depth;
}

uint32_t lt_stack_tree_count(const struct lt_stack_tree *t)
{
    return lt_intern_count(t->ids) + 1;
}
