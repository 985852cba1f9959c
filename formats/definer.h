/* SPDX-License-Identifier: Apache-2.0
 *
 * Definitions for readers of formats that have none: text names a frame each time that it occurs. A
 * definer gives equal ones equal ids, tells the handler about each before its first use, and begins
 * a new segment when its tables are full, so that memory stays bounded. */
#ifndef LT_DEFINER_H
#define LT_DEFINER_H

#include "formats/byte_buffer.h"
#include "formats/profile.h"

#define LT_DEFINER_MAX_TAGS 256    /* of one sample */
#define LT_DEFINER_MAX_DEPTH 65536 /* frames of one stack: what a reader may ask for */

struct lt_definer {
    const struct lt_profile_handler *handler;
    struct lt_intern *processes, *threads, *frames, *stacks, *tag_sets;
    struct lt_buf key;
    size_t bytes;      /* of keys in this segment */
    unsigned segments; /* begun so far: ids are those of the last one */
};

/* The handler is borrowed. */
int lt_definer_init(struct lt_definer *d, const struct lt_profile_handler *handler);
void lt_definer_release(struct lt_definer *d);

/* Before the definitions of each sample: ids from before it may have been forgotten. The first call
 * begins the first segment. */
int lt_definer_begin_sample(struct lt_definer *d);

/* Each gives the id, and hands what is new to the handler. 0, LT_ERR_LIMIT, LT_ERR_NOMEM, or what
 * the handler returned. is_new may be NULL. A thread is one of its process: what is said of that in
 * info->process is not looked at. */
int lt_definer_thread(struct lt_definer *d, const struct lt_process_info *process,
                      const struct lt_thread_info *info, uint32_t *id);
int lt_definer_frame(struct lt_definer *d, const struct lt_frame_info *info, uint32_t *id,
                     bool *is_new);
int lt_definer_tags(struct lt_definer *d, const struct lt_tag *tags, size_t n, uint32_t *id);
int lt_definer_stack(struct lt_definer *d, uint32_t parent, uint32_t frame, uint32_t *id);

#endif
