/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree of stacks, as interned pairs of parent and frame. */
#include "config.h"

#include "analysis/stack_tree.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_NODES (UINT32_C(1) << 28)

struct key {
    uint32_t parent, frame;
};

struct lt_stack_tree {
    struct lt_intern *keys; /* id + 1 is the node: the root has no key */
    uint32_t *depths;
    size_t alloc;
};

int lt_stack_tree_new(struct lt_stack_tree **out)
{
    struct lt_stack_tree *t = calloc(1, sizeof *t);
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    error = lt_intern_new_sized(&t->keys, sizeof(struct key), MAX_NODES);
    if (error == 0) {
        error = lt_array_grow(&t->depths, &t->alloc, 1, sizeof *t->depths, MAX_NODES);
    }
    if (error < 0) {
        lt_stack_tree_free(t);
        return error;
    }
    t->depths[0] = 0;
    *out = t;
    return 0;
}

void lt_stack_tree_free(struct lt_stack_tree *t)
{
    if (t == NULL) {
        return;
    }
    lt_intern_free(t->keys);
    free(t->depths);
    free(t);
}

void lt_stack_tree_clear(struct lt_stack_tree *t)
{
    lt_intern_clear(t->keys);
}

int lt_stack_tree_child(struct lt_stack_tree *t, uint32_t parent, uint32_t frame, uint32_t *id)
{
    const struct key key = {parent, frame};
    uint32_t depth = t->depths[parent] + 1;
    bool is_new;
    int error;

    error = lt_array_grow(&t->depths, &t->alloc, (size_t)lt_intern_count(t->keys) + 2,
                          sizeof *t->depths, MAX_NODES);
    if (error == 0) {
        error = lt_intern_id(t->keys, &key, sizeof key, id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    *id += 1;
    if (is_new) {
        t->depths[*id] = depth;
    }
    return 0;
}

static struct key key_of(const struct lt_stack_tree *t, uint32_t node)
{
    struct key key = {0, 0};

    if (node != 0) {
        memcpy(&key, lt_intern_get(t->keys, node - 1).data, sizeof key);
    }
    return key;
}

uint32_t lt_stack_tree_parent(const struct lt_stack_tree *t, uint32_t node)
{
    return key_of(t, node).parent;
}

uint32_t lt_stack_tree_frame(const struct lt_stack_tree *t, uint32_t node)
{
    return key_of(t, node).frame;
}

uint32_t lt_stack_tree_depth(const struct lt_stack_tree *t, uint32_t node)
{
    return t->depths[node];
}

uint32_t lt_stack_tree_count(const struct lt_stack_tree *t)
{
    return lt_intern_count(t->keys) + 1;
}
