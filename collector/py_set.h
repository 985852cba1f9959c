/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of a set or frozenset of the target. */
#ifndef LT_PY_SET_H
#define LT_PY_SET_H

#include "collector/py_offsets.h"

/* Calls back for each member until that returns other than 0, which is returned. LT_ERR_LIMIT: the
 * table is larger than what is looked through. LT_ERR_FAULT, ... */
int lt_py_set_each(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr set,
                   int (*each)(void *ctx, lt_addr member), void *ctx);

#endif
