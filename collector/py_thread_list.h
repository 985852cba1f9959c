/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreters of a process and their threads, as linked lists in the target's memory. */
#ifndef LT_PY_THREAD_LIST_H
#define LT_PY_THREAD_LIST_H

#include "collector/py_process.h"

/* Reads the list of interpreters and their GILs anew. */
int lt_py_interps_read(struct lt_py_process *p);
/* Does an interpreter use this GIL? Those that come and go may leave gaps in p->gils. */
bool lt_py_gil_used(const struct lt_py_process *p, size_t gil);

/* Walks the thread lists, whose heads are in p->heads, and copies the stacks of threads that may have
 * run; some may already be among the copies (t->wanted_in is this attempt). Of threads that have not
 * run only the states are copied. New threads join p->threads, all that are met are marked `listed`. */
int lt_py_threads_walk(struct lt_py_process *p);

/* What the thread state, a copy of this attempt, says of who the thread is. A new thread's ids are
 * set after it has been linked into the list, by itself; and a freed state may be used again for
 * another thread. */
void lt_py_thread_identify(struct lt_py_process *p, struct lt_py_thread *t);
/* Removes the threads that the last walk did not meet. */
int lt_py_threads_prune(struct lt_py_process *p, struct lt_trace_writer *writer);

/* Up to 3.10 a thread state has no native id, but its thread_id is pthread_self(), the address of
 * the C library's own record of the thread, which has the id somewhere: where the main thread's has
 * the process's, as the process sees it. Without it, states and following are asked of nobody. */
int lt_py_tid_field_find(struct lt_py_process *p);

/* The thread of a PyThreadState, unless that cannot be read any more; or NULL. */
struct lt_py_thread *lt_py_threads_find(const struct lt_py_process *p, lt_addr tstate);

/* Is the interpreter of the first newer than that of the second? */
bool lt_py_thread_is_inner(const struct lt_py_process *p, const struct lt_py_thread *a,
                           const struct lt_py_thread *b);

/* The thread that has the GIL, as far as is known; or NULL. Interpreters that share it may hand it to
 * each other within one thread, of which last_holder tells nothing, until they are no more: of the
 * thread's states, the one of the newest interpreter that has a stack is the one that runs. */
struct lt_py_thread *lt_py_threads_holder(const struct lt_py_process *p, struct lt_py_gil *gil);

void lt_py_thread_free(struct lt_py_thread *t);

#endif
