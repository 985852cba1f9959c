/* SPDX-License-Identifier: Apache-2.0
 *
 * int and float of the target as Python writes them. */
#ifndef LT_PY_NUMBERS_H
#define LT_PY_NUMBERS_H

#include "collector/py_offsets.h"

struct lt_buf;

/* Appends the int at `addr`, exactly; one of more than some 4,300 decimal digits, which Python
 * itself refuses to write, as <int of about N bits>. LT_ERR_CORRUPT, LT_ERR_FAULT. */
int lt_py_int_text(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr addr,
                   struct lt_buf *out);

/* Appends a float as repr() does: the shortest digits that are read as the same number. */
int lt_py_float_text(double value, struct lt_buf *out);

#endif
