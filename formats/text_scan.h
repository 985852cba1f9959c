/* SPDX-License-Identifier: Apache-2.0
 *
 * Small questions to pieces of text that have an end and no NUL. */
#ifndef LT_TEXT_SCAN_H
#define LT_TEXT_SCAN_H

#include "formats/profile.h"

bool lt_text_is(struct lt_str text, const char *whole);
bool lt_text_starts(struct lt_str text, const char *start);

/* Where `part` begins in the text, first or last; false where it does not occur. */
bool lt_text_find(struct lt_str text, const char *part, size_t *at);
bool lt_text_find_last(struct lt_str text, const char *part, size_t *at);

/* `text` without its first `n` bytes; its first `n` bytes. n <= text.len. */
struct lt_str lt_text_from(struct lt_str text, size_t n);
struct lt_str lt_text_until(struct lt_str text, size_t n);

/* Takes what comes before the first `mark` off the text, and the mark; all of it if there is none.
 * False, and nothing taken, where the text is empty. */
bool lt_text_take(struct lt_str *text, char mark, struct lt_str *part);

/* Without the blanks and tabs at its end. */
struct lt_str lt_text_trim_end(struct lt_str text);

/* The whole text as a decimal number of at most `max`: digits and nothing else. */
bool lt_text_number(struct lt_str text, uint64_t max, uint64_t *number);

#endif
