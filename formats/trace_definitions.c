/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of DEFS blocks. Ids are dense, and each section says at which id it begins: where one
 * begins beyond what is known, the block in between was lost, and what refers to it is
 * passed over, down to the samples. */
#include "config.h"

#include "formats/trace_definitions.h"

#include <stdlib.h>
#include <string.h>

#include "formats/lt_error.h"
#include "formats/trace_format.h"

void lt_definitions_release(struct lt_definitions *d)
{
    struct lt_known_ids *ids[] = {&d->frames, &d->stacks, &d->tags, &d->processes, &d->threads};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        free(ids[i]->known);
    free(d->strings);
    free(d->functions);
    lt_buf_release(&d->bytes);
    memset(d, 0, sizeof(*d));
}

void lt_definitions_clear(struct lt_definitions *d)
{
    lt_buf_clear(&d->bytes);
    d->n_strings = d->n_functions = 0;
    d->frames.n = d->stacks.n = d->tags.n = d->processes.n = d->threads.n = 0;
}

static bool is_known(const struct lt_known_ids *ids, uint32_t id)
{
    return id < ids->n && ids->known[id];
}

/* What lies between the known ids and this one becomes unknown ones. */
static int make_known(struct lt_known_ids *ids, uint32_t id, size_t max)
{
    int err = lt_array_grow(&ids->known, &ids->alloc, (size_t)id + 1, 1, max);
    if (err)
        return err;
    if (id >= ids->n) {
        memset(ids->known + ids->n, 0, id + 1 - ids->n);
        ids->n = (size_t)id + 1;
    }
    ids->known[id] = 1;
    return 0;
}

static bool string_known(const struct lt_definitions *d, uint32_t id)
{
    return id == 0 || (id < d->n_strings && d->strings[id].known);
}

/* The empty string where it is not known. */
static struct lt_str string_of(const struct lt_definitions *d, uint32_t id)
{
    if (id == 0 || !string_known(d, id))
        return (struct lt_str){"", 0};
    const struct lt_string_place *place = &d->strings[id];
    return (struct lt_str){(const char *)d->bytes.data + place->at, place->len};
}

static uint32_t read_id(struct lt_cursor *c)
{
    return (uint32_t)lt_cursor_bounded(c, LT_TRACE_IDS_MAX - 1);
}

static uint32_t read_u32(struct lt_cursor *c)
{
    return (uint32_t)lt_cursor_bounded(c, UINT32_MAX);
}

/* The sum of a value and a signed difference, from 0 to max. */
static uint32_t read_delta(struct lt_cursor *c, uint32_t from, uint32_t max)
{
    int64_t value;
    if (__builtin_add_overflow((int64_t)from, lt_cursor_svarint(c), &value) || value < 0 ||
        value > (int64_t)max) {
        c->bad = true;
        return 0;
    }
    return (uint32_t)value;
}

/* Strings keep their bytes; `size` is of an item of the array that begins with n known ones. */
static int grow_to(void *array, size_t *n, size_t *alloc, uint32_t id, size_t size)
{
    int err = lt_array_grow(array, alloc, (size_t)id + 1, size, LT_TRACE_IDS_MAX);
    if (err || id < *n)
        return err;
    uint8_t *items;
    memcpy(&items, array, sizeof(items));
    memset(items + *n * size, 0, (id + 1 - *n) * size);
    *n = (size_t)id + 1;
    return 0;
}

static int read_string(struct lt_definitions *d, struct lt_cursor *c, uint32_t id)
{
    struct lt_str s = lt_cursor_str(c);
    if (c->bad || id == 0 || s.len > LT_TRACE_STRING_MAX || string_known(d, id) ||
        d->bytes.len > LT_TRACE_STRINGS_BYTES_MAX - s.len)
        return LT_BAD_PAYLOAD;
    int err = grow_to(&d->strings, &d->n_strings, &d->strings_alloc, id, sizeof(d->strings[0]));
    if (err)
        return err;
    d->strings[id] = (struct lt_string_place){(uint32_t)d->bytes.len, (uint32_t)s.len, true};
    return lt_buf_put(&d->bytes, s.data, s.len);
}

/* Of the row before in the same section. */
struct row_before {
    uint32_t a, b;
};

static int read_function(struct lt_definitions *d, struct lt_cursor *c, uint32_t id,
                         struct row_before *before)
{
    uint32_t name = before->a = read_delta(c, before->a, LT_TRACE_IDS_MAX - 1);
    uint32_t file = before->b = read_delta(c, before->b, LT_TRACE_IDS_MAX - 1);
    uint32_t first_line = read_u32(c);
    if (c->bad || (id < d->n_functions && d->functions[id].known))
        return LT_BAD_PAYLOAD;
    int err =
        grow_to(&d->functions, &d->n_functions, &d->functions_alloc, id, sizeof(d->functions[0]));
    if (err)
        return err;
    bool known = string_known(d, name) && string_known(d, file);
    d->functions[id] = (struct lt_function){name, file, first_line, known};
    return 0;
}

static int read_frame(struct lt_definitions *d, struct lt_cursor *c, uint32_t id,
                      struct row_before *before)
{
    uint32_t function = before->a = read_delta(c, before->a, LT_TRACE_IDS_MAX - 1);
    int64_t beyond = lt_cursor_svarint(c);
    if (c->bad || is_known(&d->frames, id))
        return LT_BAD_PAYLOAD;
    if (function >= d->n_functions || !d->functions[function].known)
        return 0;
    const struct lt_function *f = &d->functions[function];
    int64_t line;
    if (__builtin_add_overflow((int64_t)f->first_line, beyond, &line) || line < 0 ||
        line > UINT32_MAX)
        return LT_BAD_PAYLOAD;
    const struct lt_frame_info info = {
        .name = string_of(d, f->name),
        .file = string_of(d, f->file),
        .line = (uint32_t)line,
        .first_line = f->first_line,
    };
    int err = make_known(&d->frames, id, LT_TRACE_IDS_MAX);
    if (!err && d->handler->frame)
        err = d->handler->frame(d->handler->ctx, id, &info);
    return err;
}

static int read_stack(struct lt_definitions *d, struct lt_cursor *c, uint32_t id,
                      struct row_before *before)
{
    uint32_t back = read_u32(c);
    uint32_t frame = before->a = read_delta(c, before->a, LT_TRACE_IDS_MAX - 1);
    if (c->bad || id == 0 || back > id - 1 || is_known(&d->stacks, id))
        return LT_BAD_PAYLOAD;
    uint32_t parent = id - 1 - back;
    if (!lt_definitions_has_stack(d, parent) || !is_known(&d->frames, frame))
        return 0;
    int err = make_known(&d->stacks, id, LT_TRACE_STACKS_MAX);
    if (!err && d->handler->stack)
        err = d->handler->stack(d->handler->ctx, id, parent, frame);
    return err;
}

static int read_tags(struct lt_definitions *d, struct lt_cursor *c, uint32_t id)
{
    struct lt_tag tags[LT_TRACE_TAGS_MAX];
    size_t n = (size_t)lt_cursor_bounded(c, LT_TRACE_TAGS_MAX);
    bool known = true;
    for (size_t i = 0; i < n; i++) {
        uint32_t key = read_id(c);
        uint32_t value = read_id(c);
        known = known && string_known(d, key) && string_known(d, value);
        tags[i] = (struct lt_tag){string_of(d, key), string_of(d, value)};
    }
    if (c->bad || id == 0 || is_known(&d->tags, id))
        return LT_BAD_PAYLOAD;
    if (!known)
        return 0;
    int err = make_known(&d->tags, id, LT_TRACE_IDS_MAX);
    if (!err && d->handler->tags)
        err = d->handler->tags(d->handler->ctx, id, tags, n);
    return err;
}

static int define_process(struct lt_definitions *d, uint32_t id, const struct lt_process_info *info)
{
    int err = make_known(&d->processes, id, LT_TRACE_IDS_MAX);
    if (!err && d->handler->process)
        err = d->handler->process(d->handler->ctx, id, info);
    return err;
}

static int define_thread(struct lt_definitions *d, uint32_t id, const struct lt_thread_info *info)
{
    const struct lt_process_info nothing = {0};
    int err = 0;
    if (!is_known(&d->processes, info->process))
        err = define_process(d, info->process, &nothing);
    if (!err)
        err = make_known(&d->threads, id, LT_TRACE_IDS_MAX);
    if (!err && d->handler->thread)
        err = d->handler->thread(d->handler->ctx, id, info);
    return err;
}

static int read_process(struct lt_definitions *d, struct lt_cursor *c, bool hosted)
{
    uint32_t id = read_id(c);
    struct lt_process_info info = {.pid = read_u32(c)};
    info.ppid = read_u32(c);
    info.command = string_of(d, read_id(c));
    info.python = string_of(d, read_id(c));
    info.cwd = string_of(d, read_id(c));
    if (hosted)
        info.host = string_of(d, read_id(c));
    return c->bad ? LT_BAD_PAYLOAD : define_process(d, id, &info);
}

static int read_thread(struct lt_definitions *d, struct lt_cursor *c)
{
    uint32_t id = read_id(c);
    struct lt_thread_info info = {.process = read_id(c)};
    info.tid = lt_cursor_varint(c);
    info.ident = lt_cursor_varint(c);
    info.name = string_of(d, read_id(c));
    return c->bad ? LT_BAD_PAYLOAD : define_thread(d, id, &info);
}

static int read_row(struct lt_definitions *d, enum lt_defs_section section, struct lt_cursor *c,
                    uint32_t id, struct row_before *before)
{
    switch (section) {
    case LT_DEFS_STRINGS:
        return read_string(d, c, id);
    case LT_DEFS_FUNCTIONS:
        return read_function(d, c, id, before);
    case LT_DEFS_FRAMES:
        return read_frame(d, c, id, before);
    case LT_DEFS_STACKS:
        return read_stack(d, c, id, before);
    case LT_DEFS_TAGS:
        return read_tags(d, c, id);
    case LT_DEFS_PROCESSES:
        return read_process(d, c, false);
    case LT_DEFS_THREADS:
        return read_thread(d, c);
    case LT_DEFS_HOSTED:
        return read_process(d, c, true);
    }
    return LT_BAD_PAYLOAD;
}

static int read_section(struct lt_definitions *d, enum lt_defs_section section, struct lt_cursor *c)
{
    struct row_before before = {0, 0};
    uint32_t max = section == LT_DEFS_STACKS ? LT_TRACE_STACKS_MAX : LT_TRACE_IDS_MAX;
    uint32_t id = 0;
    if (section < LT_DEFS_PROCESSES)
        id = (uint32_t)lt_cursor_bounded(c, max - 1);
    uint32_t n = (uint32_t)lt_cursor_bounded(c, max - id);
    int err = c->bad ? LT_BAD_PAYLOAD : 0;
    for (uint32_t i = 0; !err && i < n; i++)
        err = read_row(d, section, c, id + i, &before);
    return err;
}

int lt_definitions_read(struct lt_definitions *d, struct lt_cursor payload)
{
    int err = 0;
    while (!err && lt_cursor_left(&payload)) {
        uint8_t section = lt_cursor_u8(&payload);
        /* A later version's addition: its sections come last. */
        if (section == 0 || section > LT_DEFS_LAST)
            return 0;
        err = read_section(d, (enum lt_defs_section)section, &payload);
    }
    return err;
}

bool lt_definitions_has_stack(const struct lt_definitions *d, uint32_t id)
{
    return id == 0 || is_known(&d->stacks, id);
}

bool lt_definitions_has_tags(const struct lt_definitions *d, uint32_t id)
{
    return id == 0 || is_known(&d->tags, id);
}

int lt_definitions_need_thread(struct lt_definitions *d, uint32_t id)
{
    const struct lt_thread_info nothing = {0};
    return is_known(&d->threads, id) ? 0 : define_thread(d, id, &nothing);
}
