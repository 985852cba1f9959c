/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples laid out along time, for outputs that draw it: a lane a thread, sample after sample in
 * it, each as long as it stands for. A sample begins where the one before ended, unless there is a
 * gap between them, so the lengths in a lane sum up to its weights. Beside the stacks there are
 * spans: times during which a tag holds, or the collector works. */
#ifndef LT_TIMELINE_H
#define LT_TIMELINE_H

#include "exporters/live_trace_exporter.h"

/* How long a sample is drawn when samples are counted. */
#define LT_TIMELINE_SAMPLE_NS 1000000

struct lt_lane {
    const struct live_trace_thread *thread;
    uint64_t pid, tid; /* unique among the lanes, also where the recordings do not know them */
    int64_t start_ns, end_ns;
};

struct lt_placed {
    const struct lt_lane *lane; /* until the next call */
    int64_t start_ns, end_ns;
    int64_t gap_ns; /* between it and the sample before; 0: none, or it is the first one */
};

/* Calls about spans, each 0 or negative; NULL where not wanted. tag is NULL for the collector. */
struct lt_span_events {
    void *ctx;
    int (*begin)(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
                 int64_t start_ns);
    int (*end)(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
               int64_t start_ns, int64_t end_ns);
};

struct lt_timeline; /* opaque */

int lt_timeline_new(struct lt_timeline **out, const struct lt_span_events *events);
void lt_timeline_free(struct lt_timeline *t);
/* Before the first sample. With counted samples their times are made up, and the user is told. */
void lt_timeline_meta(struct lt_timeline *t, const struct live_trace_host *host,
                      const struct live_trace_meta *meta);

/* Spans that end or begin with it are reported before it returns. 0, negative enum lt_error, or
 * what an event returned. */
int lt_timeline_add(struct lt_timeline *t, const struct live_trace_stack *sample,
                    struct lt_placed *placed);
/* After the last sample: ends the spans that are left. */
int lt_timeline_finish(struct lt_timeline *t);

/* Lanes have the ids of their threads; NULL: that thread had no sample. */
uint32_t lt_timeline_lanes(const struct lt_timeline *t);
const struct lt_lane *lt_timeline_lane(const struct lt_timeline *t, uint32_t id);

#endif
