/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages in the wire format of protocol buffers, field by field. What protobuf_writer.h writes is
 * read, and what other writers add is passed over. */
#ifndef LT_PROTOBUF_READER_H
#define LT_PROTOBUF_READER_H

#include "formats/varint.h"

struct lt_protobuf_field {
    unsigned number;
    bool is_bytes;       /* a string or message: bytes; otherwise a number: value */
    uint64_t value;      /* int64 fields as their two's complement */
    struct lt_str bytes; /* borrowed from the input */
};

/* The next field of the message; false at its end, or where c->bad says that it is none. */
bool lt_protobuf_next(struct lt_cursor *c, struct lt_protobuf_field *f);

/* The numbers of a repeated field, packed or one by one: begins with a field, then gives one after
 * another. */
struct lt_cursor lt_protobuf_numbers(const struct lt_protobuf_field *f);
bool lt_protobuf_next_number(struct lt_cursor *numbers, const struct lt_protobuf_field *f,
                             uint64_t *value);

#endif
