/* SPDX-License-Identifier: Apache-2.0
 *
 * What each thread of a process is doing: on a processor or waiting, with the GIL, collecting
 * garbage. Asked of the kernel, never guessed from names of functions; and asked only where the
 * process's CPU clock leaves a doubt, because a thread's stat file costs 3 us and the clock 0.4. */
#ifndef LT_PY_STATE_H
#define LT_PY_STATE_H

#include "collector/py_process.h"

struct lt_cpu_use {
    int64_t used_ns; /* by all threads together since the last tick */
    int64_t free_ns; /* time since then in which the sampler was not in the way */
    bool first;      /* there was no last tick */
};

/* 0 or LT_ERR_NO_PROCESS. */
int lt_py_cpu_use(struct lt_py_process *p, struct lt_cpu_use *use);

/* The tick is over: from now on the target runs undisturbed. */
void lt_py_cpu_use_end(struct lt_py_process *p);

/* Sets t->state of all threads. */
void lt_py_state_update(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns);

#endif
