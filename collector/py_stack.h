/* SPDX-License-Identifier: Apache-2.0
 *
 * The unwinder: one thread's Python frames out of copies of its memory. It remembers where the
 * stack lay the last time, so that the next time one vectored read brings all of it; whatever
 * turns out to lie elsewhere is fetched on the way. Frames lie in the thread's chunks (3.11+),
 * those of generators and coroutines in their own objects, up to 3.10 all of them do. */
#ifndef LT_PY_STACK_H
#define LT_PY_STACK_H

#include "collector/copies.h"
#include "collector/py_offsets.h"

enum {
    LT_STACK_MAX_FRAMES = 1 << 15, /* deeper is LT_ERR_LIMIT */
    LT_STACK_MAX_CHUNKS = 1 << 12
};

struct lt_py_frame {
    lt_addr code;
    uint64_t instr; /* f_lasti, or the address of the instruction */
    bool generator; /* owned by a generator: never incomplete */
    bool stable;    /* its bytes, locals and all, and those of its callers in the same chunk, are
                       what they were at the last kept walk */
};

struct lt_py_span { /* a copied piece of the stack */
    lt_addr addr;
    size_t len;
    size_t copy; /* its index in the copies of this attempt */
};

struct lt_py_stack {
    lt_addr tstate;
    /* Where it lay: predictions for the next attempt. */
    lt_addr cframe;
    struct lt_py_span *chunks; /* the current one first */
    size_t n_chunks, chunks_alloc;
    struct lt_py_span *loose; /* frames outside of the chunks, in the order of the walk */
    size_t n_loose, loose_alloc;
    /* The current chunk as it was at the last kept walk. */
    lt_addr kept_addr;
    uint8_t *kept;
    size_t kept_len, kept_alloc;
    /* Copies of this attempt. */
    size_t tstate_copy, cframe_copy;
    /* The result of the walk, innermost first. */
    struct lt_py_frame *frames;
    size_t n_frames, frames_alloc;
};

/* Wants the thread state and all that is predicted. */
int lt_py_stack_want(struct lt_py_stack *s, const struct lt_py_offsets *o,
                     struct lt_copies *copies);

/* After the fetch: fills frames; *fetched_more says that it had to read again on the way, which
 * has to be confirmed as the same moment. LT_ERR_CORRUPT when the chain makes no sense,
 * LT_ERR_LIMIT when it is too deep, LT_ERR_FAULT. */
int lt_py_stack_walk(struct lt_py_stack *s, const struct lt_py_offsets *o, struct lt_copies *copies,
                     const struct lt_mem *mem, bool *fetched_more);

/* The walk was confirmed: what it saw is what `stable` is measured against from now on. */
int lt_py_stack_keep(struct lt_py_stack *s, const struct lt_py_offsets *o,
                     const struct lt_copies *copies);

/* Forgets the predictions: one of them was not readable. */
void lt_py_stack_forget(struct lt_py_stack *s);
void lt_py_stack_release(struct lt_py_stack *s);

#endif
