/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathered reads: ranges and the bytes that they were read into. */
#include "config.h"

#include "collector/copies.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum { NEAR = 1024 }; /* no whole page: what lies between two readable bytes is readable */

static size_t aligned(size_t len)
{
    return (len + 7) & ~(size_t)7; /* copies stay aligned for whoever looks at them */
}

/* The last range, if it is not read yet and this lies in it or close behind; else a new one. */
static int range_for(struct lt_copies *c, lt_addr addr, struct lt_copied_range **out)
{
    struct lt_copied_range *last = c->n_ranges ? &c->ranges[c->n_ranges - 1] : NULL;
    if (last && c->n_ranges > c->fetched && !c->apart && addr >= last->addr &&
        addr - last->addr <= last->len + NEAR && (addr - last->addr) % 8 == 0) {
        *out = last;
        return 0;
    }
    if (lt_array_grow(&c->ranges, &c->ranges_alloc, c->n_ranges + 1, sizeof(c->ranges[0]),
                      LT_COPIES_MAX_ITEMS))
        return LT_ERR_LIMIT;
    *out = &c->ranges[c->n_ranges++];
    **out = (struct lt_copied_range){.addr = addr, .at = c->used};
    c->apart = false;
    return 0;
}

int lt_copies_want(struct lt_copies *c, lt_addr addr, size_t len, size_t *index)
{
    struct lt_copied_range *range;
    if (len > LT_COPIES_MAX_BYTES)
        return LT_ERR_LIMIT;
    if (lt_array_grow(&c->items, &c->items_alloc, c->n + 1, sizeof(c->items[0]),
                      LT_COPIES_MAX_ITEMS))
        return LT_ERR_LIMIT;
    int err = range_for(c, addr, &range);
    if (err)
        return err;
    size_t from = (size_t)(addr - range->addr);
    size_t range_len = from + len > range->len ? from + len : range->len;
    if (lt_array_grow(&c->bytes, &c->bytes_alloc, range->at + aligned(range_len), 1,
                      LT_COPIES_MAX_BYTES))
        return LT_ERR_LIMIT;
    range->len = range_len;
    c->used = range->at + aligned(range_len);
    c->items[c->n] = range->at + from;
    *index = c->n++;
    return 0;
}

int lt_copies_fetch(struct lt_copies *c, const struct lt_mem *mem)
{
    size_t n = c->n_ranges - c->fetched;
    if (n == 0)
        return 0;
    if (lt_array_grow(&c->vector, &c->vector_alloc, n, sizeof(c->vector[0]), LT_COPIES_MAX_ITEMS))
        return LT_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct lt_copied_range *range = &c->ranges[c->fetched + i];
        c->vector[i] = (struct lt_range){range->addr, c->bytes + range->at, range->len};
    }
    int got = mem->read(mem->ctx, c->vector, n);
    if (got < 0)
        return got;
    c->fetched += (size_t)got;
    return (size_t)got == n ? 0 : LT_ERR_FAULT;
}

int lt_copies_get(struct lt_copies *c, const struct lt_mem *mem, lt_addr addr, size_t len,
                  size_t *index)
{
    int err = lt_copies_want(c, addr, len, index);
    return err ? err : lt_copies_fetch(c, mem);
}

void lt_copies_clear(struct lt_copies *c)
{
    c->n = c->n_ranges = c->fetched = c->used = 0;
    c->apart = false;
}

void lt_copies_release(struct lt_copies *c)
{
    free(c->bytes);
    free(c->items);
    free(c->ranges);
    free(c->vector);
    memset(c, 0, sizeof(*c));
}
