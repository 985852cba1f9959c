/* SPDX-License-Identifier: Apache-2.0
 *
 * Names from foreign programs, made harmless for lines of text and for terminals: valid
 * UTF-8 goes through; control characters (also U+0080 to U+009F, line and paragraph separators
 * and marks that turn the writing direction) become a blank, what is not UTF-8 becomes U+FFFD. */
#ifndef LT_CLEAN_TEXT_H
#define LT_CLEAN_TEXT_H

struct lt_buf;

/* Appends `text`. In addition each byte of `from` becomes the byte of `to` at its place; both may
 * be
 * "". 0 or LT_ERR_NOMEM. */
int lt_clean_text(struct lt_buf *out, const char *text, const char *from, const char *to);

#endif
