/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames as text, "name (file)" or "name (file:line)", for outputs that tell them apart by what a
 * reader sees: frames that read alike get one id. */
#ifndef LT_FRAME_LABELS_H
#define LT_FRAME_LABELS_H

#include <stdbool.h>

#include "exporters/live_trace_exporter.h"

struct lt_buf;
struct lt_intern;

/* Lengths in a label: the name begins it, the file (0: none) follows it behind " (". */
struct lt_label_parts {
    size_t name_len, file_len;
};

/* Whose code it is: "your code", "library", "standard library", or "" for none of them. */
const char *lt_frame_owner(const struct live_trace_frame *frame);

/* Appends a frame's text, cleaned; bytes of `from` become those of `to` (clean_text.h).
 * 0 or LT_ERR_NOMEM. */
int lt_frame_label(struct lt_buf *out, const struct live_trace_frame *frame, bool by_line,
                   const char *from, const char *to, struct lt_label_parts *parts);

/* A label of which readers of folded stacks would take the end for a count: "worker 12" becomes
 * "worker (12)". */
int lt_label_wrap_number(struct lt_buf *text);

/* Zero-initialised is released. */
struct lt_frame_labels {
    struct lt_intern *texts;
    uint32_t *by_frame; /* by frame id: text + 1, 0 not known yet */
    size_t n, alloc;
};

int lt_frame_labels_init(struct lt_frame_labels *l);
void lt_frame_labels_release(struct lt_frame_labels *l);

/* Is the frame's text known? Then *text is its id. */
bool lt_frame_labels_find(const struct lt_frame_labels *l, const struct live_trace_frame *frame,
                          uint32_t *text);
/* The id of a text; remembers that it is the frame's (NULL: of none). */
int lt_frame_labels_add(struct lt_frame_labels *l, const struct live_trace_frame *frame,
                        const struct lt_buf *label, uint32_t *text);

#endif
