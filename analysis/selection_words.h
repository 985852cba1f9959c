/* SPDX-License-Identifier: Apache-2.0
 *
 * A selection in words, so that a report says what it leaves out. */
#ifndef LT_SELECTION_WORDS_H
#define LT_SELECTION_WORDS_H

#include "analysis/view.h"

struct lt_buf;

/* Appends "on a processor only; thread worker; ..." and a NUL (not in len); nothing for a selection
 * of everything. `window` is NULL without --from and --to. 0 or LT_ERR_NOMEM. */
int lt_selection_words(struct lt_buf *out, const struct lt_selection *s, bool drop_idle,
                       const struct lt_view_window *window);

#endif
