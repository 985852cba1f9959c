/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws a laid out flame graph as one SVG file that needs nothing else. Without scripts, as in
 * an <img>, it is a still picture; where scripts run it fills the window, zooms and searches
 * (exporters/assets/flame.js). */
#ifndef LT_FLAME_SVG_H
#define LT_FLAME_SVG_H

#include "exporters/flame_layout.h"

enum lt_flame_theme { LT_FLAME_THEME_AUTO, LT_FLAME_THEME_LIGHT, LT_FLAME_THEME_DARK };

struct lt_flame_drawing {
    const struct lt_flame_tree *tree;
    const struct lt_flame_layout *layout;
    const char *title, *subtitle, *notes; /* "" for none */
    const char *description;              /* for those who do not see; "" for none */
    const char *count_name;               /* what weights count; NULL: they are nanoseconds */
    int palette;                          /* LT_FLAME_PALETTE_CHANGE: side 1 against side 0 */
    enum lt_flame_theme theme;
    bool icicle; /* the root is on top */
    bool script;
    double width, font_size; /* pixels, of the still picture */
};

/* 0, or a negative enum lt_error of the host's or LT_ERR_NOMEM. */
int lt_flame_svg_write(const struct lt_flame_drawing *d, const struct live_trace_host *host);

#endif
