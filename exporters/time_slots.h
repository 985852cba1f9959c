/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of `analyze --every`: stack samples by time slot, counted by time_slots.c and laid out by
 * slots_text.c and slots_json.c. Slot 0 begins with the recording. There are only the slots from the
 * first to the last one that has samples; an empty one between them is there too. */
#ifndef LT_TIME_SLOTS_H
#define LT_TIME_SLOTS_H

#include "exporters/report.h"

struct lt_intern;

/* A day by the minute. */
#define LT_SLOTS_MAX 1440
/* Frames that are innermost in a slot, of all slots. */
#define LT_SLOT_SUMS_MAX ((size_t)1 << 19)

struct lt_slot_sum {
    const struct live_trace_frame *frame;
    struct lt_figures self; /* of stacks that it is the innermost frame of */
};

struct lt_slot {
    struct lt_figures all;
    const struct lt_slot_sum
        *top; /* the greatest, from lt_time_slots_finish on; NULL: empty slot */
};

struct lt_time_slots {
    struct lt_report head; /* what is said above the table; no rows */
    int64_t every_ns;
    int64_t first, last;   /* numbers of slots; first > last: none */
    struct lt_slot *slots; /* LT_SLOTS_MAX, by the number's remainder */
    struct lt_intern *ids; /* (slot, frame) -> index in sums */
    struct lt_slot_sum *sums;
    size_t n_sums, alloc;
};

int lt_time_slots_init(struct lt_time_slots *t, int64_t every_ns);
void lt_time_slots_release(struct lt_time_slots *t);

/* Counts a sample whose time is known (not negative). LT_ERR_LIMIT: there would be more than
 * LT_SLOTS_MAX slots or LT_SLOT_SUMS_MAX sums. */
int lt_time_slots_add(struct lt_time_slots *t, const struct live_trace_stack *sample);
/* Finds the top of each slot. Once, after the last sample. */
void lt_time_slots_finish(struct lt_time_slots *t);
/* A number from first to last. */
struct lt_slot *lt_time_slots_at(const struct lt_time_slots *t, int64_t number);

/* Write the table to the host: 0 or a negative enum lt_error. `blocks`: the sparkline in Unicode. */
int lt_slots_write_text(const struct lt_time_slots *t, const struct live_trace_health *health,
                        const struct live_trace_host *host, bool blocks);
int lt_slots_write_json(const struct lt_time_slots *t, const struct live_trace_health *health,
                        const struct live_trace_host *host);

#endif
