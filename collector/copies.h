/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of the target's memory, gathered: say what is wanted, fetch all of it in one call,
 * look at it, want more. Zero-initialised is empty; clear() keeps the memory, so that after
 * warm-up nothing is allocated. */
#ifndef LT_COPIES_H
#define LT_COPIES_H

#include "collector/mem.h"

struct lt_copy {
    lt_addr addr;
    size_t len;
    size_t at; /* in bytes */
};

struct lt_copies {
    uint8_t *bytes;
    size_t used, bytes_alloc;
    struct lt_copy *items;
    size_t n, items_alloc;
    size_t fetched;          /* items before it have been read */
    struct lt_range *ranges; /* scratch for a fetch */
    size_t ranges_alloc;
};

/* *index names the copy. LT_ERR_LIMIT when it would be more than LT_COPIES_MAX_BYTES in all. */
enum { LT_COPIES_MAX_BYTES = 64 << 20, LT_COPIES_MAX_ITEMS = 1 << 20 };
int lt_copies_want(struct lt_copies *c, lt_addr addr, size_t len, size_t *index);

/* Reads all that is wanted and not there yet, in order, in one call. LT_ERR_FAULT when one
 * of them is not readable. */
int lt_copies_fetch(struct lt_copies *c, const struct lt_mem *mem);

/* want and fetch of one. */
int lt_copies_get(struct lt_copies *c, const struct lt_mem *mem, lt_addr addr, size_t len,
                  size_t *index);

/* The bytes of a fetched copy; valid until the next want. */
static inline const uint8_t *lt_copies_at(const struct lt_copies *c, size_t index)
{
    return c->bytes + c->items[index].at;
}

void lt_copies_clear(struct lt_copies *c);
void lt_copies_release(struct lt_copies *c);

#endif
