/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/xml_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "formats/byte_buffer.h"
#include "formats/utf8.h"

/* What stands for a byte that is markup, or NULL. */
static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* U+FFFE and U+FFFF are characters of UTF-8, and none of XML. */
static bool is_noncharacter(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbf", 2) == 0 && (uint8_t)text[2] >= 0xbe;
}

static int put_clean(struct lt_buf *out, const char *text, size_t len)
{
    int error = 0;

    for (size_t i = 0; i < len && error == 0; i++) {
        const char *entity = entity_of(text[i]);

        if (entity != NULL) {
            error = lt_buf_put_text(out, entity);
        } else if (is_noncharacter(text + i, len - i)) {
            error = lt_buf_put_text(out, LT_UTF8_REPLACEMENT);
            i += 2;
        } else {
            error = lt_buf_put_u8(out, (uint8_t)text[i]);
        }
    }
    return error;
}

int lt_xml_text(struct lt_buf *out, const char *text)
{
    struct lt_buf clean = {0};
    int error = lt_clean_text(&clean, text, "", "");

    if (error == 0) {
        error = put_clean(out, (const char *)clean.data, clean.len);
    }
    lt_buf_release(&clean);
    return error;
}
