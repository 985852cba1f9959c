/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of the target's memory, gathered: say what is wanted, fetch all of it in one call,
 * look at it, want more. Zero-initialised is empty; clear() keeps the memory, so that after
 * warm-up nothing is allocated.
 *
 * To the kernel a range costs what some kilobytes of it cost, so what lies close behind the range
 * before becomes one with it: whoever wants many pieces wants them by ascending address. */
#ifndef LT_COPIES_H
#define LT_COPIES_H

#include <stdbool.h>

#include "collector/mem.h"

struct lt_copied_range {
    lt_addr addr;
    size_t len;
    size_t at; /* in bytes */
};

struct lt_copies {
    uint8_t *bytes;
    size_t used, bytes_alloc;
    size_t *items; /* where in bytes each copy begins */
    size_t n, items_alloc;
    struct lt_copied_range *ranges;
    size_t n_ranges, ranges_alloc;
    size_t fetched;          /* ranges before it have been read */
    bool apart;              /* the next copy begins a range of its own */
    struct lt_range *vector; /* scratch for a fetch */
    size_t vector_alloc;
};

/* *index names the copy. LT_ERR_LIMIT when it would be more than LT_COPIES_MAX_BYTES in all. */
enum { LT_COPIES_MAX_BYTES = 64 << 20, LT_COPIES_MAX_ITEMS = 1 << 20 };
int lt_copies_want(struct lt_copies *c, lt_addr addr, size_t len, size_t *index);

/* What is wanted next is read after all that was wanted before, wherever it lies. */
static inline void lt_copies_then(struct lt_copies *c)
{
    c->apart = true;
}

/* Reads all that is wanted and not there yet, in order, in one call. LT_ERR_FAULT when one
 * of them is not readable: c->ranges[c->fetched]. */
int lt_copies_fetch(struct lt_copies *c, const struct lt_mem *mem);

/* want and fetch of one. */
int lt_copies_get(struct lt_copies *c, const struct lt_mem *mem, lt_addr addr, size_t len,
                  size_t *index);

/* The bytes of a fetched copy; valid until the next want. */
static inline const uint8_t *lt_copies_at(const struct lt_copies *c, size_t index)
{
    return c->bytes + c->items[index];
}

void lt_copies_clear(struct lt_copies *c);
void lt_copies_release(struct lt_copies *c);

#endif
