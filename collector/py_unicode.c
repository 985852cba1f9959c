/* SPDX-License-Identifier: Apache-2.0
 *
 * str objects: compact ASCII, and compact with 1, 2 or 4 bytes a character. */
#include "config.h"

#include "collector/py_unicode.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    MAX_LENGTH = 1 << 28, /* a longer one is no name */
    HEADER = 64,
    /* PyASCIIObject.state, from its lowest bit on: interned, kind, compact, ascii. */
    INTERNED_BITS = 2,
    KIND_BITS = 3
};

static int put_char(struct lt_buf *out, uint32_t c)
{
    uint8_t bytes[4];
    size_t n;
    if (c >= 0xdc80 && c <= 0xdcff)
        return lt_buf_put_u8(out, (uint8_t)(c - 0xdc00)); /* surrogateescape: the byte itself */
    if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        c = 0xfffd;
    if (c < 0x80) {
        bytes[0] = (uint8_t)c;
        n = 1;
    } else if (c < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | c >> 12);
        n = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        bytes[i] = (uint8_t)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    return lt_buf_put(out, bytes, n);
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

static int put_text(struct lt_buf *out, const uint8_t *text, unsigned kind, size_t n)
{
    int err = 0;
    for (size_t i = 0; !err && i < n; i++)
        err = put_char(out, char_at(text, kind, i));
    return err;
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

int lt_py_unicode_read(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                       size_t max_chars, struct lt_buf *out)
{
    struct header h;
    uint8_t small[512];
    int err = read_header(mem, o, addr, &h);
    if (err)
        return err;
    size_t n = h.length < max_chars ? (size_t)h.length : max_chars;
    size_t len = n * h.kind;
    uint8_t *text = len <= sizeof(small) ? small : malloc(len);
    if (!text)
        return LT_ERR_NOMEM;
    err = lt_mem_read(mem, addr + (h.ascii ? o->unicode.ascii_data : o->unicode.compact_data), text,
                      len);
    if (!err)
        err = put_text(out, text, h.kind, n);
    if (!err && n < h.length)
        err = lt_buf_put_text(out, "...");
    if (text != small)
        free(text);
    return err;
}
