/* SPDX-License-Identifier: Apache-2.0
 *
 * The tasks of asyncio in a dump. */
#ifndef LT_DUMP_TASKS_H
#define LT_DUMP_TASKS_H

#include "collector/dump_moment.h"

/* Appends the tasks of the threads under this GIL, which are in the dump already. Errors as of
 * lt_dump_moment_look(); what is wrong with the lists of tasks becomes dump.tasks_error. */
int lt_dump_put_tasks(struct lt_dump_look *l, const struct lt_py_gil *gil);

#endif
