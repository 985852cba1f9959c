/* SPDX-License-Identifier: Apache-2.0
 *
 * The sums, as an array and an index by (thread, node). */
#include "config.h"

#include "analysis/totals.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_TOTALS (UINT32_C(1) << 28)

struct lt_totals {
    struct lt_intern *ids;
    struct lt_total *at;
    size_t alloc;
};

int lt_totals_new(struct lt_totals **out)
{
    struct lt_totals *t = calloc(1, sizeof *t);
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    error = lt_intern_new_sized(&t->ids, 2 * sizeof(uint32_t), MAX_TOTALS);
    if (error < 0) {
        free(t);
        return error;
    }
    *out = t;
    return 0;
}

void lt_totals_free(struct lt_totals *t)
{
    if (t == NULL) {
        return;
    }
    lt_intern_free(t->ids);
    free(t->at);
    free(t);
}

int lt_totals_add(struct lt_totals *t, const struct lt_view_sample *sample)
{
    const uint32_t key[2] = {sample->thread, sample->node};
    uint32_t id;
    bool is_new;
    int error;

    error = lt_array_grow(&t->at, &t->alloc, (size_t)lt_intern_count(t->ids) + 1, sizeof *t->at,
                          MAX_TOTALS);
    if (error == 0) {
        error = lt_intern_id(t->ids, key, sizeof key, &id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    if (is_new) {
        t->at[id] = (struct lt_total){.thread = sample->thread, .node = sample->node};
    }
    t->at[id].count += sample->count;
    t->at[id].weight_ns += sample->weight_ns;
    return 0;
}

uint32_t lt_totals_count(const struct lt_totals *t)
{
    return lt_intern_count(t->ids);
}

const struct lt_total *lt_totals_at(const struct lt_totals *t, uint32_t i)
{
    return &t->at[i];
}
