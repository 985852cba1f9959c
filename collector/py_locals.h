/* SPDX-License-Identifier: Apache-2.0
 *
 * The arguments and other locals of a frame: names from its code object, values from the frame. */
#ifndef LT_PY_LOCALS_H
#define LT_PY_LOCALS_H

#include "collector/py_offsets.h"

struct lt_py_local {
    lt_addr name; /* a str */
    uint64_t ref; /* its value, see lt_py_value_ref_text() */
};

/* Calls back for each local that is bound, arguments first, variables of closures by what is in
 * their cells, until that returns other than 0, which is returned. LT_ERR_FAULT, LT_ERR_CORRUPT
 * where code or frame make no sense. */
int lt_py_locals_each(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr frame,
                      lt_addr code, int (*each)(void *ctx, const struct lt_py_local *local),
                      void *ctx);

#endif
