/* SPDX-License-Identifier: Apache-2.0
 *
 * Text as Python's repr() writes it: characters that cannot be seen, that could play with a
 * terminal, or that are no characters become \n, \x1b, \u200b, \udcff ... */
#ifndef LT_ESCAPE_H
#define LT_ESCAPE_H

#include "formats/profile.h"

struct lt_buf;

/* One character. With a quote, that and the backslash get a backslash before them; with 0 they are
 * left alone. 0 or LT_ERR_NOMEM. */
int lt_escape_char(struct lt_buf *out, uint32_t c, char quote);

/* All of a text that should be UTF-8. A byte that is not becomes the lone surrogate that Python
 * reads it as (surrogateescape). 0 or LT_ERR_NOMEM. */
int lt_escape_text(struct lt_buf *out, struct lt_str text, char quote);

/* One of a bytes object. */
int lt_escape_byte(struct lt_buf *out, uint8_t byte, char quote);

#endif
