/* SPDX-License-Identifier: Apache-2.0
 *
 * The unwinder: one thread's Python frames out of copies of its memory. It remembers where the
 * stack lay the last time, so that the next time one vectored read brings all of it; whatever
 * turns out to lie elsewhere is fetched on the way. Frames lie in the thread's chunks (3.11+),
 * those of generators and coroutines in their own objects, up to 3.10 all of them do; frames that
 * C code stands for (3.12+) lie on the C stack.
 *
 * It also remembers the bytes of the last confirmed walk. A frame whose bytes, and those of all
 * frames outside of it, are what they were has the callers that it had: there the walk ends, so
 * that it costs what has changed and not how deep the stack is. */
#ifndef LT_PY_STACK_H
#define LT_PY_STACK_H

#include "collector/copies.h"
#include "collector/py_offsets.h"
#include "formats/byte_buffer.h"

enum {
    LT_STACK_MAX_FRAMES = 1 << 15, /* deeper is LT_ERR_LIMIT */
    LT_STACK_MAX_CHUNKS = 1 << 12,
    LT_FRAME_COPY_MAX = 128 /* bytes of a frame that are looked at, at the most */
};

struct lt_py_frame {
    lt_addr addr, code;
    uint64_t instr;       /* f_lasti, or the address of the instruction */
    bool generator;       /* owned by a generator: never incomplete */
    uint32_t outer_loose; /* frames outside of the chunks among its callers, skipped ones too */
};

struct lt_py_chunk { /* a copied piece of the stack */
    lt_addr addr;
    size_t len;
    size_t copy; /* its index in the copies of this attempt */
    lt_addr kept_addr;
    struct lt_buf kept; /* what was in use of the chunk at kept_addr at the last confirmed walk */
};

struct lt_py_loose { /* a frame outside of the chunks */
    lt_addr addr;
    size_t copy;
    bool has_kept;
    uint8_t kept[LT_FRAME_COPY_MAX];
};

struct lt_py_stack {
    lt_addr tstate;
    /* Where it lay: predictions for the next attempt. */
    lt_addr cframe;
    struct lt_py_chunk *chunks; /* the current one first; those behind n_chunks keep their memory */
    size_t n_chunks, chunks_alloc, chunks_made;
    size_t n_kept_chunks;      /* at the last confirmed walk */
    struct lt_py_loose *loose; /* in the order of the walk, innermost first */
    size_t n_loose, loose_alloc;
    /* Copies of this attempt. */
    size_t tstate_copy, cframe_copy;
    /* The result of the walk, outermost first. */
    struct lt_py_frame *frames;
    size_t n_frames, frames_alloc;
    size_t n_same;  /* of them, the outer ones that are those of the last confirmed walk */
    size_t n_valid; /* frames that stand for the bytes that are kept */
    /* Scratch of a walk: the frames met, innermost first. */
    struct lt_py_frame *met;
    size_t met_alloc;
    struct lt_py_loose *met_loose;
    size_t met_loose_alloc;
};

/* What the bytes of a frame say (offsets.frame.size of them). LT_ERR_CORRUPT: there is no code object. */
int lt_py_frame_decode(const struct lt_py_offsets *o, lt_addr addr, const uint8_t *bytes,
                       struct lt_py_frame *frame);

/* Wants the thread state and all that is predicted. */
int lt_py_stack_want(struct lt_py_stack *s, const struct lt_py_offsets *o,
                     struct lt_copies *copies);

/* After the fetch: fills frames; *fetched_more says that it had to read again on the way, which
 * has to be confirmed as the same moment. LT_ERR_CORRUPT when the chain makes no sense,
 * LT_ERR_LIMIT when it is too deep, LT_ERR_FAULT, LT_ERR_NOMEM. */
int lt_py_stack_walk(struct lt_py_stack *s, const struct lt_py_offsets *o, struct lt_copies *copies,
                     const struct lt_mem *mem, bool *fetched_more);

/* The walk was confirmed: what it saw is what the next one is measured against. */
int lt_py_stack_keep(struct lt_py_stack *s, const struct lt_py_offsets *o,
                     const struct lt_copies *copies);

/* Forgets the predictions: one of them was not readable. */
void lt_py_stack_forget(struct lt_py_stack *s);
void lt_py_stack_release(struct lt_py_stack *s);

#endif
