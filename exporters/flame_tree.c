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

/* Whenever a chart has got so many more nodes, it gets twice as coarse. */
#define CHART_NODES ((size_t)32000)

/* What a label does not say. */
struct label_info {
    struct lt_label_parts parts;
    uint32_t flags;
};

struct weights {
    uint64_t side[LT_FLAME_SIDES];
};

/* Of a chart: a frame that began when its thread had so much weight. */
struct occurrence {
    uint32_t label;
    uint64_t start;
};

/* A thread of a chart. */
struct branch {
    uint32_t *nodes; /* of the stack at hand, root first */
    size_t depth, alloc;
    uint64_t weight;
    uint64_t left; /* weight that still goes to the stack at hand, whatever runs */
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

    /* Of a chart: what stacks are made of are occurrences of labels. */
    struct occurrence *occurrences;
    size_t n_occurrences, occurrences_alloc;
    struct branch *branches; /* by thread */
    size_t n_branches, branches_alloc;
    size_t coarser_at; /* nodes */
    uint64_t window, passed_over;
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
    free(t->occurrences);
    for (size_t i = 0; i < t->n_branches; i++) {
        free(t->branches[i].nodes);
    }
    free(t->branches);
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

/* The label of the frame that stands at a place of what is drawn of the stack. */
static int label_at(struct lt_flame_tree *t, const struct live_trace_stack *stack, uint32_t place,
                    uint32_t *label)
{
    static const struct live_trace_frame gap = {
        .flags = LIVE_TRACE_FRAME_UNKNOWN,
        .name = "... frames left out ...",
        .file = "",
    };
    const struct live_trace_frame *frame;

    if (stack->depth > LT_FLAME_MAX_DEPTH && place >= KEPT_OUTER) {
        if (place == KEPT_OUTER) {
            return add_label(t, &gap, false, label);
        }
        place += stack->depth - LT_FLAME_MAX_DEPTH;
    }
    frame = stack->frames[t->reverse ? stack->depth - 1 - place : place];
    return lt_frame_labels_find(&t->labels, frame, label) ? 0 : add_label(t, frame, true, label);
}

static uint32_t drawn_depth(struct lt_flame_tree *t, const struct live_trace_stack *stack)
{
    if (stack->depth <= LT_FLAME_MAX_DEPTH) {
        return stack->depth;
    }
    t->cut++;
    return LT_FLAME_MAX_DEPTH;
}

static int give_weight(struct lt_flame_tree *t, uint32_t node, unsigned side, uint64_t weight)
{
    int error = lt_array_grow(&t->weights, &t->weights_alloc, lt_flame_tree_count(t),
                              sizeof *t->weights, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    while (t->n_weights < lt_flame_tree_count(t)) {
        t->weights[t->n_weights++] = (struct weights){{0}};
    }
    t->weights[node].side[side] += weight;
    return 0;
}

int lt_flame_tree_add(struct lt_flame_tree *t, const struct live_trace_stack *stack, unsigned side,
                      uint64_t weight)
{
    uint32_t depth = drawn_depth(t, stack), node = 0, label;
    int error = 0;

    for (uint32_t i = 0; i < depth && error == 0; i++) {
        error = label_at(t, stack, i, &label);
        if (error == 0) {
            error = lt_stack_tree_child(t->stacks, node, label, &node);
        }
    }
    return error < 0 ? error : give_weight(t, node, side, weight);
}

/* Charts. */

static int branch_of(struct lt_flame_tree *t, const struct live_trace_thread *thread,
                     struct branch **branch)
{
    int error = lt_array_reach(&t->branches, &t->n_branches, &t->branches_alloc, thread->id,
                               sizeof *t->branches, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    *branch = &t->branches[thread->id];
    return 0;
}

/* A new node for a frame that was not there before. */
static int occur(struct lt_flame_tree *t, struct occurrence occurrence, uint32_t parent,
                 uint32_t *node)
{
    int error = lt_array_grow(&t->occurrences, &t->occurrences_alloc, t->n_occurrences + 1,
                              sizeof *t->occurrences, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    t->occurrences[t->n_occurrences] = occurrence;
    return lt_stack_tree_child(t->stacks, parent, (uint32_t)t->n_occurrences++, node);
}

/* Goes along the thread's stack as far as the sample's is the same, then its own way. */
static int branch_off(struct lt_flame_tree *t, const struct live_trace_stack *sample,
                      struct branch *b)
{
    uint32_t depth = drawn_depth(t, sample), node = 0, label;
    bool same = true;
    int error = lt_array_grow(&b->nodes, &b->alloc, depth, sizeof *b->nodes, LT_FLAME_MAX_DEPTH);

    for (uint32_t i = 0; i < depth && error == 0; i++) {
        error = label_at(t, sample, i, &label);
        same = same && i < b->depth &&
               t->occurrences[lt_stack_tree_frame(t->stacks, b->nodes[i])].label == label;
        if (error == 0 && !same) {
            error = occur(t, (struct occurrence){label, b->weight}, node, &b->nodes[i]);
        }
        node = b->nodes[i];
    }
    b->depth = depth;
    return error;
}

int lt_flame_tree_add_sample(struct lt_flame_tree *t, const struct live_trace_stack *sample,
                             uint64_t weight)
{
    struct branch *b;
    int error;

    /* It would have no width, and be no step towards a coarser chart. */
    if (weight == 0) {
        return 0;
    }
    error = branch_of(t, sample->thread, &b);
    if (error < 0) {
        return error;
    }
    if (b->left > 0) {
        t->passed_over++;
    } else {
        error = branch_off(t, sample, b);
        b->left = t->window;
    }
    b->left -= weight < b->left ? weight : b->left;
    b->weight += weight;
    if (lt_flame_tree_count(t) > t->coarser_at + CHART_NODES) {
        t->coarser_at = lt_flame_tree_count(t);
        t->window = t->window > 0 ? 2 * t->window : 2 * weight;
    }
    return error < 0 ? error : give_weight(t, b->nodes[b->depth - 1], 0, weight);
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

    if (t->n_occurrences > 0) {
        label = t->occurrences[label].label;
    }
    return (struct lt_flame_frame){
        .label = lt_intern_get(t->labels.texts, label).data,
        .parts = t->infos[label].parts,
        .flags = t->infos[label].flags,
    };
}

uint64_t lt_flame_tree_start(const struct lt_flame_tree *t, uint32_t node)
{
    return node > 0 && t->n_occurrences > 0
               ? t->occurrences[lt_stack_tree_frame(t->stacks, node)].start
               : 0;
}

uint64_t lt_flame_tree_cut(const struct lt_flame_tree *t)
{
    return t->cut;
}

uint64_t lt_flame_tree_passed_over(const struct lt_flame_tree *t)
{
    return t->passed_over;
}
