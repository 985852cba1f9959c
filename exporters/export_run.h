/* SPDX-License-Identifier: Apache-2.0
 *
 * One export from LOGs to an output: opens each input, puts what the selection keeps
 * through an exporter, in memory that does not grow with the recordings' length. */
#ifndef LT_EXPORT_RUN_H
#define LT_EXPORT_RUN_H

#include "analysis/selection.h"
#include "exporters/live_trace_exporter.h"
#include "formats/io.h"
#include "formats/profile.h"

struct lt_export_request {
    const struct live_trace_exporter *exporter;
    void *exporter_state; /* what *state is before open: for exporters that know their caller */
    const struct lt_selection *selection;
    const char *const *logs; /* files (folders already expanded), "-" for standard input */
    size_t n_logs;
    struct lt_output *output;
    const char *output_file; /* its name while it is written; NULL: it is no file */
    const struct live_trace_option *options;
    size_t n_options;
    bool color;
    void (*note)(void *ctx, const char *message);
    void (*progress)(void *ctx, uint64_t done, uint64_t all);
    void *ctx;
};

struct lt_export_result {
    struct lt_read_stats read; /* summed over the inputs; complete only if all are */
    uint64_t recorded;         /* stack samples in the inputs */
    uint64_t unstated; /* of the selected ones: the recording does not say what the thread did */
    uint64_t selected; /* stack samples that the selection kept */
    char message[512]; /* on failure, or why there is nothing: what happened: what to do */
};

/* Damage that was skipped, and other things that are no failure, are said by request->note.
 * 0 or a negative enum lt_error, with result->message. An empty selection is no error: the exporter
 * writes a valid empty output; the caller tells by `selected`. */
int lt_export_run(const struct lt_export_request *request, struct lt_export_result *result);

#endif
