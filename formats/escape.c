/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of CPython's unicode_repr and bytes_repr (Objects/unicodeobject.c, bytesobject.c). */
#include "config.h"

#include "formats/escape.h"

#include "formats/byte_buffer.h"
#include "formats/utf8.h"

/* What str.isprintable() says no to, but for code points that no version of Unicode has assigned
 * yet, about which the versions of Python differ: categories Cc, Cf, Co, Cs, Zl, Zp, Zs, and
 * noncharacters. */
static const struct {
    uint32_t first, last;
} unprintable[] = {
    {0x0, 0x1f},        {0x7f, 0xa0},       {0xad, 0xad},          {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},        {0x890, 0x891},
    {0x8e2, 0x8e2},     {0x1680, 0x1680},   {0x180e, 0x180e},      {0x2000, 0x200f},
    {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},      {0xd800, 0xf8ff},
    {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},      {0x110bd, 0x110bd},
    {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},    {0x1d173, 0x1d17a},
    {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, UINT32_MAX},
};

static bool is_printable(uint32_t c)
{
    if ((c & 0xfffe) == 0xfffe)
        return false;
    for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++) {
        if (c <= unprintable[i].last)
            return c < unprintable[i].first;
    }
    return true;
}

/* \t, \n, \r, the backslash and the quote: those that have a letter of their own. 0: none. */
static char letter_of(uint32_t c, char quote)
{
    switch (c) {
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    default:
        return quote && (c == '\\' || c == (uint8_t)quote) ? (char)c : 0;
    }
}

int lt_escape_char(struct lt_buf *out, uint32_t c, char quote)
{
    uint8_t bytes[LT_UTF8_MAX];
    char letter = letter_of(c, quote);
    if (letter)
        return lt_buf_printf(out, "\\%c", letter);
    if (is_printable(c))
        return lt_buf_put(out, bytes, lt_utf8_encode(c, bytes));
    if (c < 0x100)
        return lt_buf_printf(out, "\\x%02x", (unsigned)c);
    return lt_buf_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

int lt_escape_text(struct lt_buf *out, struct lt_str text, char quote)
{
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.len;
    int err = 0;
    while (!err && at < end) {
        size_t n = lt_utf8_length(at, (size_t)(end - at));
        err = lt_escape_char(out, n ? lt_utf8_decode(at, n) : 0xdc00u + *at, quote);
        at += n ? n : 1;
    }
    return err;
}

int lt_escape_byte(struct lt_buf *out, uint8_t byte, char quote)
{
    char letter = letter_of(byte, quote);
    if (letter)
        return lt_buf_printf(out, "\\%c", letter);
    return byte >= 0x20 && byte < 0x7f ? lt_buf_put_u8(out, byte)
                                       : lt_buf_printf(out, "\\x%02x", byte);
}
