/* SPDX-License-Identifier: Apache-2.0
 *
 * Is it UTF-8? (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.) */
#ifndef LT_UTF8_H
#define LT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define LT_UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the valid character that the text begins with; 0 when it begins with none. len > 0. */
size_t lt_utf8_length(const uint8_t *text, size_t len);

/* The code point of a valid character of n bytes. */
uint32_t lt_utf8_decode(const uint8_t *text, size_t n);

enum { LT_UTF8_MAX = 4 };
/* Writes a code point up to U+10FFFF, and says how many bytes that took. */
size_t lt_utf8_encode(uint32_t c, uint8_t text[LT_UTF8_MAX]);

#endif
