/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathered reads: ranges and the bytes that they were read into. */
#include "config.h"

#include "collector/copies.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

int lt_copies_want(struct lt_copies *c, lt_addr addr, size_t len, size_t *index)
{
    size_t room = (len + 7) & ~(size_t)7; /* copies stay aligned for whoever looks at them */
    if (len > LT_COPIES_MAX_BYTES)
        return LT_ERR_LIMIT;
    if (lt_array_grow(&c->bytes, &c->bytes_alloc, c->used + room, 1, LT_COPIES_MAX_BYTES) ||
        lt_array_grow(&c->items, &c->items_alloc, c->n + 1, sizeof(c->items[0]),
                      LT_COPIES_MAX_ITEMS))
        return LT_ERR_LIMIT;
    c->items[c->n] = (struct lt_copy){addr, len, c->used};
    *index = c->n++;
    c->used += room;
    return 0;
}

int lt_copies_fetch(struct lt_copies *c, const struct lt_mem *mem)
{
    size_t n = c->n - c->fetched;
    if (n == 0)
        return 0;
    if (lt_array_grow(&c->ranges, &c->ranges_alloc, n, sizeof(c->ranges[0]), LT_COPIES_MAX_ITEMS))
        return LT_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct lt_copy *copy = &c->items[c->fetched + i];
        c->ranges[i] = (struct lt_range){copy->addr, c->bytes + copy->at, copy->len};
    }
    int got = mem->read(mem->ctx, c->ranges, n);
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
    c->n = c->fetched = c->used = 0;
}

void lt_copies_release(struct lt_copies *c)
{
    free(c->bytes);
    free(c->items);
    free(c->ranges);
    memset(c, 0, sizeof(*c));
}
