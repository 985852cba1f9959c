/* SPDX-License-Identifier: Apache-2.0
 *
 * What each thread of a process is doing: on a processor or waiting, with the GIL, collecting
 * garbage. Asked of the kernel, never guessed from names of functions. That costs 3 to 6 us a thread,
 * so it is asked only about threads that leave a doubt: those that ran when they were last asked, and
 * those that had the GIL since. */
#ifndef LT_PY_STATE_H
#define LT_PY_STATE_H

#include "collector/py_process.h"

struct lt_cpu_use {
    int64_t used_ns; /* by all threads together since the last tick that asked */
    int64_t free_ns; /* time since then in which the sampler was not in the way */
    bool first;      /* there was no such tick */
};

/* What a thread without the GIL is doing, in bits of LT_STATE_*. */
uint32_t lt_py_state_without_gil(const struct lt_py_process *p, const struct lt_py_thread *t,
                                 const struct lt_thread_doing *doing);

/* Has nothing run that could have changed a stack, since the stacks were last read? Where the thread
 * of each GIL slept at the end of a tick, it is enough that it was not given a processor since its
 * beginning, and that nobody else took the GIL. */
bool lt_py_state_quiet(struct lt_py_process *p);

/* After quiet ticks: is the CPU time that the process used since the clock was last asked no more than
 * what goes unnoticed? */
bool lt_py_state_idle(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns);

/* Before the stacks are read: remembers what lt_py_state_quiet() needs. */
void lt_py_state_begin(struct lt_py_process *p);

/* recorder_ns: of the CPU time of the process, what is not the program's. 0 or LT_ERR_NO_PROCESS. */
int lt_py_cpu_use(struct lt_py_process *p, int64_t recorder_ns, struct lt_cpu_use *use);

/* The tick is over: from now on the target runs undisturbed. */
void lt_py_cpu_use_end(struct lt_py_process *p);

/* After the stacks were read: sets t->state of all threads. */
void lt_py_state_update(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns);

/* The same after a quiet tick: only those that ran without the GIL may have stopped. */
void lt_py_state_update_quiet(struct lt_py_process *p);

#endif
