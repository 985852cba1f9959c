/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects as Python's marshal module reads them, in the codes that all its versions know. A tuple
 * is its head and then its items; a dictionary its head, then keys and values in turn, then its
 * end. Errors stick: write all, then look at `error` once. */
#ifndef LT_MARSHAL_WRITER_H
#define LT_MARSHAL_WRITER_H

#include "formats/byte_buffer.h"

struct lt_marshal {
    struct lt_buf bytes;
    int error; /* the first one; everything after it is ignored */
};

void lt_marshal_uint(struct lt_marshal *m, uint64_t value);
void lt_marshal_float(struct lt_marshal *m, double value);
void lt_marshal_text(struct lt_marshal *m, const char *utf8);
void lt_marshal_tuple(struct lt_marshal *m, uint32_t n); /* n items follow */
void lt_marshal_dict(struct lt_marshal *m);
void lt_marshal_end_dict(struct lt_marshal *m);

#endif
