/* SPDX-License-Identifier: Apache-2.0
 *
 * A field is a key (its number and how its value is written) and the value. */
#include "config.h"

#include "formats/protobuf_writer.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void lt_protobuf_clear(struct lt_protobuf *m)
{
    lt_buf_clear(&m->bytes);
    m->error = 0;
}

void lt_protobuf_release(struct lt_protobuf *m)
{
    lt_buf_release(&m->bytes);
    m->error = 0;
}

static void put_varint(struct lt_protobuf *m, uint64_t value)
{
    if (!m->error)
        m->error = lt_buf_put_varint(&m->bytes, value);
}

static void put_key(struct lt_protobuf *m, unsigned field, unsigned wire)
{
    put_varint(m, (uint64_t)field << 3 | wire);
}

void lt_protobuf_uint(struct lt_protobuf *m, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    put_key(m, field, WIRE_VARINT);
    put_varint(m, value);
}

void lt_protobuf_bytes(struct lt_protobuf *m, unsigned field, const void *data, size_t len)
{
    put_key(m, field, WIRE_BYTES);
    put_varint(m, len);
    if (!m->error)
        m->error = lt_buf_put(&m->bytes, data, len);
}

void lt_protobuf_message(struct lt_protobuf *m, unsigned field, const struct lt_protobuf *inner)
{
    if (!m->error)
        m->error = inner->error;
    lt_protobuf_bytes(m, field, inner->bytes.data, inner->bytes.len);
}

static size_t varint_length(uint64_t value)
{
    size_t n = 1;
    while (value >= 0x80) {
        value >>= 7;
        n++;
    }
    return n;
}

void lt_protobuf_packed(struct lt_protobuf *m, unsigned field, const uint64_t *values, size_t n)
{
    size_t len = 0;
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        len += varint_length(values[i]);
    put_key(m, field, WIRE_BYTES);
    put_varint(m, len);
    for (size_t i = 0; i < n; i++)
        put_varint(m, values[i]);
}
