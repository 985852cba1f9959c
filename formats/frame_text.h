/* SPDX-License-Identifier: Apache-2.0
 *
 * Places as text: how several profilers write where a frame is. */
#ifndef LT_FRAME_TEXT_H
#define LT_FRAME_TEXT_H

#include "formats/profile.h"

/* "file:line", or a file alone: fills file and line. The strings are parts of the text. */
void lt_frame_text_place(struct lt_str place, struct lt_frame_info *info);

/* "file:name:line" of Python 3.15's profiling.sampling and of austin. What does not look like that
 * is a name. */
void lt_frame_text_place_first(struct lt_str text, struct lt_frame_info *info);

/* "WHAT NAME (NUMBER)" or "WHAT (NUMBER)", as live-trace writes threads and processes; false for
 * other texts and for numbers above `max`. */
bool lt_frame_text_root(struct lt_str frame, const char *what, uint64_t max, struct lt_str *name,
                        uint64_t *number);

#endif
