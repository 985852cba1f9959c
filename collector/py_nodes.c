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

/* The node of known[depth]: below that of its caller. */
static int link_node(struct lt_py_process *p, struct lt_py_thread *t, size_t depth, uint32_t caller,
                     struct lt_tick_context *tick)
{
    struct lt_known_frame *known = &t->known[depth];
    uint32_t frame;
    if (known->incomplete) {
        known->node = caller;
        return 0;
    }
    int err = frame_id(p, known->code, known->offset, tick, &frame);
    return err ? err : lt_trace_writer_stack(tick->writer, caller, frame, &known->node);
}

/* How many of n known frames are outside of the innermost ones that are wanted. */
static size_t frames_to_cut(const struct lt_py_thread *t, size_t n, uint32_t max_frames)
{
    size_t kept = 0;
    if (max_frames == 0 || n <= max_frames)
        return 0;
    while (n > 0 && kept < max_frames)
        kept += !t->known[--n].incomplete;
    return n;
}

/* A frame that is no code but says something of the stack; *node is its caller's, then its own. */
static int put_mark(struct lt_tick_context *tick, struct lt_str name, uint32_t *node)
{
    const struct lt_frame_info mark = {.name = name};
    uint32_t frame;
    int err = lt_trace_writer_frame(tick->writer, &mark, &frame);
    return err ? err : lt_trace_writer_stack(tick->writer, *node, frame, node);
}

/* What stands in the place of the outer ones of n known frames: the task in that of the event loop,
 * then a mark in that of frames which are too many. */
static int find_root(const struct lt_py_thread *t, size_t n, struct lt_tick_context *tick,
                     size_t *first, uint32_t *root)
{
    size_t n_cut = frames_to_cut(t, n, tick->max_frames);
    int err = 0;
    *first = 0;
    *root = 0;
    if (t->task.task) {
        *first = t->task.n_outer;
        err = put_mark(tick, (struct lt_str){(char *)t->task.name.data, t->task.name.len}, root);
    }
    if (!err && n_cut > *first) {
        *first = n_cut;
        err = put_mark(tick, (struct lt_str){LT_FRAME_CUT, strlen(LT_FRAME_CUT)}, root);
    }
    return err;
}

/* The nodes of the known frames from depth `from` on; those outside of it have theirs. */
static int link_nodes(struct lt_py_process *p, struct lt_py_thread *t, size_t from, size_t n,
                      struct lt_tick_context *tick)
{
    size_t first;
    uint32_t root;
    int err = find_root(t, n, tick, &first, &root);
    if (first != t->first || root != t->root || from < first)
        from = first;
    t->first = first;
    t->root = root;
    for (; !err && from < n; from++)
        err = link_node(p, t, from, from == first ? root : t->known[from - 1].node, tick);
    if (err)
        return err;
    t->n_known = n;
    t->node = n ? t->known[n - 1].node : 0;
    return 0;
}

bool lt_py_frame_incomplete(const struct lt_py_frame *frame, const struct lt_py_code *code,
                            uint32_t offset)
{
    return !frame->generator && offset < code->first_traceable &&
           frame->instr < code->instructions + code->first_traceable;
}

/* What the frame is by its code object. */
static int know_frame(struct lt_py_process *p, const struct lt_py_frame *frame,
                      struct lt_known_frame *known)
{
    known->code = lt_py_codes_find(p->codes, frame->code);
    if (!known->code || !lt_py_code_offset(p->codes, known->code, frame->instr, &known->offset))
        return LT_ERR_CORRUPT;
    known->incomplete = lt_py_frame_incomplete(frame, known->code, known->offset);
    return 0;
}

static bool same_known(const struct lt_known_frame *a, const struct lt_known_frame *b)
{
    return a->code == b->code && a->offset == b->offset && a->incomplete == b->incomplete;
}

int lt_py_nodes_update(struct lt_py_process *p, struct lt_py_thread *t,
                       struct lt_tick_context *tick)
{
    const struct lt_py_stack *s = &t->stack;
    if (lt_array_grow(&t->known, &t->known_alloc, s->n_frames, sizeof(t->known[0]),
                      LT_STACK_MAX_FRAMES))
        return LT_ERR_NOMEM;
    size_t was = t->n_known;
    size_t depth = s->n_same < was ? s->n_same : was;
    size_t changed = s->n_frames; /* the outermost frame that is another one */
    t->n_known = 0;               /* what an error leaves behind is no stack */
    for (; depth < s->n_frames; depth++) {
        struct lt_known_frame known;
        int err = know_frame(p, &s->frames[depth], &known);
        if (err)
            return err;
        if (depth < changed && depth < was && same_known(&known, &t->known[depth]))
            continue;
        if (depth < changed)
            changed = depth;
        t->known[depth] = known;
    }
    return link_nodes(p, t, changed, s->n_frames, tick);
}

int lt_py_nodes_renew(struct lt_py_process *p, struct lt_py_thread *t, struct lt_tick_context *tick)
{
    return link_nodes(p, t, 0, t->n_known, tick);
}
