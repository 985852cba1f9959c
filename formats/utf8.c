/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 by the table of RFC 3629, section 4. */
#include "config.h"

#include "formats/utf8.h"

size_t lt_utf8_length(const uint8_t *text, size_t len)
{
    uint8_t first = text[0];
    uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t n;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    if (first < 0xe0)
        n = 2;
    else if (first < 0xf0)
        n = 3;
    else
        n = 4;
    if (first == 0xe0)
        low = 0xa0; /* overlong */
    if (first == 0xed)
        high = 0x9f; /* surrogates */
    if (first == 0xf0)
        low = 0x90; /* overlong */
    if (first == 0xf4)
        high = 0x8f; /* above U+10FFFF */
    if (len < n || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

uint32_t lt_utf8_decode(const uint8_t *text, size_t n)
{
    /* The first byte of a longer one has n + 1 bits that are not of the code point. */
    uint32_t c = n == 1 ? text[0] : text[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (text[i] & 0x3f);
    return c;
}

size_t lt_utf8_encode(uint32_t c, uint8_t text[LT_UTF8_MAX])
{
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        text[i] = (uint8_t)(0x80 | (c & 0x3f));
    text[0] = (uint8_t)(marks[n] | c);
    return n;
}
