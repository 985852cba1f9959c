/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, numbers and lengths. Groups, which proto3 does not have, are no fields. */
#include "config.h"

#include "formats/protobuf_reader.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
#define MAX_FIELD ((UINT64_C(1) << 29) - 1)

bool lt_protobuf_next(struct lt_cursor *c, struct lt_protobuf_field *f)
{
    if (lt_cursor_left(c) == 0)
        return false;
    uint64_t key = lt_cursor_bounded(c, MAX_FIELD << 3 | 7);
    *f = (struct lt_protobuf_field){.number = (unsigned)(key >> 3)};
    switch (key & 7) {
    case WIRE_VARINT:
        f->value = lt_cursor_varint(c);
        break;
    case WIRE_BYTES:
        f->is_bytes = true;
        f->bytes = lt_cursor_str(c);
        break;
    case WIRE_64:
        f->value = lt_cursor_u32(c);
        f->value |= (uint64_t)lt_cursor_u32(c) << 32;
        break;
    case WIRE_32:
        f->value = lt_cursor_u32(c);
        break;
    default:
        c->bad = true;
    }
    c->bad = c->bad || f->number == 0;
    return !c->bad;
}

struct lt_cursor lt_protobuf_numbers(const struct lt_protobuf_field *f)
{
    return f->is_bytes ? lt_cursor_over(f->bytes.data, f->bytes.len) : lt_cursor_over("", 1);
}

bool lt_protobuf_next_number(struct lt_cursor *numbers, const struct lt_protobuf_field *f,
                             uint64_t *value)
{
    if (lt_cursor_left(numbers) == 0)
        return false;
    *value = lt_cursor_varint(numbers);
    if (!f->is_bytes)
        *value = f->value; /* what stands in for it was one number */
    return !numbers->bad;
}
