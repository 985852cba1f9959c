/* SPDX-License-Identifier: Apache-2.0
 *
 * Unique texts with small ids and addresses that never move: what frames, threads
 * and tags of a view point to. A NUL inside a text is shown as a blank. */
#ifndef LT_TEXT_POOL_H
#define LT_TEXT_POOL_H

#include "formats/profile.h"

struct lt_text_pool; /* opaque */

int lt_text_pool_new(struct lt_text_pool **out);
void lt_text_pool_free(struct lt_text_pool *p);

/* Equal bytes, equal id; "" is 0. LT_ERR_NOMEM, LT_ERR_LIMIT. */
int lt_text_pool_id(struct lt_text_pool *p, struct lt_str text, uint32_t *id);
/* NUL-terminated, until free. */
const char *lt_text_pool_get(const struct lt_text_pool *p, uint32_t id);

/* The bytes of a C string, borrowed. */
struct lt_str lt_str_of(const char *text);

#endif
