/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching and numbers within bounds. */
#include "config.h"

#include "formats/text_scan.h"

#include <string.h>

bool lt_text_is(struct lt_str text, const char *whole)
{
    return text.len == strlen(whole) && lt_text_starts(text, whole);
}

bool lt_text_starts(struct lt_str text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.data, start, len) == 0;
}

bool lt_text_find(struct lt_str text, const char *part, size_t *at)
{
    const char *found = text.len ? memmem(text.data, text.len, part, strlen(part)) : NULL;
    if (found)
        *at = (size_t)(found - text.data);
    return found != NULL;
}

bool lt_text_find_last(struct lt_str text, const char *part, size_t *at)
{
    size_t len = strlen(part);
    for (size_t end = text.len; end >= len; end--) {
        if (memcmp(text.data + end - len, part, len) == 0) {
            *at = end - len;
            return true;
        }
    }
    return false;
}

struct lt_str lt_text_from(struct lt_str text, size_t n)
{
    return (struct lt_str){text.data + n, text.len - n};
}

struct lt_str lt_text_until(struct lt_str text, size_t n)
{
    return (struct lt_str){text.data, n};
}

bool lt_text_take(struct lt_str *text, char mark, struct lt_str *part)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->data, mark, text->len);
    size_t len = end ? (size_t)(end - text->data) : text->len;
    *part = lt_text_until(*text, len);
    *text = lt_text_from(*text, end ? len + 1 : len);
    return true;
}

struct lt_str lt_text_trim_end(struct lt_str text)
{
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool lt_text_number(struct lt_str text, uint64_t max, uint64_t *number)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9 || n > max / 10 || n * 10 > max - digit)
            return false;
        n = n * 10 + digit;
    }
    *number = n;
    return text.len > 0;
}
