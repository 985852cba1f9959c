/* SPDX-License-Identifier: Apache-2.0
 *
 * Progress of long work: one line on standard error that is rewritten; only on a terminal, only
 * after a second. */
#ifndef LT_PROGRESS_H
#define LT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct lt_progress {
    bool terminal, shown;
    int64_t begun_ns, drawn_ns;
};

void lt_progress_begin(struct lt_progress *p);
/* done of all (0: unknown), in bytes. */
void lt_progress_show(struct lt_progress *p, uint64_t done, uint64_t all);
/* Wipes the line, if there is one. */
void lt_progress_end(struct lt_progress *p);

/* Is colour wanted on this file descriptor? A terminal, NO_COLOR unset or empty, TERM not
 * "dumb". */
bool lt_color_wanted(int fd);

#endif
