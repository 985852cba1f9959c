/* SPDX-License-Identifier: Apache-2.0
 *
 * A letter for the type, then little-endian bytes. */
#include "config.h"

#include "formats/marshal_writer.h"

#include <string.h>

enum { DIGIT_BITS = 15 }; /* of a long integer */

static void put_u8(struct lt_marshal *m, uint8_t value)
{
    if (!m->error)
        m->error = lt_buf_put_u8(&m->bytes, value);
}

static void put_u32(struct lt_marshal *m, uint32_t value)
{
    if (!m->error)
        m->error = lt_buf_put_u32(&m->bytes, value);
}

void lt_marshal_uint(struct lt_marshal *m, uint64_t value)
{
    uint32_t digits = 0;
    if (value <= INT32_MAX) {
        put_u8(m, 'i');
        put_u32(m, (uint32_t)value);
        return;
    }
    for (uint64_t rest = value; rest > 0; rest >>= DIGIT_BITS)
        digits++;
    put_u8(m, 'l');
    put_u32(m, digits);
    for (; value > 0; value >>= DIGIT_BITS) {
        put_u8(m, value & 0xff);
        put_u8(m, value >> 8 & 0x7f);
    }
}

void lt_marshal_float(struct lt_marshal *m, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_u8(m, 'g');
    put_u32(m, (uint32_t)bits);
    put_u32(m, (uint32_t)(bits >> 32));
}

void lt_marshal_text(struct lt_marshal *m, const char *utf8)
{
    size_t len = strlen(utf8);
    put_u8(m, 'u');
    put_u32(m, (uint32_t)len);
    if (!m->error)
        m->error = lt_buf_put(&m->bytes, utf8, len);
}

void lt_marshal_tuple(struct lt_marshal *m, uint32_t n)
{
    put_u8(m, '(');
    put_u32(m, n);
}

void lt_marshal_dict(struct lt_marshal *m)
{
    put_u8(m, '{');
}

void lt_marshal_end_dict(struct lt_marshal *m)
{
    put_u8(m, '0');
}
