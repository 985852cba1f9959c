/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the boxes of a flame graph stand: a row for each depth, as wide as their weight, callees
 * side by side on their caller from its left end. Positions and widths are weights, not pixels. */
#ifndef LT_FLAME_LAYOUT_H
#define LT_FLAME_LAYOUT_H

#include "exporters/flame_tree.h"

struct lt_flame_box {
    uint32_t node; /* of the tree; 0: the box that all stand on */
    uint32_t row;  /* 0 for that box */
    uint64_t x;    /* of its left end */
    uint64_t width;
    uint64_t total[LT_FLAME_SIDES]; /* with all that it calls */
};

/* Of callees on one caller. By label, graphs compare best; charts are by time. */
enum lt_flame_order { LT_FLAME_BY_LABEL, LT_FLAME_BY_WEIGHT, LT_FLAME_BY_TIME };

struct lt_flame_layout_config {
    unsigned side;     /* whose weights are the widths */
    double least_part; /* narrower boxes, as a part of the whole, are left out */
    enum lt_flame_order order;
};

/* Zero-initialised is released. */
struct lt_flame_layout {
    struct lt_flame_box *boxes; /* callers before callees, from left to right; the first is row 0 */
    size_t n;
    size_t left_out; /* as too narrow */
    uint32_t rows;   /* with row 0 */
};

/* 0 or LT_ERR_NOMEM. */
int lt_flame_layout_make(struct lt_flame_layout *l, const struct lt_flame_tree *tree,
                         const struct lt_flame_layout_config *config);
void lt_flame_layout_release(struct lt_flame_layout *l);

#endif
