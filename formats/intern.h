/* SPDX-License-Identifier: Apache-2.0
 *
 * Interning: equal bytes get equal small ids, given in order from 0. Used for
 * strings, frames (packed keys) and stack nodes alike. Ids are never taken back;
 * clear() forgets all of them and keeps the memory. */
#ifndef LT_INTERN_H
#define LT_INTERN_H

#include "formats/profile.h"

struct lt_intern; /* opaque */

/* max_ids and max_bytes are hard caps (0: 2^31 and 1 GiB). */
int lt_intern_new(struct lt_intern **out, uint32_t max_ids, size_t max_bytes);
/* For keys that are all of one size: takes little more than them. */
int lt_intern_new_sized(struct lt_intern **out, size_t key_size, uint32_t max_ids);
void lt_intern_free(struct lt_intern *t);
void lt_intern_clear(struct lt_intern *t);

/* *id is the id of these bytes; *is_new (may be NULL) says whether it was given
 * just now. LT_ERR_LIMIT at a cap, LT_ERR_NOMEM. Allocates only for new keys, and then
 * by doubling. */
int lt_intern_id(struct lt_intern *t, const void *key, size_t len, uint32_t *id, bool *is_new);

/* The id, or false where these bytes have none. */
bool lt_intern_find(const struct lt_intern *t, const void *key, size_t len, uint32_t *id);

uint32_t lt_intern_count(const struct lt_intern *t);
/* Bytes of an id below count; valid until the next lt_intern_id() or clear(). Unless keys are of one
 * size, the bytes are followed by a NUL that is not part of len. */
struct lt_str lt_intern_get(const struct lt_intern *t, uint32_t id);

#endif
