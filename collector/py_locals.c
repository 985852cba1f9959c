/* SPDX-License-Identifier: Apache-2.0
 *
 * From 3.11 on one tuple names all slots of a frame, and bytes say what they are. Before, there
 * are three tuples: variables, cells, free variables; an argument that is in a cell leaves its own
 * slot empty. */
#include "config.h"

#include "collector/py_locals.h"

#include "collector/py_values.h"
#include "formats/lt_error.h"

enum {
    MAX_SLOTS = 512, /* that are looked at */
    WORD = 8,
    NULL_REF = 1,                   /* PyStackRef_NULL of 3.14+ */
    KIND_CELL_OR_FREE = 0x40 | 0x80 /* CO_FAST_CELL, CO_FAST_FREE */
};

struct slots {
    const struct lt_mem *mem;
    const struct lt_py_offsets *o;
    size_t n;
    size_t n_plain; /* up to 3.10: those before the cells */
    lt_addr names[MAX_SLOTS];
    bool cells[MAX_SLOTS]; /* may they be cells? */
    uint64_t refs[MAX_SLOTS];
};

/* Adds a tuple's names, as many as there is room for. */
static int add_names(struct slots *s, lt_addr tuple, bool cells)
{
    uint64_t n;
    int err = lt_mem_read_u64(s->mem, tuple + s->o->tuple.size, &n);
    if (err)
        return err;
    if (n > MAX_SLOTS - s->n)
        n = MAX_SLOTS - s->n;
    err = lt_mem_read(s->mem, tuple + s->o->tuple.items, s->names + s->n, (size_t)n * WORD);
    for (size_t i = 0; !err && i < n; i++)
        s->cells[s->n++] = cells;
    return err;
}

static int add_field(struct slots *s, lt_addr code, uint32_t field, bool cells)
{
    lt_addr tuple;
    int err = lt_mem_read_u64(s->mem, code + field, &tuple);
    return err ? err : add_names(s, tuple, cells);
}

static int read_kinds(struct slots *s, lt_addr code)
{
    uint8_t kinds[MAX_SLOTS];
    lt_addr bytes;
    int err = lt_mem_read_u64(s->mem, code + s->o->code.localspluskinds, &bytes);
    if (!err)
        err = lt_mem_read(s->mem, bytes + s->o->bytes.data, kinds, s->n);
    for (size_t i = 0; !err && i < s->n; i++)
        s->cells[i] = kinds[i] & KIND_CELL_OR_FREE;
    return err;
}

static int read_names(struct slots *s, lt_addr code)
{
    int err = add_field(s, code, s->o->code.localsplusnames, false);
    s->n_plain = s->n;
    if (!err && s->o->code.localspluskinds != LT_NO_FIELD)
        return read_kinds(s, code);
    if (!err)
        err = add_field(s, code, s->o->code.cellvars, true);
    return err ? err : add_field(s, code, s->o->code.freevars, true);
}

/* Up to 3.10 an argument that is in a cell has two slots: it goes to where arguments are. */
static void join_arguments(struct slots *s)
{
    for (size_t i = 0; i < s->n_plain; i++) {
        for (size_t cell = s->n_plain; !s->refs[i] && cell < s->n; cell++) {
            if (s->names[cell] != s->names[i])
                continue;
            s->refs[i] = s->refs[cell];
            s->cells[i] = true;
            s->refs[cell] = 0;
        }
    }
}

/* A slot's value, with cells opened; 0: not bound. */
static int open_slot(const struct slots *s, size_t i, uint64_t *ref)
{
    lt_addr object = lt_py_ref_object(s->o, s->refs[i]);
    bool null = s->o->tagged_refs && s->refs[i] == NULL_REF;
    *ref = null ? 0 : s->refs[i];
    if (!*ref || !s->cells[i] || !lt_py_is_cell(s->mem, s->o, object))
        return 0;
    return lt_mem_read_u64(s->mem, object + s->o->cell.value, ref);
}

int lt_py_locals_each(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr frame,
                      lt_addr code, int (*each)(void *ctx, const struct lt_py_local *local),
                      void *ctx)
{
    struct slots s = {.mem = mem, .o = o};
    int err = read_names(&s, code);
    if (!err)
        err = lt_mem_read(mem, frame + o->frame.localsplus, s.refs, s.n * WORD);
    if (!err)
        join_arguments(&s);
    for (size_t i = 0; !err && i < s.n; i++) {
        struct lt_py_local local = {.name = s.names[i]};
        err = open_slot(&s, i, &local.ref);
        if (!err && local.ref)
            err = each(ctx, &local);
    }
    return err;
}
