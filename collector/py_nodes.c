/* SPDX-License-Identifier: Apache-2.0
 *
 * The outer part of a stack seldom changes: what equals the last tick's keeps its node, the rest
 * is looked up frame by frame. */
#include "config.h"

#include "collector/py_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum { FRAME_SLOTS = 4096 }; /* a power of two */

/* A direct-mapped cache in front of the line table and the trace's dictionary. */
struct lt_frame_slot {
    uint32_t serial; /* 0: free */
    uint32_t offset;
    uint32_t frame;
};

int lt_py_nodes_init(struct lt_py_process *p)
{
    p->frame_ids = calloc(FRAME_SLOTS, sizeof(p->frame_ids[0]));
    return p->frame_ids ? 0 : LT_ERR_NOMEM;
}

void lt_py_nodes_forget(struct lt_py_process *p)
{
    memset(p->frame_ids, 0, FRAME_SLOTS * sizeof(p->frame_ids[0]));
}

static int define_frame(struct lt_py_process *p, const struct lt_py_code *code, uint32_t offset,
                        struct lt_tick_context *tick, uint32_t *frame)
{
    struct lt_frame_info info = {
        .name = code->name, .file = code->file, .first_line = code->first_line};
    int err = lt_py_code_line(p->codes, code, offset, &info.line);
    if (!err)
        err = lt_trace_writer_frame(tick->writer, &info, frame);
    if (err)
        return err;
    if (*frame >= tick->frames_seen) {
        tick->frames_seen = *frame + 1;
        tick->new_frame(tick->ctx, p, info.file, info.line);
    }
    return 0;
}

static int frame_id(struct lt_py_process *p, const struct lt_py_code *code, uint32_t offset,
                    struct lt_tick_context *tick, uint32_t *frame)
{
    uint64_t key = ((uint64_t)code->serial << 32 | offset) * UINT64_C(0x9e3779b97f4a7c15);
    struct lt_frame_slot *slot = &p->frame_ids[(key >> 32) & (FRAME_SLOTS - 1)];
    if (slot->serial != code->serial || slot->offset != offset) {
        int err = define_frame(p, code, offset, tick, &slot->frame);
        if (err)
            return err;
        slot->serial = code->serial;
        slot->offset = offset;
    }
    *frame = slot->frame;
    return 0;
}

/* The node of known[depth] below that of its caller. */
static int link_node(struct lt_py_process *p, struct lt_py_thread *t, size_t depth,
                     struct lt_tick_context *tick)
{
    struct lt_known_frame *known = &t->known[depth];
    const struct lt_py_code *code = lt_py_codes_find(p->codes, known->code);
    uint32_t frame;
    if (!code || code->serial != known->serial)
        return LT_ERR_CORRUPT;
    int err = frame_id(p, code, known->offset, tick, &frame);
    if (err)
        return err;
    return lt_trace_writer_stack(tick->writer, depth ? known[-1].node : 0, frame, &known->node);
}

/* Is this a frame that has not begun to run? The interpreter links such a frame for a moment while
 * it makes it. */
static bool incomplete(const struct lt_py_frame *frame, const struct lt_py_code *code,
                       uint32_t offset)
{
    return !frame->generator && offset < code->first_traceable &&
           frame->instr < code->instructions + code->first_traceable;
}

int lt_py_nodes_update(struct lt_py_process *p, struct lt_py_thread *t,
                       struct lt_tick_context *tick)
{
    const struct lt_py_stack *s = &t->stack;
    size_t depth = 0;
    bool same = true; /* so far, from the outermost frame on */

    if (lt_array_grow(&t->known, &t->known_alloc, s->n_frames, sizeof(t->known[0]),
                      LT_STACK_MAX_FRAMES))
        return LT_ERR_NOMEM;
    size_t was = t->n_known;
    t->n_known = 0; /* what an error leaves behind is no stack */
    for (size_t i = s->n_frames; i-- > 0;) {
        const struct lt_py_frame *frame = &s->frames[i];
        const struct lt_py_code *code = lt_py_codes_find(p->codes, frame->code);
        struct lt_known_frame *known = &t->known[depth];
        uint32_t offset;
        if (!code || !lt_py_code_offset(p->codes, code, frame->instr, &offset))
            return LT_ERR_CORRUPT;
        if (incomplete(frame, code, offset))
            continue;
        same = same && depth < was && known->serial == code->serial && known->offset == offset;
        if (!same) {
            known->serial = code->serial;
            known->offset = offset;
            known->code = frame->code;
            int err = link_node(p, t, depth, tick);
            if (err)
                return err;
        }
        depth++;
    }
    t->n_known = depth;
    t->node = depth ? t->known[depth - 1].node : 0;
    return 0;
}

int lt_py_nodes_renew(struct lt_py_process *p, struct lt_py_thread *t, struct lt_tick_context *tick)
{
    for (size_t depth = 0; depth < t->n_known; depth++) {
        int err = link_node(p, t, depth, tick);
        if (err)
            return err;
    }
    t->node = t->n_known ? t->known[t->n_known - 1].node : 0;
    return 0;
}
