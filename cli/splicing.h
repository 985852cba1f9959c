/* SPDX-License-Identifier: Apache-2.0
 *
 * What `cut` and `merge` share: writing one trace from recordings, with notes and progress. */
#ifndef LT_SPLICING_H
#define LT_SPLICING_H

#include "analysis/selection.h"
#include "cli/logs.h"

/* Returns the exit status, after messages. file "-": standard output. */
int lt_splice_logs(const struct lt_selection *selection, const struct lt_logs *logs,
                   const char *file);

#endif
