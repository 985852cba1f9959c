/* SPDX-License-Identifier: Apache-2.0
 *
 * From an instruction to its source line: the three kinds of line tables of CPython 3.8 to 3.15.
 * The oracle is co_lines() of the interpreter itself, over its whole standard library. */
#ifndef LT_PY_LINETABLE_H
#define LT_PY_LINETABLE_H

#include "collector/py_offsets.h"

/* The line of the instruction at byte offset `addr` of a code object whose first line is
 * `first_line`. 0 and *line (0 where the table says that it has none), or LT_ERR_CORRUPT for a
 * table that ends inside an entry or before `addr`. */
int lt_py_linetable_line(enum lt_linetable_kind kind, const uint8_t *table, size_t len,
                         int first_line, uint32_t addr, uint32_t *line);

#endif
