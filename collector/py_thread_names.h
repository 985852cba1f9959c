/* SPDX-License-Identifier: Apache-2.0
 *
 * The names that `threading` gave its threads, read from threading._active. */
#ifndef LT_PY_THREAD_NAMES_H
#define LT_PY_THREAD_NAMES_H

#include "collector/py_offsets.h"
#include "formats/profile.h"

/* Calls back once for each thread in threading._active of the interpreter at `interp` with its
 * ident and name (borrowed). The dicts may change under us: every step is bounded, and a name is
 * only given if its thread was the same before and after. *active is 0 at first, and then where
 * _active was found, which spares the search the next time. 0 (also while threading is not
 * imported), or the error that kept it from reading. */
int lt_py_thread_names(const struct lt_mem *mem, const struct lt_py_offsets *offsets,
                       lt_addr interp, lt_addr *active,
                       int (*each)(void *ctx, uint64_t ident, struct lt_str name), void *ctx);

#endif
