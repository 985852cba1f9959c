/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the interpreter's own types an object has, and what a type is called. */
#ifndef LT_PY_TYPES_H
#define LT_PY_TYPES_H

#include "collector/py_offsets.h"

struct lt_buf;

enum lt_py_kind {
    LT_PY_OTHER,
    LT_PY_NONE,
    LT_PY_ELLIPSIS,
    LT_PY_BOOL,
    LT_PY_INT,
    LT_PY_FLOAT,
    LT_PY_STR,
    LT_PY_BYTES,
    LT_PY_LIST,
    LT_PY_TUPLE,
    LT_PY_DICT,
    LT_PY_SET,
    LT_PY_FROZENSET,
    LT_PY_CELL,
    LT_PY_GENERATOR, /* or coroutine, or asynchronous generator: all of one shape */
    LT_PY_AWAITABLE  /* wraps one of them, which is its first member */
};

/* What the object at `object` is: exactly that, no subclass. *type is the address of its type.
 * LT_ERR_FAULT, ... */
int lt_py_kind_of(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr object,
                  enum lt_py_kind *kind, lt_addr *type);

enum { LT_PY_TYPE_NAME = 129 };

/* The name that a type gives itself, as it is, cut and ended by a NUL. */
int lt_py_type_own_name(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr type,
                        char name[LT_PY_TYPE_NAME]);

/* Appends the name that a type gives itself, escaped. */
int lt_py_type_name(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr type,
                    struct lt_buf *out);

#endif
