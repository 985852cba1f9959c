/* SPDX-License-Identifier: Apache-2.0
 *
 * Totals: a table of places, and the TOTALS block that it becomes. */
#include "config.h"

#include "formats/trace_totals.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"

/* A part ends at the first row beyond that. */
enum { PART_BYTES = 1 << 17 };

struct sum {
    uint64_t count, covers;
};

struct lt_trace_totals {
    struct lt_intern *places;
    struct sum *sums; /* by the place's id */
    size_t sums_alloc;
    uint32_t max_entries;
};

int lt_trace_totals_new(struct lt_trace_totals **out, uint32_t max_entries)
{
    struct lt_trace_totals *t = calloc(1, sizeof(*t));
    if (!t)
        return LT_ERR_NOMEM;
    t->max_entries = max_entries;
    int err = lt_intern_new_sized(&t->places, sizeof(struct lt_trace_place), max_entries);
    if (err) {
        free(t);
        return err;
    }
    *out = t;
    return 0;
}

void lt_trace_totals_free(struct lt_trace_totals *t)
{
    if (!t)
        return;
    lt_intern_free(t->places);
    free(t->sums);
    free(t);
}

void lt_trace_totals_clear(struct lt_trace_totals *t)
{
    lt_intern_clear(t->places);
}

int lt_trace_totals_add(struct lt_trace_totals *t, const struct lt_trace_total *total)
{
    uint32_t id;
    bool is_new;
    /* Room first: a place that was interned must have its sum. */
    size_t need = (size_t)lt_intern_count(t->places) + 1;
    if (need <= t->max_entries) {
        int err = lt_array_grow(&t->sums, &t->sums_alloc, need, sizeof(t->sums[0]), t->max_entries);
        if (err)
            return err;
    }
    int err = lt_intern_id(t->places, &total->place, sizeof(total->place), &id, &is_new);
    if (err)
        return err;
    if (is_new)
        t->sums[id] = (struct sum){0};
    t->sums[id].count += total->count;
    t->sums[id].covers += total->covers;
    return 0;
}

uint32_t lt_trace_totals_count(const struct lt_trace_totals *t)
{
    return lt_intern_count(t->places);
}

struct lt_trace_total lt_trace_totals_at(const struct lt_trace_totals *t, uint32_t i)
{
    struct lt_trace_total total = {.count = t->sums[i].count, .covers = t->sums[i].covers};
    memcpy(&total.place, lt_intern_get(t->places, i).data, sizeof(total.place));
    return total;
}

int lt_trace_totals_hand_over(struct lt_trace_totals *t, const struct lt_total_sink *sink)
{
    uint32_t n = lt_trace_totals_count(t);
    int err = 0;
    for (uint32_t i = 0; !err && i < n; i++) {
        const struct lt_trace_total total = lt_trace_totals_at(t, i);
        err = sink->total(sink->ctx, &total);
    }
    lt_trace_totals_clear(t);
    return err;
}

static int put_row(struct lt_buf *b, const struct lt_trace_total *row, uint32_t stack_before)
{
    const struct lt_trace_place *place = &row->place;
    int err = lt_buf_put_varint(b, place->thread);
    if (!err)
        err = lt_buf_put_varint(b, (uint64_t)place->state << 1 | (place->tags != 0));
    if (!err && place->tags)
        err = lt_buf_put_varint(b, place->tags);
    if (!err)
        err = lt_buf_put_svarint(b, (int64_t)place->stack - stack_before);
    if (!err)
        err = lt_buf_put_varint(b, row->count);
    if (!err)
        err = lt_buf_put_varint(b, row->covers - row->count);
    return err;
}

static int put_head(struct lt_buf *b, const struct lt_totals_head *head)
{
    int err = lt_buf_put_u8(b, head->segment);
    if (!err)
        err = lt_buf_put_varint(b, (uint64_t)head->end_ns);
    if (!err)
        err = lt_buf_put_varint(b, head->part);
    if (!err)
        err = lt_buf_put_u8(b, head->last);
    if (!err)
        err = lt_buf_put_varint(b, head->rows);
    return err;
}

/* Encodes rows from *next on until the part is full, and counts them. */
static int put_rows(struct lt_buf *b, const struct lt_trace_totals *t, uint32_t *next,
                    uint32_t *n_rows)
{
    uint32_t count = lt_trace_totals_count(t);
    uint32_t stack = 0;
    int err = 0;
    for (*n_rows = 0; !err && *next < count && b->len < PART_BYTES; ++*next, ++*n_rows) {
        const struct lt_trace_total total = lt_trace_totals_at(t, *next);
        err = put_row(b, &total, stack);
        stack = total.place.stack;
    }
    return err;
}

int lt_trace_totals_write(const struct lt_trace_totals *t, uint8_t segment, int64_t end_ns,
                          const struct lt_block_sink *sink)
{
    struct lt_buf rows = {0}, block = {0};
    struct lt_totals_head head = {.segment = segment, .end_ns = end_ns};
    uint32_t next = 0;
    int err = 0;
    while (!err && !head.last) {
        lt_buf_clear(&rows);
        lt_buf_clear(&block);
        err = put_rows(&rows, t, &next, &head.rows);
        head.last = next == lt_trace_totals_count(t);
        if (!err)
            err = put_head(&block, &head);
        if (!err)
            err = lt_buf_put(&block, rows.data, rows.len);
        if (!err)
            err = sink->block(sink->ctx, LT_BLOCK_TOTALS, block.data, block.len);
        head.part++;
    }
    lt_buf_release(&rows);
    lt_buf_release(&block);
    return err;
}

int lt_totals_head_read(struct lt_cursor *c, struct lt_totals_head *head)
{
    head->segment = lt_cursor_u8(c);
    head->end_ns = (int64_t)lt_cursor_bounded(c, INT64_MAX);
    head->part = (uint32_t)lt_cursor_bounded(c, UINT32_MAX);
    head->last = lt_cursor_u8(c) != 0;
    head->rows = (uint32_t)lt_cursor_bounded(c, UINT32_MAX);
    return c->bad ? LT_BAD_PAYLOAD : 0;
}

int lt_totals_row_read(struct lt_cursor *c, struct lt_trace_total *row)
{
    row->place.thread = (uint32_t)lt_cursor_bounded(c, LT_TRACE_IDS_MAX - 1);
    uint64_t state = lt_cursor_bounded(c, UINT32_MAX);
    row->place.state = (uint32_t)(state >> 1);
    row->place.tags = state & 1 ? (uint32_t)lt_cursor_bounded(c, LT_TRACE_IDS_MAX - 1) : 0;
    int64_t stack;
    if (__builtin_add_overflow(row->place.stack, lt_cursor_svarint(c), &stack) || stack < 0 ||
        stack >= (int64_t)LT_TRACE_STACKS_MAX)
        return LT_BAD_PAYLOAD;
    row->place.stack = (uint32_t)stack;
    row->count = lt_cursor_varint(c);
    if (__builtin_add_overflow(row->count, lt_cursor_varint(c), &row->covers))
        return LT_BAD_PAYLOAD;
    return c->bad ? LT_BAD_PAYLOAD : 0;
}
