/* SPDX-License-Identifier: Apache-2.0
 *
 * str objects: compact ASCII, and compact with 1, 2 or 4 bytes a character. */
#include "config.h"

#include "collector/py_unicode.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/utf8.h"

enum {
    MAX_LENGTH = 1 << 28, /* a longer one is no name */
    HEADER = 64,
    /* PyASCIIObject.state, from its lowest bit on: interned, kind, compact, ascii. */
    INTERNED_BITS = 2,
    KIND_BITS = 3
};

static int put_char(struct lt_buf *out, uint32_t c)
{
    uint8_t bytes[LT_UTF8_MAX];
    if (c >= 0xdc80 && c <= 0xdcff)
        return lt_buf_put_u8(out, (uint8_t)(c - 0xdc00)); /* surrogateescape: the byte itself */
    if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        c = 0xfffd;
    return lt_buf_put(out, bytes, lt_utf8_encode(c, bytes));
}

static uint32_t char_at(const uint8_t *text, unsigned kind, size_t i)
{
    switch (kind) {
    case 1:
        return text[i];
    case 2:
        return (uint32_t)text[2 * i] | (uint32_t)text[2 * i + 1] << 8;
    default:
        return lt_peek_u32(text, 4 * i);
    }
}

struct header {
    uint64_t length;
    unsigned kind;
    bool ascii;
};

static int read_header(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                       struct header *h)
{
    uint8_t bytes[HEADER];
    if (o->unicode.ascii_data > HEADER)
        return LT_ERR_CORRUPT;
    int err = lt_mem_read(mem, addr, bytes, o->unicode.ascii_data);
    if (err)
        return err;
    h->length = lt_peek_u64(bytes, o->unicode.length);
    uint32_t state = lt_peek_u32(bytes, o->unicode.state) >> INTERNED_BITS;
    h->kind = state & ((1u << KIND_BITS) - 1);
    bool compact = state >> KIND_BITS & 1;
    h->ascii = state >> (KIND_BITS + 1) & 1;
    if (h->length > MAX_LENGTH || !compact || (h->kind != 1 && h->kind != 2 && h->kind != 4) ||
        (h->ascii && h->kind != 1))
        return LT_ERR_CORRUPT;
    return 0;
}

int lt_py_unicode_chars(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                        uint32_t *chars, size_t max, size_t *n, uint64_t *length)
{
    struct header h;
    int err = read_header(mem, o, addr, &h);
    if (err)
        return err;
    *length = h.length;
    *n = h.length < max ? (size_t)h.length : max;
    /* Narrower characters are read into the end of the array and widened from its beginning on,
     * where each is written not later than it has been read. */
    uint8_t *text = (uint8_t *)chars + *n * (sizeof(chars[0]) - h.kind);
    err = lt_mem_read(mem, addr + (h.ascii ? o->unicode.ascii_data : o->unicode.compact_data), text,
                      *n * h.kind);
    for (size_t i = 0; !err && i < *n; i++)
        chars[i] = char_at(text, h.kind, i);
    return err;
}

int lt_py_unicode_read(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                       size_t max_chars, struct lt_buf *out)
{
    uint64_t length = 0;
    size_t n = 0;
    uint32_t *chars = malloc(max_chars * sizeof(chars[0]));
    if (!chars)
        return LT_ERR_NOMEM;
    int err = lt_py_unicode_chars(mem, o, addr, chars, max_chars, &n, &length);
    for (size_t i = 0; !err && i < n; i++)
        err = put_char(out, chars[i]);
    if (!err && n < length)
        err = lt_buf_put_text(out, "...");
    free(chars);
    return err;
}
