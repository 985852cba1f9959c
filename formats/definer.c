/* SPDX-License-Identifier: Apache-2.0
 *
 * Five tables of packed keys. What makes two things equal is what their key is made of. */
#include "config.h"

#include "formats/definer.h"

#include "formats/intern.h"
#include "formats/lt_error.h"

/* A segment ends when it has so much. The tables take more, so that a sample that begins below
 * finds room. */
enum { SEGMENT_IDS = 1 << 20, SEGMENT_BYTES = 64 << 20 };
enum { TABLE_IDS = 2 * SEGMENT_IDS, TABLE_BYTES = 4 * SEGMENT_BYTES };

int lt_definer_init(struct lt_definer *d, const struct lt_profile_handler *handler)
{
    *d = (struct lt_definer){.handler = handler};
    struct lt_intern **tables[] = {&d->processes, &d->threads, &d->frames, &d->stacks,
                                   &d->tag_sets};
    int err = 0;
    for (size_t i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++)
        err = lt_intern_new(tables[i], TABLE_IDS, TABLE_BYTES);
    d->bytes = SIZE_MAX; /* no segment yet */
    return err;
}

void lt_definer_release(struct lt_definer *d)
{
    lt_intern_free(d->processes);
    lt_intern_free(d->threads);
    lt_intern_free(d->frames);
    lt_intern_free(d->stacks);
    lt_intern_free(d->tag_sets);
    lt_buf_release(&d->key);
    *d = (struct lt_definer){0};
}

static bool is_full(const struct lt_definer *d)
{
    return d->bytes >= SEGMENT_BYTES || lt_intern_count(d->stacks) >= SEGMENT_IDS ||
           lt_intern_count(d->frames) >= SEGMENT_IDS || lt_intern_count(d->threads) >= SEGMENT_IDS;
}

int lt_definer_begin_sample(struct lt_definer *d)
{
    if (!is_full(d))
        return 0;
    lt_intern_clear(d->processes);
    lt_intern_clear(d->threads);
    lt_intern_clear(d->frames);
    lt_intern_clear(d->stacks);
    lt_intern_clear(d->tag_sets);
    d->bytes = 0;
    d->segments++;
    return d->handler->segment ? d->handler->segment(d->handler->ctx) : 0;
}

static int put_str(struct lt_buf *key, struct lt_str str)
{
    int err = lt_buf_put_varint(key, str.len);
    return err ? err : lt_buf_put(key, str.data, str.len);
}

/* The id of the key that was just packed. */
static int id_of_key(struct lt_definer *d, struct lt_intern *table, uint32_t *id, bool *is_new)
{
    int err = lt_intern_id(table, d->key.data, d->key.len, id, is_new);
    if (!err && *is_new)
        d->bytes += d->key.len;
    return err;
}

static int process_id(struct lt_definer *d, const struct lt_process_info *info, uint32_t *id)
{
    bool is_new = false;
    lt_buf_clear(&d->key);
    int err = lt_buf_put_varint(&d->key, info->pid);
    if (!err)
        err = put_str(&d->key, info->command);
    if (!err)
        err = id_of_key(d, d->processes, id, &is_new);
    if (!err && is_new && d->handler->process)
        err = d->handler->process(d->handler->ctx, *id, info);
    return err;
}

int lt_definer_thread(struct lt_definer *d, const struct lt_process_info *process,
                      const struct lt_thread_info *info, uint32_t *id)
{
    struct lt_thread_info thread = *info;
    bool is_new = false;
    int err = process_id(d, process, &thread.process);
    lt_buf_clear(&d->key);
    if (!err)
        err = lt_buf_put_varint(&d->key, thread.process);
    if (!err)
        err = lt_buf_put_varint(&d->key, thread.tid);
    if (!err)
        err = put_str(&d->key, thread.name);
    if (!err)
        err = id_of_key(d, d->threads, id, &is_new);
    if (!err && is_new && d->handler->thread)
        err = d->handler->thread(d->handler->ctx, *id, &thread);
    return err;
}

int lt_definer_frame(struct lt_definer *d, const struct lt_frame_info *info, uint32_t *id,
                     bool *is_new)
{
    bool first = false;
    lt_buf_clear(&d->key);
    int err = lt_buf_put_varint(&d->key, info->line);
    if (!err)
        err = put_str(&d->key, info->name);
    if (!err)
        err = put_str(&d->key, info->file);
    if (!err)
        err = id_of_key(d, d->frames, id, &first);
    if (!err && first && d->handler->frame)
        err = d->handler->frame(d->handler->ctx, *id, info);
    if (is_new)
        *is_new = first;
    return err;
}

int lt_definer_tags(struct lt_definer *d, const struct lt_tag *tags, size_t n, uint32_t *id)
{
    bool is_new = false;
    int err = 0;
    *id = 0; /* no tags */
    if (n == 0)
        return 0;
    lt_buf_clear(&d->key);
    for (size_t i = 0; !err && i < n; i++) {
        err = put_str(&d->key, tags[i].key);
        if (!err)
            err = put_str(&d->key, tags[i].value);
    }
    if (!err)
        err = id_of_key(d, d->tag_sets, id, &is_new);
    ++*id;
    if (!err && is_new && d->handler->tags)
        err = d->handler->tags(d->handler->ctx, *id, tags, n);
    return err;
}

int lt_definer_stack(struct lt_definer *d, uint32_t parent, uint32_t frame, uint32_t *id)
{
    const uint32_t key[2] = {parent, frame};
    uint32_t place = 0;
    bool is_new = false;
    int err = lt_intern_id(d->stacks, key, sizeof(key), &place, &is_new);
    *id = place + 1; /* 0 is the empty stack */
    if (!err && is_new && d->handler->stack)
        err = d->handler->stack(d->handler->ctx, *id, parent, frame);
    return err;
}
