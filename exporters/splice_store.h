/* SPDX-License-Identifier: Apache-2.0
 *
 * What recordings that become one trace define, under ids that hold for all of their segments, and
 * as it was recorded: nothing is shortened or made readable. The readers of several inputs add from
 * their own threads; whoever looks at something holds the lock meanwhile. */
#ifndef LT_SPLICE_STORE_H
#define LT_SPLICE_STORE_H

#include "formats/profile.h"

struct lt_splice_store; /* opaque */

/* A process or thread of an input: what its own id means nothing without. */
struct lt_splice_origin {
    uint32_t input;
    struct lt_str host; /* of the recording; "" unknown */
};

int lt_splice_store_new(struct lt_splice_store **out);
void lt_splice_store_free(struct lt_splice_store *s);

/* Each takes the lock for itself. Equal things get equal ids, from 0; of stacks and tag sets, 0 is
 * the empty one, as in formats/profile.h. Processes and threads are the same when host and process
 * or thread id say so; a later name that is not empty counts. `local` is the id in the input: what is
 * left to tell by where the others are unknown. */
int lt_splice_store_process(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                            uint32_t local, const struct lt_process_info *info, uint32_t *id);
int lt_splice_store_thread(struct lt_splice_store *s, const struct lt_splice_origin *origin,
                           uint32_t local, const struct lt_thread_info *info, uint32_t *id);
int lt_splice_store_frame(struct lt_splice_store *s, const struct lt_frame_info *info,
                          uint32_t *id);
int lt_splice_store_stack(struct lt_splice_store *s, uint32_t parent, uint32_t frame, uint32_t *id);
int lt_splice_store_tags(struct lt_splice_store *s, const struct lt_tag *tags, size_t n,
                         uint32_t *id);
int lt_splice_store_source(struct lt_splice_store *s, struct lt_str file, uint32_t line,
                           struct lt_str text);

void lt_splice_store_lock(struct lt_splice_store *s);
void lt_splice_store_unlock(struct lt_splice_store *s);

/* With the lock; strings are borrowed until it is given back. A process always has its host here. */
struct lt_process_info lt_splice_store_get_process(const struct lt_splice_store *s, uint32_t id);
struct lt_thread_info lt_splice_store_get_thread(const struct lt_splice_store *s, uint32_t id);
struct lt_frame_info lt_splice_store_get_frame(const struct lt_splice_store *s, uint32_t id);
/* The innermost frame of a stack (not 0), and the stack that it is on. */
void lt_splice_store_get_stack(const struct lt_splice_store *s, uint32_t id, uint32_t *parent,
                               uint32_t *frame);
/* Into `tags`, which has room for LT_TRACE_TAGS_MAX; returns how many. */
size_t lt_splice_store_get_tags(const struct lt_splice_store *s, uint32_t id, struct lt_tag *tags);
/* The text of a source line: false where no input has it. */
bool lt_splice_store_get_source(const struct lt_splice_store *s, struct lt_str file, uint32_t line,
                                struct lt_str *text);

/* From here on what is known keeps its name: the recordings are read a second time, and the names of
 * the first time are the better ones. */
void lt_splice_store_keep_names(struct lt_splice_store *s);
/* Goes up whenever a process or thread that was known gets another name. */
uint64_t lt_splice_store_renamings(struct lt_splice_store *s);

#endif
