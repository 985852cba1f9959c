/* SPDX-License-Identifier: Apache-2.0
 *
 * From ticks with ids of a store to a trace: defines what is used, segment by segment, lets threads
 * pause where they take no part, and ends those that are gone. */
#ifndef LT_SPLICE_WRITER_H
#define LT_SPLICE_WRITER_H

#include "exporters/splice_source.h"
#include "exporters/splice_store.h"
#include "formats/io.h"

struct lt_splice_writer; /* opaque */

/* The meta is copied; the store and the output are borrowed. */
int lt_splice_writer_new(struct lt_splice_writer **out, const struct lt_meta *meta,
                         struct lt_splice_store *store, struct lt_output *output);
void lt_splice_writer_free(struct lt_splice_writer *w);

/* What later segments say of the wall clock at time 0. */
void lt_splice_writer_clock(struct lt_splice_writer *w, int64_t start_realtime_ns);

/* A tick is gathered from one source or several, and put. A source that has a thread that another
 * one has brought already is not taken: *taken says. */
int lt_splice_writer_gather(struct lt_splice_writer *w, const struct lt_splice_tick *tick,
                            bool *taken);
/* time_ns: since time 0 of the trace, raised to that of the last tick. */
int lt_splice_writer_put(struct lt_splice_writer *w, int64_t time_ns, uint32_t covers);

/* Writes source lines, health (may be NULL) and the end. */
int lt_splice_writer_close(struct lt_splice_writer *w, const struct lt_health *health);

#endif
