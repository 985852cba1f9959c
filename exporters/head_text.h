/* SPDX-License-Identifier: Apache-2.0
 *
 * What an output for people says about the recording before it shows it. Each appends one line
 * without its end, or nothing where there is nothing to say. 0 or LT_ERR_NOMEM. */
#ifndef LT_HEAD_TEXT_H
#define LT_HEAD_TEXT_H

#include <stdbool.h>

#include "exporters/live_trace_exporter.h"

struct lt_buf;

/* "2026-11-23 10:00:00, 5.02 s, a tick every 10 ms", in local time; 0 for what is not known. */
int lt_head_times(struct lt_buf *out, int64_t start_realtime_ns, int64_t interval_ns,
                  const struct live_trace_health *health);

/* "1234 of 2008 stack samples", or "times" where counts mean nothing. */
int lt_head_counts(struct lt_buf *out, bool no_counts, uint64_t selected, uint64_t recorded);

/* "health: asked 2010, taken 2000, late 8, failed 2 (torn 2), retried 12; sampler used 0.42% of a
 * CPU" */
int lt_head_health(struct lt_buf *out, const struct live_trace_health *health);

/* "damaged: 2 places skipped; the end of the recording is missing" */
int lt_head_damage(struct lt_buf *out, const struct live_trace_health *health);

#endif
