/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes UTF-8 a character at a time and decides for each. */
#include "config.h"

#include "exporters/clean_text.h"

#include <stdbool.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/utf8.h"

/* Of a valid character of n bytes: what a terminal or a line of text takes for a command. */
static bool is_control(const uint8_t *p, size_t n)
{
    if (n == 1) {
        return p[0] < 0x20 || p[0] == 0x7f;
    }
    if (n == 2) {
        return p[0] == 0xc2 && p[1] < 0xa0; /* U+0080 to U+009F */
    }
    if (n != 3 || p[0] != 0xe2) {
        return false;
    }
    return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) || /* U+2028 to U+202E */
           (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);   /* U+2066 to U+2069 */
}

int lt_clean_text(struct lt_buf *out, const char *text, const char *from, const char *to)
{
    const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);
    int error = 0;

    while (p < end && error == 0) {
        size_t n = lt_utf8_length(p, (size_t)(end - p));
        const char *replaced = strchr(from, *p);

        if (n == 0) {
            error = lt_buf_put_text(out, LT_UTF8_REPLACEMENT);
            n = 1;
        } else if (is_control(p, n)) {
            error = lt_buf_put_u8(out, ' ');
        } else if (replaced != NULL) {
            error = lt_buf_put_u8(out, (uint8_t)to[replaced - from]);
        } else {
            error = lt_buf_put(out, p, n);
        }
        p += n;
    }
    return error;
}
