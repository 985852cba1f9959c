/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages in the wire format of protocol buffers, as far as profiles need it: varints, bytes and
 * packed varints. A message is the row of its fields in a buffer; one inside another is bytes.
 * Zero-initialised is empty. Errors stick: write a message, then look at `error` once. */
#ifndef LT_PROTOBUF_WRITER_H
#define LT_PROTOBUF_WRITER_H

#include "formats/byte_buffer.h"

struct lt_protobuf {
    struct lt_buf bytes;
    int error; /* the first one; everything after it is ignored */
};

/* Empty again, without its error; keeps the memory. */
void lt_protobuf_clear(struct lt_protobuf *m);
void lt_protobuf_release(struct lt_protobuf *m);

/* uint64, uint32, bool and enum fields, and int64 ones as their two's complement. A 0 is left out, as
 * proto3 has it. */
void lt_protobuf_uint(struct lt_protobuf *m, unsigned field, uint64_t value);
/* Of string and bytes fields; written also when empty: entries of repeated fields count. */
void lt_protobuf_bytes(struct lt_protobuf *m, unsigned field, const void *data, size_t len);
void lt_protobuf_message(struct lt_protobuf *m, unsigned field, const struct lt_protobuf *inner);
/* A repeated field of varints; nothing for none. */
void lt_protobuf_packed(struct lt_protobuf *m, unsigned field, const uint64_t *values, size_t n);

#endif
