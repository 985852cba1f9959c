/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder's dictionary of one segment: interns strings, functions, frames, stacks and tag
 * sets, and keeps the definitions that no DEFS block has yet. */
#ifndef LT_TRACE_DICTIONARY_H
#define LT_TRACE_DICTIONARY_H

#include "formats/byte_buffer.h"
#include "formats/profile.h"

struct lt_dictionary; /* opaque */

int lt_dictionary_new(struct lt_dictionary **out);
void lt_dictionary_free(struct lt_dictionary *d);
/* A new segment: everything is forgotten, the memory kept. */
void lt_dictionary_clear(struct lt_dictionary *d);

/* Equal input gives the equal id. LT_ERR_LIMIT at a cap, after which full() is true; LT_ERR_USAGE
 * for ids that were never given. Strings are cut at 4096 bytes. */
int lt_dictionary_frame(struct lt_dictionary *d, const struct lt_frame_info *info, uint32_t *id);
int lt_dictionary_stack(struct lt_dictionary *d, uint32_t parent, uint32_t frame, uint32_t *id);
int lt_dictionary_tags(struct lt_dictionary *d, const struct lt_tag *tags, size_t n, uint32_t *id);

/* Not interned: each call is one more definition, the latest counts. */
int lt_dictionary_process(struct lt_dictionary *d, uint32_t id, const struct lt_process_info *info);
int lt_dictionary_thread(struct lt_dictionary *d, uint32_t id, const struct lt_thread_info *info);

bool lt_dictionary_has_stack(const struct lt_dictionary *d, uint32_t id);
bool lt_dictionary_has_tags(const struct lt_dictionary *d, uint32_t id);
bool lt_dictionary_full(const struct lt_dictionary *d);
/* Are there processes of other hosts among the definitions that wait? */
bool lt_dictionary_has_hosted(const struct lt_dictionary *d);

/* Bytes of definitions that wait; 0: none. */
size_t lt_dictionary_pending(const struct lt_dictionary *d);
/* Appends them to `out` as the sections of a DEFS block; from then on none wait. */
int lt_dictionary_take(struct lt_dictionary *d, struct lt_buf *out);

#endif
