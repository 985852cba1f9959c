/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into dicts and instances of the target. They may change while they are read: everything
 * is bounded, and who needs certainty reads twice. */
#ifndef LT_PY_DICT_H
#define LT_PY_DICT_H

#include "collector/py_offsets.h"

struct lt_py_entry {
    uint64_t hash; /* 0 where all keys are str: not kept in the entry */
    lt_addr key, value;
    lt_addr slot; /* where the pointer to the value lies */
};

/* Calls back for each entry of the dict at `dict` that has a value, until that returns other than
 * 0, which is returned. LT_ERR_FAULT, LT_ERR_CORRUPT, LT_ERR_LIMIT. */
int lt_py_dict_each(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr dict,
                    int (*each)(void *ctx, const struct lt_py_entry *entry), void *ctx);

/* The value of a str key; *value is 0 if there is none. */
int lt_py_dict_get(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr dict,
                   const char *key, lt_addr *value);

/* What a module of an interpreter has under that name; *value is 0 if it is not loaded or has none. */
int lt_py_module_global(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr interp,
                        const char *module, const char *name, lt_addr *value);

/* Where the pointer to an attribute lies that an instance itself has (not its class); *slot is 0 if
 * it has none. */
int lt_py_instance_slot(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr object,
                        const char *name, lt_addr *slot);

#endif
