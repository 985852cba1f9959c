/* SPDX-License-Identifier: Apache-2.0
 *
 * Colours of a flame graph's boxes. A palette is a few colours with a meaning, each in four shades, so
 * that neighbours can be told apart; a frame has the same shade in every graph. Texts on them have a
 * contrast of at least 4.5, in light and in dark. */
#ifndef LT_FLAME_PALETTE_H
#define LT_FLAME_PALETTE_H

#include "exporters/flame_tree.h"

struct lt_buf;

/* At most so many colours in one palette. */
enum { LT_FLAME_COLORS = 16, LT_FLAME_SHADES = 4 };

/* For --option palette=..., ended by NULL; the place of a name is the palette. */
extern const char *const lt_flame_palette_names[];
enum { LT_FLAME_PALETTE_OWNER = 0 };

struct lt_flame_color {
    unsigned color; /* below LT_FLAME_COLORS, of its palette */
    unsigned shade;
};

struct lt_flame_color lt_flame_palette_color(int palette, const struct lt_flame_frame *frame);

/* For a differential graph: blue where a frame itself has less than before, red where it has more, in
 * steps of 0.1, 1 and 10 per cent of the whole. */
enum { LT_FLAME_PALETTE_CHANGE = -1, LT_FLAME_LESS = 0, LT_FLAME_MORE = 6 };
struct lt_flame_color lt_flame_palette_change(uint64_t before, uint64_t after, uint64_t whole);

/* What a colour stands for ("your code"), or NULL where colours only tell boxes apart. */
const char *lt_flame_palette_meaning(int palette, unsigned color);

/* Appends a rule of CSS for each shade of a colour: ".cCOLOR-SHADE rect{fill:#rrggbb}".
 * 0 or LT_ERR_NOMEM. */
int lt_flame_palette_css(struct lt_buf *out, int palette, unsigned color, bool dark);

#endif
