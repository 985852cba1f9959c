/* SPDX-License-Identifier: Apache-2.0
 *
 * An input, a byte at a time, for formats whose records say their length only as they are read. */
#ifndef LT_INPUT_BYTES_H
#define LT_INPUT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/io.h"

enum { LT_INPUT_WINDOW = 1 << 16 };

/* Zero-initialised but for `in`, which is borrowed. */
struct lt_input_bytes {
    struct lt_input *in;
    uint8_t window[LT_INPUT_WINDOW];
    size_t at, len;
    uint64_t read; /* from the input; up to a window more than was taken */
    bool ended;    /* a byte was asked for, and there was none */
    int error;     /* the first one, of the input or of who reads; there are no bytes after it */
};

/* The next byte, or -1 where there is none. It stays the next one. */
int lt_input_bytes_peek(struct lt_input_bytes *b);
/* The same, and goes on to the one after it. */
int lt_input_bytes_take(struct lt_input_bytes *b);
/* Keeps the error, unless there was one before. */
void lt_input_bytes_spoil(struct lt_input_bytes *b, int error);

#endif
