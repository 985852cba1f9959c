/* SPDX-License-Identifier: Apache-2.0
 *
 * The names that `threading` gave its threads, read from threading._active. That takes dozens of
 * reads a thread, so where each name was found is remembered: one read tells whether any has
 * changed. */
#ifndef LT_PY_THREAD_NAMES_H
#define LT_PY_THREAD_NAMES_H

#include <sys/types.h>

#include "collector/copies.h"
#include "collector/py_offsets.h"
#include "formats/profile.h"

/* Of one interpreter. Zero-initialised: nothing is known. */
struct lt_py_names {
    lt_addr active; /* where threading._active was found */
    struct lt_py_name_slot {
        lt_addr slot, name; /* the pointer to a thread's name, and what it was */
    } * slots;
    size_t n_slots, slots_alloc;
};

/* Whose name it is. An ident comes again once its thread has ended. */
struct lt_py_named {
    uint64_t ident;
    pid_t native_id; /* as the process sees it; 0: not known */
};

/* Calls back once for each thread in threading._active of the interpreter at `interp` with its
 * ids and name (borrowed). The dicts may change under us: every step is bounded, and a name is
 * only given if its thread was the same before and after. 0 (also while threading is not
 * imported), or the error that kept it from reading. */
int lt_py_names_read(struct lt_py_names *names, const struct lt_mem *mem,
                     const struct lt_py_offsets *offsets, lt_addr interp,
                     int (*each)(void *ctx, const struct lt_py_named *thread, struct lt_str name),
                     void *ctx);

/* Was a thread renamed, or has its record gone, since they were read? The copies are scratch. */
bool lt_py_names_changed(const struct lt_py_names *names, const struct lt_mem *mem,
                         struct lt_copies *copies);

void lt_py_names_release(struct lt_py_names *names);

#endif
