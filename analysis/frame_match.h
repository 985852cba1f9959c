/* SPDX-License-Identifier: Apache-2.0
 *
 * --focus, --ignore and --hide: POSIX extended regular expressions, tried on a frame's
 * "name (file)", "name (file:line)" and the latter with the file as recorded. A frame matches a
 * list when any expression of it matches any of these. */
#ifndef LT_FRAME_MATCH_H
#define LT_FRAME_MATCH_H

#include "analysis/selection.h"

enum lt_match_flags { LT_MATCH_FOCUS = 1 << 0, LT_MATCH_IGNORE = 1 << 1, LT_MATCH_HIDE = 1 << 2 };

struct lt_frame_match; /* opaque */

/* LT_ERR_USAGE with a message that names the bad expression, LT_ERR_NOMEM. */
int lt_frame_match_new(struct lt_frame_match **out, const struct lt_selection *selection,
                       char *message, size_t message_size);
void lt_frame_match_free(struct lt_frame_match *m);

/* enum lt_match_flags of a frame. Only the first LT_MATCH_TEXT bytes of a text are looked at. */
#define LT_MATCH_TEXT 4096
unsigned lt_frame_match(const struct lt_frame_match *m, const char *name, const char *shown_file,
                        const char *file, uint32_t line);

#endif
