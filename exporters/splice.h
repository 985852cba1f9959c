/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings, or what a selection keeps of them, as one new trace: `cut` and `merge`. Each recording
 * is read in a thread of its own; their ticks are joined in order of time on one clock. It is no
 * exporter: those are told names as they are to be shown, a trace needs them as they were recorded.
 *
 * A trace has one tick for all threads of an interval. So ticks of several recordings that have the
 * same interval and fall into the same one become one tick, with the time of the earliest: with
 * several recordings, times are true to one and a half intervals. Of a single one they are exact. */
#ifndef LT_SPLICE_H
#define LT_SPLICE_H

#include "analysis/selection.h"
#include "formats/io.h"
#include "formats/profile.h"

struct lt_splice_request {
    const struct lt_selection
        *selection; /* of it, what concerns the look of frames has no meaning */
    const char *const *logs;
    size_t n_logs;
    struct lt_output *output;
    void (*note)(void *ctx, const char *message);
    void (*progress)(void *ctx, uint64_t done, uint64_t all);
    void *ctx;
};

struct lt_splice_result {
    struct lt_read_stats read;
    uint64_t recorded, selected; /* stack samples */
    char message[512];           /* on failure: what happened: what to do */
};

/* 0 or a negative enum lt_error, with result->message. */
int lt_splice_run(const struct lt_splice_request *request, struct lt_splice_result *result);

#endif
