/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the stacks under one GIL as they were at one moment: attempt, confirm, try again. */
#ifndef LT_PY_READING_H
#define LT_PY_READING_H

#include "collector/py_process.h"

/* Brings t->known and t->node up to date for all threads of this GIL that may have run since the
 * last call (t->read says for which). 0; LT_ERR_NO_PROCESS; otherwise why it could not be done:
 * LT_ERR_TORN after the retries, LT_ERR_FAULT, LT_ERR_CORRUPT, LT_ERR_LIMIT. */
int lt_py_reading_take(struct lt_py_process *p, struct lt_py_gil *gil,
                       struct lt_tick_context *tick);

/* Do the GIL's words say what they said at the last call? Then nobody else has had it since. */
bool lt_py_reading_same_gil(struct lt_py_process *p, struct lt_py_gil *gil);

#endif
