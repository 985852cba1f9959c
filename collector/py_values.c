/* SPDX-License-Identifier: Apache-2.0
 *
 * One function a type. Bounds are everywhere: the objects belong to somebody else, and some of
 * them may be no objects any more. */
#include "config.h"

#include "collector/py_values.h"

#include <inttypes.h>

#include "collector/py_dict.h"
#include "collector/py_numbers.h"
#include "collector/py_set.h"
#include "collector/py_types.h"
#include "collector/py_unicode.h"
#include "formats/byte_buffer.h"
#include "formats/escape.h"
#include "formats/lt_error.h"

enum {
    WORD = 8,
    TEXT_OF_OBJECT = 64, /* bytes that count as one object */
    /* A _PyStackRef of 3.14+: in its lowest bits, what it is. */
    REF_TAG = 7,
    INT_TAG_MASK = 3,
    INT_TAG = 3,
    INT_SHIFT = 2
};

static int put_object(struct lt_py_values *v, lt_addr object, struct lt_buf *out);

/* ---- text ---- */

/* As Python chooses it: the double quote only for a text that has single ones and no double. */
static char choose_quote(bool has_single, bool has_double)
{
    return has_single && !has_double ? '"' : '\'';
}

static int put_quote_end(struct lt_buf *out, char quote, bool cut)
{
    int err = lt_buf_put_u8(out, (uint8_t)quote);
    return err || !cut ? err : lt_buf_put_text(out, "...");
}

static int put_str(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    uint32_t chars[LT_VALUE_CHARS];
    bool has_single = false, has_double = false;
    uint64_t length;
    size_t n;
    int err = lt_py_unicode_chars(v->mem, v->offsets, object, chars, LT_VALUE_CHARS, &n, &length);
    for (size_t i = 0; !err && i < n; i++) {
        has_single = has_single || chars[i] == '\'';
        has_double = has_double || chars[i] == '"';
    }
    char quote = choose_quote(has_single, has_double);
    if (!err)
        err = lt_buf_put_u8(out, (uint8_t)quote);
    for (size_t i = 0; !err && i < n; i++)
        err = lt_escape_char(out, chars[i], quote);
    return err ? err : put_quote_end(out, quote, n < length);
}

static int put_bytes(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    const struct lt_py_offsets *o = v->offsets;
    uint8_t bytes[LT_VALUE_CHARS];
    uint64_t length;
    int err = lt_mem_read_u64(v->mem, object + o->bytes.size, &length);
    if (err)
        return err;
    size_t n = length < LT_VALUE_CHARS ? (size_t)length : LT_VALUE_CHARS;
    err = lt_mem_read(v->mem, object + o->bytes.data, bytes, n);
    if (err)
        return err;
    char quote = choose_quote(memchr(bytes, '\'', n), memchr(bytes, '"', n));
    err = lt_buf_printf(out, "b%c", quote);
    for (size_t i = 0; !err && i < n; i++)
        err = lt_escape_byte(out, bytes[i], quote);
    return err ? err : put_quote_end(out, quote, n < length);
}

/* ---- numbers ---- */

static int put_bool(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    uint32_t digit;
    int err = lt_mem_read(v->mem, object + v->offsets->integer.digits, &digit, sizeof(digit));
    if (!err && digit > 1)
        err = LT_ERR_CORRUPT;
    return err ? err : lt_buf_put_text(out, digit ? "True" : "False");
}

static int put_float(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    double value;
    int err = lt_mem_read(v->mem, object + v->offsets->floating.value, &value, sizeof(value));
    return err ? err : lt_py_float_text(value, out);
}

/* ---- containers ---- */

/* May another item be begun? Writes the comma, or `...` where it may not: then LT_ERR_STOP. */
static int begin_item(const struct lt_py_values *v, size_t n_before, struct lt_buf *out)
{
    bool more = n_before < LT_VALUE_ITEMS && v->left && v->budget && out->len < v->end;
    int err = n_before ? lt_buf_put_text(out, ", ") : 0;
    if (err || more)
        return err;
    err = lt_buf_put_text(out, "...");
    return err ? err : LT_ERR_STOP;
}

static int put_items(struct lt_py_values *v, lt_addr items, uint64_t n, struct lt_buf *out)
{
    uint8_t pointers[LT_VALUE_ITEMS * WORD];
    size_t have = n < LT_VALUE_ITEMS ? (size_t)n : LT_VALUE_ITEMS;
    int err = lt_mem_read(v->mem, items, pointers, have * WORD);
    for (size_t i = 0; !err && i < n; i++) {
        err = begin_item(v, i, out);
        if (!err)
            err = put_object(v, lt_peek_u64(pointers, i * WORD), out);
    }
    return err == LT_ERR_STOP ? 0 : err;
}

static int put_list(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    lt_addr items = 0;
    uint64_t n;
    int err = lt_mem_read_u64(v->mem, object + v->offsets->list.size, &n);
    if (!err)
        err = lt_mem_read_u64(v->mem, object + v->offsets->list.items, &items);
    return err ? err : put_items(v, items, n, out);
}

static int put_tuple(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    uint64_t n;
    int err = lt_mem_read_u64(v->mem, object + v->offsets->tuple.size, &n);
    if (!err)
        err = put_items(v, object + v->offsets->tuple.items, n, out);
    return err || n != 1 ? err : lt_buf_put_u8(out, ',');
}

struct entries {
    struct lt_py_values *v;
    struct lt_buf *out;
    size_t n;
};

static int put_entry(void *ctx, const struct lt_py_entry *entry)
{
    struct entries *e = ctx;
    int err = begin_item(e->v, e->n++, e->out);
    if (!err)
        err = put_object(e->v, entry->key, e->out);
    if (!err)
        err = lt_buf_put_text(e->out, ": ");
    return err ? err : put_object(e->v, entry->value, e->out);
}

static int put_dict(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    struct entries e = {v, out, 0};
    int err = lt_py_dict_each(v->mem, v->offsets, object, put_entry, &e);
    return err == LT_ERR_STOP ? 0 : err;
}

struct members {
    struct lt_py_values *v;
    struct lt_buf *out;
    size_t n;
};

static int put_member(void *ctx, lt_addr member)
{
    struct members *m = ctx;
    int err = begin_item(m->v, m->n++, m->out);
    return err ? err : put_object(m->v, member, m->out);
}

static int put_set(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    struct members m = {v, out, 0};
    int err = lt_py_set_each(v->mem, v->offsets, object, put_member, &m);
    if (err == LT_ERR_LIMIT)
        return lt_buf_put_text(out, m.n ? ", ..." : "...");
    return err == LT_ERR_STOP ? 0 : err;
}

static bool on_path(const struct lt_py_values *v, lt_addr object)
{
    for (size_t i = 0; i < v->depth; i++) {
        if (v->path[i] == object)
            return true;
    }
    return false;
}

struct brackets {
    const char *open, *close;
    int (*put)(struct lt_py_values *v, lt_addr object, struct lt_buf *out);
};

static int put_container(struct lt_py_values *v, lt_addr object, const struct brackets *b,
                         struct lt_buf *out)
{
    int err = lt_buf_put_text(out, b->open);
    if (err)
        return err;
    if (v->depth == LT_VALUE_DEPTH || on_path(v, object)) {
        err = lt_buf_put_text(out, "...");
    } else {
        v->path[v->depth++] = object;
        err = b->put(v, object, out);
        v->depth--;
    }
    return err ? err : lt_buf_put_text(out, b->close);
}

/* Sets without members are written as calls: {} is a dict. */
static int put_any_set(struct lt_py_values *v, lt_addr object, bool frozen, struct lt_buf *out)
{
    static const struct brackets set = {"{", "}", put_set},
                                 frozenset = {"frozenset({", "})", put_set};
    uint64_t used;
    int err = lt_mem_read_u64(v->mem, object + v->offsets->set.used, &used);
    if (err)
        return err;
    if (used == 0)
        return lt_buf_put_text(out, frozen ? "frozenset()" : "set()");
    return put_container(v, object, frozen ? &frozenset : &set, out);
}

/* ---- objects ---- */

static int put_other(struct lt_py_values *v, lt_addr object, lt_addr type, struct lt_buf *out)
{
    int err = lt_buf_put_u8(out, '<');
    if (!err)
        err = lt_py_type_name(v->mem, v->offsets, type, out);
    return err ? err : lt_buf_printf(out, " at 0x%" PRIx64 ">", object);
}

static int put_kind(struct lt_py_values *v, enum lt_py_kind kind, lt_addr object, lt_addr type,
                    struct lt_buf *out)
{
    static const struct brackets list = {"[", "]", put_list}, tuple = {"(", ")", put_tuple},
                                 dict = {"{", "}", put_dict};
    switch (kind) {
    case LT_PY_NONE:
        return lt_buf_put_text(out, "None");
    case LT_PY_ELLIPSIS:
        return lt_buf_put_text(out, "Ellipsis");
    case LT_PY_BOOL:
        return put_bool(v, object, out);
    case LT_PY_INT:
        return lt_py_int_text(v->mem, v->offsets, object, out);
    case LT_PY_FLOAT:
        return put_float(v, object, out);
    case LT_PY_STR:
        return put_str(v, object, out);
    case LT_PY_BYTES:
        return put_bytes(v, object, out);
    case LT_PY_LIST:
        return put_container(v, object, &list, out);
    case LT_PY_TUPLE:
        return put_container(v, object, &tuple, out);
    case LT_PY_DICT:
        return put_container(v, object, &dict, out);
    case LT_PY_SET:
    case LT_PY_FROZENSET:
        return put_any_set(v, object, kind == LT_PY_FROZENSET, out);
    case LT_PY_CELL:
    case LT_PY_GENERATOR:
    case LT_PY_AWAITABLE:
    case LT_PY_OTHER:
        break;
    }
    return put_other(v, object, type, out);
}

/* Is it the object's own fault, or the end of all reading? */
static bool is_local(int err)
{
    return err == LT_ERR_FAULT || err == LT_ERR_CORRUPT || err == LT_ERR_LIMIT;
}

/* Long texts cost as much as some objects: large numbers take their time. */
static void charge(struct lt_py_values *v, size_t len)
{
    size_t cost = len / TEXT_OF_OBJECT;
    v->budget -= cost < v->budget ? cost : v->budget;
}

static int put_object(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    enum lt_py_kind kind;
    lt_addr type;
    size_t before = out->len;
    if (!v->left || !v->budget)
        return lt_buf_put_text(out, "...");
    v->left--;
    v->budget--;
    int err = lt_py_kind_of(v->mem, v->offsets, object, &kind, &type);
    if (!err)
        err = put_kind(v, kind, object, type, out);
    charge(v, out->len - before);
    if (!is_local(err))
        return err;
    out->len = before;
    return lt_buf_printf(out, "<unreadable at 0x%" PRIx64 ">", object);
}

int lt_py_value_text(struct lt_py_values *v, lt_addr object, struct lt_buf *out)
{
    v->left = LT_VALUE_OBJECTS;
    v->end = out->len + LT_VALUE_TEXT;
    v->depth = 0;
    return put_object(v, object, out);
}

lt_addr lt_py_ref_object(const struct lt_py_offsets *o, uint64_t ref)
{
    return o->tagged_refs ? ref & ~(uint64_t)REF_TAG : ref;
}

int lt_py_value_ref_text(struct lt_py_values *v, uint64_t ref, struct lt_buf *out)
{
    if (v->offsets->tagged_refs && (ref & INT_TAG_MASK) == INT_TAG)
        return lt_buf_printf(out, "%" PRId64, (int64_t)ref >> INT_SHIFT);
    return lt_py_value_text(v, lt_py_ref_object(v->offsets, ref), out);
}

bool lt_py_is_cell(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr object)
{
    enum lt_py_kind kind;
    lt_addr type;
    return lt_py_kind_of(mem, o, object, &kind, &type) == 0 && kind == LT_PY_CELL;
}
