/* SPDX-License-Identifier: Apache-2.0
 *
 * One recording of those that become one trace: read in a thread of its own, through the selection,
 * and handed over tick by tick on the shared clock, a batch at a time, so that memory is bounded. */
#ifndef LT_SPLICE_SOURCE_H
#define LT_SPLICE_SOURCE_H

#include "analysis/recordings.h"
#include "analysis/selection.h"
#include "analysis/view.h"
#include "exporters/splice_clock.h"
#include "exporters/splice_store.h"

/* One thread's stack at a tick; ids of the store. */
struct lt_splice_sample {
    uint32_t thread, stack, state, tags;
};

struct lt_splice_tick {
    int64_t time_ns; /* shared; never before the one that came before */
    /* Begin of the interval, on a grid that recordings with the same interval share, which the tick
     * was made in; -1 where there are no intervals. */
    int64_t slot_ns;
    int64_t weight_ns; /* of each sample */
    const struct lt_splice_sample *samples;
    size_t n;
};

struct lt_splice_source; /* opaque */

struct lt_splice_source_config {
    struct lt_recordings *recordings; /* borrowed, as all here */
    size_t index;
    const struct lt_selection *selection;
    struct lt_splice_store *store;
    bool correct_drift; /* there are other recordings to agree with */
};

/* On failure the message says why, if there is more to say than the error does. */
int lt_splice_source_new(struct lt_splice_source **out,
                         const struct lt_splice_source_config *config, struct lt_message *message);
/* Stops the reading where it is. */
void lt_splice_source_free(struct lt_splice_source *s);

/* A first reading, of an input that can be read again: names, end, clocks. */
int lt_splice_source_survey(struct lt_splice_source *s);
/* Begins the reading. What all recordings know of each other must be known, but for a single one,
 * which may learn it from its own head. */
int lt_splice_source_start(struct lt_splice_source *s);

/* The next tick, which stays the next one until it is passed: 1, 0 at the end, or an error. */
int lt_splice_source_peek(struct lt_splice_source *s, struct lt_splice_tick *tick);
void lt_splice_source_pass(struct lt_splice_source *s);

/* Why it failed; "" if nothing is to be said. */
const char *lt_splice_source_message(const struct lt_splice_source *s);
/* Bytes read so far, by both readings. From any thread. */
uint64_t lt_splice_source_progress(const struct lt_splice_source *s);
/* What the wall clock said of time 0 of the recording at this time of it; 0 unknown. */
int64_t lt_splice_source_wall(struct lt_splice_source *s, int64_t time_ns);
/* After the end. */
struct lt_view_counts lt_splice_source_counts(const struct lt_splice_source *s);
struct lt_health lt_splice_source_health(const struct lt_splice_source *s);

#endif
