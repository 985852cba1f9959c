/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting by slot. Recordings are read one after the other, so a later one may begin in an earlier
 * slot: as no two slots in use are LT_SLOTS_MAX apart, remainders tell them apart. */
#include "config.h"

#include "exporters/time_slots.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

int lt_time_slots_init(struct lt_time_slots *t, int64_t every_ns)
{
    *t = (struct lt_time_slots){.every_ns = every_ns, .first = 0, .last = -1};
    t->slots = calloc(LT_SLOTS_MAX, sizeof *t->slots);
    return t->slots == NULL ? LT_ERR_NOMEM : lt_intern_new(&t->ids, LT_SLOT_SUMS_MAX, 0);
}

void lt_time_slots_release(struct lt_time_slots *t)
{
    lt_report_release(&t->head);
    free(t->slots);
    free(t->sums);
    lt_intern_free(t->ids);
}

struct lt_slot *lt_time_slots_at(const struct lt_time_slots *t, int64_t number)
{
    return &t->slots[number % LT_SLOTS_MAX];
}

static int reach(struct lt_time_slots *t, int64_t number)
{
    bool none = t->first > t->last;
    int64_t first = none || number < t->first ? number : t->first;
    int64_t last = none || number > t->last ? number : t->last;

    if (last - first >= LT_SLOTS_MAX) {
        return LT_ERR_LIMIT;
    }
    t->first = first;
    t->last = last;
    return 0;
}

static int sum_of(struct lt_time_slots *t, int64_t number, const struct live_trace_frame *frame,
                  struct lt_slot_sum **out)
{
    const uint32_t key[2] = {(uint32_t)(number % LT_SLOTS_MAX), frame->id};
    uint32_t id;
    bool is_new;
    int error =
        lt_array_grow(&t->sums, &t->alloc, t->n_sums + 1, sizeof *t->sums, LT_SLOT_SUMS_MAX + 1);

    if (error == 0) {
        error = lt_intern_id(t->ids, key, sizeof key, &id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    if (is_new) {
        t->sums[t->n_sums++] = (struct lt_slot_sum){.frame = frame};
    }
    *out = &t->sums[id];
    return 0;
}

static void add(struct lt_figures *sum, const struct live_trace_stack *sample)
{
    sum->count += sample->count;
    sum->weight_ns += sample->weight_ns;
}

int lt_time_slots_add(struct lt_time_slots *t, const struct live_trace_stack *sample)
{
    int64_t number = sample->time_ns / t->every_ns;
    struct lt_slot_sum *sum = NULL;
    int error = reach(t, number);

    if (error == 0) {
        error = sum_of(t, number, sample->frames[sample->depth - 1], &sum);
    }
    if (error < 0) {
        return error;
    }
    add(&t->head.all, sample);
    add(&lt_time_slots_at(t, number)->all, sample);
    add(&sum->self, sample);
    return 0;
}

void lt_time_slots_finish(struct lt_time_slots *t)
{
    for (size_t i = 0; i < t->n_sums; i++) {
        const struct lt_slot_sum *sum = &t->sums[i], **top;
        uint32_t slot;
        memcpy(&slot, lt_intern_get(t->ids, (uint32_t)i).data, sizeof slot);
        top = &t->slots[slot].top;
        if (*top == NULL ||
            lt_report_order(&t->head, &sum->self, sum->frame, &(*top)->self, (*top)->frame) < 0) {
            *top = sum;
        }
    }
}
