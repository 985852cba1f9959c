/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/flame_tree.h"

#include <stdlib.h>

#include "analysis/stack_tree.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)

enum { KEPT_OUTER = LT_FLAME_MAX_DEPTH / 2, KEPT_INNER = LT_FLAME_MAX_DEPTH - KEPT_OUTER - 1 };

/* What a label does not say. */
struct label_info {
    struct lt_label_parts parts;
    uint32_t flags;
};

struct weights {
    uint64_t side[LT_FLAME_SIDES];
};

struct lt_flame_tree {
    bool by_line, reverse;
    struct lt_frame_labels labels;
    struct label_info *infos; /* by label */
    size_t n_infos, infos_alloc;
    struct lt_stack_tree *stacks; /* of labels */
    struct weights *weights;      /* by node */
    size_t n_weights, weights_alloc;
    uint64_t cut;
};

int lt_flame_tree_new(struct lt_flame_tree **out, bool by_line, bool reverse)
{
    struct lt_flame_tree *t = calloc(1, sizeof *t);
    int error = t != NULL ? lt_frame_labels_init(&t->labels) : LT_ERR_NOMEM;

    if (error == 0) {
        error = lt_stack_tree_new(&t->stacks);
    }
    if (error < 0) {
        lt_flame_tree_free(t);
        return error;
    }
    t->by_line = by_line;
    t->reverse = reverse;
    *out = t;
    return 0;
}

void lt_flame_tree_free(struct lt_flame_tree *t)
{
    if (t == NULL) {
        return;
    }
    lt_frame_labels_release(&t->labels);
    lt_stack_tree_free(t->stacks);
    free(t->infos);
    free(t->weights);
    free(t);
}

void lt_flame_tree_next_delivery(struct lt_flame_tree *t)
{
    t->labels.n = 0;
}

/* The id of the frame's label. A frame that does not last has no id of its own. */
static int add_label(struct lt_flame_tree *t, const struct live_trace_frame *frame, bool lasts,
                     uint32_t *label)
{
    struct lt_buf text = {0};
    struct lt_label_parts parts;
    int error = lt_frame_label(&text, frame, t->by_line, "", "", &parts);

    if (error == 0) {
        error = lt_frame_labels_add(&t->labels, lasts ? frame : NULL, &text, label);
    }
    lt_buf_release(&text);
    if (error == 0) {
        error = lt_array_grow(&t->infos, &t->infos_alloc, (size_t)*label + 1, sizeof *t->infos,
                              MAX_ITEMS);
    }
    if (error == 0 && *label == t->n_infos) {
        t->infos[t->n_infos++] = (struct label_info){parts, frame->flags};
    }
    return error;
}

static int step(struct lt_flame_tree *t, const struct live_trace_frame *frame, uint32_t *node)
{
    uint32_t label;
    int error = 0;

    if (!lt_frame_labels_find(&t->labels, frame, &label)) {
        error = add_label(t, frame, true, &label);
    }
    return error < 0 ? error : lt_stack_tree_child(t->stacks, *node, label, node);
}

/* One frame for all that are left out. */
static int step_over(struct lt_flame_tree *t, uint32_t *node)
{
    static const struct live_trace_frame gap = {
        .flags = LIVE_TRACE_FRAME_UNKNOWN,
        .name = "... frames left out ...",
        .file = "",
    };
    uint32_t label;
    int error = add_label(t, &gap, false, &label);

    t->cut++;
    return error < 0 ? error : lt_stack_tree_child(t->stacks, *node, label, node);
}

/* The stack's node. */
static int walk(struct lt_flame_tree *t, const struct live_trace_stack *stack, uint32_t *node)
{
    bool too_deep = stack->depth > LT_FLAME_MAX_DEPTH;
    int error = 0;

    *node = 0;
    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        uint32_t at = t->reverse ? stack->depth - 1 - i : i;

        if (too_deep && i == KEPT_OUTER) {
            error = step_over(t, node);
            i = stack->depth - KEPT_INNER - 1;
        } else {
            error = step(t, stack->frames[at], node);
        }
    }
    return error;
}

int lt_flame_tree_add(struct lt_flame_tree *t, const struct live_trace_stack *stack, unsigned side,
                      uint64_t weight)
{
    uint32_t node;
    int error = walk(t, stack, &node);

    if (error == 0) {
        error = lt_array_grow(&t->weights, &t->weights_alloc, lt_flame_tree_count(t),
                              sizeof *t->weights, MAX_ITEMS);
    }
    if (error < 0) {
        return error;
    }
    while (t->n_weights < lt_flame_tree_count(t)) {
        t->weights[t->n_weights++] = (struct weights){{0}};
    }
    t->weights[node].side[side] += weight;
    return 0;
}

uint32_t lt_flame_tree_count(const struct lt_flame_tree *t)
{
    return lt_stack_tree_count(t->stacks);
}

uint32_t lt_flame_tree_parent(const struct lt_flame_tree *t, uint32_t node)
{
    return lt_stack_tree_parent(t->stacks, node);
}

uint32_t lt_flame_tree_depth(const struct lt_flame_tree *t, uint32_t node)
{
    return lt_stack_tree_depth(t->stacks, node);
}

uint64_t lt_flame_tree_self(const struct lt_flame_tree *t, uint32_t node, unsigned side)
{
    return node < t->n_weights ? t->weights[node].side[side] : 0;
}

struct lt_flame_frame lt_flame_tree_frame(const struct lt_flame_tree *t, uint32_t node)
{
    uint32_t label = lt_stack_tree_frame(t->stacks, node);

    return (struct lt_flame_frame){
        .label = lt_intern_get(t->labels.texts, label).data,
        .parts = t->infos[label].parts,
        .flags = t->infos[label].flags,
    };
}

uint64_t lt_flame_tree_cut(const struct lt_flame_tree *t)
{
    return t->cut;
}
