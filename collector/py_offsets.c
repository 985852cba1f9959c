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
    CODE_COPY_MAX = 512
};

/* Where `_Py_DebugOffsets` of 3.13 keeps what (CPython, Include/internal/pycore_runtime.h). */
static const struct {
    uint16_t at;
    uint16_t field; /* in struct lt_py_offsets */
} debug_fields_313[] = {
    {40, offsetof(struct lt_py_offsets, runtime.interpreters_head)},
    {56, offsetof(struct lt_py_offsets, interp.id)},
    {64, offsetof(struct lt_py_offsets, interp.next)},
    {72, offsetof(struct lt_py_offsets, interp.threads_head)},
    {88, offsetof(struct lt_py_offsets, interp.modules)},
    {112, offsetof(struct lt_py_offsets, interp.gil)},
    {168, offsetof(struct lt_py_offsets, tstate.next)},
    {176, offsetof(struct lt_py_offsets, tstate.interp)},
    {184, offsetof(struct lt_py_offsets, tstate.frame)},
    {192, offsetof(struct lt_py_offsets, tstate.thread_id)},
    {200, offsetof(struct lt_py_offsets, tstate.native_thread_id)},
    {208, offsetof(struct lt_py_offsets, tstate.datastack_chunk)},
    {232, offsetof(struct lt_py_offsets, frame.previous)},
    {240, offsetof(struct lt_py_offsets, frame.code)},
    {248, offsetof(struct lt_py_offsets, frame.instr)},
    {256, offsetof(struct lt_py_offsets, frame.localsplus)},
    {264, offsetof(struct lt_py_offsets, frame.owner)},
    {280, offsetof(struct lt_py_offsets, code.filename)},
    {288, offsetof(struct lt_py_offsets, code.name)},
    {296, offsetof(struct lt_py_offsets, code.qualname)},
    {304, offsetof(struct lt_py_offsets, code.linetable)},
    {312, offsetof(struct lt_py_offsets, code.firstlineno)},
    {344, offsetof(struct lt_py_offsets, code.code_adaptive)},
    {520, offsetof(struct lt_py_offsets, bytes.size)},
    {528, offsetof(struct lt_py_offsets, bytes.data)},
    {544, offsetof(struct lt_py_offsets, unicode.state)},
    {552, offsetof(struct lt_py_offsets, unicode.length)},
    {560, offsetof(struct lt_py_offsets, unicode.ascii_data)},
};

enum {
    DEBUG_FREE_THREADED = 16,
    DEBUG_GC = 80,
    DEBUG_GIL = 120,
    DEBUG_GIL_LOCKED = 136,
    DEBUG_GIL_HOLDER = 144,
    DEBUG_GC_COLLECTING = 576,
    DEBUG_END_313 = 584
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

static int apply_debug_offsets(const uint8_t *bytes, size_t len, struct lt_py_offsets *o)
{
    const struct lt_py_offsets row = *o;
    if (len < DEBUG_END_313 || memcmp(bytes, "xdebugpy", 8) != 0)
        return LT_ERR_CORRUPT;
    o->free_threaded = lt_peek_u64(bytes, DEBUG_FREE_THREADED) != 0;
    for (size_t i = 0; i < sizeof(debug_fields_313) / sizeof(debug_fields_313[0]); i++) {
        uint64_t value = lt_peek_u64(bytes, debug_fields_313[i].at);
        if (value >= STRUCT_MAX)
            return LT_ERR_CORRUPT;
        *field_at(o, debug_fields_313[i].field) = (uint32_t)value;
    }
    uint64_t gil = lt_peek_u64(bytes, DEBUG_GIL);
    o->gil.locked = (uint32_t)(lt_peek_u64(bytes, DEBUG_GIL_LOCKED) - gil);
    o->gil.last_holder = (uint32_t)(lt_peek_u64(bytes, DEBUG_GIL_HOLDER) - gil);
    o->interp.gc_collecting =
        (uint32_t)(lt_peek_u64(bytes, DEBUG_GC) + lt_peek_u64(bytes, DEBUG_GC_COLLECTING));
    shift(&o->gil.switch_number, row.gil.locked, o->gil.locked);
    shift(&o->tstate.datastack_top, row.tstate.datastack_chunk, o->tstate.datastack_chunk);
    shift(&o->code.firsttraceable, row.code.code_adaptive, o->code.code_adaptive);
    shift(&o->code.version, row.code.firstlineno, o->code.firstlineno);
    return 0;
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
    const uint32_t tstate[] = {o->tstate.next,
                               o->tstate.interp,
                               o->tstate.frame,
                               o->tstate.cframe,
                               o->tstate.thread_id,
                               o->tstate.native_thread_id,
                               o->tstate.datastack_chunk,
                               o->tstate.datastack_top};
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
    const uint32_t tstate[] = {o->tstate.next, o->tstate.interp, o->tstate.thread_id,
                               o->tstate.datastack_chunk, o->tstate.datastack_top};
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
         (o->frame.owner == LT_NO_FIELD || o->frame.owner < o->frame.size);
    return ok ? 0 : LT_ERR_CORRUPT;
}

int lt_py_offsets_find(uint32_t hexversion, const uint8_t *debug_offsets, size_t len,
                       struct lt_py_offsets *out)
{
    unsigned major = hexversion >> 24, minor = hexversion >> 16 & 0xff;
    const struct lt_py_offsets *row = lt_py_offsets_table;
    while (row->major && (row->major != major || row->minor != minor))
        row++;
    if (!row->major)
        return LT_ERR_PY_VERSION;
    *out = *row;
    if (major == 3 && minor >= 13) {
        int err = apply_debug_offsets(debug_offsets, len, out);
        if (err)
            return err;
    }
    if (out->free_threaded)
        return LT_ERR_PY_VERSION;
    set_sizes(out);
    return validate(out);
}
