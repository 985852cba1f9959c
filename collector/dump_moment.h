/* SPDX-License-Identifier: Apache-2.0
 *
 * What a dump copies in one attempt: the threads under one GIL. */
#ifndef LT_DUMP_MOMENT_H
#define LT_DUMP_MOMENT_H

#include "collector/dump.h"
#include "collector/page_cache.h"
#include "collector/py_process.h"

struct lt_dump_moment {
    struct lt_dump *dump;
    struct lt_page_cache *cache;
    size_t budget;       /* objects that may be looked at for locals; 0: no locals */
    uint32_t max_frames; /* of a stack; 0: all */
    struct lt_dump_mark {
        size_t threads, frames, locals, text;
        bool cut;
    } begin; /* what the dump had before this GIL's threads */
};

/* From here on, threads are those of the next GIL. */
void lt_dump_moment_begin(struct lt_dump_moment *m);

/* Copies all threads of this GIL, in place of those of an earlier attempt. Reads the target: 0, or
 * why this attempt is void. The signature is that of lt_tick_context.look. */
int lt_dump_moment_look(void *moment, struct lt_py_process *process, const struct lt_py_gil *gil);

/* The same without stacks, of which `error` is said. */
int lt_dump_moment_give_up(struct lt_dump_moment *m, struct lt_py_process *process,
                           const struct lt_py_gil *gil, int error);

#endif
