/* SPDX-License-Identifier: Apache-2.0
 *
 * From a thread's context to the value of one variable. A context is a hash array mapped trie
 * (CPython, Python/hamt.c). Nothing of this has changed its place from 3.8 to 3.15; what a node is
 * tells the name of its type. Addresses are used again soon, so nothing but types is remembered. */
#include "config.h"

#include "collector/py_tags.h"

#include <string.h>

#include "collector/py_dict.h"
#include "collector/py_types.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    VAR_HASH = 56,     /* PyContextVar.var_hash */
    CONTEXT_VARS = 24, /* PyContext.ctx_vars: the trie */
    TRIE_ROOT = 16,    /* PyHamtObject.h_root */
    NODE_SIZE = 16,    /* ob_size of a bitmap and a collision node */
    BITMAP = 24,       /* PyHamtNode_Bitmap.b_bitmap */
    PAIRS = 32,        /* behind it and behind a collision node's hash: keys and values by turns */
    CHILDREN = 16,     /* PyHamtNode_Array.a_array */
    BITS = 5,          /* of the hash, a level */
    MAX_LEVELS = 8,
    MAX_COLLISIONS = 64,
    MAX_BYTES = 4096, /* MAX_BYTES of _tags.py */
    MAX_TAGS = 64
};

static int32_t folded_hash(uint64_t hash)
{
    int32_t folded = (int32_t)((uint32_t)hash ^ (uint32_t)(hash >> 32));
    return folded == -1 ? -2 : folded;
}

int lt_py_tag_var_at(const struct lt_mem *mem, lt_addr addr, struct lt_py_tag_var *var)
{
    uint64_t hash;
    int err = lt_mem_read_u64(mem, addr + VAR_HASH, &hash);
    if (!err)
        *var = (struct lt_py_tag_var){.addr = addr, .hash = folded_hash(hash)};
    return err;
}

int lt_py_tag_var_find(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr interp,
                       struct lt_py_tag_var *var)
{
    lt_addr addr;
    *var = (struct lt_py_tag_var){0};
    int err = lt_py_module_global(mem, o, interp, "live_trace._tags", "_current", &addr);
    return err || !addr ? err : lt_py_tag_var_at(mem, addr, var);
}

void lt_py_tags_use(struct lt_py_process *p, const struct lt_py_tag_var *var)
{
    p->tag_var = *var;
    lt_py_process_distrust(p);
}

struct lookup {
    const struct lt_mem *mem;
    const struct lt_py_offsets *o;
    struct lt_py_tag_var *var;
    unsigned level;
    lt_addr node, value; /* value is set where the search ended */
};

static unsigned slot_of(const struct lookup *l)
{
    return (uint32_t)l->var->hash >> (l->level * BITS) & 31;
}

static int step_bitmap(struct lookup *l)
{
    uint8_t word[8], pair[16];
    uint32_t bit = UINT32_C(1) << slot_of(l);
    int err = lt_mem_read(l->mem, l->node + BITMAP, word, sizeof(word));
    if (err)
        return err;
    uint32_t bitmap = lt_peek_u32(word, 0);
    unsigned index = (unsigned)__builtin_popcount(bitmap & (bit - 1));
    lt_addr at = l->node + PAIRS + index * sizeof(pair);
    l->node = 0;
    if (!(bitmap & bit))
        return 0;
    err = lt_mem_read(l->mem, at, pair, sizeof(pair));
    if (!err && lt_peek_u64(pair, 0) == 0)
        l->node = lt_peek_u64(pair, 8);
    else if (!err && lt_peek_u64(pair, 0) == l->var->addr)
        l->value = lt_peek_u64(pair, 8);
    return err;
}

static int step_array(struct lookup *l)
{
    return lt_mem_read_u64(l->mem, l->node + CHILDREN + 8 * slot_of(l), &l->node);
}

static int step_collision(struct lookup *l)
{
    uint8_t pairs[MAX_COLLISIONS * 16];
    uint64_t size;
    int err = lt_mem_read_u64(l->mem, l->node + NODE_SIZE, &size);
    if (!err && size > 2 * MAX_COLLISIONS)
        err = LT_ERR_LIMIT;
    if (!err)
        err = lt_mem_read(l->mem, l->node + PAIRS, pairs, size * 8);
    for (size_t at = 0; !err && at + 2 <= size; at += 2) {
        if (lt_peek_u64(pairs, at * 8) == l->var->addr)
            l->value = lt_peek_u64(pairs, at * 8 + 8);
    }
    l->node = 0;
    return err;
}

/* Which kind of node, or value, an object is; types that were met before are known. */
static int kind_of(const struct lookup *l, lt_addr object, enum lt_py_tag_kind *kind)
{
    static const char *const names[LT_TAG_KINDS] = {"hamt_bitmap_node", "hamt_array_node",
                                                    "hamt_collision_node", "bytes"};
    char name[LT_PY_TYPE_NAME];
    lt_addr type;
    int err = lt_mem_read_u64(l->mem, object + l->o->object.type, &type);
    for (unsigned i = 0; !err && i < LT_TAG_KINDS; i++) {
        *kind = (enum lt_py_tag_kind)i;
        if (l->var->types[i] == type)
            return 0;
    }
    if (!err)
        err = lt_py_type_own_name(l->mem, l->o, type, name);
    for (unsigned i = 0; !err && i < LT_TAG_KINDS; i++) {
        *kind = (enum lt_py_tag_kind)i;
        if (strcmp(name, names[i]) != 0)
            continue;
        l->var->types[i] = type;
        return 0;
    }
    return err ? err : LT_ERR_CORRUPT;
}

/* From a node to the next one, to the value, or to nothing. */
static int step(struct lookup *l)
{
    enum lt_py_tag_kind kind;
    int err = kind_of(l, l->node, &kind);
    if (err)
        return err;
    switch (kind) {
    case LT_TAG_BITMAP:
        return step_bitmap(l);
    case LT_TAG_ARRAY:
        return step_array(l);
    case LT_TAG_COLLISION:
        return step_collision(l);
    default:
        return LT_ERR_CORRUPT;
    }
}

static int find_value(struct lookup *l, lt_addr context)
{
    lt_addr trie;
    int err = lt_mem_read_u64(l->mem, context + CONTEXT_VARS, &trie);
    if (!err)
        err = lt_mem_read_u64(l->mem, trie + TRIE_ROOT, &l->node);
    for (l->level = 0; !err && l->node && l->level < MAX_LEVELS; l->level++)
        err = step(l);
    return err;
}

static int read_bytes(const struct lookup *l, struct lt_buf *out)
{
    enum lt_py_tag_kind kind;
    uint64_t size;
    int err = kind_of(l, l->value, &kind);
    if (!err && kind != LT_TAG_BYTES)
        err = LT_ERR_CORRUPT;
    if (!err)
        err = lt_mem_read_u64(l->mem, l->value + l->o->bytes.size, &size);
    if (!err && size > MAX_BYTES)
        err = LT_ERR_LIMIT;
    if (!err)
        err = lt_buf_reserve(out, size);
    if (!err && size)
        err = lt_mem_read(l->mem, l->value + l->o->bytes.data, out->data, size);
    if (!err)
        out->len = size;
    return err;
}

void lt_py_tags_look(struct lt_py_process *p, struct lt_py_thread *t, bool *fetched_more)
{
    const struct lt_py_offsets *o = &p->runtime.offsets;
    const uint8_t *tstate = lt_copies_at(&p->copies, t->stack.tstate_copy);
    struct lookup l = {.mem = &p->mem, .o = o, .var = &p->tag_var};
    t->tags_looked = false;
    if (!p->tag_var.addr)
        return;
    lt_addr context = lt_peek_u64(tstate, o->tstate.context);
    t->tags_looked = true;
    lt_buf_clear(&t->looked_tags);
    if (!context)
        return;
    *fetched_more = true;
    if (find_value(&l, context) != 0 || !l.value || read_bytes(&l, &t->looked_tags) != 0)
        lt_buf_clear(&t->looked_tags);
}

/* The next text of those that are ended by NULs each. */
static bool next_text(const struct lt_buf *texts, size_t *at, struct lt_str *text)
{
    const char *from = (const char *)texts->data + *at;
    const char *end = *at < texts->len ? memchr(from, '\0', texts->len - *at) : NULL;
    if (!end)
        return false;
    *text = (struct lt_str){from, (size_t)(end - from)};
    *at += text->len + 1;
    return true;
}

static bool has_key(const struct lt_tag *tags, size_t n, struct lt_str key)
{
    for (size_t i = 0; i < n; i++) {
        if (tags[i].key.len == key.len && memcmp(tags[i].key.data, key.data, key.len) == 0)
            return true;
    }
    return false;
}

/* A thread's own tags win over those of the recording. */
int lt_py_tags_renew(struct lt_py_thread *t, struct lt_tick_context *tick)
{
    struct lt_tag tags[MAX_TAGS];
    size_t n = 0, at = 0;
    t->tags = 0;
    while (t->kept_tags.len && n < MAX_TAGS && next_text(&t->kept_tags, &at, &tags[n].key) &&
           next_text(&t->kept_tags, &at, &tags[n].value))
        n++;
    size_t own = n;
    for (size_t i = 0; own && n < MAX_TAGS && i < tick->n_all_tags; i++) {
        if (!has_key(tags, own, tick->all_tags[i].key))
            tags[n++] = tick->all_tags[i];
    }
    int err = own ? lt_trace_writer_tags(tick->writer, tags, n, &t->tags) : 0;
    return err == LT_ERR_LIMIT ? 0 : err; /* the segment is full: the next one has them */
}

int lt_py_tags_keep(struct lt_py_thread *t, struct lt_tick_context *tick)
{
    bool same = t->looked_tags.len == t->kept_tags.len &&
                (!t->kept_tags.len ||
                 memcmp(t->looked_tags.data, t->kept_tags.data, t->kept_tags.len) == 0);
    if (!t->tags_looked || same)
        return 0;
    struct lt_buf was = t->kept_tags;
    t->kept_tags = t->looked_tags;
    t->looked_tags = was;
    return lt_py_tags_renew(t, tick);
}
