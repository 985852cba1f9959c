/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of a web page's profile, column by column, which compresses well; page_data.js reads
 * them. Numbers are LEB128 varints (formats/varint.h); "signed" means zigzag:
 *
 *   strings   how many; their lengths in bytes; then all their bytes. 0 is the empty one
 *   frames    how many; names; files; lines; flags (enum live_trace_frame_flags); sources
 *   nodes     how many; then, callers before callees: levels to go up from the node before for the
 *             caller (the first one's is the root, level 0); frames. They are numbered from 1
 *   items     how many; nodes, each as the difference to the one before; contexts; how many cells
 *   cells     of all items: slots, each as the difference to the item's cell before; counts less 1;
 *             signed: microseconds more than count x interval */
#ifndef LT_HTML_COLUMNS_H
#define LT_HTML_COLUMNS_H

#include "analysis/stack_tree.h"
#include "exporters/live_trace_exporter.h"
#include "exporters/time_cells.h"
#include "formats/byte_buffer.h"

struct lt_html_profile {
    const struct live_trace_frame *const *frames; /* by id, as in the tree */
    size_t n_frames;
    const struct lt_stack_tree *tree;
    const struct lt_time_cells *cells; /* their nodes are the tree's */
    int64_t interval_ns;
};

/* Appends the columns. Calls that were seen fewer than `rarest` times are shown as one frame
 * "(rare calls)" in their caller; 0 shows all. Longer texts than LT_HTML_TEXT are cut. */
#define LT_HTML_TEXT 1024
int lt_html_columns(struct lt_buf *out, const struct lt_html_profile *p, uint64_t rarest);

#endif
