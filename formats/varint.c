/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded decoding of the integers that formats are made of. */
#include "config.h"

#include "formats/varint.h"

struct lt_cursor lt_cursor_over(const void *data, size_t len)
{
    const uint8_t *at = data ? data : (const uint8_t *)"";
    return (struct lt_cursor){at, at + len, false};
}

size_t lt_cursor_left(const struct lt_cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* From now on everything reads as 0. */
static uint64_t spoil(struct lt_cursor *c)
{
    c->bad = true;
    c->at = c->end;
    return 0;
}

uint8_t lt_cursor_u8(struct lt_cursor *c)
{
    if (c->at == c->end)
        return (uint8_t)spoil(c);
    return *c->at++;
}

uint32_t lt_cursor_u32(struct lt_cursor *c)
{
    if (lt_cursor_left(c) < 4)
        return (uint32_t)spoil(c);
    uint32_t v =
        c->at[0] | (uint32_t)c->at[1] << 8 | (uint32_t)c->at[2] << 16 | (uint32_t)c->at[3] << 24;
    c->at += 4;
    return v;
}

uint64_t lt_cursor_varint(struct lt_cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; c->at != c->end; shift += 7) {
        uint8_t byte = *c->at++;
        /* The tenth byte holds the 64th bit and nothing else. */
        if (shift == 63 && byte > 1)
            return spoil(c);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    return spoil(c);
}

int64_t lt_cursor_svarint(struct lt_cursor *c)
{
    uint64_t v = lt_cursor_varint(c);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

uint64_t lt_cursor_bounded(struct lt_cursor *c, uint64_t max)
{
    uint64_t v = lt_cursor_varint(c);
    return v <= max ? v : spoil(c);
}

struct lt_str lt_cursor_str(struct lt_cursor *c)
{
    size_t len = (size_t)lt_cursor_bounded(c, lt_cursor_left(c));
    /* The length itself took bytes: look again at what is left. */
    if (len > lt_cursor_left(c))
        len = (size_t)spoil(c);
    struct lt_str str = {(const char *)c->at, len};
    c->at += len;
    return str;
}
