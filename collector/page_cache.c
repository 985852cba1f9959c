/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct-mapped: a page has one place, where it takes that of another one. */
#include "config.h"

#include "collector/page_cache.h"

#include <stdlib.h>

#include "formats/lt_error.h"

enum {
    PAGE = 4096,
    PAGES = 1024, /* a power of two */
    LARGE = PAGE  /* is read past the cache */
};

struct lt_page_cache {
    struct lt_mem below;
    lt_addr addrs[PAGES]; /* of the page in each place, plus 1; 0: none */
    uint8_t bytes[PAGES][PAGE];
};

int lt_page_cache_new(struct lt_page_cache **out, const struct lt_mem *below)
{
    struct lt_page_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return LT_ERR_NOMEM;
    c->below = *below;
    *out = c;
    return 0;
}

void lt_page_cache_free(struct lt_page_cache *c)
{
    free(c);
}

void lt_page_cache_clear(struct lt_page_cache *c)
{
    memset(c->addrs, 0, sizeof(c->addrs));
}

static int find_page(struct lt_page_cache *c, lt_addr addr, const uint8_t **bytes)
{
    size_t place = (size_t)(addr / PAGE) % PAGES;
    if (c->addrs[place] != addr + 1) {
        c->addrs[place] = 0;
        int err = lt_mem_read(&c->below, addr, c->bytes[place], PAGE);
        if (err)
            return err;
        c->addrs[place] = addr + 1;
    }
    *bytes = c->bytes[place];
    return 0;
}

static int read_range(struct lt_page_cache *c, const struct lt_range *range)
{
    uint8_t *into = range->into;
    size_t done = 0;
    if (range->len > UINT64_MAX - range->addr)
        return LT_ERR_FAULT;
    if (range->len > LARGE)
        return lt_mem_read(&c->below, range->addr, into, range->len);
    while (done < range->len) {
        const uint8_t *page;
        size_t at = (size_t)((range->addr + done) % PAGE), n = PAGE - at;
        if (n > range->len - done)
            n = range->len - done;
        int err = find_page(c, range->addr + done - at, &page);
        if (err)
            return err;
        memcpy(into + done, page + at, n);
        done += n;
    }
    return 0;
}

static int read_ranges(void *ctx, const struct lt_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int err = read_range(ctx, &ranges[i]);
        if (err)
            return err == LT_ERR_FAULT ? (int)i : err;
    }
    return (int)n;
}

void lt_page_cache_mem(struct lt_page_cache *c, struct lt_mem *mem)
{
    *mem = (struct lt_mem){.ctx = c, .read = read_ranges};
}
