/* SPDX-License-Identifier: Apache-2.0
 *
 * Stack samples summed by time slot, stack and context, in bounded memory: when there would be too
 * many slots or sums, two neighbouring slots become one, for the whole recording. What cannot get
 * coarser any more is one sum for each different stack and context. */
#ifndef LT_TIME_CELLS_H
#define LT_TIME_CELLS_H

#include <stddef.h>
#include <stdint.h>

struct lt_cell {
    uint32_t node, context, slot;
    uint64_t count;
    int64_t weight_ns;
};

struct lt_time_cells; /* opaque */

/* slot_ns: the finest slot, at least 1. max_cells is kept to as long as there is more than one
 * slot. */
int lt_time_cells_new(struct lt_time_cells **out, int64_t slot_ns, uint32_t max_slots,
                      size_t max_cells);
void lt_time_cells_free(struct lt_time_cells *t);

/* cell->slot is worked out from time_ns; an unknown time (negative) counts as 0. */
int lt_time_cells_add(struct lt_time_cells *t, int64_t time_ns, struct lt_cell cell);
/* Makes slots twice as long. */
int lt_time_cells_coarsen(struct lt_time_cells *t);

int64_t lt_time_cells_slot_ns(const struct lt_time_cells *t);
uint32_t lt_time_cells_slots(const struct lt_time_cells *t); /* in use: the last one's number + 1 */
size_t lt_time_cells_count(const struct lt_time_cells *t);
const struct lt_cell *lt_time_cells_all(const struct lt_time_cells *t); /* in no order */

/* Sorts by node, context and slot, and adds up equal ones. Returns how many are left. */
size_t lt_cells_sum(struct lt_cell *cells, size_t n);

#endif
