/* SPDX-License-Identifier: Apache-2.0
 *
 * What a dump copies in one attempt: the threads under one GIL. */
#ifndef LT_DUMP_MOMENT_H
#define LT_DUMP_MOMENT_H

#include "collector/dump.h"
#include "collector/page_cache.h"
#include "collector/py_process.h"
#include "collector/py_values.h"

struct lt_dump_moment {
    struct lt_dump *dump;
    struct lt_page_cache *cache;
    size_t budget;             /* objects that may be looked at for locals; 0: no locals */
    uint32_t max_frames;       /* of a stack; 0: all */
    size_t max_tasks;          /* 0: none */
    struct lt_py_frame *chain; /* scratch: a task's coroutines */
    size_t chain_alloc;
    struct lt_dump_mark {
        size_t threads, frames, locals, tasks, waiters, text;
        bool locals_cut, tasks_cut;
        int tasks_error;
    } begin; /* what the dump had before this GIL's threads */
};

struct lt_dump_look { /* one attempt */
    struct lt_dump_moment *m;
    struct lt_dump *d;
    struct lt_py_process *p;
    struct lt_mem mem; /* through the page cache */
    struct lt_py_values values;
};

/* From here on, threads are those of the next GIL. */
void lt_dump_moment_begin(struct lt_dump_moment *m);

/* Copies all threads of this GIL, in place of those of an earlier attempt. Reads the target: 0, or
 * why this attempt is void. The signature is that of lt_tick_context.look. */
int lt_dump_moment_look(void *moment, struct lt_py_process *process, const struct lt_py_gil *gil);

/* The same without stacks, of which `error` is said. */
int lt_dump_moment_give_up(struct lt_dump_moment *m, struct lt_py_process *process,
                           const struct lt_py_gil *gil, int error);

/* Is it a thread of this GIL that was there when the list was last walked? */
bool lt_dump_is_member(const struct lt_py_process *p, const struct lt_py_thread *t,
                       const struct lt_py_gil *gil);

/* Appends a frame whose code object is known. */
int lt_dump_put_frame(struct lt_dump_look *l, const struct lt_py_frame *frame);

/* 0 instead of an error that concerns nothing but what was just looked at. */
int lt_dump_or_nothing(int err);

#endif
