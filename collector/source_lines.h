/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of source lines, read when a line is first seen, so that a trace explains itself on
 * another machine, years later. Files are kept for a while, within a bound. */
#ifndef LT_SOURCE_LINES_H
#define LT_SOURCE_LINES_H

#include <stdbool.h>
#include <sys/types.h>

#include "formats/profile.h"

enum { LT_SOURCE_LINE_MAX = 240 }; /* bytes of a line that a trace keeps */

struct lt_source_lines;

int lt_source_lines_new(struct lt_source_lines **out);
void lt_source_lines_free(struct lt_source_lines *s);

/* Line `line` (from 1) of `file` as process `pid` sees it: relative to its working folder, in its
 * mount namespace; own_root says that this is ours as well, in which case it may have ended. With
 * its indentation, without white space at the end; cut to LT_SOURCE_LINE_MAX, at a character's
 * border. Not empty. The text is valid until the next call. LT_ERR_IO where there is no such file or
 * line. */
int lt_source_lines_get(struct lt_source_lines *s, pid_t pid, bool own_root, struct lt_str cwd,
                        struct lt_str file, uint32_t line, struct lt_str *text);

#endif
