/* SPDX-License-Identifier: Apache-2.0
 *
 * Line tables, each walked from its beginning; the caller remembers the answers. */
#include "config.h"

#include "collector/py_linetable.h"

#include "formats/lt_error.h"
#include "formats/varint.h"

static int answer(int64_t line, uint32_t *out)
{
    if (line < 0 || line > INT32_MAX)
        return LT_ERR_CORRUPT;
    *out = (uint32_t)line;
    return 0;
}

/* 3.8, 3.9: pairs of (address delta, line delta); a line holds until the next address that is
 * greater. */
static int lnotab_line(struct lt_cursor *c, int first_line, uint32_t addr, uint32_t *line)
{
    int64_t at = 0, current = first_line;
    while (lt_cursor_left(c) >= 2) {
        at += lt_cursor_u8(c);
        if (at > addr)
            break;
        current += (int8_t)lt_cursor_u8(c);
    }
    /* The last line holds to the end of the code, so there is no address beyond the table. */
    return answer(current, line);
}

/* 3.10: pairs of (length, line delta); -128 is a range without a line. */
static int ranges_line(struct lt_cursor *c, int first_line, uint32_t addr, uint32_t *line)
{
    enum { NO_LINE = -128 };
    int64_t end = 0, current = first_line;
    while (lt_cursor_left(c) >= 2) {
        end += lt_cursor_u8(c);
        int delta = (int8_t)lt_cursor_u8(c);
        if (delta != NO_LINE)
            current += delta;
        if (end > addr)
            return answer(delta == NO_LINE ? 0 : current, line);
    }
    return LT_ERR_CORRUPT;
}

/* 3.11+: six bits a byte, least significant first (CPython, Objects/locations.md). */
static uint64_t location_varint(struct lt_cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 36; shift += 6) {
        uint8_t byte = lt_cursor_u8(c);
        value |= (uint64_t)(byte & 0x3f) << shift;
        if (!(byte & 0x40))
            return value;
    }
    c->bad = true;
    return 0;
}

static int64_t location_svarint(struct lt_cursor *c)
{
    uint64_t value = location_varint(c);
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* The line delta of an entry; *has_line is false for an entry without a position. */
static int64_t location_delta(struct lt_cursor *c, unsigned code, bool *has_line)
{
    enum { ONE_LINE = 10, ONE_LINE_LAST = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15 };
    int64_t delta;
    *has_line = code != NONE;
    switch (code) {
    case NONE:
        return 0;
    case LONG: /* line, end line, column, end column */
        delta = location_svarint(c);
        for (int i = 0; i < 3; i++)
            location_varint(c);
        return delta;
    case NO_COLUMNS:
        return location_svarint(c);
    default:
        lt_cursor_u8(c);
        if (code < ONE_LINE)
            return 0;
        lt_cursor_u8(c);
        return code <= ONE_LINE_LAST ? (int64_t)code - ONE_LINE : 0;
    }
}

static int locations_line(struct lt_cursor *c, int first_line, uint32_t addr, uint32_t *line)
{
    int64_t end = 0, current = first_line;
    while (lt_cursor_left(c) > 0) {
        bool has_line;
        uint8_t head = lt_cursor_u8(c);
        if (!(head & 0x80))
            return LT_ERR_CORRUPT;
        end += 2 * ((head & 7) + 1); /* in code units of two bytes */
        current += location_delta(c, head >> 3 & 15, &has_line);
        if (c->bad)
            return LT_ERR_CORRUPT;
        if (end > addr)
            return answer(has_line ? current : 0, line);
    }
    return LT_ERR_CORRUPT;
}

int lt_py_linetable_line(enum lt_linetable_kind kind, const uint8_t *table, size_t len,
                         int first_line, uint32_t addr, uint32_t *line)
{
    struct lt_cursor c = {.at = table, .end = table + len};
    switch (kind) {
    case LT_LINETABLE_LNOTAB:
        return lnotab_line(&c, first_line, addr, line);
    case LT_LINETABLE_310:
        return ranges_line(&c, first_line, addr, line);
    case LT_LINETABLE_LOCATIONS:
        return locations_line(&c, first_line, addr, line);
    }
    return LT_ERR_USAGE;
}
