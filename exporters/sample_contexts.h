/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stack sample has besides its stack: thread, state and tags, as one small number. There are
 * at most LT_MAX_CONTEXTS of them however many threads and tag values a recording has; samples
 * beyond that lose their tags, or count for "other threads". */
#ifndef LT_SAMPLE_CONTEXTS_H
#define LT_SAMPLE_CONTEXTS_H

#include "exporters/live_trace_exporter.h"
#include "formats/json_writer.h"

#define LT_MAX_CONTEXTS 4096

struct lt_contexts; /* opaque */

int lt_contexts_new(struct lt_contexts **out);
void lt_contexts_free(struct lt_contexts *c);

int lt_contexts_id(struct lt_contexts *c, const struct live_trace_stack *sample, uint32_t *id);
/* Stack samples that lost their tags or their thread. */
uint64_t lt_contexts_crowded_out(const struct lt_contexts *c);

/* Into an open object: "threads": [{pid, tid, name, process}], null for the other threads;
 * "tag_sets": [[[key, value], ...]]; "contexts": [[thread, state flags, tag set]]. */
int lt_contexts_write(const struct lt_contexts *c, struct lt_json *j);

#endif
