/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a trace for a user. */
#include "config.h"

#include "cli/splicing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/looking.h"
#include "cli/out_file.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "exporters/splice.h"

int lt_splice_logs(const struct lt_selection *selection, const struct lt_logs *logs,
                   const char *file)
{
    struct lt_progress progress;
    struct lt_splice_result result;
    struct lt_out_file out;
    if (strcmp(file, "-") == 0 && isatty(STDOUT_FILENO))
        return lt_say_usage("a trace is nothing to read on a terminal: give -o FILE, or a pipe");
    if (lt_out_file_open(&out, file))
        return LT_EXIT_FAILURE;
    lt_progress_begin(&progress);
    const struct lt_splice_request request = {
        .selection = selection,
        .logs = (const char *const *)logs->at,
        .n_logs = logs->n,
        .output = &out.output,
        .note = lt_show_note,
        .progress = lt_show_progress,
        .ctx = &progress,
    };
    int error = lt_splice_run(&request, &result);
    int saved = errno;
    lt_progress_end(&progress);
    errno = saved;
    return lt_out_file_close(&out, error, result.message);
}
