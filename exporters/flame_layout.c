/* SPDX-License-Identifier: Apache-2.0
 *
 * Totals from the leaves down, then callees of one caller beside each other. A box that is left out
 * would stand at the right end of its caller, so the others keep their places. */
#include "config.h"

#include "exporters/flame_layout.h"

#include <stdlib.h>
#include <string.h>

#include "formats/lt_error.h"

/* A box with what siblings are ordered by. */
struct place {
    struct lt_flame_box box;
    uint32_t parent;
    const char *label;
};

static int by_label(const void *left, const void *right)
{
    const struct place *a = left, *b = right;

    if (a->parent != b->parent) {
        return a->parent < b->parent ? -1 : 1;
    }
    return strcmp(a->label, b->label);
}

static int by_weight(const void *left, const void *right)
{
    const struct place *a = left, *b = right;

    if (a->parent == b->parent && a->box.width != b->box.width) {
        return a->box.width > b->box.width ? -1 : 1;
    }
    return by_label(left, right);
}

/* Nodes are numbered as they come. */
static int by_time(const void *left, const void *right)
{
    const struct place *a = left, *b = right;

    if (a->parent != b->parent) {
        return a->parent < b->parent ? -1 : 1;
    }
    return (a->box.node > b->box.node) - (a->box.node < b->box.node);
}

static int (*const orders[])(const void *, const void *) = {
    [LT_FLAME_BY_LABEL] = by_label,
    [LT_FLAME_BY_WEIGHT] = by_weight,
    [LT_FLAME_BY_TIME] = by_time,
};

/* From left to right; callers before what stands on them. */
static int by_position(const void *left, const void *right)
{
    const struct lt_flame_box *a = left, *b = right;

    if (a->x != b->x) {
        return a->x < b->x ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

struct totals {
    uint64_t side[LT_FLAME_SIDES];
};

/* What each node weighs with all that it calls. */
static void add_totals(struct totals *totals, const struct lt_flame_tree *tree)
{
    for (uint32_t node = lt_flame_tree_count(tree); node-- > 0;) {
        for (unsigned side = 0; side < LT_FLAME_SIDES; side++) {
            totals[node].side[side] += lt_flame_tree_self(tree, node, side);
            if (node > 0) {
                totals[lt_flame_tree_parent(tree, node)].side[side] += totals[node].side[side];
            }
        }
    }
}

/* The root always is. Callees are never wider than their callers. */
static bool is_wide(uint32_t node, uint64_t width, double least)
{
    return node == 0 || (width > 0 && (double)width >= least);
}

static void place_node(struct place *place, const struct lt_flame_tree *tree, uint32_t node,
                       const struct totals *total, unsigned side)
{
    place->parent = node > 0 ? lt_flame_tree_parent(tree, node) : 0;
    place->label = node > 0 ? lt_flame_tree_frame(tree, node).label : "";
    place->box.node = node;
    place->box.row = lt_flame_tree_depth(tree, node);
    place->box.width = total->side[side];
    memcpy(place->box.total, total->side, sizeof place->box.total);
}

/* The boxes that are wide enough, not yet in their places, by number of their nodes. */
static struct place *wide_places(struct lt_flame_layout *l, const struct lt_flame_tree *tree,
                                 const struct lt_flame_layout_config *config)
{
    uint32_t nodes = lt_flame_tree_count(tree);
    struct totals *totals = calloc(nodes, sizeof *totals);
    struct place *places = NULL;
    double least;

    if (totals == NULL) {
        return NULL;
    }
    add_totals(totals, tree);
    least = config->least_part * (double)totals[0].side[config->side];
    for (uint32_t node = 0; node < nodes; node++) {
        uint64_t width = totals[node].side[config->side];
        l->n += is_wide(node, width, least);
        l->left_out += width > 0 && !is_wide(node, width, least);
    }
    places = calloc(l->n, sizeof *places);
    for (uint32_t node = 0, n = 0; node < nodes && places != NULL; node++) {
        if (is_wide(node, totals[node].side[config->side], least)) {
            place_node(&places[n++], tree, node, &totals[node], config->side);
        }
    }
    free(totals);
    return places;
}

/* x of each, by the x of its caller: callers have smaller numbers, so theirs is known. */
static void put_in_rows(struct place *places, size_t n, uint64_t *x_of_node)
{
    uint64_t x = 0;

    for (size_t i = 1; i < n; i++) {
        if (i == 1 || places[i].parent != places[i - 1].parent) {
            x = x_of_node[places[i].parent];
        }
        places[i].box.x = x;
        x_of_node[places[i].box.node] = x;
        x += places[i].box.width;
    }
}

/* In a chart callees stand where their caller called them; threads are beside each other. */
static void put_in_time(struct place *places, size_t n, uint64_t *x_of_node,
                        const struct lt_flame_tree *tree)
{
    uint64_t x = 0;

    for (size_t i = 1; i < n; i++) {
        uint32_t node = places[i].box.node, parent = places[i].parent;
        uint64_t since = lt_flame_tree_start(tree, node) - lt_flame_tree_start(tree, parent);

        places[i].box.x = parent == 0 ? x : x_of_node[parent] + since;
        x_of_node[node] = places[i].box.x;
        x += parent == 0 ? places[i].box.width : 0;
    }
}

static void copy_boxes(struct lt_flame_layout *l, const struct place *places)
{
    for (size_t i = 0; i < l->n; i++) {
        l->boxes[i] = places[i].box;
        l->rows = l->boxes[i].row >= l->rows ? l->boxes[i].row + 1 : l->rows;
    }
    qsort(l->boxes, l->n, sizeof *l->boxes, by_position);
}

int lt_flame_layout_make(struct lt_flame_layout *l, const struct lt_flame_tree *tree,
                         const struct lt_flame_layout_config *config)
{
    struct place *places;
    uint64_t *x_of_node;

    *l = (struct lt_flame_layout){0};
    places = wide_places(l, tree, config);
    x_of_node = calloc(lt_flame_tree_count(tree), sizeof *x_of_node);
    if (places != NULL && x_of_node != NULL) {
        l->boxes = calloc(l->n, sizeof *l->boxes);
    }
    if (l->boxes != NULL) {
        qsort(places + 1, l->n - 1, sizeof *places, orders[config->order]);
        if (config->order == LT_FLAME_BY_TIME) {
            put_in_time(places, l->n, x_of_node, tree);
        } else {
            put_in_rows(places, l->n, x_of_node);
        }
        copy_boxes(l, places);
    }
    free(places);
    free(x_of_node);
    return l->boxes != NULL ? 0 : LT_ERR_NOMEM;
}

void lt_flame_layout_release(struct lt_flame_layout *l)
{
    free(l->boxes);
    *l = (struct lt_flame_layout){0};
}
