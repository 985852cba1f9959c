/* SPDX-License-Identifier: Apache-2.0
 *
 * The layouts of dicts from 3.8 to 3.15: an index, then entries with or without hashes, whose
 * values may lie in an array apart (split tables, values inside of instances). */
#include "config.h"

#include "collector/py_dict.h"

#include <string.h>

#include "collector/py_unicode.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    KEYS_HEADER = 64,
    MODULE_DICT = 16, /* PyModuleObject.md_dict: right behind the object header in all versions */
    MAX_LOG2_INDEX = 32,
    MAX_ENTRIES = 1 << 20, /* that are looked through */
    BATCH = 128,           /* entries in one read */
    MAX_DICT_OFFSET = 1 << 16,
    MAX_KEY_CHARS = 128,
    KIND_GENERAL = 0,            /* DICT_KEYS_GENERAL: entries with hashes (3.11+) */
    FLAG_INLINE_VALUES = 1 << 2, /* Py_TPFLAGS_INLINE_VALUES, 3.13+ */
    FLAG_MANAGED_DICT = 1 << 4,  /* Py_TPFLAGS_MANAGED_DICT, 3.11+ */
    WORD = 8
};

struct keys {
    lt_addr entries;
    uint64_t n;
    bool hashes;
};

static int read_keys(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                     struct keys *keys)
{
    uint8_t header[KEYS_HEADER];
    uint64_t index_bytes;
    int err = lt_mem_read(mem, addr, header, o->dict.keys_indices);
    if (err)
        return err;
    keys->n = lt_peek_u64(header, o->dict.keys_nentries);
    if (o->dict.keys_size != LT_NO_FIELD) {
        uint64_t size = lt_peek_u64(header, o->dict.keys_size);
        if (size > (uint64_t)1 << MAX_LOG2_INDEX)
            return LT_ERR_CORRUPT;
        index_bytes = size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : 4);
        keys->hashes = true;
    } else {
        if (header[o->dict.keys_log2_index_bytes] > MAX_LOG2_INDEX)
            return LT_ERR_CORRUPT;
        index_bytes = (uint64_t)1 << header[o->dict.keys_log2_index_bytes];
        keys->hashes = header[o->dict.keys_kind] == KIND_GENERAL;
    }
    keys->entries = addr + o->dict.keys_indices + index_bytes;
    return 0;
}

/* n entries from `first` on. */
static int each_of_batch(const struct lt_mem *mem, const struct keys *keys, lt_addr values,
                         uint64_t first, size_t n,
                         int (*each)(void *ctx, const struct lt_py_entry *entry), void *ctx)
{
    uint8_t entries[BATCH * 3 * WORD], apart[BATCH * WORD];
    size_t entry_size = keys->hashes ? 3 * WORD : 2 * WORD;
    int err = lt_mem_read(mem, keys->entries + first * entry_size, entries, n * entry_size);
    if (!err && values)
        err = lt_mem_read(mem, values + first * WORD, apart, n * WORD);
    for (size_t i = 0; !err && i < n; i++) {
        const uint8_t *at = entries + i * entry_size;
        size_t key = keys->hashes ? WORD : 0;
        struct lt_py_entry entry = {
            .hash = keys->hashes ? lt_peek_u64(at, 0) : 0,
            .key = lt_peek_u64(at, key),
            .value = values ? lt_peek_u64(apart, i * WORD) : lt_peek_u64(at, key + WORD),
            .slot = values ? values + i * WORD : keys->entries + i * entry_size + key + WORD,
        };
        if (entry.key && entry.value)
            err = each(ctx, &entry);
    }
    return err;
}

/* All entries; `values` is the array of a split table, or 0. */
static int each_entry(const struct lt_mem *mem, const struct keys *keys, lt_addr values,
                      int (*each)(void *ctx, const struct lt_py_entry *entry), void *ctx)
{
    int err = 0;
    for (uint64_t first = 0; !err && first < keys->n; first += BATCH) {
        uint64_t left = keys->n - first;
        if (first >= MAX_ENTRIES)
            return LT_ERR_LIMIT;
        err =
            each_of_batch(mem, keys, values, first, left < BATCH ? (size_t)left : BATCH, each, ctx);
    }
    return err;
}

int lt_py_dict_each(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr dict,
                    int (*each)(void *ctx, const struct lt_py_entry *entry), void *ctx)
{
    lt_addr keys_addr, values;
    struct keys keys;
    int err = lt_mem_read_u64(mem, dict + o->dict.keys, &keys_addr);
    if (!err)
        err = lt_mem_read_u64(mem, dict + o->dict.values, &values);
    if (!err)
        err = read_keys(mem, o, keys_addr, &keys);
    /* From 3.13 on the array has a header of its own. */
    if (!err && values && o->object.inline_values != LT_NO_FIELD)
        values += o->object.inline_values;
    return err ? err : each_entry(mem, &keys, values, each, ctx);
}

struct lookup {
    const struct lt_mem *mem;
    const struct lt_py_offsets *o;
    const char *key;
    lt_addr value, slot;
    struct lt_buf text;
};

static int match(void *ctx, const struct lt_py_entry *entry)
{
    struct lookup *l = ctx;
    uint64_t length;
    size_t want = strlen(l->key);
    /* Most keys differ in length already, and are no str at all if that is not readable. */
    if (lt_mem_read_u64(l->mem, entry->key + l->o->unicode.length, &length) != 0 || length != want)
        return 0;
    lt_buf_clear(&l->text);
    if (lt_py_unicode_read(l->mem, l->o, entry->key, MAX_KEY_CHARS, &l->text) != 0 ||
        l->text.len != want || memcmp(l->text.data, l->key, want) != 0)
        return 0;
    l->value = entry->value;
    l->slot = entry->slot;
    return LT_ERR_STOP;
}

/* What an iteration that ends at the match came to. */
static int found(int err)
{
    return err == LT_ERR_STOP ? 0 : err;
}

int lt_py_dict_get(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr dict,
                   const char *key, lt_addr *value)
{
    struct lookup l = {.mem = mem, .o = o, .key = key};
    int err = lt_py_dict_each(mem, o, dict, match, &l);
    lt_buf_release(&l.text);
    *value = l.value;
    return found(err);
}

int lt_py_module_global(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr interp,
                        const char *module, const char *name, lt_addr *value)
{
    lt_addr modules, object = 0, dict = 0;
    *value = 0;
    int err = lt_mem_read_u64(mem, interp + o->interp.modules, &modules);
    if (!err && modules)
        err = lt_py_dict_get(mem, o, modules, module, &object);
    if (!err && object)
        err = lt_mem_read_u64(mem, object + MODULE_DICT, &dict);
    return err || !dict ? err : lt_py_dict_get(mem, o, dict, name, value);
}

/* Among values apart, whose keys the type has. */
static int values_match(struct lookup *l, lt_addr type, lt_addr values)
{
    lt_addr keys_addr;
    struct keys keys;
    int err = lt_mem_read_u64(l->mem, type + l->o->object.type_cached_keys, &keys_addr);
    if (!err && !keys_addr)
        err = LT_ERR_CORRUPT;
    if (!err)
        err = read_keys(l->mem, l->o, keys_addr, &keys);
    return err ? err : each_entry(l->mem, &keys, values, match, l);
}

/* Where a 3.11+ instance keeps its attributes: a dict, or values whose keys its type has. */
static int find_managed(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr object,
                        lt_addr type, uint64_t flags, lt_addr *dict, lt_addr *values)
{
    uint64_t basic_size;
    *values = 0;
    int err = lt_mem_read_u64(mem, object - WORD * o->object.dict_before, dict);
    if (err)
        return err;
    if (o->object.values_before != LT_NO_FIELD) {
        err = lt_mem_read_u64(mem, object - WORD * o->object.values_before, values);
    } else if (o->object.inline_values == LT_NO_FIELD) {
        if (*dict & 1) { /* 3.12: tagged, one byte below the values */
            *values = *dict + 1;
            *dict = 0;
        }
    } else if (!*dict && (flags & FLAG_INLINE_VALUES)) {
        err = lt_mem_read_u64(mem, type + o->object.type_basicsize, &basic_size);
        *values = object + basic_size + o->object.inline_values;
    }
    return err;
}

int lt_py_instance_slot(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr object,
                        const char *name, lt_addr *slot)
{
    struct lookup l = {.mem = mem, .o = o, .key = name};
    lt_addr type, dict = 0, values = 0;
    uint64_t flags = 0, dict_offset = 0;
    int err = lt_mem_read_u64(mem, object + o->object.type, &type);
    if (!err)
        err = lt_mem_read_u64(mem, type + o->object.type_flags, &flags);
    if (!err)
        err = lt_mem_read_u64(mem, type + o->object.type_dictoffset, &dict_offset);
    if (!err && o->object.dict_before != LT_NO_FIELD && (flags & FLAG_MANAGED_DICT))
        err = find_managed(mem, o, object, type, flags, &dict, &values);
    else if (!err && dict_offset > 0 && dict_offset < MAX_DICT_OFFSET)
        err = lt_mem_read_u64(mem, object + dict_offset, &dict);
    if (!err && dict)
        err = lt_py_dict_each(mem, o, dict, match, &l);
    else if (!err && values)
        err = values_match(&l, type, values);
    lt_buf_release(&l.text);
    *slot = l.slot;
    return found(err);
}
