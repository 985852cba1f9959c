/* SPDX-License-Identifier: Apache-2.0
 *
 * What `analyze`, `export` and `view` share: an export with its notes, progress, messages and exit
 * status. */
#ifndef LT_LOOKING_H
#define LT_LOOKING_H

#include "cli/logs.h"
#include "cli/out_file.h"
#include "exporters/export_run.h"

struct lt_looking {
    const struct live_trace_exporter *exporter;
    const struct lt_selection *selection;
    const struct lt_logs *logs;
    const struct live_trace_option *options;
    size_t n_options;
    const char *file; /* NULL or "-": standard output */
    bool quiet;       /* neither notes nor progress, only why it failed */
};

/* Returns the exit status, after messages. */
int lt_look(const struct lt_looking *looking);
/* The same into an open output, which is closed. That nothing was recorded is left to the caller: it
 * is said by result->message. */
int lt_look_into(const struct lt_looking *looking, struct lt_out_file *file,
                 struct lt_export_result *result);
/* Again and again, until the recordings are complete: for ones that are still written. An empty
 * one may be about to begin, and is waited for, for as long as it takes. */
int lt_look_follow(const struct lt_looking *looking);

/* For requests of long work whose ctx is a struct lt_progress: a message, and how far it is. */
void lt_show_note(void *ctx, const char *message);
void lt_show_progress(void *ctx, uint64_t done, uint64_t all);

#endif
