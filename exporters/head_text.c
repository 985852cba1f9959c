/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/head_text.h"

#include <inttypes.h>
#include <time.h>

#include "formats/byte_buffer.h"

int lt_head_times(struct lt_buf *out, int64_t start_realtime_ns, int64_t interval_ns,
                  const struct live_trace_health *health)
{
    time_t seconds = (time_t)(start_realtime_ns / 1000000000);
    char start[64] = "";
    struct tm tm;
    int error;

    if (start_realtime_ns > 0 && localtime_r(&seconds, &tm) != NULL) {
        strftime(start, sizeof start, "%Y-%m-%d %H:%M:%S, ", &tm);
    }
    if (start[0] == '\0' && health->duration_ns <= 0) {
        return 0;
    }
    error = lt_buf_printf(out, "%s%.2f s", start, (double)health->duration_ns / 1e9);
    if (error == 0 && health->sum_ns - health->duration_ns > health->duration_ns / 20) {
        error = lt_buf_printf(out, " (recordings of %.2f s in all)", (double)health->sum_ns / 1e9);
    }
    if (error == 0 && interval_ns > 0) {
        error = lt_buf_printf(out, ", a tick every %g ms", (double)interval_ns / 1e6);
    }
    return error;
}

int lt_head_counts(struct lt_buf *out, bool no_counts, uint64_t selected, uint64_t recorded)
{
    return no_counts
               ? lt_buf_put_text(out, "times")
               : lt_buf_printf(out, "%" PRIu64 " of %" PRIu64 " stack samples", selected, recorded);
}

static int put_failures(struct lt_buf *out, const struct live_trace_health *h)
{
    uint64_t failed = 0;
    int error;

    for (uint32_t i = 0; i < h->n_failed; i++) {
        failed += h->failed[i].count;
    }
    error = lt_buf_printf(out, ", failed %" PRIu64, failed);
    for (uint32_t i = 0; i < h->n_failed && error == 0; i++) {
        error = lt_buf_printf(out, "%s%s %" PRIu64, i == 0 ? " (" : ", ", h->failed[i].cause,
                              h->failed[i].count);
    }
    return error < 0 || h->n_failed == 0 ? error : lt_buf_put_text(out, ")");
}

int lt_head_health(struct lt_buf *out, const struct live_trace_health *h)
{
    int error;

    if (h->asked == 0) {
        return 0;
    }
    error = lt_buf_printf(out, "health: asked %" PRIu64 ", taken %" PRIu64 ", late %" PRIu64,
                          h->asked, h->taken, h->late);
    if (error == 0) {
        error = put_failures(out, h);
    }
    if (error == 0) {
        error = lt_buf_printf(out, ", retried %" PRIu64, h->retried);
    }
    if (error == 0 && h->duration_ns > 0) {
        error = lt_buf_printf(out, "; sampler used %.2f%% of a CPU",
                              100.0 * (double)h->sampler_cpu_ns / (double)h->duration_ns);
    }
    return error;
}

int lt_head_damage(struct lt_buf *out, const struct live_trace_health *h)
{
    int error = 0;

    if (h->damaged_blocks > 0) {
        error = lt_buf_printf(out, "damaged: %" PRIu64 " place%s skipped", h->damaged_blocks,
                              h->damaged_blocks == 1 ? "" : "s");
    }
    if (error == 0 && !h->complete) {
        error = lt_buf_printf(out, "%sthe end of the recording is missing",
                              h->damaged_blocks > 0 ? "; " : "");
    }
    return error;
}
