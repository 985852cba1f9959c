/* SPDX-License-Identifier: Apache-2.0
 *
 * From frames of the target to nodes of the trace's stack tree, at the cost of what changed. */
#ifndef LT_PY_NODES_H
#define LT_PY_NODES_H

#include "collector/py_process.h"

/* Takes over the frames of the last walk, whose code objects have all been checked in this
 * attempt: t->known and t->node are then its stack. LT_ERR_CORRUPT when a frame makes no sense with
 * its code object; LT_ERR_LIMIT, LT_ERR_NOMEM from the trace. */
int lt_py_nodes_update(struct lt_py_process *p, struct lt_py_thread *t,
                       struct lt_tick_context *tick);

/* The same stacks in a new segment, where no id is known yet. */
int lt_py_nodes_renew(struct lt_py_process *p, struct lt_py_thread *t,
                      struct lt_tick_context *tick);

/* Is this a frame that has not begun to run? The interpreter links such a frame for a moment while
 * it makes it. */
bool lt_py_frame_incomplete(const struct lt_py_frame *frame, const struct lt_py_code *code,
                            uint32_t offset);

int lt_py_nodes_init(struct lt_py_process *p);
void lt_py_nodes_forget(struct lt_py_process *p); /* the cached ids of frames */

#endif
