/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as one line of characters: a blank for 0, and one of eight heights for what is above it,
 * the greatest being the full one. */
#ifndef LT_SPARKLINE_H
#define LT_SPARKLINE_H

#include <stdbool.h>
#include <stdint.h>

struct lt_buf;

/* Appends the character of a value that is at most `most`. `blocks`: Unicode's, otherwise ASCII.
 * 0 or LT_ERR_NOMEM. */
int lt_sparkline_put(struct lt_buf *out, uint64_t value, uint64_t most, bool blocks);

#endif
