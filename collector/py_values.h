/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects of the target as text, the way repr() writes them, without running any of their code:
 * int, float, bool, None, str, bytes, list, tuple, dict, set and frozenset; everything else, their
 * subclasses too (whose repr may be another), is <TypeName at 0x...>. What is too long, too deep
 * or too much is cut, and says so by `...`, and so do containers that contain themselves. */
#ifndef LT_PY_VALUES_H
#define LT_PY_VALUES_H

#include "collector/py_offsets.h"

struct lt_buf;

enum {
    LT_VALUE_DEPTH = 6,      /* containers in containers */
    LT_VALUE_ITEMS = 32,     /* of one container */
    LT_VALUE_CHARS = 256,    /* of a str, bytes of a bytes */
    LT_VALUE_OBJECTS = 512,  /* of one value, itself included */
    LT_VALUE_TEXT = 1 << 13, /* bytes after which nothing more is begun */
};

struct lt_py_values {
    const struct lt_mem *mem;
    const struct lt_py_offsets *offsets;
    size_t budget; /* objects that may still be looked at, of all values together; 0: `...` */
    /* Of the value that is being written: */
    size_t left; /* objects */
    size_t end;  /* length of the text at which it is cut */
    lt_addr path[LT_VALUE_DEPTH];
    size_t depth;
};

/* Appends the text of the object at `object`, <unreadable at 0x...> where it makes no sense. 0, or
 * what makes all further reading void: LT_ERR_NOMEM, LT_ERR_NO_PROCESS, LT_ERR_PERMISSION. */
int lt_py_value_text(struct lt_py_values *v, lt_addr object, struct lt_buf *out);

/* The same of what a frame has: a pointer, or from 3.14 on a tagged reference or number. */
int lt_py_value_ref_text(struct lt_py_values *v, uint64_t ref, struct lt_buf *out);

/* The object of a reference that is no number. */
lt_addr lt_py_ref_object(const struct lt_py_offsets *offsets, uint64_t ref);

/* Is it a cell, which holds the value of a closure's variable? */
bool lt_py_is_cell(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr object);

#endif
