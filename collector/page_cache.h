/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is read a page at a time, each page once: for many small readings close to each
 * other, while the target stands still. */
#ifndef LT_PAGE_CACHE_H
#define LT_PAGE_CACHE_H

#include "collector/mem.h"

struct lt_page_cache;

/* Over *below, which is copied. */
int lt_page_cache_new(struct lt_page_cache **out, const struct lt_mem *below);
void lt_page_cache_free(struct lt_page_cache *c);

/* What was read is out of date. */
void lt_page_cache_clear(struct lt_page_cache *c);

/* Fills *mem, which reads through the cache and is valid as long as that. */
void lt_page_cache_mem(struct lt_page_cache *c, struct lt_mem *mem);

#endif
