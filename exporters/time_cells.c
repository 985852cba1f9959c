/* SPDX-License-Identifier: Apache-2.0
 *
 * An array of sums, found by interning what they are sums of. */
#include "config.h"

#include "exporters/time_cells.h"

#include <stdbool.h>
#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define CELLS_LIMIT ((size_t)1 << 26)

struct lt_time_cells {
    int64_t slot_ns;
    uint32_t max_slots, slots;
    size_t max_cells;
    struct lt_cell *cells;
    size_t n, alloc;
    struct lt_intern *ids; /* (node, context, slot) -> index in cells */
};

int lt_time_cells_new(struct lt_time_cells **out, int64_t slot_ns, uint32_t max_slots,
                      size_t max_cells)
{
    struct lt_time_cells *t = calloc(1, sizeof *t);
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    t->slot_ns = slot_ns;
    t->max_slots = max_slots;
    t->max_cells = max_cells;
    error = lt_intern_new(&t->ids, CELLS_LIMIT, 0);
    if (error < 0) {
        lt_time_cells_free(t);
        return error;
    }
    *out = t;
    return 0;
}

void lt_time_cells_free(struct lt_time_cells *t)
{
    if (t == NULL) {
        return;
    }
    lt_intern_free(t->ids);
    free(t->cells);
    free(t);
}

static int find_cell(struct lt_time_cells *t, const struct lt_cell *cell, uint32_t *id,
                     bool *is_new)
{
    const uint32_t key[3] = {cell->node, cell->context, cell->slot};
    int error = lt_array_grow(&t->cells, &t->alloc, t->n + 1, sizeof *t->cells, CELLS_LIMIT);

    return error < 0 ? error : lt_intern_id(t->ids, key, sizeof key, id, is_new);
}

static int add_cell(struct lt_time_cells *t, const struct lt_cell *cell)
{
    uint32_t id;
    bool is_new;
    int error = find_cell(t, cell, &id, &is_new);

    if (error < 0) {
        return error;
    }
    if (is_new) {
        t->cells[t->n++] = *cell;
    } else {
        t->cells[id].count += cell->count;
        t->cells[id].weight_ns += cell->weight_ns;
    }
    return 0;
}

int lt_time_cells_add(struct lt_time_cells *t, int64_t time_ns, struct lt_cell cell)
{
    int64_t time = time_ns > 0 ? time_ns : 0;
    int error = 0;

    while (error == 0 &&
           (time / t->slot_ns >= t->max_slots || (t->n >= t->max_cells && t->slots > 1))) {
        error = lt_time_cells_coarsen(t);
    }
    if (error < 0) {
        return error;
    }
    cell.slot = (uint32_t)(time / t->slot_ns);
    if (t->slots <= cell.slot) {
        t->slots = cell.slot + 1;
    }
    return add_cell(t, &cell);
}

int lt_time_cells_coarsen(struct lt_time_cells *t)
{
    size_t n;
    int error = 0;

    if (t->slot_ns > INT64_MAX / 2) {
        return LT_ERR_LIMIT;
    }
    t->slot_ns *= 2;
    t->slots = (t->slots + 1) / 2;
    for (size_t i = 0; i < t->n; i++) {
        t->cells[i].slot /= 2;
    }
    n = lt_cells_sum(t->cells, t->n);
    lt_intern_clear(t->ids);
    for (t->n = 0; t->n < n && error == 0; t->n++) {
        uint32_t id;
        error = find_cell(t, &t->cells[t->n], &id, NULL);
    }
    return error;
}

int64_t lt_time_cells_slot_ns(const struct lt_time_cells *t)
{
    return t->slot_ns;
}

uint32_t lt_time_cells_slots(const struct lt_time_cells *t)
{
    return t->slots;
}

size_t lt_time_cells_count(const struct lt_time_cells *t)
{
    return t->n;
}

const struct lt_cell *lt_time_cells_all(const struct lt_time_cells *t)
{
    return t->cells;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_cells(const void *left, const void *right)
{
    const struct lt_cell *a = left, *b = right;
    int order = compare_numbers(a->node, b->node);

    if (order == 0) {
        order = compare_numbers(a->context, b->context);
    }
    return order != 0 ? order : compare_numbers(a->slot, b->slot);
}

size_t lt_cells_sum(struct lt_cell *cells, size_t n)
{
    size_t kept = 0;

    if (n == 0) {
        return 0;
    }
    qsort(cells, n, sizeof *cells, compare_cells);
    for (size_t i = 1; i < n; i++) {
        if (compare_cells(&cells[kept], &cells[i]) == 0) {
            cells[kept].count += cells[i].count;
            cells[kept].weight_ns += cells[i].weight_ns;
        } else {
            cells[++kept] = cells[i];
        }
    }
    return kept + 1;
}
