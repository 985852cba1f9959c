/* SPDX-License-Identifier: Apache-2.0
 *
 * The names that `threading` gave its threads, read from sys.modules['threading']._active. */
#ifndef LT_PY_THREAD_NAMES_H
#define LT_PY_THREAD_NAMES_H

#include "collector/py_offsets.h"
#include "formats/profile.h"

/* Calls back once for each thread in threading._active of the interpreter at `interp` with its ident and name
 * (UTF-8, borrowed). The dicts may change under us: every step is bounded, and a name is only
 * given if two readings agree. 0 (also when threading is not imported), or the error that kept it from reading. */
int lt_py_thread_names(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr interp,
                       int (*each)(void *ctx, uint64_t ident, struct lt_str name), void *ctx);

#endif
