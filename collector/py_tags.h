/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program says that it works on: the package live_trace keeps it in a context variable
 * (python/live_trace/_tags.py), so that it follows a thread or an asyncio task without anybody being
 * told of switches. Here the variable is looked up in the context that a thread runs in. */
#ifndef LT_PY_TAGS_H
#define LT_PY_TAGS_H

#include "collector/py_process.h"

/* The context variable at an address. */
int lt_py_tag_var_at(const struct lt_mem *mem, lt_addr addr, struct lt_py_tag_var *var);
/* The variable of an interpreter; addr stays 0 if the package is not loaded there. */
int lt_py_tag_var_find(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr interp,
                       struct lt_py_tag_var *var);

/* The process has this variable from now on. */
void lt_py_tags_use(struct lt_py_process *p, const struct lt_py_tag_var *var);

/* Looks at the tags of a thread whose state is among the copies of this attempt. *fetched_more: as
 * in lt_py_stack_walk(). Tags that cannot be read are none. */
void lt_py_tags_look(struct lt_py_process *p, struct lt_py_thread *t, bool *fetched_more);
/* The attempt that looked is confirmed: the thread has these tags. */
int lt_py_tags_keep(struct lt_py_thread *t, struct lt_tick_context *tick);

/* Gives the thread's tags an id of the trace's current segment. */
int lt_py_tags_renew(struct lt_py_thread *t, struct lt_tick_context *tick);

#endif
