/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples summed by thread and stack: one entry for each pair, however long the
 * recording is. */
#ifndef LT_TOTALS_H
#define LT_TOTALS_H

#include "analysis/view.h"

struct lt_total {
    uint32_t thread, node;
    uint64_t count;
    int64_t weight_ns;
};

struct lt_totals; /* opaque */

int lt_totals_new(struct lt_totals **out);
void lt_totals_free(struct lt_totals *t);

int lt_totals_add(struct lt_totals *t, const struct lt_view_sample *sample);

/* In order of first appearance. */
uint32_t lt_totals_count(const struct lt_totals *t);
const struct lt_total *lt_totals_at(const struct lt_totals *t, uint32_t i);

#endif
