/* SPDX-License-Identifier: Apache-2.0
 *
 * From a version to its row, corrected by what the target says of itself, then validated. */
#include "config.h"

#include "collector/py_offsets.h"

#include <stddef.h>
#include <string.h>

#include "collector/py_stack.h"
#include "formats/lt_error.h"

enum {
    STRUCT_MAX = 1 << 20, /* no structure that we read is larger */
    TSTATE_COPY_MAX = 1024,
    CODE_COPY_MAX = 512,
    TEXT_HEADER_MAX = 128 /* of str and bytes */
};

enum { /* the same in every _Py_DebugOffsets */
       DEBUG_VERSION = 8,
       DEBUG_FREE_THREADED = 16,
       DEBUG_HEAD = 24
};

static uint32_t *field_at(struct lt_py_offsets *o, size_t at)
{
    return (uint32_t *)(void *)((char *)o + at);
}

/* Fields that the target does not tell lie where the row says, measured from a neighbour that it
 * tells. */
static void shift(uint32_t *field, uint32_t neighbour_was, uint32_t neighbour_is)
{
    *field = *field - neighbour_was + neighbour_is;
}

/* A field of its structure: it lies within what the target says is the structure's size. */
static int apply_told(const uint8_t *bytes, const struct lt_py_debug_layout *layout,
                      struct lt_py_offsets *o)
{
    for (size_t i = 0; i < LT_DEBUG_FIELDS_MAX && layout->fields[i].at; i++) {
        uint64_t value = lt_peek_u64(bytes, layout->fields[i].at);
        if (value >= STRUCT_MAX || value >= lt_peek_u64(bytes, layout->fields[i].size_at))
            return LT_ERR_CORRUPT;
        *field_at(o, layout->fields[i].field) = (uint32_t)value;
    }
    return 0;
}

static int apply_debug_offsets(const uint8_t *bytes, const struct lt_py_debug_layout *layout,
                               struct lt_py_offsets *o)
{
    const struct lt_py_offsets row = *o;
    int err = apply_told(bytes, layout, o);
    if (err)
        return err;
    uint64_t gil = lt_peek_u64(bytes, layout->gil);
    o->gil.locked = (uint32_t)(lt_peek_u64(bytes, layout->gil_locked) - gil);
    o->gil.last_holder = (uint32_t)(lt_peek_u64(bytes, layout->gil_last_holder) - gil);
    uint64_t collecting =
        lt_peek_u64(bytes, layout->gc) + lt_peek_u64(bytes, layout->gc_collecting);
    if (collecting >= STRUCT_MAX)
        return LT_ERR_CORRUPT;
    o->interp.gc_collecting = (uint32_t)collecting;
    /* Far from all that is told, and not vital: believed where nothing has moved. */
    if (lt_peek_u64(bytes, layout->interp_size) != row.interp.size)
        o->interp.next_version = LT_NO_FIELD;
    shift(&o->gil.switch_number, row.gil.locked, o->gil.locked);
    shift(&o->tstate.datastack_top, row.tstate.datastack_chunk, o->tstate.datastack_chunk);
    shift(&o->tstate.context, row.tstate.thread_id, o->tstate.thread_id);
    shift(&o->code.firsttraceable, row.code.code_adaptive, o->code.code_adaptive);
    shift(&o->code.version, row.code.firstlineno, o->code.firstlineno);
    /* The first member of _PyRuntime is the layout itself. */
    return o->runtime.interpreters_head >= layout->size ? 0 : LT_ERR_CORRUPT;
}

/* Is that the head of a _Py_DebugOffsets of this version, and of which build? */
static int check_debug_head(uint32_t hexversion, const uint8_t *bytes, size_t len)
{
    if (len < DEBUG_HEAD || memcmp(bytes, "xdebugpy", 8) != 0 ||
        lt_peek_u64(bytes, DEBUG_VERSION) >> 16 != hexversion >> 16)
        return LT_ERR_CORRUPT;
    return lt_peek_u64(bytes, DEBUG_FREE_THREADED) ? LT_ERR_PY_FREE_THREADED : 0;
}

/* The end of the last of these fields of eight bytes, rounded up to 8. */
static uint32_t end_of(const uint32_t *fields, size_t n)
{
    uint32_t end = 0;
    for (size_t i = 0; i < n; i++) {
        if (fields[i] != LT_NO_FIELD && fields[i] + 8 > end)
            end = fields[i] + 8;
    }
    return (end + 7) / 8 * 8;
}

/* What has to be copied, from what the target said. */
static void set_sizes(struct lt_py_offsets *o)
{
    const uint32_t tstate[] = {
        o->tstate.next,   o->tstate.interp,          o->tstate.frame,
        o->tstate.cframe, o->tstate.thread_id,       o->tstate.native_thread_id,
        o->tstate.id,     o->tstate.datastack_chunk, o->tstate.datastack_top,
        o->tstate.context};
    const uint32_t frame[] = {o->frame.code, o->frame.previous, o->frame.instr,
                              o->frame.owner == LT_NO_FIELD ? LT_NO_FIELD : o->frame.owner / 8 * 8};
    const uint32_t code[] = {o->code.filename,   o->code.name,           o->code.qualname,
                             o->code.linetable,  o->code.firsttraceable, o->code.version,
                             o->code.firstlineno};
    o->tstate.size = end_of(tstate, sizeof(tstate) / sizeof(tstate[0]));
    o->frame.size = end_of(frame, sizeof(frame) / sizeof(frame[0]));
    o->code.size = end_of(code, sizeof(code) / sizeof(code[0]));
}

/* A pointer field is aligned and lies where a copy reaches. */
static bool pointer_ok(uint32_t field, uint32_t size)
{
    return field == LT_NO_FIELD || (field % 8 == 0 && field < size);
}

static int validate(const struct lt_py_offsets *o)
{
    const uint32_t tstate[] = {o->tstate.next,          o->tstate.interp,
                               o->tstate.thread_id,     o->tstate.datastack_chunk,
                               o->tstate.datastack_top, o->tstate.context};
    const uint32_t interp[] = {o->interp.next, o->interp.threads_head, o->interp.gil,
                               o->interp.modules};
    const uint32_t code[] = {o->code.filename, o->code.name, o->code.qualname, o->code.linetable};
    bool ok = o->tstate.size <= TSTATE_COPY_MAX && o->frame.size <= LT_FRAME_COPY_MAX &&
              o->code.size <= CODE_COPY_MAX;
    ok = ok && pointer_ok(o->runtime.interpreters_head, STRUCT_MAX) && o->gil.locked < 256 &&
         pointer_ok(o->gil.last_holder, 256) && pointer_ok(o->gil.switch_number, 256) &&
         o->gil.switch_number > o->gil.locked && o->gil.switch_number > o->gil.last_holder;
    for (size_t i = 0; i < sizeof(tstate) / sizeof(tstate[0]); i++)
        ok = ok && pointer_ok(tstate[i], o->tstate.size);
    for (size_t i = 0; i < sizeof(interp) / sizeof(interp[0]); i++)
        ok = ok && pointer_ok(interp[i], STRUCT_MAX);
    for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
        ok = ok && pointer_ok(code[i], o->code.size);
    ok = ok && pointer_ok(o->frame.code, o->frame.size) &&
         pointer_ok(o->frame.previous, o->frame.size) &&
         (o->frame.owner == LT_NO_FIELD || o->frame.owner < o->frame.size) &&
         o->frame.localsplus % 8 == 0 && o->unicode.ascii_data < TEXT_HEADER_MAX &&
         o->unicode.compact_data < TEXT_HEADER_MAX && o->bytes.data < TEXT_HEADER_MAX;
    return ok ? 0 : LT_ERR_CORRUPT;
}

/* The row of the version, or with `force` of the newest that is known where it is newer. */
static int find_row(unsigned major, unsigned minor, bool force, const struct lt_py_offsets **out)
{
    const struct lt_py_offsets *row = lt_py_offsets_table;
    if (major < row->major || (major == row->major && minor < row->minor))
        return LT_ERR_PY_VERSION;
    while (row->major && (row->major != major || row->minor != minor))
        row++;
    if (!row->major && !force)
        return LT_ERR_PY_NEWER;
    *out = row->major ? row : row - 1;
    return 0;
}

static const struct lt_py_debug_layout *find_debug_layout(unsigned minor)
{
    const struct lt_py_debug_layout *layout = lt_py_debug_layouts;
    while (layout->minor && layout->minor != minor)
        layout++;
    return layout->minor ? layout : NULL;
}

int lt_py_offsets_find(uint32_t hexversion, const uint8_t *debug_offsets, size_t len, bool force,
                       struct lt_py_offsets *out)
{
    const struct lt_py_offsets *row;
    int err = find_row(hexversion >> 24, hexversion >> 16 & 0xff, force, &row);
    if (err)
        return err;
    *out = *row;
    const struct lt_py_debug_layout *layout = find_debug_layout(row->minor);
    if (layout) {
        err = check_debug_head(hexversion, debug_offsets, len);
        if (!err && len < layout->size)
            err = LT_ERR_CORRUPT;
        if (!err)
            err = apply_debug_offsets(debug_offsets, layout, out);
        if (err)
            return err;
    }
    set_sizes(out);
    return validate(out);
}
