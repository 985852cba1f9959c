/* SPDX-License-Identifier: Apache-2.0
 *
 * Interning for the encoder. Each kind of definition has a table (equal keys, equal ids) and a
 * buffer of encoded rows that wait for the next DEFS block. */
#include "config.h"

#include "formats/trace_dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"

/* Together at most about 14 MB, tables and all. */
enum {
    MAX_STRINGS = 1 << 16,
    MAX_STRING_BYTES = 4 << 20,
    MAX_FUNCTIONS = 1 << 16,
    MAX_FRAMES = 1 << 16,
    MAX_STACKS = 1 << 17,
    MAX_TAG_SETS = 1 << 14,
    MAX_STRING = 4096 /* so that the largest tag set still fits into a block */
};

/* Definitions of one kind since the last DEFS block. */
struct rows {
    struct lt_buf bytes;
    uint32_t n;
    /* Of the row before; 0 for the first one. */
    uint32_t last_a, last_b;
};

struct lt_dictionary {
    struct lt_intern *strings, *functions, *frames, *stacks, *tags;
    struct rows rows[LT_DEFS_LAST + 1]; /* by section */
    struct lt_buf key;
    bool full;
};

struct function_key {
    uint32_t name, file, first_line;
};

struct frame_key {
    uint32_t function, line;
};

struct stack_key {
    uint32_t parent, frame;
};

int lt_dictionary_new(struct lt_dictionary **out)
{
    struct lt_dictionary *d = calloc(1, sizeof(*d));
    if (!d)
        return LT_ERR_NOMEM;
    int err = lt_intern_new(&d->strings, MAX_STRINGS, MAX_STRING_BYTES);
    if (!err)
        err = lt_intern_new(&d->functions, MAX_FUNCTIONS, 0);
    if (!err)
        err = lt_intern_new(&d->frames, MAX_FRAMES, 0);
    if (!err)
        err = lt_intern_new_sized(&d->stacks, sizeof(struct stack_key), MAX_STACKS);
    if (!err)
        err = lt_intern_new(&d->tags, MAX_TAG_SETS, MAX_STRING_BYTES);
    if (err) {
        lt_dictionary_free(d);
        return err;
    }
    *out = d;
    return 0;
}

void lt_dictionary_free(struct lt_dictionary *d)
{
    if (!d)
        return;
    lt_intern_free(d->strings);
    lt_intern_free(d->functions);
    lt_intern_free(d->frames);
    lt_intern_free(d->stacks);
    lt_intern_free(d->tags);
    for (size_t i = 0; i <= LT_DEFS_LAST; i++)
        lt_buf_release(&d->rows[i].bytes);
    lt_buf_release(&d->key);
    free(d);
}

static void rows_clear(struct rows *rows)
{
    lt_buf_clear(&rows->bytes);
    rows->n = rows->last_a = rows->last_b = 0;
}

void lt_dictionary_clear(struct lt_dictionary *d)
{
    lt_intern_clear(d->strings);
    lt_intern_clear(d->functions);
    lt_intern_clear(d->frames);
    lt_intern_clear(d->stacks);
    lt_intern_clear(d->tags);
    for (size_t i = 0; i <= LT_DEFS_LAST; i++)
        rows_clear(&d->rows[i]);
    d->full = false;
}

/* Puts a definition into its table and, when it is new, gives the caller the rows to add it to.
 * Interned ids begin at 0. */
static int define(struct lt_dictionary *d, struct lt_intern *table, const void *key, size_t len,
                  uint32_t *id, bool *is_new)
{
    int err = lt_intern_id(table, key, len, id, is_new);
    if (err == LT_ERR_LIMIT)
        d->full = true;
    return err;
}

/* At most `max` bytes of a string, not ending within a UTF-8 sequence. */
static size_t clipped(struct lt_str s, size_t max)
{
    if (s.len <= max)
        return s.len;
    size_t len = max;
    while (len > max - 3 && ((uint8_t)s.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* Id 0 is the empty string, the others follow in order. */
static int string_id(struct lt_dictionary *d, struct lt_str s, uint32_t *id)
{
    struct rows *rows = &d->rows[LT_DEFS_STRINGS];
    size_t len = clipped(s, MAX_STRING);
    bool is_new;
    *id = 0;
    if (len == 0)
        return 0;
    int err = define(d, d->strings, s.data, len, id, &is_new);
    if (err)
        return err;
    ++*id;
    if (!is_new)
        return 0;
    rows->n++;
    err = lt_buf_put_varint(&rows->bytes, len);
    return err ? err : lt_buf_put(&rows->bytes, s.data, len);
}

static int put_delta(struct lt_buf *b, uint32_t value, uint32_t *last)
{
    int err = lt_buf_put_svarint(b, (int64_t)value - *last);
    *last = value;
    return err;
}

static int function_id(struct lt_dictionary *d, const struct lt_frame_info *info, uint32_t *id)
{
    struct rows *rows = &d->rows[LT_DEFS_FUNCTIONS];
    struct function_key key = {.first_line = info->first_line};
    bool is_new;
    int err = string_id(d, info->name, &key.name);
    if (!err)
        err = string_id(d, info->file, &key.file);
    if (!err)
        err = define(d, d->functions, &key, sizeof(key), id, &is_new);
    if (err || !is_new)
        return err;
    rows->n++;
    err = put_delta(&rows->bytes, key.name, &rows->last_a);
    if (!err)
        err = put_delta(&rows->bytes, key.file, &rows->last_b);
    return err ? err : lt_buf_put_varint(&rows->bytes, key.first_line);
}

int lt_dictionary_frame(struct lt_dictionary *d, const struct lt_frame_info *info, uint32_t *id)
{
    struct rows *rows = &d->rows[LT_DEFS_FRAMES];
    struct frame_key key = {.line = info->line};
    bool is_new;
    int err = function_id(d, info, &key.function);
    if (!err)
        err = define(d, d->frames, &key, sizeof(key), id, &is_new);
    if (err || !is_new)
        return err;
    rows->n++;
    err = put_delta(&rows->bytes, key.function, &rows->last_a);
    return err ? err : lt_buf_put_svarint(&rows->bytes, (int64_t)key.line - info->first_line);
}

int lt_dictionary_stack(struct lt_dictionary *d, uint32_t parent, uint32_t frame, uint32_t *id)
{
    struct rows *rows = &d->rows[LT_DEFS_STACKS];
    struct stack_key key = {parent, frame};
    bool is_new;
    if (!lt_dictionary_has_stack(d, parent) || frame >= lt_intern_count(d->frames))
        return LT_ERR_USAGE;
    int err = define(d, d->stacks, &key, sizeof(key), id, &is_new);
    if (err)
        return err;
    ++*id;
    if (!is_new)
        return 0;
    rows->n++;
    err = lt_buf_put_varint(&rows->bytes, *id - 1 - parent);
    return err ? err : put_delta(&rows->bytes, frame, &rows->last_a);
}

int lt_dictionary_tags(struct lt_dictionary *d, const struct lt_tag *tags, size_t n, uint32_t *id)
{
    struct rows *rows = &d->rows[LT_DEFS_TAGS];
    bool is_new;
    *id = 0;
    if (n == 0)
        return 0;
    if (n > LT_TRACE_TAGS_MAX)
        return LT_ERR_USAGE;
    lt_buf_clear(&d->key);
    int err = lt_buf_put_varint(&d->key, n);
    for (size_t i = 0; !err && i < n; i++) {
        uint32_t key, value;
        err = string_id(d, tags[i].key, &key);
        if (!err)
            err = string_id(d, tags[i].value, &value);
        if (!err)
            err = lt_buf_put_varint(&d->key, key);
        if (!err)
            err = lt_buf_put_varint(&d->key, value);
    }
    if (!err)
        err = define(d, d->tags, d->key.data, d->key.len, id, &is_new);
    if (err)
        return err;
    ++*id;
    if (!is_new)
        return 0;
    rows->n++;
    return lt_buf_put(&rows->bytes, d->key.data, d->key.len);
}

/* Processes and threads have few strings, and must be definable in a dictionary that is full: a
 * string that does not fit becomes the empty one. */
static int string_or_none(struct lt_dictionary *d, struct lt_str s, uint32_t *id)
{
    int err = string_id(d, s, id);
    if (err != LT_ERR_LIMIT)
        return err;
    *id = 0;
    return 0;
}

static int put_all(struct rows *rows, const uint64_t *values, size_t n)
{
    int err = 0;
    for (size_t i = 0; !err && i < n; i++)
        err = lt_buf_put_varint(&rows->bytes, values[i]);
    rows->n++;
    return err;
}

int lt_dictionary_process(struct lt_dictionary *d, uint32_t id, const struct lt_process_info *info)
{
    enum lt_defs_section section = info->host.len ? LT_DEFS_HOSTED : LT_DEFS_PROCESSES;
    uint32_t command, python, cwd, host;
    int err = string_or_none(d, info->command, &command);
    if (!err)
        err = string_or_none(d, info->python, &python);
    if (!err)
        err = string_or_none(d, info->cwd, &cwd);
    if (!err)
        err = string_or_none(d, info->host, &host);
    if (err)
        return err;
    const uint64_t values[] = {id, info->pid, info->ppid, command, python, cwd, host};
    size_t n = sizeof(values) / sizeof(values[0]);
    return put_all(&d->rows[section], values, section == LT_DEFS_HOSTED ? n : n - 1);
}

int lt_dictionary_thread(struct lt_dictionary *d, uint32_t id, const struct lt_thread_info *info)
{
    uint32_t name;
    int err = string_or_none(d, info->name, &name);
    if (err)
        return err;
    const uint64_t values[] = {id, info->process, info->tid, info->ident, name};
    return put_all(&d->rows[LT_DEFS_THREADS], values, sizeof(values) / sizeof(values[0]));
}

bool lt_dictionary_has_stack(const struct lt_dictionary *d, uint32_t id)
{
    return id <= lt_intern_count(d->stacks);
}

bool lt_dictionary_has_tags(const struct lt_dictionary *d, uint32_t id)
{
    return id <= lt_intern_count(d->tags);
}

bool lt_dictionary_full(const struct lt_dictionary *d)
{
    return d->full;
}

bool lt_dictionary_has_hosted(const struct lt_dictionary *d)
{
    return d->rows[LT_DEFS_HOSTED].n > 0;
}

size_t lt_dictionary_pending(const struct lt_dictionary *d)
{
    size_t bytes = 0;
    for (size_t i = 0; i <= LT_DEFS_LAST; i++)
        bytes += d->rows[i].bytes.len;
    return bytes;
}

/* How many ids of a section are given; those of the waiting rows are the last ones. */
static uint32_t defined(const struct lt_dictionary *d, enum lt_defs_section section)
{
    switch (section) {
    case LT_DEFS_STRINGS:
        return lt_intern_count(d->strings) + 1;
    case LT_DEFS_FUNCTIONS:
        return lt_intern_count(d->functions);
    case LT_DEFS_FRAMES:
        return lt_intern_count(d->frames);
    case LT_DEFS_STACKS:
        return lt_intern_count(d->stacks) + 1;
    case LT_DEFS_TAGS:
        return lt_intern_count(d->tags) + 1;
    case LT_DEFS_PROCESSES:
    case LT_DEFS_THREADS:
    case LT_DEFS_HOSTED:
        break;
    }
    return 0;
}

static int take_section(struct lt_dictionary *d, enum lt_defs_section section, struct lt_buf *out)
{
    struct rows *rows = &d->rows[section];
    int err = lt_buf_put_u8(out, (uint8_t)section);
    /* Rows of processes and threads name their ids themselves. */
    if (!err && section < LT_DEFS_PROCESSES)
        err = lt_buf_put_varint(out, defined(d, section) - rows->n);
    if (!err)
        err = lt_buf_put_varint(out, rows->n);
    if (!err)
        err = lt_buf_put(out, rows->bytes.data, rows->bytes.len);
    if (!err)
        rows_clear(rows);
    return err;
}

int lt_dictionary_take(struct lt_dictionary *d, struct lt_buf *out)
{
    int err = 0;
    for (unsigned section = LT_DEFS_STRINGS; !err && section <= LT_DEFS_LAST; section++) {
        if (d->rows[section].n)
            err = take_section(d, (enum lt_defs_section)section, out);
    }
    return err;
}
