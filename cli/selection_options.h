/* SPDX-License-Identifier: Apache-2.0
 *
 * The selection: the same options for every command that reads traces. */
#ifndef LT_SELECTION_OPTIONS_H
#define LT_SELECTION_OPTIONS_H

#include "analysis/selection.h"
#include "cli/options.h"

extern const struct lt_option lt_selection_options[];

/* Takes an option of that table into the selection: 0, 1 when the id is not one of the table's, or
 * -2 for a mistake that has been said. Values are borrowed. */
int lt_selection_option(struct lt_selection *s, int id, const char *value);
void lt_selection_release(struct lt_selection *s);

/* The part of a help text that these options share. */
extern const char lt_selection_help[];

#endif
